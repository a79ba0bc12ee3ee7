"""What people say of a run, tags and notes: a file beside its records, to which lines are appended
while the run goes on or long after.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from analysis.records.inside import is_name, no_link
from analysis.records.lines import NAMES, DamagedRun, read_lines
from analysis.records.paths import RunPaths

LONGEST_NOTE = 2_000


@dataclass(frozen=True)
class Labels:
    """``tags``: in the order in which they were given; ``notes``: the time of each, ISO 8601, and
    its text, the oldest first.
    """

    tags: Sequence[str] = ()
    notes: Sequence[tuple[str, str]] = ()


def read_labels(paths: RunPaths) -> Labels:
    """The tags and notes of a run; none where nobody gave it any.

    Raises:
        DamagedRun: a line of the file is no such row.
    """
    tags: dict[str, None] = {}
    notes = []
    for row in read_lines(paths.labels, {"at"}, _problem, []):
        if "note" in row:
            notes.append((row["at"], row["note"]))
        elif row["set"]:
            tags[row["tag"]] = None
        else:
            tags.pop(row["tag"], None)
    return Labels(list(tags), notes)


def set_tags(paths: RunPaths, tags: Iterable[str], *, remove: bool = False) -> Labels:
    """Give a run ``tags``, or take them from it; returns what it has then.

    Raises:
        ValueError: a tag is no name, or is to be taken from a run that has it not.
    """
    tags = list(tags)
    if wrong := [tag for tag in tags if not is_name(tag)]:
        raise ValueError(f"tag {wrong[0]!r:.120} is no name; {NAMES}.")
    known = read_labels(paths).tags
    if remove and (unknown := [tag for tag in tags if tag not in known]):
        raise ValueError(
            f"{paths.root} has no tag {unknown[0]!r}. It has: {', '.join(known) or 'none'}."
        )
    _append(paths, [{"tag": tag, "set": not remove} for tag in tags])
    return read_labels(paths)


def add_note(paths: RunPaths, text: str) -> Labels:
    """Add a note to a run; returns what it has then.

    Raises:
        ValueError: there is nothing in the text, or too much.
    """
    if not 0 < len(text.strip()) <= LONGEST_NOTE:
        raise ValueError(
            f"a note has 1 to {LONGEST_NOTE:,} characters; this one has {len(text.strip()):,}."
        )
    _append(paths, [{"note": text.strip()}])
    return read_labels(paths)


def _append(paths: RunPaths, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append rows in one piece, so that two who do so at once lose nothing.

    Raises:
        DamagedRun: the last line is torn: another one behind it would be lost with it.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    lines = "".join(f"{json.dumps({'at': at, **row})}\n" for row in rows).encode()
    with open(paths.labels, "ab+", buffering=0, opener=no_link) as file:
        if size := file.seek(0, os.SEEK_END):
            file.seek(size - 1)
            if file.read(1) != b"\n":
                raise DamagedRun(
                    f"{paths.labels} ends in the middle of a line. Take that line out first."
                )
        file.write(lines)


def _problem(row: Mapping[str, Any]) -> str | None:
    """What is wrong with a row of ``labels.jsonl``."""
    is_note = isinstance(row.get("note"), str)
    is_tag = is_name(row.get("tag")) and isinstance(row.get("set"), bool)
    if isinstance(row["at"], str) and is_note != is_tag:
        return None
    return "it is neither a note, nor a tag that is set or taken away"
