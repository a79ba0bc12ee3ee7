"""How far a study is: counts, the best setting so far, the time left, and what was worth
telling.
"""

import math
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from analysis.numerics.means import mean
from analysis.records.schema import Status
from analysis.stats.labels import Growing, show
from analysis.text.rounding import mean_text
from tuning.callbacks.eta import Estimate, TimeLeft
from tuning.runs.history import History, params_key
from tuning.spec.branches import space_record
from tuning.spec.study import Study, Trial

LONG_SECONDS = 60.0
"""From then on a study is long enough for each new best setting to be told."""
OFTEN = 1.0
"""Seconds between two estimates, at the least."""
NO_BEST = "no trial has completed yet"
COST = 0.01
"""The share of the driver's time that estimates may take."""


class StudyProgress:
    """Counts the epochs and trials of one session as a ``Callback`` of the recorder, which keeps
    ``history`` up to date before it calls.
    """

    def __init__(
        self,
        study: Study,
        history: History | None = None,
        slots: int = 1,
        until: float | None = None,
    ) -> None:
        """``until``: when the time of the session is over, as ``time.monotonic`` says."""
        self.study = study
        self.history = history or History(study)
        self.started = time.monotonic()
        ended = [each for each in self.history.trials.values() if each.ended]
        self.statuses = Counter(each.status for each in ended)
        waits = [each.id for each in self.history.trials.values() if each.status == Status.PAUSED]
        self.paused = set(waits)
        """The ids of the trials that wait at a rung."""
        self.epochs = 0
        self._labels, self._until = space_labels(study), until
        self._events: list[dict[str, Any]] = []
        self._last: dict[str, tuple[int, int]] = {}
        self._best = self._best_key()
        self._past: Counter[str] = Counter(each.trial.phase for each in ended)
        waiting = self._waiting()
        self._left = TimeLeft(study, waiting, max(1, min(slots, sum(waiting.values()))))
        self._estimate: Estimate | None = None
        self._estimated, self._took = -math.inf, 0.0

    @property
    def total(self) -> int:
        """How many trials there are to be."""
        return sum(self.history.planned().values())

    def _waiting(self) -> dict[str, int]:
        """How many trials of each phase this session is to train, those that have ended in it
        included.
        """
        planned = self.history.planned()
        return {phase: number - self._past[phase] for phase, number in planned.items()}

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        self.epochs += 1
        self.paused.discard(trial.id)
        attempt = row.get("attempt", 1)
        before, _ = self._last.get(trial.id, (attempt, 0))
        if attempt > before:
            self._tell("retried", trial, {"epoch": row["epoch"], "attempt": attempt})
        self._last[trial.id] = attempt, row["epoch"]
        self._left.epoch(trial, row)

    def pause(self, trial: Trial) -> None:
        self.paused.add(trial.id)
        self._left.pause(trial)

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        self.statuses[status] += 1
        self.paused.discard(trial.id)
        self._left.end(trial, status)
        _, epoch = self._last.pop(trial.id, (1, 0))
        record = self.history.trials.get(trial.id)
        ends = list(record.ends.values()) if record and status == "completed" else []
        score = mean(ends) if ends else None
        self._tell(status, trial, {"epoch": epoch, "score": score, "error": error})
        before, self._best = self._best, self._best_key()
        if (best := self.best_params()) and before != self._best:
            self._tell("best", trial, {"score": mean(best[1]), "n": len(best[1])})

    def news(self) -> list[dict[str, Any]]:
        """What was worth telling since this was asked last: ``event`` is the end of a trial,
        "retried", or "best".
        """
        told, self._events = self._events, []
        return told

    def best_params(self) -> tuple[Mapping[str, Any], list[float]] | None:
        """The best setting so far, as ``History.best_params``."""
        return self.history.best_params()

    def _best_key(self) -> str | None:
        best = self.best_params()
        return params_key(best[0]) if best else None

    def best(self) -> str:
        """The best setting in words; empty before there is one."""
        best = self.best_params()
        if best is None:
            return ""
        setting, values = best
        n = f"{len(values)}{' fresh' if self.history.ranked_params('confirm') else ''}"
        return (
            f"best {self.study.metric} {mean_text(values)} (n = {n}) at"
            f" {setting_words(setting, self._labels)}"
        )

    def counts(self) -> str:
        ended = self.statuses.total()
        others = [
            f"{number} {status}"
            for status, number in self.statuses.items()
            if status != "completed"
        ]
        others += [f"{len(self.paused)} paused"] if self.paused else []
        return ", ".join([f"{ended} of {self.total} trials", *others])

    def share(self) -> float:
        """How much of the study is done, 0 to 1: trials that ended, and of running ones the
        epochs.
        """
        running = sum(epoch / self.study.epochs for _, epoch in list(self._last.values()))
        return min(1.0, (self.statuses.total() + running) / max(1, self.total))

    def times(self) -> str:
        """``0:40 passed, about 3:10 left (2:40 to 4:05)``."""
        passed = f"{clock(self.elapsed)} passed"
        if self.statuses.total() >= self.total:
            return passed
        return f"{passed}, {left_words(self.left()) or 'time left not known yet'}"

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def update_estimate(self) -> None:
        """Compute the time left anew, where the last time is a while ago. To be called by the
        thread that hears of the trials.
        """
        now = time.monotonic()
        if now - self._estimated > max(OFTEN, self._took / COST):
            self._left.waiting = self._waiting()
            self._estimate, self._estimated = self._left.estimate(), now
            self._took = time.monotonic() - now

    def left(self) -> Estimate | None:
        """The time left; None as long as nothing is known."""
        if self._estimate is None or self.statuses.total() >= self.total:
            return None
        now = time.monotonic()
        left = self._estimate.after(now - self._estimated)
        return left if self._until is None else left.within(max(0.0, self._until - now))

    def _tell(self, event: str, trial: Trial, facts: Mapping[str, Any]) -> None:
        self._events.append(
            {
                "event": event,
                "trial": trial.id,
                "phase": trial.phase,
                "setting": dict(trial.params),
                **facts,
            }
        )


def space_labels(study: Study) -> dict[str, Growing]:
    """The texts of the values of each parameter."""
    return {key: Growing(domain) for key, domain in space_record(study.space).items()}


def setting_words(setting: Mapping[str, Any], labels: Mapping[str, Growing]) -> str:
    """``width=3, depth=1``."""
    return ", ".join(
        f"{key}={labels[key].of(value) if key in labels else show(value)}"
        for key, value in setting.items()
    )


def left_words(left: Estimate | None) -> str:
    """``about 3:10 left (2:40 to 4:05)``; empty where nothing is known."""
    return (
        f"about {clock(left.left)} left ({clock(left.low)} to {clock(left.high)})" if left else ""
    )


def clock(seconds: float) -> str:
    """Hours, minutes and seconds as ``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
