"""What the search trials of a run showed at epochs at which they can be compared: frames in, frames out.

A trial that was stopped early ends on a low value because it was young, not because its setting is bad: last values of unequal epochs mix
both. Here a value belongs to an epoch that all trials in question reached.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.association import FEWEST
from analysis.once import once
from analysis.runs import Run
from analysis.search_trials import trial_ends, trial_epochs
from analysis.tables import identity

NUMERIC, CATEGORICAL = "numeric", "categorical"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The search trials of a run, index ``trial`` throughout.

    ``space``: the parameters and their values or ranges, as the study wrote them
    ``settings``: one row per trial, one column per parameter
    ``stops``: the epochs at which trials are compared, ascending: the rungs of the study, and the full length
    ``values``: one column per stop: mean of the metric over seeds at that epoch; missing where the trial has none there
    ``last``: the metric at the last epoch of each trial, whichever that is; missing where it is not finite
    ``ended``: how each trial ended, one of ``runs.STATUSES``
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
        """The last epoch at which enough trials are compared to tell anything; the full length where there is none."""
        return next((stop for stop in reversed(self.stops) if self.values[stop].notna().sum() >= FEWEST), self.full)

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
    values = there.pivot(index="trial", columns="epoch", values="value").reindex(index=ends.index, columns=stops)
    settings = search.trials.set_index("trial")[run.parameters]
    return Evidence(space=run.spec["space"], settings=settings, stops=stops, values=values, last=ends["value"], ended=ends["status"])


def comparable_epochs(run: Run) -> list[int]:
    """The rungs of the study and its full length, ascending."""
    rungs = (run.spec.get("stopping") or {}).get("rungs") or []
    return sorted({*map(int, rungs), int(run.spec["epochs"])})


def kind_of(domain: Mapping[str, Any]) -> str:
    """ "numeric" for ranges and for lists of at least two different numbers, "categorical" for everything else."""
    if "values" not in domain:
        return NUMERIC
    numbers = [value for value in domain["values"] if isinstance(value, int | float) and not isinstance(value, bool)]
    return NUMERIC if len(numbers) == len(domain["values"]) > 1 else CATEGORICAL


def is_logarithmic(domain: Mapping[str, Any]) -> bool:
    """Whether a parameter is searched on the log of its values."""
    return bool(domain.get("log"))


def positions(domain: Mapping[str, Any], column: pd.Series) -> np.ndarray:
    """The values of a numeric parameter as the search saw them: the log of log-scaled ones. Shape ``(trials,)``."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    return np.log(numbers) if is_logarithmic(domain) else numbers


def codes(column: pd.Series) -> np.ndarray:
    """The values of a categorical parameter as whole numbers from 0, in the order in which they appear. Shape ``(trials,)``."""
    return pd.factorize(pd.Series([identity(value) for value in column], dtype=object))[0]


def features(space: Mapping[str, Any], settings: pd.DataFrame, squares: bool) -> np.ndarray:
    """The settings as columns for a model, shape ``(trials, features)``: numeric parameters scaled to [-1, 1] over what occurs, and with
    ``squares`` their second Legendre polynomial; one column of 0 and 1 per value of a categorical parameter. Constant ones have none."""
    columns: list[np.ndarray] = []
    for key, domain in space.items():
        columns += _numeric(positions(domain, settings[key]), squares) if kind_of(domain) == NUMERIC else _indicators(codes(settings[key]))
    return np.column_stack(columns) if columns else np.zeros((len(settings), 0))


def _numeric(values: np.ndarray, squares: bool) -> list[np.ndarray]:
    low, high = (np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else (0.0, 0.0)
    if not high > low:
        return []
    scaled = np.nan_to_num(2 * (values - low) / (high - low) - 1)
    return [scaled, 1.5 * scaled**2 - 0.5] if squares and len(np.unique(scaled)) > 2 else [scaled]


def _indicators(places: np.ndarray) -> list[np.ndarray]:
    amount = int(places.max()) + 1 if len(places) else 0
    return [(places == place).astype(float) for place in range(amount)] if amount > 1 else []
