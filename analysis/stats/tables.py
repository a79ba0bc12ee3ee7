"""The tables of a run: one row per seed, per setting, per published row, per status. Frames in,
frames out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.records.cache import once
from analysis.records.load import Run
from analysis.records.schema import CENSORED, ENDED, Status
from analysis.records.space import combinations
from analysis.stats.identity import identities, identity
from analysis.stats.summary import judged_by, sample_table
from analysis.text.format import listing


@once
def settings_table(run: Run) -> pd.DataFrame:
    """One row per setting, numbered by the index ``setting``, one column per parameter of the
    space; in the order of the space's values. Values are as they were recorded, in columns of
    objects: no whole number is rounded or becomes a float.

    A grid lists all its settings, begun or not; any other search, and a grid that leaves some out,
    lists those that its trials had. ``pd.NA`` stands for a parameter that is not active.
    """
    space = run.spec["space"]
    tried = list(run.trials[run.parameters].itertuples(index=False, name=None))
    planned = [
        tuple(setting.get(key, pd.NA) for key in space)
        for setting in (combinations(space) if is_grid(run) else [])
    ]
    distinct = {tuple(map(identity, setting)): setting for setting in [*tried, *planned]}
    ranks = [_ranks(space[key]) for key in space]
    ordered = sorted(
        distinct.values(),
        key=lambda setting: [rank(value) for rank, value in zip(ranks, setting, strict=True)],
    )
    return pd.DataFrame(ordered, columns=run.parameters, dtype=object).rename_axis("setting")


@once
def trial_settings(run: Run) -> pd.Series:
    """The number of the setting of each trial, index ``trial``."""
    numbers = setting_numbers(run)
    found = [numbers[texts] for texts in identities(run.trials[run.parameters])]
    return pd.Series(found, index=pd.Index(run.trials["trial"]), name="setting", dtype=int)


def completed_epochs(run: Run) -> pd.DataFrame:
    """The epochs of the completed trials: those of ``run.epochs`` with the column ``setting``
    before them.
    """
    completed = run.trials.loc[run.trials["status"] == Status.COMPLETED, "trial"]
    epochs = run.epochs[run.epochs["trial"].isin(completed)]
    if run.metric not in epochs:
        epochs[run.metric] = np.nan
    return epochs.assign(setting=epochs["trial"].map(trial_settings(run)).astype(int))


@once
def seed_table(run: Run) -> pd.DataFrame:
    """One row per setting and seed of the completed trials, at the last epoch of each trial.

    Columns: the parameters of the space, ``parameters`` (number of weights, if recorded), ``seed``,
    ``trial``, the metric. The index ``setting`` is that of ``settings_table``. A setting that met
    the same seed in two trials counts it once, as the later trial had it.
    """
    weights = ["parameters"] if counts_weights(run) else []
    last = last_epochs(run)[list(dict.fromkeys([*weights, "seed", "trial", run.metric]))]
    return settings_table(run).join(last.astype(dict.fromkeys(weights, "Int64")), how="inner")


@once
def last_epochs(run: Run) -> pd.DataFrame:
    """One row per setting and seed of the completed trials, with all that was recorded at the last
    epoch of each trial; index ``setting``.

    A setting that met the same seed in two trials counts it once, as the later trial had it.
    """
    epochs = completed_epochs(run)
    last = epochs[epochs["epoch"] == epochs.groupby("trial")["epoch"].transform("max")]
    return (
        last.drop_duplicates(["setting", "seed"], keep="last")
        .sort_values(["setting", "seed"])
        .set_index("setting")
    )


def repeats(run: Run) -> int:
    """How many completed trials had a setting and a seed that an earlier one had."""
    completed = (run.trials["status"] == Status.COMPLETED).to_numpy()
    pairs = pd.DataFrame({"setting": trial_settings(run), "seed": _seeds(run)})
    pairs = pairs[completed].explode("seed").rename_axis("trial").reset_index()
    return pairs.loc[pairs.duplicated(["setting", "seed"]), "trial"].nunique()


@once
def lost_seeds(run: Run) -> pd.DataFrame:
    """One row per setting and seed that diverged, failed or ended without a number: column
    ``seed``, index ``setting``. A seed of which another trial of the setting has a number is not
    lost, and one that was stopped early or by hand, or is unfinished, is not judged.
    """
    judged = run.trials["status"].isin(set(ENDED) - set(CENSORED)).to_numpy()
    begun = pd.DataFrame({"setting": trial_settings(run), "seed": _seeds(run)})
    begun = begun[judged].explode("seed").drop_duplicates()
    known = seed_table(run).dropna(subset=run.metric)["seed"]
    is_known = pd.MultiIndex.from_frame(begun).isin(list(known.items()))
    lost = begun[~is_known].sort_values(["setting", "seed"]).set_index("setting")
    return lost.astype({"seed": int})


def _seeds(run: Run) -> pd.Series:
    """The seeds of each trial, index ``trial``."""
    return run.trials.set_index("trial")["seeds"]


def summary_table(run: Run, metric: str | None = None) -> pd.DataFrame:
    """One row per setting, index ``setting``; settings without a single result are kept with ``n``
    0. Of a run with a confirmation, the trials of the search alone: fresh seeds judge a setting
    only apart from those that it was chosen by, ``summary_table(run.phase("confirm"))``.

    Columns: the parameters of the space, ``parameters`` (if recorded), those of
    ``summary.sample_table`` over the seeds with a number, and ``lost`` (seeds that diverged or
    failed, see ``lost_seeds``) and ``left_out`` (trials that do not stand behind the row, and why),
    both only where there are such. ``metric``: another one that trials recorded than the study's.

    Raises:
        ValueError: no trial recorded such a metric.
    """
    run = run.phase("search") if run.trials["phase"].nunique() > 1 else run
    table = settings_table(run)
    if counts_weights(run):
        table["parameters"] = _weights(run).reindex(table.index).astype("Int64")
    told = judged_by(run, metric or run.metric)
    table = _with_samples(table, told, seed_table(told))
    if len(lost := lost_seeds(run)):
        counts = lost.groupby(level=0).size().reindex(table.index, fill_value=0)
        table.insert(table.columns.get_loc("n") + 1, "lost", counts)
    return _with_left_out(table, run, trial_settings(run).to_numpy())


def group_table(run: Run, by: Sequence[str]) -> pd.DataFrame:
    """One row per combination of values of ``by``, columns of ``run.trials`` (parameters,
    ``phase``, ``node``): what ``summary_table`` says of a setting, over all seeds of all settings
    in the group, each one value.

    Raises:
        ValueError: ``by`` is empty, or names what is no column of the trials.
    """
    unknown = [name for name in by if name not in run.trials] if by else ["nothing"]
    if unknown:
        raise ValueError(
            f"by: {listing(map(repr, unknown))} given; a grouping is over some of"
            f" {listing(run.trials.columns)}."
        )
    names = list(by)
    groups = pd.factorize(pd.Series(identities(run.trials[names]), dtype=object))[0]
    table = run.trials[names].set_axis(groups)
    seeds = seed_table(run)
    seeds.index = seeds["trial"].map(dict(zip(run.trials["trial"], groups, strict=True)))
    table = _with_samples(table[~table.index.duplicated()], run, seeds)
    return _with_left_out(table, run, groups).sort_values(
        names,
        key=lambda column: column.map(_ranks(run.spec["space"].get(column.name, {}))),
        ignore_index=True,
    )


def _with_samples(table: pd.DataFrame, run: Run, seeds: pd.DataFrame) -> pd.DataFrame:
    """The table with what the seeds of each row say; ``seeds`` have the index of the table."""
    samples = samples_by_setting(seeds, run.metric)
    rows = [samples.get(number, np.array([])) for number in table.index]
    return table.join(sample_table(rows, run.metric, run.spec).set_axis(table.index))


def _with_left_out(table: pd.DataFrame, run: Run, places: np.ndarray) -> pd.DataFrame:
    """The table with ``left_out``, where a trial did not complete; ``places``: the row of each
    trial.
    """
    statuses = run.trials["status"].set_axis(places)
    statuses = statuses[statuses != Status.COMPLETED]
    if statuses.empty:
        return table
    said = statuses.groupby(level=0).agg(
        lambda group: listing(f"{n} {status}" for status, n in group.value_counts().items())
    )
    return table.assign(left_out=said.reindex(table.index).fillna("").astype(object))


def samples_by_setting(seeds: pd.DataFrame, metric: str) -> dict[int, np.ndarray]:
    """The numbers of each setting that has any, without missing ones, in the order of the seeds."""
    present = seeds[metric].dropna()
    return {int(number): group.to_numpy(dtype=float) for number, group in present.groupby(level=0)}


@once
def setting_numbers(run: Run) -> dict[tuple[str, ...], int]:
    """The number of each setting, by the texts of its values (``identities``)."""
    return {texts: number for number, texts in enumerate(identities(settings_table(run)))}


def is_grid(run: Run) -> bool:
    """Whether the trials are all combinations of the listed values."""
    search = run.spec["search"]
    listed = all("values" in domain for domain in run.spec["space"].values())
    return search.get("kind") == "grid" and not search.get("valid") and listed


def _ranks(domain: Mapping[str, Any]) -> Any:
    """A sort key for the values of one parameter: their place in its list, then by size, then by
    text.
    """
    places = {identity(value): place for place, value in enumerate(domain.get("values", []))}

    def rank(value: Any) -> tuple[int, Any, str]:
        size = value if isinstance(value, int | float | np.number) and value == value else np.inf
        return places.get(identity(value), len(places)), size, identity(value)

    return rank


def counts_weights(run: Run) -> bool:
    """Whether trials report their number of weights: a metric of that name may be something
    else.
    """
    return "parameters" in run.epochs and bool((run.epochs["parameters"].dropna() % 1 == 0).all())


def _weights(run: Run) -> pd.Series:
    """Number of weights per setting, from any trial of it that reported one, completed or not."""
    reported = (
        run.epochs.dropna(subset="parameters")
        .drop_duplicates("trial")
        .set_index("trial")["parameters"]
    )
    return reported.groupby(trial_settings(run).reindex(reported.index)).first()
