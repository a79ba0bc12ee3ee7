"""What Ray Tune asks and tells during a study: which trial comes next, and whether one goes on."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from ray.tune.experiment import Trial as RayTrial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from tuning.past import Past
from tuning.study import Study, Trial
from tuning.worker import REPORT


class TrialSource(Searcher):
    """Hands out trials one after the other, never more at a time than ``slots()`` says, and failed ones ``again``.

    A model-based search would otherwise be asked for settings long before they can start, without what was learned meanwhile. Failed
    trials come back through here because Ray's own retries leave out those whose process died while it was handed from trial to trial.
    """

    def __init__(self, study: Study, trials: Iterator[Trial], slots: Callable[[], float]) -> None:
        super().__init__()
        self._all_seeds = study.seed_list
        self._trials = trials
        self._slots = slots
        self._live: set[str] = set()
        self._again: list[Trial] = []

    def __getstate__(self) -> dict[str, Any]:
        """Ray stores searchers beside its own state, which is never read again."""
        return {}

    def again(self, trial: Trial) -> None:
        """Hand a trial out once more, before any other."""
        self._again.append(trial)

    def suggest(self, trial_id: str) -> Any:
        """The next trial as a configuration for ``worker.Worker``; None while every slot is taken, or a live trial may come again."""
        if len(self._live) >= self._slots():
            return None
        trial = self._again.pop(0) if self._again else next(self._trials, None)
        if trial is None:
            return None if self._live else Searcher.FINISHED
        self._live.add(trial_id)
        # All seeds of the study go without saying: Ray keeps five copies of a configuration in its own state.
        seeds = None if list(trial.seeds) == self._all_seeds else list(trial.seeds)
        return {"trial": trial.id, "setting": dict(trial.config), "seeds": seeds, "phase": trial.phase}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self._live.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: what a search knows is in the records."""
        open(checkpoint_path, "wb").close()

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: see ``save``."""


class Halving(FIFOScheduler):
    """Stops trials that fall behind, as ``Asha`` says; ``stopped`` holds the rung of each that was, by its id.

    Ray's own scheduler of this kind forgets its rungs with the driver, keys them by ids that change, and lets NaN pass for ever. This one
    is built from the records: a trial of an earlier session counts at every rung that it passed. The decisions are the same.
    """

    def __init__(self, study: Study, past: Sequence[Past] = (), fitting: Callable[[], int] = lambda: 1) -> None:
        """``fitting``: how many trials can be trained at the same time."""
        super().__init__()
        self._fitting = fitting
        self._sign = 1 if study.mode == "max" else -1
        self._study = study
        self._rule = study.stopping
        self._rungs: dict[int, dict[str, float]] = {rung: {} for rung in study.rungs}
        self._cut_off_at: dict[str, tuple[int, int, float]] = {}
        self._epochs: dict[str, int] = {}
        self.stopped: dict[str, int] = {}
        for one in past:
            self._recall(one)

    def __getstate__(self) -> dict[str, Any]:
        """As ``TrialSource``."""
        return {}

    @property
    def metric(self) -> None:
        """None: Ray would end the study at the first report without it."""

    def choose_trial_to_run(self, tune_controller: Any) -> RayTrial | None:
        """Which trial a process that is free takes: the first that no process is being started for.

        Ray's own choice is the first of all. It ends the process that was being started for that one, so that where trials are shorter than
        such a start, or end often because many run, the first processes do everything and the other slots are never used.
        """
        live = sorted(tune_controller.get_live_trials(), key=lambda trial: trial.config["trial"])
        waiting = [trial for trial in live if trial.status == RayTrial.PENDING]
        free = 1
        starting = self._fitting() - sum(trial.status == RayTrial.RUNNING for trial in live) - free
        return waiting[min(max(0, starting), len(waiting) - 1)] if waiting else None

    def on_trial_result(self, tune_controller: Any, trial: RayTrial, result: Mapping[str, Any]) -> str:
        name, report = trial.config["trial"], result.get(REPORT)
        for row in report.rows if report else ():
            self._count_passed(name, row["epoch"])
            if not row["diverged"] and not self.goes_on(name, row["epoch"], self._study.score(row["metrics"])):
                return TrialScheduler.STOP
        return TrialScheduler.CONTINUE

    def goes_on(self, trial: str, epoch: int, value: float) -> bool:
        """Whether a trial with that mean metric after ``epoch`` goes on. It is judged at the last rung that it has reached since its
        epoch before, and counts there from then on; True where there is none."""
        rung = self._study.rung_between(self._epochs.get(trial, 0), epoch)
        self._epochs[trial] = max(epoch, self._epochs.get(trial, 0))
        if rung is None or self._rule is None or trial in self._rungs[rung] or not math.isfinite(value):
            return True
        before, score = list(self._rungs[rung].values()), self._sign * value
        self._rungs[rung][trial] = score
        goes_on = len(before) < self._rule.min_trials or score >= np.percentile(before, 100 * (1 - 1 / self._rule.keep_one_in))
        if not goes_on:
            self.stopped[trial] = rung
        return bool(goes_on)

    def _recall(self, past: Past) -> None:
        """A trial that diverged at the epoch at which it would have been judged was not. Where it was cut off there, nobody knows."""
        judged, before = past.ended and past.status != "diverged", 0
        for epoch in sorted(past.scores):
            rung = self._study.rung_between(before, epoch)
            score = self._sign * past.scores[epoch]
            if rung is not None and (judged or epoch < past.last_epoch):
                self._rungs[rung][past.trial.id] = score
            elif rung is not None and not past.ended:
                self._cut_off_at[past.trial.id] = epoch, rung, score
                break
            before = epoch
        self._epochs[past.trial.id] = before

    def _count_passed(self, trial: str, epoch: int) -> None:
        """A trial that was cut off at a rung was judged there if it kept a later epoch: it comes with that one, and never at the rung."""
        cut_off, rung, score = self._cut_off_at.get(trial, (epoch, 0, 0.0))
        if cut_off < epoch:
            self._rungs[rung].setdefault(trial, score)
            self._epochs[trial] = max(cut_off, self._epochs.get(trial, 0))
