"""A run while it goes on, kept up to date from its records row by row: what changes too often to be
computed anew each time. What a new row costs does not grow with the run.
"""

import bisect
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.numerics.means import mean
from analysis.records.follow import FollowedTrial, Follower, Tail
from analysis.records.lines import read_spec, refuse_links
from analysis.records.orders import Steering, planned_trials
from analysis.records.paths import RunPaths
from analysis.records.schema import RUNNING, Phase, Status
from analysis.records.space import declared
from analysis.stats.identity import identity
from analysis.stats.labels import Growing
from analysis.stats.ranking import Ranking
from analysis.stats.summary import seed_numbers

POINTS = 24  # of a learning curve as small as a table row
SILENT_SECONDS = 30.0
"""A writer that does not touch its lock for so long while it is watched is taken for dead."""
COLUMNS = (
    "trial", "phase", "status", "epoch", "value", "seconds", "attempt", "place", "curve", "setting",
)  # fmt: skip


class TrialState(FollowedTrial):
    """What the page shows of one trial. ``metric``: of the study."""

    def __init__(self, trial: str, metric: str) -> None:
        super().__init__(trial)
        self._metric = metric
        self.setting: list[str] = []
        """The value of each parameter of the space, as text."""
        self.key: tuple[str, ...] = ()
        """What trials of one setting share."""
        self.where: dict[str, Any] = {}
        self.restart()

    def restart(self) -> None:
        self.curve: dict[int, float | None] = {}
        self.ends: dict[int, float] = {}
        """Seed -> the metric at the last epoch."""
        self.places: dict[int, int] = {}
        """At which byte of ``epochs.jsonl`` each epoch stands."""
        self._seconds: dict[int, float] = {}
        self._spent = 0.0
        self._epochs: list[int] = []

    def add(self, row: Mapping[str, Any], began: int) -> None:
        epoch, value = row["epoch"], row["metrics"].get(self._metric)
        if epoch not in self.curve:
            bisect.insort(self._epochs, epoch)
        self.curve[epoch], self.ends = mean_of(value), seed_numbers(self.seeds, value)
        self._spent += row["seconds"] - self._seconds.get(epoch, 0.0)
        self._seconds[epoch] = row["seconds"]
        self.places[epoch] = began
        self.where = {key: row.get(key) for key in ("node", "ip", "pid", "at")}

    @property
    def shown_status(self) -> str:
        """Of an unfinished trial "running": the page knows whether its run goes on."""
        return RUNNING if self.status is Status.UNFINISHED else str(self.status)

    @property
    def value(self) -> float | None:
        """The metric at the last epoch, mean over the seeds; None where it is missing or not
        finite.
        """
        return self.curve.get(self.epoch)

    def last_epochs(self, most: int) -> list[int]:
        """The last ``most`` epochs that are recorded."""
        return self._epochs[-most:]

    def row_of_table(self) -> list[Any]:
        """The trial for a table: one value for each of ``COLUMNS``."""
        # Of the curve at most ``POINTS`` values at even distances, the last among them.
        step = -(-len(self._epochs) // POINTS) or 1
        return [
            self.trial,
            self.phase,
            self.shown_status,
            self.epoch,
            self.value,
            round(self._spent, 1),
            self.attempt,
            self.where.get("ip") or (self.where.get("node") or "")[:8],
            [self.curve[epoch] for epoch in self._epochs[::-step][::-1]],
            self.setting,
        ]


class Watched:
    """All that is known of the run in ``folder``; ``refresh`` reads what was written since.

    Raises:
        DamagedRun: on construction, if the folder is no run folder, or holds a link.
    """

    def __init__(self, folder: Path) -> None:
        self.paths = RunPaths(folder.resolve())
        self._touched, self._seen = -1, 0.0
        self._begin()
        refuse_links(self.paths.root)

    def _begin(self) -> None:
        self._read_spec()
        metric = self.spec["metric"]
        self._records = Follower(self.paths, lambda trial: TrialState(trial, metric))
        self._estimates = Tail(self.paths.estimates)
        self.steering = Steering(self.paths)
        self._labels = {key: Growing(domain) for key, domain in self.spec["space"].items()}
        self.estimate: dict[str, Any] | None = None
        self._rank([])

    @property
    def trials(self) -> dict[str, TrialState]:
        return self._records.trials

    @property
    def planned(self) -> int:
        """How many trials the search has once it is complete."""
        of, planned = self._records, self.spec.get("trials") or 0
        begun, dropped = (
            {name: x.row.get("retrain") for name, x in some.items() if x.phase == Phase.SEARCH}
            for some in (of.trials, of.dropped)
        )
        return planned_trials(planned, self.steering.answers, begun, dropped, len(of.repeated))

    @property
    def dropped(self) -> set[str]:
        return set(self._records.dropped)

    def refresh(self) -> set[str]:
        """Read what is new; returns the ids of the trials that changed."""
        if self._records.is_new:
            self._begin()
        elif self._spec_time() != self._written:  # a session was added, or more trials or seeds
            self._read_spec()
        dropped = self.dropped
        changed = [self.trials[name] for name in self._records.look()]
        for trial in changed:
            if not trial.setting:
                self._name(trial)
        anew = any(trial.trial in self._ranked and not _has_score(trial) for trial in changed)
        if anew or self.dropped != dropped:
            self._rank(list(self.trials.values()))
        for trial in changed:
            self._add_score(trial)
        self.steering.refresh()
        for _, said in self._estimates.new():
            # A session says first that it began, and last that it ended: then nothing is known of
            # the time left.
            self.estimate = said if said.get("left") is not None and not said.get("ended") else None
        return {trial.trial for trial in changed}

    @property
    def is_running(self) -> bool:
        """Whether somebody writes to the run: judged by what is seen of its lock here, for clocks
        differ.
        """
        try:
            touched = self.paths.lock.stat().st_mtime_ns
        except OSError:
            return False
        if touched != self._touched:
            self._touched, self._seen = touched, time.monotonic()
        return time.monotonic() - self._seen < SILENT_SECONDS

    def best(self) -> dict[str, Any] | None:
        """The best setting so far by the mean over the seeds of its completed trials: ``value, n,
        setting, params`` (its values as JSON), ``phase``. Once a confirmation has a result, the
        scores of the search, which are too good, do not count any more. None before the first trial
        completed.
        """
        phase = Phase.CONFIRM if self._rankings[Phase.CONFIRM] else Phase.SEARCH
        ranking = self._rankings[phase]
        if (key := ranking.best()) is None:
            return None
        values, first = ranking.values(key), self._first[phase, key]
        return {
            "value": mean(values),
            "n": len(values),
            "setting": first.setting,
            "params": {key: json.dumps(value) for key, value in self._params(first).items()},
            "phase": phase,
            "trial": first.trial,
        }

    def epochs_of(self, trial: TrialState, most: int) -> list[dict[str, Any]]:
        """The rows of the last ``most`` epochs of a trial, as recorded."""
        return [self._records.epoch_at(trial.places[epoch]) for epoch in trial.last_epochs(most)]

    def _name(self, trial: TrialState) -> None:
        params = self._params(trial)
        trial.setting = [labels.of(params.get(key, pd.NA)) for key, labels in self._labels.items()]
        trial.key = tuple(identity(params.get(key, pd.NA)) for key in self.spec["space"])

    def _params(self, trial: TrialState) -> dict[str, Any]:
        space, params = self.spec["space"], trial.row["params"]
        return declared(space, {key: params[key] for key in space if key in params})

    def _rank(self, trials: list[TrialState]) -> None:
        """Rank the settings of some trials alone."""
        self._rankings: dict[Phase, Ranking[tuple[str, ...]]] = {
            phase: Ranking(self.spec["mode"]) for phase in Phase
        }
        self._first: dict[tuple[Phase, tuple[str, ...]], TrialState] = {}
        self._ranked: set[str] = set()
        for trial in trials:
            self._add_score(trial)

    def _add_score(self, trial: TrialState) -> None:
        if _has_score(trial):
            self._rankings[trial.phase].add(trial.key, trial.trial, trial.ends)
            self._first.setdefault((trial.phase, trial.key), trial)
            self._ranked.add(trial.trial)

    def _read_spec(self) -> None:
        self.spec, self._written = read_spec(self.paths.study), self._spec_time()

    def _spec_time(self) -> int:
        try:
            return self.paths.study.stat().st_mtime_ns
        except OSError:
            return 0


def _has_score(trial: TrialState) -> bool:
    return trial.status == Status.COMPLETED and trial.value is not None


def mean_of(value: Any) -> float | None:
    """A metric as recorded, or the mean of one with a number per seed; None where a number is
    missing or not finite.
    """
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, int | float) for each in values):
        return None
    of_seeds = mean(values)
    return of_seeds if math.isfinite(of_seeds) else None
