"""The records of a run that grows, followed row by row: for its live page, and for its mirrors.

Needs neither pandas nor Ray, for the process that mirrors is to stay small.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from analysis.records.lines import EPOCH_KEYS, TRIAL_KEYS, epoch_problem, trial_problem
from analysis.records.paths import RunPaths
from analysis.records.schema import REPEATED, Phase, Status, is_of_code, phase_of, status_of

BYTES_AT_ONCE = 1 << 24
Row = dict[str, Any]


class Tail:
    """Follows one file, which need not be there yet. Only whole lines count: a torn last one is
    read once its writer has ended it, and one that a later writer cuts off was never read.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def new(self) -> Iterator[tuple[int, Row]]:
        """Each new row with the byte at which it begins. A line that is no object is passed over:
        the report names damage.
        """
        if self._size() <= self._read:
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            while block := file.readlines(BYTES_AT_ONCE):
                for line in block:
                    if not line.endswith(b"\n"):
                        return
                    began, self._read = self._read, self._read + len(line)
                    if isinstance(row := _parsed(line), dict):
                        yield began, row

    def at(self, began: int) -> Row:
        """The row that begins at that byte; empty where there is none."""
        with self._path.open("rb") as file:
            file.seek(began)
            row = _parsed(file.readline())
        return row if isinstance(row, dict) else {}

    @property
    def is_new(self) -> bool:
        """Whether this is another file than the one that was read: it is shorter."""
        return self._size() < self._read

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0


class FollowedTrial:
    """What the records say of one trial so far. Whoever follows a run keeps more in a subclass."""

    def __init__(self, trial: str) -> None:
        self.trial = trial
        self.row: Mapping[str, Any] = {}
        """Its last line in ``trials.jsonl``."""
        self.epoch = 0
        """The last one that counts; 0 before the first."""

    @property
    def status(self) -> Status:
        return status_of(self.row)

    @property
    def phase(self) -> Phase:
        return phase_of(self.row)

    @property
    def attempt(self) -> int:
        return self.row.get("attempt", 1)

    @property
    def seeds(self) -> list[int]:
        return self.row.get("seeds") or [0]

    @property
    def code(self) -> str | None:
        """The version of the study's code that it is trained with."""
        return self.row.get("code")

    def take(self, row: Mapping[str, Any]) -> None:
        """A line of ``trials.jsonl``. With other code than before, the trial is trained anew."""
        if self.row and row.get("code") != self.code:
            self.epoch = 0
            self.restart()
        self.row = row
        if self.status.has_ended and isinstance(row.get("epochs"), int):
            # What an earlier attempt left beyond it does not count.
            self.epoch = row["epochs"]

    def take_epoch(self, row: Mapping[str, Any], began: int) -> None:
        """A line of ``epochs.jsonl``, which begins at the byte ``began``."""
        if not self.status.has_ended:
            self.epoch = row["epoch"]
        self.add(row, began)

    def restart(self) -> None:
        """Forget all epochs."""
        raise NotImplementedError

    def add(self, row: Mapping[str, Any], began: int) -> None:
        """Keep of an epoch what is needed; the last line of an epoch counts."""
        raise NotImplementedError


Trial = TypeVar("Trial", bound=FollowedTrial)


class Follower(Generic[Trial]):
    """Reads what was added to the records of a run since it looked last. ``make``: what is to be
    kept of a trial, from its id.
    """

    def __init__(self, paths: RunPaths, make: Callable[[str], Trial]) -> None:
        self._paths, self._make = paths, make
        self.begin()

    def begin(self) -> None:
        """Forget all: the next look reads the records from their beginning."""
        self._trials, self._epochs = Tail(self._paths.trials), Tail(self._paths.epochs)
        self.trials: dict[str, Trial] = {}
        self.repeated: set[str] = set()
        """Settings that were drawn again and are not trained again: they are no trials."""
        self.dropped: dict[str, Trial] = {}
        """Trials that were left out by hand."""

    @property
    def is_new(self) -> bool:
        """Whether the records are others than those that were read: ``look`` begins anew."""
        return self._trials.is_new or self._epochs.is_new

    def look(self) -> dict[str, list[int]]:
        """The trials of which something is new, in the order in which it was written, and the
        epochs that are. Records that were replaced by shorter ones are read from their beginning.

        The end of a trial is written after its epochs, so trials are read first: who has ended then
        has all its epochs.
        """
        if self.is_new:
            self.begin()
        changed: dict[str, list[int]] = {}
        self._look_at_trials(changed)
        for began, row in self._epochs.new():
            if self._takes(row, began, changed):
                changed.setdefault(row["trial"], []).append(row["epoch"])
        return changed

    def epoch_at(self, began: int) -> Row:
        """The line of ``epochs.jsonl`` that begins at that byte."""
        return self._epochs.at(began)

    def _look_at_trials(self, changed: dict[str, list[int]]) -> None:
        for _, row in self._trials.new():
            if not row.keys() >= TRIAL_KEYS or trial_problem(row):
                continue
            if row["status"] == REPEATED:
                self.repeated.add(row["trial"])
            elif row["status"] == Status.DROPPED:
                trial = self._known(row["trial"])
                trial.take(row)
                self.dropped[trial.trial] = trial
                for of_trial in (self.trials, changed):
                    of_trial.pop(trial.trial, None)
            else:
                trial = self._known(row["trial"])
                self.dropped.pop(trial.trial, None)
                trial.take(row)
                self.trials[trial.trial] = trial
                changed.setdefault(trial.trial, [])

    def _known(self, name: str) -> Trial:
        return self.trials.get(name) or self.dropped.get(name) or self._make(name)

    def _takes(self, row: Row, began: int, changed: dict[str, list[int]]) -> bool:
        """Take an epoch, unless it is damaged or of code that its trial is trained anew without."""
        if not row.keys() >= EPOCH_KEYS or epoch_problem(row):
            return False
        if row["trial"] not in self.trials:  # it began after its file was read
            self._look_at_trials(changed)
        trial = self.trials.get(row["trial"]) or self.dropped.get(row["trial"])
        if trial is None or not is_of_code(row, trial.code):
            return False
        trial.take_epoch(row, began)
        return trial.trial in self.trials


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
