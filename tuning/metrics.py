"""Numbers of a running study for Prometheus, on the metrics port of its Ray: ``cluster/grafana-studies.json`` shows them."""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ray.util.metrics import Counter as RayCounter
from ray.util.metrics import Gauge

from analysis.runs import Run
from tuning.best import best_trial
from tuning.past import past_trials
from tuning.study import Study, Trial


class StudyMetrics:
    """A ``Listener`` of the recorder. Ray's metrics are made with the first epoch, for then Ray has been joined.

    ``ray_study_trials{study, run, state}``, ``ray_study_best_score{study, run, metric}`` (of one trial, over its seeds) and the counter
    ``ray_study_epochs_total{study, run}``, of which ``rate`` makes epochs per second.
    """

    def __init__(self, study: Study, run: str, earlier: Run | None = None) -> None:
        """``earlier``: the run as its records have it."""
        past = [one for phase in ("search", "confirm") for one in past_trials(earlier, phase)] if earlier else []
        best = best_trial(study, past)
        self._study = study
        self._states = Counter(one.status for one in past if one.ended)
        self._running: dict[str, float] = {}
        self._best = best[1] if best else None
        self._tags = {"study": study.name, "run": run}

    @cached_property
    def _trials(self) -> Gauge:
        return self._made(Gauge("study_trials", "Trials by state; running: since their first epoch.", ("study", "run", "state")))

    @cached_property
    def _score(self) -> Gauge:
        return self._made(Gauge("study_best_score", "The best completed trial's metric, mean over its seeds.", ("study", "run", "metric")))

    @cached_property
    def _count(self) -> RayCounter:
        return self._made(RayCounter("study_epochs", "Epochs that were recorded.", ("study", "run")))

    def _made(self, metric: Any) -> Any:
        metric.set_default_tags(self._tags)
        return metric

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        new = trial.id not in self._running
        self._running[trial.id] = self._study.score(row["metrics"])
        self._count.inc()
        if new:
            self._show_states()
            self._show_best()

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        score = self._running.pop(trial.id, None)
        self._states[status] += 1
        self._show_states()
        if status == "completed" and score is not None:
            pick = max if self._study.mode == "max" else min
            self._best = score if self._best is None else pick(self._best, score)
            self._show_best()

    def _show_best(self) -> None:
        if self._best is not None:
            self._score.set(self._best, {"metric": self._study.metric})

    def _show_states(self) -> None:
        planned = self._study.planned + self._study.planned_confirmations
        waiting = max(0, planned - self._states.total() - len(self._running))
        for state, number in {**self._states, "running": len(self._running), "waiting": waiting}.items():
            self._trials.set(number, {"state": state})
