"""Copies of a run held against each other: whose records they are, and which of them lacks what."""

import json
import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuning.runs.store import Folder
from tuning.spec.errors import StudyError
from tuning.spec.values import cut

STUDY = "study.json"
RECORDS = ("epochs.jsonl", "trials.jsonl")
"""They only grow, but for a torn last line."""
BOUND = ".store"
WAYS = (
    "--from-store (in Python from_store=True) goes on with the records of the store and keeps the"
    " folder aside; --keep-local (from_store=False) goes on with the folder, copied to a new place"
    " beside the one in the store, which stays as it is."
)


def bind(root: Path) -> None:
    """Let the run folder at ``root`` write to its store: this folder, and no copy of it.

    The mark holds the inodes of the folder and of itself, which a copy has not.
    """
    mark = root / BOUND
    mark.unlink(missing_ok=True)
    with open(mark, "x") as file:
        file.write(f"{root.stat().st_ino} {os.fstat(file.fileno()).st_ino}\n")


def is_bound(root: Path) -> bool:
    mark = root / BOUND
    try:
        return (
            stat.S_ISREG(mark.lstat().st_mode)
            and mark.read_text() == f"{root.stat().st_ino} {mark.lstat().st_ino}\n"
        )
    except (OSError, ValueError):
        return False


def refuse_other_records(root: Path, store: Folder, storage: str) -> None:
    """Nothing where the run at ``root`` has all records that ``store`` has of it.

    Raises:
        StudyError: it has not, or what is there is another run.
        OSError: the store does not answer.
    """
    here = Folder.at(root)
    if not has_all(here, store):
        what = (
            f"has records of this run that {root} lacks"
            if is_same_run(here, store)
            else f"has another run than {root}"
        )
        raise StudyError(
            f"{storage} {what}: `study resume {storage}` goes on with those."
            f" {last_rows(here, store)} {WAYS}"
        )


def refuse_copy(root: Path, storage: str) -> None:
    """Nothing where the run at ``root`` may write to its store.

    Raises:
        StudyError: it is a copy of the one that does.
    """
    if not is_bound(root):
        raise StudyError(
            f"{root} is a copy of the run folder whose store is {storage}, or was moved: it does"
            f" not write there. {WAYS}"
        )


def has_all(ours: Folder, theirs: Folder) -> bool:
    """Whether one copy of a run has every session and every record that the other has."""
    known = _sessions(ours)
    if not all(session in known for session in _sessions(theirs)):
        return False
    return ours.read_if_there(STUDY) != b"" and all(_holds(ours, theirs, name) for name in RECORDS)


def is_same_run(ours: Folder, theirs: Folder) -> bool:
    """Whether two copies are of one run: its name may be that of another one. A copy that lacks its
    ``study.json`` may be of any.
    """
    known = [
        (spec.get("name"), spec.get("started"), sessions_of(spec)[:1])
        for spec in (spec_in(ours), spec_in(theirs))
        if spec
    ]
    return len(known) < 2 or known[0] == known[1]


def last_rows(ours: Folder, theirs: Folder) -> str:
    return f"The last row here: {_last_row(ours)}; there: {_last_row(theirs)}."


def spec_in(folder: Folder) -> dict[str, Any]:
    """What ``study.json`` says; empty where it says nothing."""
    return folder.read_mapping(STUDY)


def sessions_of(spec: Mapping[str, Any]) -> list[Any]:
    said = spec.get("sessions")
    return said if isinstance(said, list) else []


def _sessions(folder: Folder) -> list[Any]:
    return sessions_of(spec_in(folder))


def _holds(ours: Folder, theirs: Folder, name: str) -> bool:
    """Whether our file begins with all whole lines of theirs."""
    content = theirs.read_if_there(name)
    return ours.read_if_there(name).startswith(content[: content.rfind(b"\n") + 1])


def _last_row(folder: Folder) -> str:
    """The last whole line of the epochs, in words."""
    lines = folder.read_if_there(RECORDS[0]).rpartition(b"\n")[0].splitlines()
    try:
        row = json.loads(lines[-1])
        at = datetime.fromtimestamp(row["at"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return cut(f"trial {row['trial']}, epoch {row['epoch']}, at {at}")
    except IndexError:
        return "none"
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return "one that cannot be read"
