"""The files of a run, line by line: what is not as a run writes it is named with its file and
line.
"""

import gc
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from analysis.records.inside import is_name, link_problem
from analysis.records.schema import ORDER_KEYS, REPEATED, RUNNING, SCHEMA, Mode, Phase, Status

_STATUSES = (*Status, RUNNING, REPEATED)
_SPEC: Mapping[str, type] = {
    "name": str, "question": str, "space": dict, "fixed": dict, "search": dict, "seeds": list,
    "metric": str, "mode": str, "epochs": int,
}  # fmt: skip
TRIAL_KEYS = frozenset({"trial", "params", "seeds", "status"})
EPOCH_KEYS = frozenset({"trial", "epoch", "metrics", "seconds", "at"})
Row = dict[str, Any]
NAMES = "names are letters, digits, '_' and '-', 100 at most"


class DamagedRun(ValueError):
    """Raised when a folder is no run folder, or when one of its files cannot be read; says which
    file and line.
    """


def finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity: they are written as null."""
    if isinstance(value, Mapping):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def damaged(path: Path, number: int, why: str) -> DamagedRun:
    return DamagedRun(
        f"{path}, line {number} is damaged: {why}. Take that line out to read the rest."
    )


def read_spec(path: Path) -> Row:
    """What ``study.json`` says.

    Raises:
        DamagedRun: it is not there, another version wrote it, or something is missing in it.
    """
    if not path.is_file():
        raise DamagedRun(
            f"{path.parent} is no run folder: it has no {path.name}. Give the folder that `study"
            " run` printed last."
        )
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedRun(f"{path} is damaged: {error}") from None
    schema = spec.get("schema") if isinstance(spec, dict) else None
    if schema != SCHEMA:
        raise DamagedRun(
            f"{path} is of schema {schema}; this program reads schema {SCHEMA}. Read the run with"
            " the version of the program that wrote it."
        )
    lacking = [key for key, kind in _SPEC.items() if not isinstance(spec.get(key), kind)]
    if lacking:
        raise DamagedRun(
            f"{path} is damaged: it does not say {', '.join(lacking)} as a run writes it."
        )
    if spec["mode"] not in set(Mode):
        raise DamagedRun(f"{path} is damaged: mode {spec['mode']!r} must be {' or '.join(Mode)}.")
    sessions = spec.get("sessions") if isinstance(spec.get("sessions"), list) else []
    codes = [session.get("code") for session in sessions if isinstance(session, dict)]
    for name in [spec["name"], *codes]:
        if name is not None and not is_name(name):
            raise DamagedRun(f"{path} is damaged: {name!r:.120} is no name; {NAMES}.")
    for rule in (spec.get("until_settled"), (spec.get("confirm") or {}).get("until_settled")):
        if isinstance(rule, dict):
            rule.setdefault("futility", 0.0)  # no earlier version closed a comparison for it
    return spec


def refuse_links(root: Path) -> None:
    """Have nothing in a run folder lead out of it.

    Raises:
        DamagedRun: there is a link or a special file in it; which.
    """
    if problem := link_problem(root):
        raise DamagedRun(problem)


def read_lines(
    path: Path, keys: Set[str], problem: Callable[[Row], str | None], notes: list[str]
) -> list[Row]:
    """The rows of a file, line 1 first; a torn last line is left out and noted. ``problem`` says
    what is wrong with a row.

    Raises:
        DamagedRun: for the first line that is no such row.
    """
    if not path.exists():
        return []
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DamagedRun(f"{path} cannot be read: {error.strerror}.") from None
    if lines[-1]:
        notes.append(
            f"The last line of {path.name} is torn (its writer was stopped in the middle of it) and"
            " is left out."
        )
    return [
        _parse(path, number, line, keys, problem) for number, line in enumerate(lines[:-1], start=1)
    ]


def _parse(
    path: Path, number: int, line: bytes, keys: Set[str], problem: Callable[[Row], str | None]
) -> Row:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise damaged(path, number, f"{error.msg} at column {error.colno}") from None
    if lacking := keys - (row.keys() if isinstance(row, dict) else set()):
        raise damaged(path, number, f"it lacks {', '.join(sorted(lacking))}")
    if why := problem(row):
        raise damaged(path, number, why)
    return row


def trial_problem(row: Row) -> str | None:
    """What is wrong with a row of ``trials.jsonl``."""
    if not isinstance(row["trial"], str) or not isinstance(row["params"], dict):
        return "trial must be text, and params names with values"
    if not is_name(row["trial"]) or not is_name(row.get("code") or "none"):
        return f"trial {row['trial']!r:.120} of code {row.get('code')!r:.120} is no name; {NAMES}"
    if not isinstance(row["seeds"], list) or not all(
        type(seed) is int and 0 <= seed < 2**63 for seed in row["seeds"]
    ):
        return f"seeds is {row['seeds']!r}, must be a list of whole numbers from 0 to 2**63 - 1"
    refused = row.get("refused") or []
    if not isinstance(refused, list) or not all(isinstance(each, dict) for each in refused):
        return f"refused is {refused!r:.120}, must be a list of names with values"
    for key in ORDER_KEYS:
        if not is_name(row.get(key, "none")):
            return f"{key} {row[key]!r:.120} is no name; {NAMES}"
    drawn = row.get("drawn")
    if drawn is not None and not isinstance(drawn, dict):
        return f"drawn is {drawn!r:.120}, must be names with values"
    for key, value, allowed in (
        ("status", row["status"], _STATUSES),
        ("phase", row.get("phase") or Phase.SEARCH, tuple(Phase)),
    ):
        if value not in allowed:
            return f"{key} is {value!r}, must be one of {', '.join(sorted(allowed))}"
    if row["status"] == REPEATED and not isinstance(row.get("same_as"), str):
        return f"same_as is {row.get('same_as')!r}, must be the trial that is repeated"
    return None


def epoch_problem(row: Row) -> str | None:
    """What is wrong with a row of ``epochs.jsonl``, but for the numbers themselves: there are many
    rows, so this is quick.
    """
    if (
        type(row["epoch"]) is int
        and type(row["metrics"]) is dict
        and type(row["trial"]) is str
        and isinstance(row["seconds"], int | float)
    ):
        return None
    return (
        "must hold as epoch a whole number, metrics names with numbers, trial text, seconds a"
        f" number; it has epoch {row['epoch']!r}"
    )


def metric_problem(row: Row, seeds: Sequence[int]) -> str:
    """Which of the numbers of a row of ``epochs.jsonl`` are none, once it is known that some
    are.
    """
    for name, value in row["metrics"].items():
        if isinstance(value, list) and len(value) != len(seeds):
            return f"{name} has {len(value)} values for {len(seeds)} seeds"
        for each in value if isinstance(value, list) else [value]:
            if not (each is None or isinstance(each, int | float)):
                return f"{name} is {each!r}, must be a number or one number per seed"
    return "its metrics are no numbers"


def missing_notes(rows: Iterable[Row], decisive: Set[str]) -> list[str]:
    """A sentence per metric that was reported without a finite number. Of ``decisive`` ones that
    ended the trial, which says so itself.
    """
    places: dict[str, list[str]] = {}
    for row in rows:
        for name, value in row["metrics"].items():
            if (value is None or (type(value) is list and None in value)) and name not in decisive:
                places.setdefault(name, []).append(row["trial"])
    return [
        f"{name} was no finite number in {len(trials):,} of the epochs recorded"
        f" ({len(set(trials)):,} of the trials): these values count as missing. Name it in"
        " Task(must_be_finite=[...]) to end such trials as diverged."
        for name, trials in places.items()
    ]


def unreported_notes(must_be_finite: Iterable[str], reported: Iterable[str]) -> list[str]:
    """A sentence per metric that is to be finite and that no epoch has; none before the first."""
    names = sorted(reported)
    return [
        f"must_be_finite names {name!r}, which no epoch recorded has: they have"
        f" {', '.join(map(repr, names))}."
        for name in must_be_finite
        if names and name not in names
    ]


@contextmanager
def no_collection() -> Iterator[None]:
    """No garbage collection: it would go through all rows read so far again and again, for half of
    the time, and find nothing.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
