"""How far a study is: counts, the best setting so far, the time left, and what was worth telling."""

import math
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from analysis.labels import Growing, show
from analysis.means import mean
from analysis.ranking import best_first
from analysis.rounding import mean_text
from analysis.runs import Run
from analysis.samples import by_seed, seed_numbers
from tuning.estimate import Estimate, TimeLeft
from tuning.past import past_trials, setting_key
from tuning.space import describe
from tuning.study import Study, Trial

LONG_SECONDS = 60.0
"""From then on a study is long enough for each new best setting to be told."""
OFTEN = 1.0
"""Seconds between two estimates, at the least."""
COST = 0.01
"""The share of the driver's time that estimates may take."""


class StudyProgress:
    """Counts the epochs and trials of one session as a ``Listener`` of the recorder. ``earlier``: the run as its records have it."""

    def __init__(self, study: Study, earlier: Run | None = None, slots: int = 1) -> None:
        self.study = study
        self.started = time.monotonic()
        self.total = study.planned + study.planned_confirmations
        self.statuses: Counter[str] = Counter()
        self.epochs = 0
        self._labels = space_labels(study)
        self._events: list[dict[str, Any]] = []
        self._last: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self._scores: dict[str, dict[str, tuple[Mapping[str, Any], list[float]]]] = {}
        self._ends: dict[tuple[str, str], dict[str, Mapping[int, float]]] = {}
        ended = self._recall(earlier) if earlier else Counter()
        waiting = {"search": study.planned - ended["search"], "confirm": study.planned_confirmations - ended["confirm"]}
        self._left = TimeLeft(study, waiting, max(1, min(slots, sum(waiting.values()))))
        self._estimate: Estimate | None = None
        self._estimated, self._took = -math.inf, 0.0

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        self.epochs += 1
        before, _ = self._last.get(trial.id, (row.get("attempt", 1), row))
        if (attempt := row.get("attempt", 1)) > before:
            self._tell("retried", trial, {"epoch": row["epoch"], "attempt": attempt})
        self._last[trial.id] = attempt, row
        self._left.epoch(trial, row)

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        self.statuses[status] += 1
        self._left.end(trial, status)
        _, row = self._last.pop(trial.id, (1, {"epoch": 0}))
        ends = self._values(trial, row) if status == "completed" else {}
        score = mean(list(ends.values())) if ends else None
        self._tell(status, trial, {"epoch": row["epoch"], "score": score, "error": error})
        if ends:
            before = self.best_setting()
            self._add(trial, ends)
            if (best := self.best_setting()) and (before is None or setting_key(best[0]) != setting_key(before[0])):
                self._tell("best", trial, {"score": mean(best[1]), "n": len(best[1])})

    def news(self) -> list[dict[str, Any]]:
        """What was worth telling since this was asked last: ``event`` is the end of a trial, "retried", or "best"."""
        told, self._events = self._events, []
        return told

    def best_setting(self) -> tuple[Mapping[str, Any], list[float]] | None:
        """The best setting so far, by the mean over its seeds so far, and these; None before the first trial is complete.

        Once a confirmation has a result, those of the search, which are too good, do not count any more.
        """
        phase = "confirm" if "confirm" in self._scores else "search"
        scores = self._scores.get(phase, {})
        tried = {key: min(self._ends[phase, key]) for key in scores}
        best = best_first({key: mean(values) for key, (_, values) in scores.items()}, tried, self.study.mode)
        return scores[best[0]] if best else None

    def best(self) -> str:
        """The best setting in words; empty before there is one."""
        found = self.best_setting()
        if found is None:
            return ""
        setting, values = found
        return f"best {self.study.metric} {mean_text(values)} (n = {len(values)}) at {setting_words(setting, self._labels)}"

    def counts(self) -> str:
        ended = self.statuses.total()
        others = [f"{number} {status}" for status, number in self.statuses.items() if status != "completed"]
        return ", ".join([f"{ended} of {self.total} trials", *others])

    def share(self) -> float:
        """How much of the study is done, 0 to 1: trials that ended, and of running ones the epochs."""
        running = sum(row["epoch"] / self.study.epochs for _, row in list(self._last.values()))
        return min(1.0, (self.statuses.total() + running) / max(1, self.total))

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def reckon(self) -> None:
        """Compute the time left anew, where the last time is a while ago. To be called by the thread that hears of the trials."""
        now = time.monotonic()
        if now - self._estimated > max(OFTEN, self._took / COST):
            self._estimate, self._estimated = self._left.estimate(), now
            self._took = time.monotonic() - now

    def left(self) -> Estimate | None:
        """The time left; None as long as nothing is known."""
        if self._estimate is None or self.statuses.total() >= self.total:
            return None
        return self._estimate.after(time.monotonic() - self._estimated)

    def _tell(self, event: str, trial: Trial, facts: Mapping[str, Any]) -> None:
        self._events.append({"event": event, "trial": trial.id, "phase": trial.phase, "setting": dict(trial.config), **facts})

    def _recall(self, earlier: Run) -> Counter[str]:
        """Take over what earlier sessions recorded; how many trials of each phase ended."""
        past = [one for phase in ("search", "confirm") for one in past_trials(earlier, phase) if one.ended]
        self.statuses.update(one.status for one in past)
        for one in past:
            if one.status == "completed" and one.ends:
                self._add(one.trial, one.ends)
        return Counter(one.trial.phase for one in past)

    def _add(self, trial: Trial, ends: Mapping[int, float]) -> None:
        key = setting_key(trial.config)
        of_setting = self._ends.setdefault((trial.phase, key), {})
        of_setting[trial.id] = ends
        found = self._scores.setdefault(trial.phase, {})
        config, _ = found.get(key, (trial.config, []))
        found[key] = config, list(by_seed(of_setting).values())

    def _values(self, trial: Trial, row: Mapping[str, Any]) -> dict[int, float]:
        """The study's metric of one epoch by seed."""
        if "metrics" not in row:
            return {}
        return seed_numbers(trial.seeds, row["metrics"][self.study.metric])


def space_labels(study: Study) -> dict[str, Growing]:
    """The texts of the values of each parameter."""
    return {key: Growing(describe(values)) for key, values in study.space.items()}


def setting_words(setting: Mapping[str, Any], labels: Mapping[str, Growing]) -> str:
    """``width=3, depth=1``."""
    return ", ".join(f"{key}={labels[key].of(value) if key in labels else show(value)}" for key, value in setting.items())


def left_words(left: Estimate | None) -> str:
    """``about 3:10 left (2:40 to 4:05)``; empty where nothing is known."""
    return f"about {clock(left.left)} left ({clock(left.low)} to {clock(left.high)})" if left else ""


def clock(seconds: float) -> str:
    """Hours, minutes and seconds as ``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
