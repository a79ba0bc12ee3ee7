"""Copies of a run in a store: its records stay with the driver, for stores cannot be appended to,
and are copied while they grow.
"""

import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from analysis.records.inside import no_link
from analysis.report.written import LIST, stale
from tuning.runs.store import Folder, first_line, is_safe
from tuning.runs.store_lock import CLAIMS, TURNS, StoreLock
from tuning.runs.two_copies import STUDY, bind, is_bound, refuse_copy, refuse_other_records
from tuning.spec.errors import StudyError

SECONDS_BETWEEN_COPIES = 10.0
"""Copying takes at most a twentieth of the time: of a slow store or a long run, copies are rarer.
"""
LOCK, SESSION, CHECKPOINTS = "lock", "session.json", "checkpoints"
REPORT = "report"
REPORT_LIST = f"{REPORT}/{LIST}"
LOCAL = "results"
"""Where the records lie of a run that is copied to a URL."""


@contextmanager
def copied(
    root: Path, storage: str | None, tell: Callable[[str], None]
) -> Iterator[Callable[[], None]]:
    """Copy the records of the run at ``root`` into ``storage`` now, every few seconds of the block,
    and after it, in a thread: a store that is slow or gone for a while holds nobody up. Nothing
    where ``storage`` is None.

    The block is given a function, to be called often, that raises StudyError once another process
    writes this run to the store.

    Raises:
        StudyError: the store cannot be written, holds records of this run that are not here,
            belongs to another run folder, or another process writes this run to it.
    """
    if storage is None:
        yield lambda: None
        return
    try:
        lock = StoreLock(Folder.at(storage), storage)
        copy = _begun(root, lock, storage, tell)
    except OSError as error:
        raise StudyError(
            f"{storage} cannot be written: {first_line(error)}. Give another place for results."
        ) from None
    ended = threading.Event()
    # The claim is shown in a thread of its own: to copy a large file to a slow store may take
    # longer than others watch it.
    threads = [
        threading.Thread(target=lock.beat, args=(ended,), daemon=True),
        threading.Thread(target=copy.now_and_then, args=(ended, storage, tell), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield lock.check
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        try:
            copy.now()
            lock.release()
        except OSError as error:
            tell(
                f"{storage} lacks the last records ({first_line(error)}); they are in {root}, and"
                " `study resume` copies them."
            )


def _begun(root: Path, lock: StoreLock, storage: str, tell: Callable[[str], None]) -> "_Copy":
    """The first copy of the run, once it is this process's to write."""
    lock.take(tell)
    copy = _Copy(root, lock)
    try:
        if STUDY in lock.before.names():
            refuse_other_records(root, lock.before, storage)
            refuse_copy(root, storage)
        copy.begin()
    except BaseException:
        lock.withdraw()
        raise
    return copy


class _Copy:
    """What was copied of a run so far."""

    def __init__(self, root: Path, lock: StoreLock) -> None:
        self._root, self._store, self._lock = root, lock.place, lock
        self._sent: dict[str, tuple[int, int]] = {}

    def begin(self) -> None:
        """Copy all there is; whoever writes to another place than the one before takes the
        checkpoints along.

        Raises:
            StudyError: another process writes this run to the store.
            OSError: the store cannot be written.
        """
        before = self._lock.before / CHECKPOINTS
        if self._store != self._lock.before:
            for name in before.everything():
                # One that is removed meanwhile is not needed.
                if is_safe(name) and (content := before.read_if_there(name)):
                    (self._store / CHECKPOINTS).write(name, content)
        if not is_bound(self._root):
            bind(self._root)
        self.now()
        self._lock.publish()

    def now(self) -> None:
        """Copy what has changed.

        Raises:
            StudyError: another process writes this run to the store.
            OSError: the store cannot be written.
        """
        self._lock.show()
        for name, facts in self._files():
            if self._sent.get(name) != facts:
                with open(self._root / name, "rb", opener=no_link) as file:
                    content = file.read()
                for gone in stale_files(self._store, content) if name == REPORT_LIST else ():
                    self._store.remove(gone)
                self._store.write(name, content)
                self._sent[name] = facts

    def now_and_then(
        self, ended: threading.Event, storage: str, tell: Callable[[str], None]
    ) -> None:
        """``now``, until the end or until the store is another's."""
        pause, told = SECONDS_BETWEEN_COPIES, False
        while not ended.wait(pause):
            began = time.monotonic()
            try:
                self.now()
                told = False
            except StudyError:
                return
            except OSError as error:
                if not told:
                    tell(
                        f"{storage} cannot be written: {first_line(error)}. The records are safe in"
                        f" {self._root}; it is tried again."
                    )
                told = True
            pause = max(SECONDS_BETWEEN_COPIES, 19 * (time.monotonic() - began))

    def _files(self) -> Iterator[tuple[str, tuple[int, int]]]:
        for file in sorted(self._root.rglob("*")):
            name, facts = file.relative_to(self._root).as_posix(), file.lstat()
            if travels(name) and stat.S_ISREG(facts.st_mode):
                yield name, (facts.st_size, facts.st_mtime_ns)


def stale_files(copy: Folder, report: bytes) -> list[str]:
    """The files of the report in ``copy`` that a later report has not, whose list is ``report``:
    they are not to be left beside it.
    """
    gone = stale(copy.read_if_there(REPORT_LIST), report)
    return [f"{REPORT}/{place}" for place in sorted(gone)]


def travels(name: str) -> bool:
    """Whether a file of a run is copied: locks and sessions belong to where they lie, checkpoints
    are in the store already.
    """
    parts = name.split("/")
    return (
        parts[-1] != LOCK
        and parts[0] not in (LOCK, SESSION, CHECKPOINTS, CLAIMS, TURNS)
        and not name.startswith(".")
    )
