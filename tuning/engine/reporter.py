"""One trial where it is trained: go on from its last checkpoint, report its rows, keep its state,
and say how it ended.
"""

import time
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tuning.engine import checkpoints
from tuning.engine.meter import Meter
from tuning.engine.trial import NotKept, Returning, iterate
from tuning.engine.yielded import NotReported
from tuning.process.signals import Interrupted
from tuning.runs.store import Folder, tried_again
from tuning.spec.study import Study, Trial

# A report costs the driver some milliseconds: epochs that are shorter than this share one.
SECONDS_BETWEEN_REPORTS = 0.25
OUT_OF_MEMORY = {
    "OutOfMemoryError": (
        "CUDA out of memory: give each trial a larger share of a GPU (Resources(gpus=...)), or make"
        " it smaller (its batch_size, say)."
    ),
    "MemoryError": (
        "Out of memory: let fewer trials run at once (Resources(cpus=...)), or make each smaller"
        " (its batch_size, say)."
    ),
}
"""What to do about an error, by the name of its kind."""


@dataclass(frozen=True, kw_only=True)
class TrialReport:
    """What a trial tells the controller at once. An object and no mapping: Ray flattens mappings
    before its schedulers see them.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    """Epochs, in order."""
    printed: str = ""
    end: dict[str, Any] | None = None
    """How the trial ended, with the last of its rows."""
    raised: str | None = None
    """The traceback of what the trainable raised; the trial is to be started again as often as the
    study allows.
    """
    waits: str | None = None
    """What a checkpoint waits for."""
    can_pause: bool = True
    """Whether the trial can go on later from the last of its rows: its state there is kept."""


def reports(
    study: Study, trial: Trial, data: Mapping[str, Any], reporter: "TrialReporter"
) -> Generator[TrialReport, None, None]:
    """Train a trial from its last checkpoint on; ``data``: as for ``iterate``.

    Raises:
        TrialFailed: the trainable raised something; the report before says what.
        Interrupted: a signal asked this process to end.
    """
    with closing(_trained(study, trial, data, reporter)) as told:
        for report in told:
            with reporter.meter.part("reporting"):
                yield report


def _trained(
    study: Study, trial: Trial, data: Mapping[str, Any], reporter: "TrialReporter"
) -> Generator[TrialReport, None, None]:
    end: dict[str, Any] = {"status": "completed"}
    yield from reporter.recovered()
    reporter.meter.started()
    try:
        with closing(Returning(iterate(study, trial, data, reporter.resumed_state))) as rows:
            for row, state in rows:
                yield from reporter.take(row, state)
                if row["diverged"]:
                    names, epoch = ", ".join(row["diverged"]), row["epoch"]
                    error = f"{names} became non-finite at epoch {epoch}"
                    end = {"status": "diverged", "error": error}
                    break
        if rows.returned:
            end["reason"] = rows.returned
            yield from reporter.keep_last()
    except NotKept as error:
        end = {"status": "failed", "error": str(error), "stops_study": True}
    except NotReported as error:
        end = {"status": "failed", "error": str(error), "misreported": True}
    except Interrupted:
        raise
    except (Exception, KeyboardInterrupt) as error:
        yield reporter.report(raised=traceback.format_exc() + _hint(error, reporter.meter))
        # The report says all; what was raised itself may be large, or not to be pickled.
        raise TrialFailed(f"trial {trial.id} raised {type(error).__name__}") from None
    yield reporter.report(end=end | {"seconds": time.monotonic() - reporter.started})


def _hint(error: BaseException, meter: Meter) -> str:
    """What to do about a lack of memory, and what was used and what there is; else empty."""
    kinds = {each.__name__ for each in type(error).__mro__}
    if "allocate memory" in str(error):  # torch, on the CPU
        kinds.add("MemoryError")
    todo = next((words for kind, words in OUT_OF_MEMORY.items() if kind in kinds), None)
    return f"\n{todo} {meter.memory_words()}" if todo else ""


class TrialFailed(RuntimeError):
    """Raised when a trainable raised something, which the report before has told."""


class TrialReporter:
    """Collects the rows of a trial, and decides when they are reported and its state is kept."""

    def __init__(
        self,
        study: Study,
        trial: Trial,
        folder: Folder,
        printed: Callable[[], str],
        place: Mapping[str, Any],
        meter: Meter | None = None,
    ) -> None:
        """``folder``: of its checkpoints; ``printed``: what the trial has printed since it was
        asked last; ``place``: where it is trained, added to every row; ``meter``: of what the trial
        costs, whose time runs already.
        """
        self.meter = meter or Meter()
        self._study, self._trial, self._folder = study, trial, folder
        self._printed, self._place = printed, dict(place)
        # The last epoch's checkpoint is there for its weights: what else that epoch recorded comes
        # from training it again.
        kept = checkpoints.newest(folder, before=study.epochs)
        self.resumed_state = kept.state if kept else None
        self._rows: list[dict[str, Any]] = kept.rows if kept else []
        self._epoch = kept.epoch if kept else 0
        self.started = self._reported = self._kept = time.monotonic()
        self._checked = kept is not None
        self._seconds, self._kept_epoch = study.recovery.checkpoint_seconds, self._epoch
        self._may_be_last = bool(study.scheduler and study.scheduler.completes)
        self._last: tuple[dict[str, Any], Any] | None = None
        self._pauses = bool(study.scheduler and study.scheduler.pauses and trial.phase == "search")

    def recovered(self) -> Iterator[TrialReport]:
        """Rows that came with the checkpoint: the last may be a rung, to be judged before anything
        more is trained.
        """
        if self._rows:
            yield self.report()

    def take(self, row: dict[str, Any], state: Any) -> Iterator[TrialReport]:
        """Take the row of an epoch; report it where it is time, after its state is kept."""
        self._rows.append(row | self._place)
        now = time.monotonic()
        last = row["epoch"] == self._study.epochs
        judged = self._study.judges(self._epoch, row["epoch"])
        due = judged or now - self._reported > SECONDS_BETWEEN_REPORTS
        self._epoch, self._kept_epoch, self._last = row["epoch"], 0, (row, state)
        needed = last or self._may_be_last or (judged and self._pauses)
        if (
            state is not None
            and not row["diverged"]
            and (needed or (due and now - self._kept > self._seconds))
        ):
            yield from self._keep(row, state, last)
        if due and not row["diverged"] and not last:
            can_pause = not self._pauses or not judged or self._kept_epoch == row["epoch"]
            yield self.report(can_pause=can_pause)

    def keep_last(self) -> Iterator[TrialReport]:
        """The trial has ended itself after the epoch that was taken last: its state is kept as that
        of the last epoch is.
        """
        if self._last and self._last[1] is not None:
            yield from self._keep(*self._last, last=True)

    def report(self, **facts: Any) -> TrialReport:
        rows, self._rows = self._rows, []
        over = "end" in facts or "raised" in facts
        if rows and (over or self.meter.is_due):
            cost = self.meter.last_cost() if over else self.meter.cost()
            rows[-1] = {**rows[-1], "cost": cost}
        self._reported = time.monotonic()
        return TrialReport(rows=rows, printed=self._printed(), **facts)

    def _keep(self, row: Mapping[str, Any], state: Any, last: bool) -> Iterator[TrialReport]:
        with self.meter.part("checkpoint"):
            yield from self._kept_safe(row, state, last)

    def _kept_safe(self, row: Mapping[str, Any], state: Any, last: bool) -> Iterator[TrialReport]:
        if not self._checked and (problem := checkpoints.state_problem(state)):
            raise NotKept(problem)
        self._checked = True
        # Arrays are no JSON: an epoch before the last that recorded some is no place to go on from.
        if last or not any(each["arrays"] for each in self._rows):
            rows = [] if last else list(self._rows)
            tries = tried_again(
                lambda: checkpoints.save(self._folder, row["epoch"], state, rows, final=last),
                for_seconds=self._study.recovery.stall_timeout,
            )
            for number, why in enumerate(tries):
                if number == 0:
                    yield TrialReport(waits=f"a checkpoint of trial {self._trial.id}: {why}")
            self._kept_epoch = row["epoch"]
        self._kept = time.monotonic()
