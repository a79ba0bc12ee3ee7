"""What each picture of a search shows, as frames: computed here, drawn in ``search_charts``. Names of a study stay text in cells."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from analysis.facts import EPOCHS
from analysis.labels import describe, label
from analysis.runs import Run
from analysis.search_trials import described, short_name, trial_ends, trial_epochs
from analysis.tables import identity, seed_table, settings_table

MOST_LINES = 60  # so many trials can be drawn one by one
MOST_DOTS = 500
GOLDEN = 0.618034  # multiples of the golden section modulo 1 never crowd


def shown_trials(run: Run, most: int = MOST_LINES) -> list[str]:
    """The search trials that have an epoch; where there are more than ``most``, so many at even distances in the order of their last
    values, the best and the worst among them: a picture of the best alone would hide how trials end."""
    ends = trial_ends(run.phase("search"))
    known = ends[ends["epoch"] > 0].sort_values("value", ascending=run.spec["mode"] == "min", kind="stable")
    places = np.unique(np.linspace(0, len(known) - 1, min(most, len(known))).round().astype(int))
    return sorted(known.index[places]) if len(known) else []


def trial_curves(run: Run, shown: Iterable[str]) -> pd.DataFrame:
    """One row per trial and epoch (at most about 100 of each): ``trial, label`` (its setting), ``status, epoch, value`` (mean of the metric
    over its seeds), ``last`` (whether it is the trial's last epoch)."""
    search = run.phase("search")
    ends, epochs = trial_ends(search), trial_epochs(search)
    step = math.ceil(max(1, int(ends["epoch"].max()) if len(ends) else 1) / EPOCHS)
    frame = epochs[epochs["trial"].isin(list(shown))].dropna(subset="value")
    final = frame.groupby("trial")["epoch"].transform("max")
    frame = frame[(frame["epoch"] == final) | (frame["epoch"] % step == 0)].assign(last=frame["epoch"] == final)
    facts = frame[["trial", "epoch", "value", "last"]]
    return facts.assign(label=facts["trial"].map(_labels(search)), status=facts["trial"].map(ends["status"]))


def trial_lengths(run: Run, shown: Iterable[str]) -> pd.DataFrame:
    """One row per trial: ``trial, label, status, epoch`` (its last one), ``value`` (there)."""
    search = run.phase("search")
    ends = trial_ends(search).loc[list(shown)].reset_index()
    return ends[["trial", "status", "epoch", "value"]].assign(label=ends["trial"].map(_labels(search)))


def parameter_facts(run: Run, most: int = MOST_DOTS) -> pd.DataFrame:
    """One row per parameter and search trial that has an epoch (at most ``most`` trials): ``parameter, trial, status, epoch`` (its last
    one), ``value`` (mean of the metric there), ``y`` (the same, kept within ``value_limits``: trials without a value stand at the worse
    edge), and of the parameter's value ``text``, ``number`` (missing for lists of values), ``place`` (in the list, from 0; missing for
    ranges), ``spread`` (0 to 1, to set trials of equal values apart)."""
    search = run.phase("search")
    ends = trial_lengths(run, shown_trials(run, most))
    chosen = search.trials.set_index("trial").loc[ends["trial"], run.parameters]
    parts = [_of_parameter(run, key, ends.reset_index(drop=True), chosen[key]) for key in run.parameters]
    low, high = value_limits(run)
    facts = pd.concat(parts, ignore_index=True)
    edge = low if run.spec["mode"] == "max" else high
    spread = facts.groupby(["parameter", "text"]).cumcount() * GOLDEN % 1
    columns = ["parameter", "trial", "status", "epoch", "value", "y", "text", "number", "place", "spread"]
    return facts.assign(y=facts["value"].clip(low, high).fillna(edge), spread=spread)[columns]


def value_limits(run: Run) -> tuple[float, float]:
    """The lowest and the highest value that search trials recorded, without those that diverged unless all did: one runaway value would
    flatten every picture. (0, 1) where there is none; never equal."""
    search = run.phase("search")
    epochs = trial_epochs(search)
    calm = epochs["trial"].map(trial_ends(search)["status"]) != "diverged"
    values = (epochs.loc[calm, "value"] if epochs.loc[calm, "value"].notna().any() else epochs["value"]).dropna()
    if values.empty:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0))


def confirmed_facts(run: Run, confirmed: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The confirmed settings and their seeds, for ``confirmed`` as ``search.confirmed_table`` gives it.

    First: ``place`` (a short name), ``label`` (the setting), ``mean, low, high, n, search`` (the search score). Second, one row per seed:
    ``place, seed, value``.
    """
    settings = confirmed.reset_index(drop=True)
    names = [short_name(row) for row in settings.to_dict("records")]
    named = {"mean": "confirmed_mean", "low": "confirmed_low", "high": "confirmed_high", "n": "confirmed_n", "search": "search_score"}
    means = pd.DataFrame({"place": names, "label": [described(run, row) for row in settings.to_dict("records")]}, dtype=object)
    means = means.assign(**{name: settings[column].astype(float) for name, column in named.items()})
    confirm = run.phase("confirm")
    keys = {number: "\n".join(map(identity, row)) for number, *row in settings_table(confirm).itertuples(name=None)}
    seeds = seed_table(confirm).dropna(subset=confirm.metric)
    places = dict(zip(confirmed.index, names, strict=True))
    dots = {"place": [places[keys[number]] for number in seeds.index], "seed": seeds["seed"], "value": seeds[confirm.metric]}
    return means, pd.DataFrame(dots).reset_index(drop=True)


def _labels(search: Run) -> dict[str, str]:
    rows = search.trials[["trial", *search.parameters]].to_dict("records")
    return {row["trial"]: describe(search, row) for row in rows}


def _of_parameter(run: Run, key: str, ends: pd.DataFrame, values: pd.Series) -> pd.DataFrame:
    listed = {identity(value): place for place, value in enumerate(run.spec["space"][key].get("values", []))}
    is_range = "low" in run.spec["space"][key]
    return ends.assign(
        parameter=key,
        text=[label(run, key, value) for value in values],
        number=pd.to_numeric(values, errors="coerce").astype(float).to_numpy() if is_range else np.nan,
        place=np.nan if is_range else [float(listed.get(identity(value), len(listed))) for value in values],
    )
