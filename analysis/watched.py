"""A run while it goes on, kept up to date from its records row by row: what changes too often to be computed anew each time."""

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.inside import is_name
from analysis.labels import Growing
from analysis.means import mean
from analysis.ranking import best_first
from analysis.records import read_spec, refuse_links
from analysis.runs import RunPaths
from analysis.samples import by_seed, seed_numbers
from analysis.tables import identity
from analysis.tail import Tail

POINTS = 24  # of a learning curve as small as a table row
SILENT_SECONDS = 30.0
"""A writer that does not touch its lock for so long while it is watched is taken for dead."""
COLUMNS = ("trial", "phase", "status", "epoch", "value", "seconds", "attempt", "place", "curve", "setting")


@dataclass
class WatchedTrial:
    """What is known of one trial so far."""

    trial: str
    phase: str = "search"
    status: str = "running"
    attempt: int = 1
    setting: list[str] = field(default_factory=list)
    """The value of each parameter of the space, as text."""
    key: tuple[str, ...] = ()
    """What trials of one setting share."""
    seeds: list[int] = field(default_factory=list)
    epoch: int = 0
    rung: int | None = None
    error: str | None = None
    version: str | None = None
    """Of the code."""
    where: dict[str, Any] = field(default_factory=dict)
    curve: dict[int, float | None] = field(default_factory=dict)
    ends: dict[int, float] = field(default_factory=dict)
    """Seed -> the metric at the last epoch."""
    seconds: dict[int, float] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    """At which byte of ``epochs.jsonl`` each epoch stands."""

    @property
    def value(self) -> float | None:
        """The metric at the last epoch, mean over the seeds; None where it is missing or not finite."""
        return self.curve.get(self.epoch)

    def row(self) -> list[Any]:
        """The trial for a table: one value for each of ``COLUMNS``."""
        place = self.where.get("ip") or (self.where.get("node") or "")[:8]
        spent = round(sum(self.seconds.values()), 1)
        about = [self.trial, self.phase, self.status, self.epoch, self.value, spent, self.attempt, place]
        return [*about, _thinned([self.curve[epoch] for epoch in sorted(self.curve)]), self.setting]


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
        self.spec = read_spec(self.paths.study)
        self._written = self._spec_time()
        self.trials: dict[str, WatchedTrial] = {}
        self._trials, self._epochs, self._estimates = Tail(self.paths.trials), Tail(self.paths.epochs), Tail(self.paths.estimates)
        self._labels = {key: Growing(domain) for key, domain in self.spec["space"].items()}
        self.estimate: dict[str, Any] | None = None

    def refresh(self) -> set[str]:
        """Read what is new; returns the ids of the trials that changed."""
        if any(tail.is_new for tail in (self._trials, self._epochs)):
            self._begin()
        elif self._spec_time() != self._written:  # a session was added, or more trials or seeds
            self.spec, self._written = read_spec(self.paths.study), self._spec_time()
        changed = {self._take_trial(row) for _, row in self._trials.new()}
        changed |= {self._take_epoch(began, row) for began, row in self._epochs.new()}
        for _, said in self._estimates.new():
            # A session says first that it began, and last that it ended: then nothing is known of the time left.
            self.estimate = said if said.get("left") is not None and not said.get("ended") else None
        return changed - {""}

    @property
    def is_running(self) -> bool:
        """Whether somebody writes to the run: judged by what is seen of its lock here, for clocks differ."""
        try:
            touched = self.paths.lock.stat().st_mtime_ns
        except OSError:
            return False
        if touched != self._touched:
            self._touched, self._seen = touched, time.monotonic()
        return time.monotonic() - self._seen < SILENT_SECONDS

    def best(self) -> dict[str, Any] | None:
        """The best setting so far by the mean over the seeds of its completed trials: ``value, n, setting, phase``. Once a confirmation has
        a result, the scores of the search, which are too good, do not count any more. None before the first trial completed."""
        ended = [trial for trial in self.trials.values() if trial.status == "completed" and trial.value is not None]
        ended = [trial for trial in ended if trial.phase == "confirm"] or ended
        scores: dict[tuple[str, ...], list[WatchedTrial]] = {}
        for trial in ended:
            scores.setdefault(trial.key, []).append(trial)
        values_of = {key: list(by_seed({trial.trial: trial.ends for trial in group}).values()) for key, group in scores.items()}
        tried = {key: min(trial.trial for trial in group) for key, group in scores.items()}
        best = best_first({key: mean(values) for key, values in values_of.items()}, tried, self.spec["mode"])
        if not best:
            return None
        values, group = values_of[best[0]], scores[best[0]]
        return {"value": mean(values), "n": len(values), "setting": group[0].setting, "phase": group[0].phase, "trial": group[0].trial}

    def epochs_of(self, trial: WatchedTrial, most: int) -> list[dict[str, Any]]:
        """The rows of the last ``most`` epochs of a trial, as recorded."""
        return [self._epochs.at(trial.places[epoch]) for epoch in sorted(trial.places)[-most:]]

    def _take_trial(self, row: dict[str, Any]) -> str:
        if not is_name(row.get("trial")) or not isinstance(row.get("config"), dict):
            return ""
        trial = self.trials.setdefault(row["trial"], WatchedTrial(row["trial"]))
        trial.phase, trial.status = row.get("phase", "search"), row.get("status", "running")
        if trial.version not in (None, row.get("code")):  # it is trained anew
            trial.epoch, trial.curve, trial.seconds, trial.places = 0, {}, {}, {}
        trial.version = row.get("code")
        trial.attempt, trial.error, trial.rung = row.get("attempt", 1), row.get("error"), row.get("rung")
        trial.setting = [told.of(row["config"].get(key)) for key, told in self._labels.items()]
        trial.key = tuple(identity(row["config"].get(key)) for key in self.spec["space"])
        trial.seeds = row.get("seeds") or [0]
        if trial.status != "running" and "epochs" in row:  # what an earlier attempt left beyond it does not count
            trial.epoch = row["epochs"]
        return trial.trial

    def _take_epoch(self, began: int, row: dict[str, Any]) -> str:
        trial, epoch = self.trials.get(row.get("trial", "")), row.get("epoch")
        if trial is None or not isinstance(epoch, int) or not isinstance(row.get("metrics"), dict):
            return ""
        value = row["metrics"].get(self.spec["metric"])
        trial.curve[epoch], trial.ends = mean_of(value), seed_numbers(trial.seeds, value)
        trial.seconds[epoch] = row.get("seconds") or 0.0
        trial.places[epoch] = began
        trial.where = {key: row.get(key) for key in ("node", "ip", "pid", "at")}
        if trial.status == "running":
            trial.epoch = epoch
        return trial.trial

    def _spec_time(self) -> int:
        try:
            return self.paths.study.stat().st_mtime_ns
        except OSError:
            return 0


def mean_of(value: Any) -> float | None:
    """A metric as recorded, or the mean of one with a number per seed; None where a number is missing or not finite."""
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, int | float) and math.isfinite(each) for each in values):
        return None
    found = mean(values)
    return found if math.isfinite(found) else None


def _thinned(values: list[float | None]) -> list[float | None]:
    """At most ``POINTS`` of the values at even distances, the last among them."""
    step = -(-len(values) // POINTS) or 1
    return values[::-1][::step][::-1]


def session_facts(paths: RunPaths) -> dict[str, Any]:
    """What the session that is going on says of itself (see ``RunPaths.session``); empty where none does."""
    try:
        found = json.loads(paths.session.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
