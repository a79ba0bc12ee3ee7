"""Which tables and pictures a report consists of: a list beside its page, so that the next report
in the same folder takes away what it does not write itself, and nothing that others put there.
"""

import json
import re
from collections.abc import Collection
from pathlib import Path

from analysis.records.write import write_aside

LIST = ".files.json"
_PLACE = re.compile(r"(tables/[\w-]+\.(csv|tex|md)|charts/[\w-]+\.(svg|png))", re.ASCII)


def begin(folder: Path, places: Collection[str]) -> None:
    """Remove the files of the report in ``folder`` that are not among ``places``, and list those:
    all that the next report writes beside its page, relative to ``folder``.
    """
    kept = folder / LIST
    before = listed(kept.read_bytes()) if kept.is_file() else set()
    for place in before.difference(places):
        (folder / place).unlink(missing_ok=True)
    write_aside(kept, json.dumps(sorted(places), indent=1) + "\n")


def stale(before: bytes, after: bytes) -> set[str]:
    """What the list of one report has and that of a later one has not; nothing where one of them
    has no list.
    """
    return listed(before) - listed(after) if after else set()


def listed(content: bytes) -> set[str]:
    """The places in a list, of those that a report can write; a list may be of anybody."""
    try:
        places = json.loads(content)
    except ValueError:
        return set()
    known = places if isinstance(places, list) else []
    return {place for place in known if isinstance(place, str) and _PLACE.fullmatch(place)}
