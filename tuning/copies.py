"""Copies of a run in a store: its records stay with the driver, for stores cannot be appended to, and are copied while they grow."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tuning.storage import Folder, first_line, is_url
from tuning.store_lock import NAME as LOCK
from tuning.store_lock import StoreLock
from tuning.study import StudyError

SECONDS_BETWEEN_COPIES = 10.0
"""Copying takes at most a twentieth of the time: of a slow store or a long run, copies are rarer."""
LOCAL = "results"
"""Where the records lie of a run that is copied to a URL."""
STUDY = "study.json"
RECORDS = ("epochs.jsonl", "trials.jsonl")
"""They only grow, but for a torn last line."""


@contextmanager
def copied(root: Path, storage: str | None, tell: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Copy the records of the run at ``root`` into ``storage`` now, every few seconds of the block, and after it, in a thread: a store that
    is slow or gone for a while holds nobody up. Nothing where ``storage`` is None.

    The block is given a function, to be called often, that raises StudyError once another process writes this run to the store.

    Raises:
        StudyError: the store cannot be written, holds later records of this run, or another process writes this run to it.
    """
    if storage is None:
        yield lambda: None
        return
    store = Folder.at(storage)
    lock = StoreLock(store, storage)
    copy = _Copy(root, store, lock)
    try:
        lock.refuse_other(tell)
        _refuse_later_records(root, store, storage)
        lock.take()
        copy.now()
    except OSError as error:
        raise StudyError(f"{storage} cannot be written: {first_line(error)}. Give another place with --results.") from None
    ended = threading.Event()
    # The lock is shown in a thread of its own: to copy a large file to a slow store may take longer than others watch it.
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
            tell(f"{storage} lacks the last records ({first_line(error)}); they are in {root}, and `study resume` copies them.")


def fetched(run: str, tell: Callable[[str], None]) -> Path:
    """The folder of a run. Of one that lies in a store, the records are copied below ``results/`` first, unless those there have all that
    the store has.

    Raises:
        StudyError: the store has no such run, or does not answer.
    """
    if not is_url(run):
        return Path(run)
    store = Folder.at(run)
    local = Path(LOCAL, *Path(store.path).parts[-2:])
    try:
        names = [name for name in store.everything() if _travels(name)]
        if STUDY not in names:
            raise StudyError(f"{run} is no run folder: it has no {STUDY}.")
        if _has_all(local, store):
            return local
        tell(f"{run} is copied to {local}")
        # What says that all is there comes last.
        for name in sorted(names, key=(*RECORDS, STUDY).__contains__):
            Folder.at(local).write(name, store.read(name))
    except OSError as error:
        raise StudyError(f"{run} cannot be read: {first_line(error)}.") from None
    return local


class _Copy:
    """What was copied of a run so far."""

    def __init__(self, root: Path, store: Folder, lock: StoreLock) -> None:
        self._root, self._store, self._lock = root, store, lock
        self._sent: dict[str, tuple[int, int]] = {}

    def now(self) -> None:
        """Copy what has changed.

        Raises:
            StudyError: another process writes this run to the store.
            OSError: the store cannot be written.
        """
        self._lock.show()
        for name, facts in self._files():
            if self._sent.get(name) != facts:
                self._store.write(name, (self._root / name).read_bytes())
                self._sent[name] = facts

    def now_and_then(self, ended: threading.Event, storage: str, tell: Callable[[str], None]) -> None:
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
                    tell(f"{storage} cannot be written: {first_line(error)}. The records are safe in {self._root}; it is tried again.")
                told = True
            pause = max(SECONDS_BETWEEN_COPIES, 19 * (time.monotonic() - began))

    def _files(self) -> Iterator[tuple[str, tuple[int, int]]]:
        for file in sorted(self._root.rglob("*")):
            name = file.relative_to(self._root).as_posix()
            if _travels(name) and file.is_file():
                facts = file.stat()
                yield name, (facts.st_size, facts.st_mtime_ns)


def _travels(name: str) -> bool:
    """Locks belong to the place where they lie, and checkpoints are in the store already."""
    return Path(name).name != LOCK and not name.startswith((".", "checkpoints/"))


def _refuse_later_records(root: Path, store: Folder, storage: str) -> None:
    if not _has_all(root, store):
        raise StudyError(f"{storage} has records of this run that {root} lacks: `study resume {storage}` goes on with those.")


def _has_all(local: Path, store: Folder) -> bool:
    """Whether the copy of a run at ``local`` has every session and every record that the store has."""
    ours = Folder.at(local)
    known = _sessions(ours)
    if not all(session in known for session in _sessions(store)):
        return False
    return ours.read_if_there(STUDY) != b"" and all(_holds(ours, store, name) for name in RECORDS)


def _holds(ours: Folder, store: Folder, name: str) -> bool:
    """Whether our file begins with all whole lines of the store's."""
    theirs = store.read_if_there(name)
    return ours.read_if_there(name).startswith(theirs[: theirs.rfind(b"\n") + 1])


def _sessions(folder: Folder) -> list[dict[str, str]]:
    return list(json.loads(folder.read_if_there(STUDY) or b"{}").get("sessions", []))
