"""What people order of a run while it goes on, and what became of each order.

Whoever gives an order appends it to ``orders.jsonl``; the session that carries it out, or refuses
it, appends its answer to ``answers.jsonl``. A trial that was stopped or added names the order in
its own row of ``trials.jsonl``, so that a session that is killed before it answers does nothing
twice.
"""

import getpass
import json
import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from analysis.records.follow import Row, Tail
from analysis.records.inside import is_name, no_link
from analysis.records.lines import read_spec
from analysis.records.paths import RunPaths
from analysis.records.schema import ORDER_KEYS, is_added
from analysis.records.settled import settled_at

STOP, ADD, PAUSE, END = "stop-trial", "add", "pause", "end"
KEPT = "not running: the order is kept, and the next session (`study resume`) carries it out first"
SECONDS_TO_ANSWER = 5.0
"""So long one waits for the answer to an order; it is carried out without anybody waiting."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """``do``: ``STOP``, ``ADD``, ``PAUSE`` or ``END``; ``by``: who gave it, ``at``: when, ISO 8601;
    ``session``: to which session of the run, counted from 1; ``trial`` to be stopped; ``params`` to
    be added.
    """

    id: str
    do: str
    by: str
    at: str
    session: int
    trial: str | None = None
    params: Mapping[str, Any] | None = None

    @property
    def words(self) -> str:
        """``stop-trial 0003``, ``add lr=0.003, width=64``, ``pause``."""
        params = ", ".join(f"{key}={json.dumps(value)}" for key, value in self._params)
        return " ".join(filter(None, [self.do, self.trial, params]))

    @property
    def _params(self) -> Iterable[tuple[str, Any]]:
        return (self.params or {}).items()

    def outcome(self, answer: Mapping[str, Any] | None) -> str:
        """What became of it, in a sentence; ``answer``: a row of ``answers.jsonl``, if there is
        one.
        """
        if answer is None:
            return f"{self.words}: ordered; no answer yet, as epochs are trained to their end."
        verb = "carried out" if answer["done"] else "refused"
        return f"{self.words}: {verb}: {answer['answer'].removesuffix('.')}."


def give(
    paths: RunPaths,
    do: str,
    *,
    trial: str | None = None,
    params: Mapping[str, Any] | None = None,
    way: str = "command",
) -> Order:
    """Append an order of this user's to those of a run; ``way``: by what it is given.

    Raises:
        DamagedRun: the folder is no run folder.
    """
    order = Order(
        id=secrets.token_hex(6),
        do=do,
        by=f"{_user()} ({way})",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        session=sessions_of(read_spec(paths.study)),
        trial=trial,
        params=params,
    )
    row = {key: value for key, value in asdict(order).items() if value is not None}
    line = json.dumps(row).encode() + b"\n"
    with open(paths.orders, "ab+", buffering=0, opener=no_link) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        # In one piece, and never behind half a line: two may order at once, and one be killed.
        file.write(line if file.read(1) in (b"", b"\n") else b"\n" + line)
    return order


def sessions_of(spec: Mapping[str, Any]) -> int:
    """How many sessions a run has had, the one that goes on included."""
    return len(spec.get("sessions") or [])


class Inbox:
    """The orders of a run, each once, as they come in."""

    def __init__(self, paths: RunPaths) -> None:
        self._paths, self._tail, self._seen = paths, Tail(paths.orders), set[str]()

    @cached_property
    def session(self) -> int:
        """Which session of the run went on when this was asked first."""
        return sessions_of(read_spec(self._paths.study))

    def new(self) -> Iterator[Order]:
        """Those that came since this was asked last. A line that is no order is passed over."""
        for _, row in self._tail.new():
            if is_order(row) and row["id"] not in self._seen:
                self._seen.add(row["id"])
                facts: Row = {key: row.get(key) for key in Order.__dataclass_fields__}
                yield Order(**facts)


def is_order(row: Mapping[str, Any]) -> bool:
    """Whether a row of ``orders.jsonl`` is as ``give`` writes it."""
    return (
        is_name(row.get("id"))
        and all(isinstance(row.get(key), str) for key in ("by", "at"))
        and type(row.get("session")) is int
        and (
            row.get("do") in (PAUSE, END)
            or (row.get("do") == STOP and is_name(row.get("trial")))
            or (row.get("do") == ADD and isinstance(row.get("params"), dict))
        )
    )


class Steering:
    """The orders of a run and what became of them, as they come in: ``answers`` has for the id of
    an order ``order``, ``at``, ``done`` (whether it was carried out) and ``answer``, in words; of
    an ``END`` that was, ``planned``: how many trials the search was to have then.
    """

    def __init__(self, paths: RunPaths) -> None:
        self._inbox, self._tail = Inbox(paths), Tail(paths.answers)
        self.orders: list[Order] = []
        self.answers: dict[str, Row] = {}

    def refresh(self) -> "Steering":
        """Read what is new."""
        self.orders += self._inbox.new()
        for _, row in self._tail.new():
            if isinstance(row.get("order"), str) and isinstance(row.get("answer"), str):
                self.answers.setdefault(row["order"], row)
        return self

    def open(self) -> list[Order]:
        """The orders without an answer."""
        return [order for order in self.orders if order.id not in self.answers]

    def rows(self) -> list[dict[str, Any]]:
        """A row per order: ``at, by, words, done`` (None before it is answered) and ``answer``."""
        return [
            {
                "at": order.at,
                "by": order.by,
                "words": order.words,
                "done": answer.get("done"),
                "answer": answer.get("answer", "not answered yet"),
            }
            for order in self.orders
            for answer in [self.answers.get(order.id, {})]
        ]


def ended_by(answers: Mapping[str, Row], planned: Any) -> str | None:
    """The order that ended a search of so many ``planned`` trials; None where none did. One that
    was given more trials, or fewer, since goes on.
    """
    ends = [id for id, row in answers.items() if row.get("done") and row.get("planned") == planned]
    return ends[-1] if ends and planned is not None else None


def ordered(rows: Iterable[Row]) -> dict[str, list[str]]:
    """The trials that each order stopped or added, by its id, as rows of ``trials.jsonl`` say."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for key in ORDER_KEYS:
            if key in row:
                found.setdefault(row[key], []).append(row["trial"])
    return found


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"user {os.getuid()}"


def planned_trials(
    planned: int,
    answers: Mapping[str, Row],
    begun: Collection[str],
    dropped: Mapping[str, Any],
    repeated: int,
) -> int:
    """How many trials a search of ``planned`` ones has once it is complete. ``begun``: its trials;
    ``dropped``: those that were left out besides, with whether they are to be trained again;
    ``repeated``: how many settings were drawn again.
    """
    if ended_by(answers, planned) or settled_at(answers.values(), planned):
        return len(begun)
    added = sum(map(is_added, [*begun, *dropped]))
    return planned - repeated - sum(not again for again in dropped.values()) + added
