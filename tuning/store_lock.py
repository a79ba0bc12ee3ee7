"""One writer per run in a store: a file in it that says who writes, written again every few seconds."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cluster.processes import is_us, lives_here, us
from tuning.lock import changes, refusal, taken_over, watching
from tuning.storage import Folder
from tuning.study import StudyError

BEAT_SECONDS = 5.0
SILENT_SECONDS = 30.0
"""A writer on another machine that does not write its lock while it is watched for so long is taken for dead: stores answer slowly."""
NAME = "lock"


class StoreLock:
    """Stores know no file that is made by one of two: both may take the lock of a dead writer, and the one that finds the other's in the
    place of its own has lost it."""

    def __init__(self, store: Folder, storage: str) -> None:
        """``storage``: what the store is called in sentences."""
        self._store, self._storage = store, storage
        self._lost_to: dict[str, Any] | None = None

    def refuse_other(self, tell: Callable[[str], None]) -> None:
        """Nothing where nobody else writes, or whoever did is dead; ``tell`` is given a sentence where it takes a while to see that.

        Raises:
            StudyError: another process writes this run.
            OSError: the store does not answer.
        """
        holder = self._holder()
        if holder is None or is_us(holder):
            return
        lives = lives_here(holder)
        if lives is None:
            tell(watching(holder, self._storage, SILENT_SECONDS))
            lives = changes(lambda: self._content(), SILENT_SECONDS)
        if lives:
            raise StudyError(refusal(self._storage, holder))

    def take(self) -> None:
        """Write it as ours, whoever's it was."""
        self._store.write(NAME, json.dumps(us() | {"at": time.time()}).encode())

    def show(self) -> None:
        """Show that its holder lives, if that is still this process.

        Raises:
            StudyError: another process took it.
            OSError: the store does not answer.
        """
        holder = self._holder()
        if holder is not None and not is_us(holder):
            self._lost_to = holder
        self.check()
        self.take()

    def check(self) -> None:
        """What ``show`` found out.

        Raises:
            StudyError: another process took it, as this one was not heard of for too long.
        """
        if self._lost_to is not None:
            raise StudyError(taken_over(self._storage, self._lost_to))

    def beat(self, ended: threading.Event) -> None:
        """Show it every few seconds, until the end or until it is lost."""
        with suppress(StudyError):
            while not ended.wait(BEAT_SECONDS):
                with suppress(OSError):
                    self.show()

    def release(self) -> None:
        self._store.remove(NAME)

    def _holder(self) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self._content()))
        except ValueError:
            return None

    def _content(self) -> bytes:
        """Empty where nobody holds it."""
        return self._store.read_if_there(NAME)
