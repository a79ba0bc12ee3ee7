"""Copies of a run in a store: its records stay with the driver, for stores cannot be appended to, and are copied while they grow."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tuning.lock import changes, lives_here, refusal, us, watching
from tuning.storage import Folder, first_line, is_url
from tuning.study import StudyError

SECONDS_BETWEEN_COPIES = 10.0
"""Copying takes at most a twentieth of the time: of a slow store or a long run, copies are rarer."""
LOCAL = "results"
"""Where the records lie of a run that is copied to a URL."""


@contextmanager
def copied(root: Path, storage: str | None, tell: Callable[[str], None]) -> Iterator[None]:
    """Copy the records of the run at ``root`` into ``storage`` now, every few seconds of the block, and after it, in a thread: a store that
    is slow or gone for a while holds nobody up. Nothing where ``storage`` is None.

    Raises:
        StudyError: the store cannot be written, or another process writes this run to it.
    """
    if storage is None:
        yield
        return
    copy = _Copy(root, Folder.at(storage))
    _refuse_other_writer(copy.store, storage, tell)
    try:
        copy.now()
    except OSError as error:
        raise StudyError(f"{storage} cannot be written: {first_line(error)}. Give another place with --results.") from None
    ended = threading.Event()
    thread = threading.Thread(target=copy.now_and_then, args=(ended, storage, tell), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        try:
            copy.now()
            copy.store.remove("lock")
        except OSError as error:
            tell(f"{storage} lacks the last records ({first_line(error)}); they are in {root}, and `study resume` copies them.")


def fetched(run: str, tell: Callable[[str], None]) -> Path:
    """The folder of a run. Of one that lies in a store, the records are copied below ``results/`` first, unless those there are of a later
    session.

    Raises:
        StudyError: the store has no such run, or does not answer.
    """
    if not is_url(run):
        return Path(run)
    store = Folder.at(run)
    local = Path(LOCAL, *Path(store.path).parts[-2:])
    try:
        names = [name for name in store.everything() if not name.startswith(("checkpoints/", "lock"))]
        if "study.json" not in names:
            raise StudyError(f"{run} is no run folder: it has no study.json.")
        if _sessions((local / "study.json").read_bytes() if local.exists() else b"{}") >= _sessions(store.read("study.json")):
            return local
        tell(f"{run} is copied to {local}")
        # What says that all is there comes last.
        for name in sorted(names, key="study.json".__eq__):
            Folder.at(local).write(name, store.read(name))
    except OSError as error:
        raise StudyError(f"{run} cannot be read: {first_line(error)}.") from None
    return local


class _Copy:
    """What was copied of a run so far."""

    def __init__(self, root: Path, store: Folder) -> None:
        self._root, self.store = root, store
        self._sent: dict[str, tuple[int, int]] = {}

    def now(self) -> None:
        """Copy what has changed."""
        self.store.write("lock", json.dumps(us() | {"at": time.time()}).encode())
        for name, facts in self._files():
            if self._sent.get(name) != facts:
                self.store.write(name, (self._root / name).read_bytes())
                self._sent[name] = facts

    def now_and_then(self, ended: threading.Event, storage: str, tell: Callable[[str], None]) -> None:
        pause, told = SECONDS_BETWEEN_COPIES, False
        while not ended.wait(pause):
            began = time.monotonic()
            try:
                self.now()
                told = False
            except OSError as error:
                if not told:
                    tell(f"{storage} cannot be written: {first_line(error)}. The records are safe in {self._root}; it is tried again.")
                told = True
            pause = max(SECONDS_BETWEEN_COPIES, 19 * (time.monotonic() - began))

    def _files(self) -> Iterator[tuple[str, tuple[int, int]]]:
        for file in sorted(self._root.rglob("*")):
            name = file.relative_to(self._root).as_posix()
            if name == "lock" or name.startswith((".", "checkpoints/")) or not file.is_file():
                continue
            facts = file.stat()
            yield name, (facts.st_size, facts.st_mtime_ns)


def _refuse_other_writer(store: Folder, storage: str, tell: Callable[[str], None]) -> None:
    try:
        holder = json.loads(store.read("lock"))
    except (OSError, ValueError):
        return
    lives = lives_here(holder)
    if lives is None:
        seconds = 2.5 * SECONDS_BETWEEN_COPIES
        tell(watching(holder, storage, seconds))
        lives = changes(lambda: store.read("lock"), seconds)
    if lives and holder["pid"] != os.getpid():
        raise StudyError(refusal(storage, holder))


def _sessions(study: bytes) -> int:
    return len(json.loads(study).get("sessions", []))
