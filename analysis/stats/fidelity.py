"""What the search trials of a run showed at epochs at which they can be compared: frames in, frames
out.

A trial that was stopped early ends on a low value because it was young, not because its setting is
bad: last values of unequal epochs mix both. Here a value belongs to an epoch that all trials in
question reached.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.association import FEWEST
from analysis.records.cache import once
from analysis.records.load import Run
from analysis.records.schema import Status
from analysis.stats.identity import identity
from analysis.stats.search_trials import trial_ends, trial_epochs

HAND_STOPS = (0.0, 0.25, 0.5, 0.75)
"""At these quantiles of the last epochs of trials that were stopped by hand, trials are
compared."""
NUMERIC, CATEGORICAL = "numeric", "categorical"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The search trials of a run, index ``trial`` throughout.

    - ``space``: the parameters and their values or ranges, as the study wrote them
    - ``settings``: one row per trial, one column per parameter
    - ``stops``: the epochs at which trials are compared, ascending: see ``comparable_epochs``
    - ``values``: one column per stop: mean of the metric over seeds at that epoch, or at the last
      one where the trial ended itself before; missing where the trial has none there
    - ``last``: the metric at the last epoch of each trial, whichever that is; missing where it is
      not finite
    - ``ended``: how each trial ended, a ``Status``
    """

    space: Mapping[str, Any]
    settings: pd.DataFrame
    stops: list[int]
    values: pd.DataFrame
    last: pd.Series
    ended: pd.Series

    @property
    def full(self) -> int:
        """The full length in epochs."""
        return self.stops[-1]

    @property
    def told(self) -> int:
        """The last epoch at which enough trials are compared to tell anything; the full length
        where there is none.
        """
        return next(
            (stop for stop in reversed(self.stops) if self.values[stop].notna().sum() >= FEWEST),
            self.full,
        )

    @property
    def uneven(self) -> bool:
        """Whether some trials that have a value lack one at the full length."""
        return bool((self.values[self.full].isna() & self.last.notna()).any())


@once
def evidence(run: Run) -> Evidence:
    """The search trials of ``run`` at the epochs at which they can be compared."""
    search = run.phase("search")
    stops = comparable_epochs(run)
    ends, epochs = trial_ends(search), trial_epochs(search)
    there = epochs[epochs["epoch"].isin(stops)]
    values = there.pivot(index="trial", columns="epoch", values="value").reindex(
        index=ends.index, columns=stops
    )
    for stop in stops:  # one that ended itself stays as it was
        ended = (ends["status"] == "completed") & (ends["epoch"] < stop)
        values[stop] = values[stop].mask(ended, ends["value"])
    settings = search.trials.set_index("trial")[run.parameters]
    return Evidence(
        space=run.spec["space"],
        settings=settings,
        stops=stops,
        values=values,
        last=ends["value"],
        ended=ends["status"],
    )


def comparable_epochs(run: Run) -> list[int]:
    """The rungs of the study and its full length, ascending; where a person stopped trials, some of
    the epochs at which that was, the first among them: who stopped those that looked bad would else
    have taken them out of every comparison.
    """
    ends = trial_ends(run.phase("search"))
    last = ends["epoch"][(ends["status"] == Status.STOPPED) & (ends["epoch"] > 0)]
    at = np.quantile(last, HAND_STOPS, method="lower") if len(last) else []
    return sorted({*map(int, run.rungs), *map(int, at), int(run.spec["epochs"])})


def kind_of(domain: Mapping[str, Any]) -> str:
    """ "numeric" for ranges and for lists of at least two numbers, all different, "categorical" for
    everything else: 1 beside 1.0 are two kinds of value.
    """
    if "values" not in domain:
        return NUMERIC
    values = domain["values"]
    numbers = len(values) > 1 and all(map(is_number, values))
    return NUMERIC if numbers and len(set(values)) == len(values) else CATEGORICAL


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_logarithmic(domain: Mapping[str, Any]) -> bool:
    """Whether a parameter is searched on the log of its values."""
    return bool(domain.get("log"))


def positions(domain: Mapping[str, Any], column: pd.Series) -> np.ndarray:
    """The values of a numeric parameter as the search saw them: the log of log-scaled ones; NaN
    where it is not active. Shape ``(trials,)``.
    """
    known = column.where(column.notna(), np.nan)
    numbers = pd.to_numeric(known, errors="coerce").to_numpy(dtype=float)
    return np.log(numbers) if is_logarithmic(domain) else numbers


def codes(column: pd.Series) -> np.ndarray:
    """The values of a categorical parameter as whole numbers from 0, in the order in which they
    appear; -1 where it is not active. Shape ``(trials,)``.
    """
    texts = [None if value is pd.NA else identity(value) for value in column]
    return pd.factorize(pd.Series(texts, dtype=object))[0]


def is_there(column: pd.Series) -> np.ndarray:
    """At which trials a parameter is active. Shape ``(trials,)``."""
    return np.array([value is not pd.NA for value in column], dtype=bool)


def features(space: Mapping[str, Any], settings: pd.DataFrame, squares: bool) -> np.ndarray:
    """The settings as columns for a model, shape ``(trials, features)``: numeric parameters scaled
    to [-1, 1] over what occurs, and with ``squares`` their second Legendre polynomial; one column
    of 0 and 1 per value of a categorical parameter. Constant ones have none. Where a parameter is
    not active, its columns are 0: the branch is told by those of the choice above it.
    """
    columns: list[np.ndarray] = []
    for key, domain in space.items():
        columns += (
            _numeric(positions(domain, settings[key]), squares)
            if kind_of(domain) == NUMERIC
            else _indicators(codes(settings[key]))
        )
    return np.column_stack(columns) if columns else np.zeros((len(settings), 0))


def _numeric(values: np.ndarray, squares: bool) -> list[np.ndarray]:
    low, high = (np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else (0.0, 0.0)
    if not high > low:
        return []
    scaled = 2 * (values - low) / (high - low) - 1
    several = len(np.unique(scaled[np.isfinite(scaled)])) > 2
    columns = [scaled, 1.5 * scaled**2 - 0.5] if squares and several else [scaled]
    return [np.nan_to_num(column) for column in columns]


def _indicators(places: np.ndarray) -> list[np.ndarray]:
    amount = int(places.max()) + 1 if len(places) else 0
    return [(places == place).astype(float) for place in range(amount)] if amount > 1 else []
