"""The tables of a run: one row per seed, per setting, per published row, per status. Frames in, frames out."""

import itertools
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import headline
from analysis.once import once
from analysis.runs import STATUSES, Run
from analysis.samples import sample_table
from analysis.wording import count, listing

KINDS = 10  # so many kinds of errors are named in a table


@once
def settings_table(run: Run) -> pd.DataFrame:
    """One row per setting, numbered by the index ``setting``, one column per parameter of the space; in the order of the space's values.
    Values are as they were recorded, in columns of objects: no whole number is rounded or becomes a float.

    A grid lists all its settings, begun or not; any other search lists those that its trials had.
    """
    space = run.spec["space"]
    tried = list(run.trials[run.parameters].itertuples(index=False, name=None))
    planned = list(itertools.product(*(space[key]["values"] for key in run.parameters))) if _is_grid(run) else []
    distinct = {tuple(map(identity, setting)): setting for setting in [*tried, *planned]}
    ranks = [_ranks(space[key]) for key in run.parameters]
    ordered = sorted(distinct.values(), key=lambda setting: [rank(value) for rank, value in zip(ranks, setting, strict=True)])
    return pd.DataFrame(ordered, columns=run.parameters, dtype=object).rename_axis("setting")


@once
def trial_settings(run: Run) -> pd.Series:
    """The number of the setting of each trial, index ``trial``."""
    numbers = setting_numbers(run)
    found = [numbers[texts] for texts in identities(run.trials[run.parameters])]
    return pd.Series(found, index=pd.Index(run.trials["trial"]), name="setting", dtype=int)


def completed_epochs(run: Run) -> pd.DataFrame:
    """The epochs of the completed trials: those of ``run.epochs`` with the column ``setting`` before them."""
    completed = run.trials.loc[run.trials["status"] == "completed", "trial"]
    epochs = run.epochs.reindex(columns=list(dict.fromkeys([*run.epochs, run.metric])))
    epochs = epochs[epochs["trial"].isin(completed)]
    return epochs.assign(setting=epochs["trial"].map(trial_settings(run)).astype(int))


@once
def seed_table(run: Run) -> pd.DataFrame:
    """One row per setting and seed of the completed trials, at the last epoch of each trial.

    Columns: the parameters of the space, ``parameters`` (number of weights, if recorded), ``seed``, ``trial``, the metric. The index
    ``setting`` is that of ``settings_table``. A setting that met the same seed in two trials counts it once, as the later trial had it.
    """
    weights = ["parameters"] if counts_weights(run) else []
    last = last_epochs(run)[[*weights, "seed", "trial", run.metric]]
    return settings_table(run).join(last.astype(dict.fromkeys(weights, "Int64")), how="inner")


@once
def last_epochs(run: Run) -> pd.DataFrame:
    """One row per setting and seed of the completed trials, with all that was recorded at the last epoch of each trial; index ``setting``.

    A setting that met the same seed in two trials counts it once, as the later trial had it.
    """
    epochs = completed_epochs(run)
    last = epochs[epochs["epoch"] == epochs.groupby("trial")["epoch"].transform("max")]
    return last.drop_duplicates(["setting", "seed"], keep="last").sort_values(["setting", "seed"]).set_index("setting")


def repeats(run: Run) -> int:
    """How many completed trials had a setting and a seed that an earlier one had."""
    completed = (run.trials["status"] == "completed").to_numpy()
    pairs = pd.DataFrame({"setting": trial_settings(run).to_numpy(), "trial": run.trials["trial"], "seed": run.trials["seeds"]})[completed]
    pairs = pairs.explode("seed")
    return int(pairs.loc[pairs.duplicated(["setting", "seed"]), "trial"].nunique())


@once
def lost_seeds(run: Run) -> pd.DataFrame:
    """One row per setting and seed that diverged, failed or ended without a number: column ``seed``, index ``setting``. A seed of which
    another trial of the setting has a number is not lost, and one that was stopped early or is unfinished is not judged."""
    ended = run.trials[~run.trials["status"].isin(["pruned", "unfinished"])]
    settings = trial_settings(run)[ended["trial"]].to_numpy()
    begun = pd.DataFrame({"setting": settings, "seed": ended["seeds"].to_numpy()}).explode("seed").drop_duplicates()
    known = seed_table(run).dropna(subset=run.metric)["seed"]
    is_known = pd.MultiIndex.from_frame(begun).isin(list(known.items()))
    return begun[~is_known].sort_values(["setting", "seed"]).set_index("setting").astype({"seed": int})


def summary_table(run: Run, seeds: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per setting, index ``setting``; settings without a single result are kept with ``n`` 0.

    Columns: the parameters of the space, ``parameters`` (if recorded), those of ``samples.sample_table`` over the seeds with a number, and
    ``lost`` (seeds that diverged or failed, see ``lost_seeds``) and ``left_out`` (trials that do not stand behind the row, and why), both
    only where there are such. ``seeds``: the seed table, if you have it.
    """
    seeds = seed_table(run) if seeds is None else seeds
    table = settings_table(run)
    if counts_weights(run):
        table["parameters"] = _weights(run).reindex(table.index).astype("Int64")
    samples = samples_by_setting(seeds, run.metric)
    known = sample_table([samples.get(number, np.array([])) for number in table.index], run.metric, run.spec)
    table = table.join(known.set_axis(table.index))
    if len(lost := lost_seeds(run)):
        table.insert(table.columns.get_loc("n") + 1, "lost", lost.groupby(level=0).size().reindex(table.index, fill_value=0))
    return _with_left_out(table, run, trial_settings(run).to_numpy())


def group_table(run: Run, by: Sequence[str]) -> pd.DataFrame:
    """One row per combination of values of ``by``, columns of ``run.trials`` (parameters, ``phase``, ``node``): what ``summary_table`` says
    of a setting, over all seeds of all settings in the group, each one value.

    Raises:
        ValueError: ``by`` is empty, or names what is no column of the trials.
    """
    unknown = [name for name in by if name not in run.trials] if by else ["nothing"]
    if unknown:
        raise ValueError(f"by: {listing(map(repr, unknown))} given; a grouping is over some of {listing(run.trials.columns)}.")
    texts = identities(run.trials[list(by)])
    groups = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    places = pd.Series([groups[text] for text in texts], index=run.trials["trial"], dtype=int)
    seeds = seed_table(run)
    found = samples_by_setting(seeds.set_axis(seeds["trial"].map(places)), run.metric)
    table = run.trials[list(by)].set_axis(places.to_numpy()).loc[lambda rows: ~rows.index.duplicated()]
    known = sample_table([found.get(place, np.array([])) for place in table.index], run.metric, run.spec)
    return _with_left_out(table.join(known.set_axis(table.index)), run, places.to_numpy()).sort_values(
        list(by), key=lambda column: column.map(_ranks(run.spec["space"].get(column.name, {}))), ignore_index=True
    )


def _with_left_out(table: pd.DataFrame, run: Run, places: np.ndarray) -> pd.DataFrame:
    """The table with ``left_out``, where a trial did not complete; ``places``: the row of each trial."""
    statuses = run.trials["status"].set_axis(places)
    statuses = statuses[statuses != "completed"]
    if statuses.empty:
        return table
    said = statuses.groupby(level=0).agg(lambda group: listing(f"{n} {status}" for status, n in group.value_counts().items()))
    return table.assign(left_out=said.reindex(table.index).fillna("").astype(object))


def samples_by_setting(seeds: pd.DataFrame, metric: str) -> dict[int, np.ndarray]:
    """The numbers of each setting that has any, without missing ones, in the order of the seeds."""
    present = seeds[metric].dropna()
    return {int(number): group.to_numpy(dtype=float) for number, group in present.groupby(level=0)}


def status_table(run: Run) -> pd.DataFrame:
    """One row per status: ``status, trials, seeds, errors``; first the planned ones, last those never started. No trial is left out.

    ``errors``: the headlines of the errors, each with how often it came; the most frequent of many.
    """
    rows = [_status_row(status, run.trials[run.trials["status"] == status]) for status in STATUSES]
    planned = max(int(run.spec.get("trials") or 0), len(run.trials))
    waiting = planned - len(run.trials)
    begun = sum(row["seeds"] for row in rows)
    seeds = max(begun, _planned_seeds(run, planned)) if waiting else begun
    first = {"status": "planned", "trials": planned, "seeds": seeds, "errors": ""}
    last = {"status": "not started", "trials": waiting, "seeds": seeds - begun, "errors": ""}
    return pd.DataFrame([first, *rows, last])


def identity(value: Any) -> str:
    """One text per value. Numbers agree where they are equal (1, 1.0 and -0.0, 0 do; True is no number), and None agrees with NaN: a file
    or a frame may have turned one into the other. No whole number is rounded."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value != value:
        return "null"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return json.dumps(value, sort_keys=True, default=str)


def identities(settings: pd.DataFrame) -> list[tuple[str, ...]]:
    """The ``identity`` of each value, one tuple per row."""
    return [tuple(map(identity, row)) for row in settings.itertuples(index=False, name=None)]


def setting_keys(settings: pd.DataFrame) -> list[str]:
    """One text per setting: the identities of its values (JSON, so that a line break can part them)."""
    return ["\n".join(texts) for texts in identities(settings)]


@once
def setting_numbers(run: Run) -> dict[tuple[str, ...], int]:
    """The number of each setting, by the texts of its values (``identities``)."""
    return {texts: number for number, texts in enumerate(identities(settings_table(run)))}


def _is_grid(run: Run) -> bool:
    return run.spec["search"].get("kind") == "grid" and all("values" in domain for domain in run.spec["space"].values())


def _planned_seeds(run: Run, trials: int) -> int:
    """How many networks were to be trained: all seeds of every setting of a grid, or of every trial of a search."""
    settings = math.prod(len(domain["values"]) for domain in run.spec["space"].values()) if _is_grid(run) else trials
    return settings * len(run.spec["seeds"])


def _ranks(domain: Mapping[str, Any]) -> Any:
    """A sort key for the values of one parameter: their place in its list, then by size, then by text."""
    places = {identity(value): place for place, value in enumerate(domain.get("values", []))}

    def rank(value: Any) -> tuple[int, Any, str]:
        size = value if isinstance(value, int | float | np.number) and value == value else np.inf
        return places.get(identity(value), len(places)), size, identity(value)

    return rank


def counts_weights(run: Run) -> bool:
    """Whether trials report their number of weights: a metric of that name may be something else."""
    return "parameters" in run.epochs and bool((run.epochs["parameters"].dropna() % 1 == 0).all())


def _weights(run: Run) -> pd.Series:
    """Number of weights per setting, from any trial of it that reported one, completed or not."""
    reported = run.epochs.dropna(subset="parameters").drop_duplicates("trial").set_index("trial")["parameters"]
    return reported.groupby(trial_settings(run).reindex(reported.index)).first()


def _status_row(status: str, trials: pd.DataFrame) -> dict[str, Any]:
    kinds = Counter(headline(error) for error in trials["error"] if isinstance(error, str))
    told = [f"{times} x {line}" for line, times in kinds.most_common(KINDS) if line]
    errors = "; ".join([*told, *([f"{count(len(kinds) - KINDS, 'kind')} more"] if len(kinds) > KINDS else [])])
    return {"status": status, "trials": len(trials), "seeds": int(trials["seeds"].map(len).sum()), "errors": errors}
