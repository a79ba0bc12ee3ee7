"""Numbers of a running study for Prometheus, on the metrics port of its Ray:
``cluster/grafana-studies.json`` shows them.
"""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ray.util.metrics import Counter as RayCounter
from ray.util.metrics import Gauge

from analysis.records.schema import Mode
from tuning.engine.best import best_trial
from tuning.runs.history import History
from tuning.spec.study import Study, Trial


class StudyMetrics:
    """A ``Callback`` of the recorder. Ray's metrics are made with the first epoch, for then Ray has
    been joined.

    ``ray_study_trials{study, run, state}``, ``ray_study_best_score{study, run, metric}`` (of one
    trial, over its seeds) and the counter ``ray_study_epochs_total{study, run}``, of which ``rate``
    makes epochs per second.
    """

    def __init__(self, study: Study, run: str, history: History | None = None) -> None:
        """``history``: what the records say."""
        past = list(history.trials.values()) if history else []
        best = best_trial(study, past)
        self._study, self._history = study, history or History(study)
        self._states = Counter(each.status for each in past if each.ended)
        self._running: dict[str, float] = {}
        self._best = best[1] if best else None
        self._tags = {"study": study.name, "run": run}

    @cached_property
    def _trials(self) -> Gauge:
        about = "Trials by state; running: since their first epoch."
        return self._made(Gauge, "study_trials", about, "state")

    @cached_property
    def _score(self) -> Gauge:
        about = "The best completed trial's metric, mean over its seeds."
        return self._made(Gauge, "study_best_score", about, "metric")

    @cached_property
    def _count(self) -> RayCounter:
        return self._made(RayCounter, "study_epochs", "Epochs that were recorded.")

    def _made(self, kind: Any, name: str, about: str, *tags: str) -> Any:
        metric = kind(name, about, (*self._tags, *tags))
        metric.set_default_tags(self._tags)
        return metric

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        new = trial.id not in self._running
        self._running[trial.id] = self._study.score(row["metrics"])
        self._count.inc()
        if new:
            self._show_states()
            self._show_best()

    def pause(self, trial: Trial) -> None:
        """It waits for its turn, as those do that were not begun."""
        self._running.pop(trial.id, None)
        self._show_states()

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        score = self._running.pop(trial.id, None)
        self._states[status] += 1
        self._show_states()
        if status == "completed" and score is not None:
            sign = Mode(self._study.mode).sign
            if self._best is None or sign * score > sign * self._best:
                self._best = score
            self._show_best()

    def _show_best(self) -> None:
        if self._best is not None:
            self._score.set(self._best, {"metric": self._study.metric})

    def _show_states(self) -> None:
        planned = sum(self._history.planned().values())
        waiting = max(0, planned - self._states.total() - len(self._running))
        for state, number in {
            **self._states,
            "running": len(self._running),
            "waiting": waiting,
        }.items():
            self._trials.set(number, {"state": state})
