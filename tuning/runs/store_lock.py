"""One writer per run in a store, and no write of a former one over what the next one wrote.

Stores that pyarrow and fsspec reach offer no write on condition that holds for all of them. So no
two writers ever write one object. Each writer has a claim of its own, ``writers/NUMBER-TOKEN``,
written again every few seconds; the highest number counts. Who takes over from a writer that it
cannot see to be dead writes to a folder of its own, ``turns/NUMBER-TOKEN``: what the former one
still sends lands where nobody reads any more.
"""

import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cluster.processes import is_us, lives_here, us
from tuning.runs.lock import changes, refusal, taken_over, watching
from tuning.runs.store import Folder
from tuning.spec.errors import StudyError

BEAT_SECONDS = 5.0
SILENT_SECONDS = 30.0
"""A writer that cannot be seen from here and does not write its claim while it is watched for so
long is taken for dead: stores answer slowly.
"""
CLAIMS = "writers"
TURNS = "turns"
_CLAIM = re.compile(r"(\d{6,12})-[0-9a-f]{16}")


def current(run: Folder) -> Folder:
    """Where the copy of a run lies that counts: in ``run`` itself, or in the folder of the last
    writer that took it over.
    """
    places = [content.get("turn") for content in _claims(run / CLAIMS).values()]
    turns = [place for place in places if isinstance(place, str) and _CLAIM.fullmatch(place)]
    return run / TURNS / max(turns, key=_number) if turns else run


class StoreLock:
    """Of two that claim a run at once, at most one gets it: each writes its claim first and then
    looks who else has one.
    """

    def __init__(self, run: Folder, storage: str) -> None:
        """``run``: its folder in the store; ``storage``: what that is called in sentences."""
        self._run, self._claims, self._storage = run, run / CLAIMS, storage
        self._name, self._turn, self._judged = "", "", dict[str, dict[str, Any]]()
        self._published = False
        self._lost_to: dict[str, Any] | None = None
        self.place = self.before = run
        """Where this writer writes, and where the copy lay that counted before it."""

    def take(self, tell: Callable[[str], None]) -> None:
        """Get the run; ``tell`` is given a sentence where it takes a while to see whether another
        writer lives.

        Raises:
            StudyError: another process writes this run.
            OSError: the store does not answer.
        """
        self._judged = _claims(self._claims)
        # All are judged: none may be left out because one is dead.
        unseen = [
            name for name, holder in self._judged.items() if not self._is_over(name, holder, tell)
        ]
        self.before = self.place = current(self._run)
        self._name = f"{1 + max(map(_number, self._judged), default=0):06}-{secrets.token_hex(8)}"
        self._turn = "" if self.place == self._run else self.place.path.rpartition("/")[2]
        self._write()
        newcomers = _claims(self._claims).keys() - self._judged.keys() - {self._name}
        if newcomers:
            self.withdraw()
            raise StudyError(refusal(self._storage, self._claims.read_mapping(min(newcomers))))
        if unseen:
            self.place = self._run / TURNS / self._name

    def publish(self) -> None:
        """Let readers find what this writer has written: to be called once that is whole."""
        if self.place != self.before:
            self._turn = self._name
        self._published = True
        self.show()

    def show(self) -> None:
        """Show that this writer lives, if the run is still its own.

        Raises:
            StudyError: another process took it.
            OSError: the store does not answer.
        """
        others = [name for name in _named(self._claims) if name != self._name]
        later = [name for name in others if _number(name) > _number(self._name)]
        if later and self._lost_to is None:
            self._lost_to = self._claims.read_mapping(max(later, key=_number))
        self.check()
        self._write()
        if self._published:
            for name in others:  # those of dead ones, and of whoever came too late
                self._claims.remove(name)

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
        """Let the run go. The claim stays where it says which copy counts."""
        if self._turn and self._lost_to is None:
            self._write(released=True)
        else:
            self.withdraw()

    def withdraw(self) -> None:
        self._claims.remove(self._name)

    def _write(self, **facts: Any) -> None:
        content = us() | {
            "turn": self._turn,
            "at": time.time(),
            "beat": secrets.token_hex(4),
            **facts,
        }
        self._claims.write(self._name, json.dumps(content).encode())

    def _is_over(self, name: str, holder: dict[str, Any], tell: Callable[[str], None]) -> bool:
        """Whether the holder of a claim surely writes no more; False where it was only not heard
        of.

        Raises:
            StudyError: it lives.
        """
        if holder.get("released") or is_us(holder):
            return True
        lives = lives_here(holder)
        if lives is None:
            tell(watching(holder, self._storage, SILENT_SECONDS))
            if changes(lambda: self._claims.read_if_there(name), SILENT_SECONDS):
                now = self._claims.read_mapping(name)
                lives = bool(now) and not now.get("released")
                if not lives:
                    return True
        if lives:
            raise StudyError(refusal(self._storage, holder))
        return lives is False


def _claims(folder: Folder) -> dict[str, dict[str, Any]]:
    """What every claim says, by its name."""
    return {name: folder.read_mapping(name) for name in _named(folder)}


def _named(folder: Folder) -> list[str]:
    return [name for name in folder.names() if _CLAIM.fullmatch(name)]


def _number(name: str) -> int:
    return int(name.partition("-")[0])
