"""The rows of all runs below a folder. What is known of runs that have not changed is kept in a
SQLite file there; the run folders alone are believed.
"""

import contextlib
import json
import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from analysis.records.lines import DamagedRun
from analysis.records.paths import RunPaths
from analysis.records.schema import ENDED

Row = dict[str, Any]
INDEX = ".runs.sqlite"
VERSION = 4
"""Of the rows: an index of another one is made anew."""
_TABLE = f"""
DROP TABLE IF EXISTS runs;
CREATE TABLE runs (run TEXT PRIMARY KEY, mark TEXT, row TEXT);
PRAGMA user_version = {VERSION};
"""
UNREAD = "not read yet"
SECONDS_TO_WAIT = 2.0
BEATS = 20.0
"""A writer touches its lock every few seconds; one that has not for so many is not taken for
alive.
"""


def rows_below(
    folder: Path,
    tell: Callable[[int], None] = lambda runs: None,
    seconds: float = math.inf,
) -> list[Row]:
    """A row per run below ``folder``, that of ``row.row_of`` and ``run`` (its path), ``state``
    (``running``, ``complete``, ``interrupted`` or ``damaged``) and ``problem`` (why it is damaged),
    the one that was started last first. ``tell`` is given the number of runs that have to be read
    anew, before they are. What cannot be read within so many ``seconds`` is ``unread``, the oldest
    runs first, and left to the next call.
    """
    marks = {str(run): _mark(RunPaths(run)) for run in _runs(folder.resolve())}
    with _index(folder) as index:
        known = _known(index, marks)
        if changed := [run for run in marks if run not in known]:
            tell(len(changed))
        until = time.monotonic() + seconds if _is_kept(index) else math.inf
        for number, run in enumerate(sorted(changed, key=_name, reverse=True)):
            if number and time.monotonic() > until:
                known[run] = {"study": Path(run).parent.name, "problem": UNREAD}
                continue
            known[run] = _read(Path(run))
            _keep(index, run, marks[run], known[run])
        _forget(index, marks)
    rows = [{"run": run, "state": _state(Path(run), row), **row} for run, row in known.items()]
    return sorted(rows, key=lambda row: (row.get("started", ""), row["run"]), reverse=True)


def _name(run: str) -> str:
    return Path(run).name


def _is_kept(index: sqlite3.Connection) -> bool:
    """Whether the next call finds what this one read: an index in memory has no file."""
    return bool(index.execute("PRAGMA database_list").fetchone()[2])


def _runs(folder: Path) -> Iterator[Path]:
    """Run folders lie in those of their studies; ``folder`` may be that of one study too."""
    for entry in _folders(folder):
        if (entry / "study.json").is_file():
            yield entry
        else:
            yield from (each for each in _folders(entry) if (each / "study.json").is_file())


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(each.path) for each in entries if each.is_dir(follow_symlinks=False)]
    except OSError:  # removed just now, or not ours to read
        return []


def _mark(paths: RunPaths) -> str:
    """What changes when a row does: the size and the time of what it is made from."""
    marks = []
    for file in (paths.study, paths.trials, paths.epochs, paths.labels, paths.answers):
        with contextlib.suppress(OSError):
            facts = file.stat()
            marks.append([file.name, facts.st_size, facts.st_mtime_ns, facts.st_ino])
    return json.dumps(marks)


def _read(run: Path) -> Row:
    from analysis.home.row import row_of  # brings pandas, which an unchanged list does not need

    try:
        return row_of(run)
    except DamagedRun as error:
        return {"study": run.parent.name, "problem": str(error).splitlines()[0]}


def _state(run: Path, row: Mapping[str, Any]) -> str:
    if "problem" in row:
        return "unread" if row["problem"] == UNREAD else "damaged"
    with contextlib.suppress(OSError):
        if time.time() - RunPaths(run).lock.stat().st_mtime < BEATS:
            return "running"
    waiting = row["unfinished"] or row["awaited"] or ended(row) < row["planned"]
    return "interrupted" if waiting else "complete"


def ended(row: Mapping[str, Any]) -> int:
    """How many trials of a run have ended, however they did."""
    return sum(row[status] for status in ENDED)


@contextlib.contextmanager
def _index(folder: Path) -> Iterator[sqlite3.Connection]:
    """The index of a folder; one in memory where that can neither be used nor made anew."""
    index = _opened(folder / INDEX) or _opened(Path(":memory:"))
    assert index
    try:
        yield index
    finally:
        with contextlib.suppress(sqlite3.Error):
            index.commit()
        index.close()


def _opened(path: Path) -> sqlite3.Connection | None:
    """The index at ``path``, made anew where it is damaged; None where it cannot be written, or
    another process holds it.
    """
    for _ in range(2):
        try:
            index = sqlite3.connect(path, timeout=SECONDS_TO_WAIT)
            with index:
                if index.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                    index.executescript(_TABLE)
                index.execute("SELECT run, mark, row FROM runs LIMIT 1")
                index.execute("DELETE FROM runs WHERE run = ''")  # whether it may be written
            return index
        except sqlite3.OperationalError:
            return None
        except sqlite3.DatabaseError:
            with contextlib.suppress(OSError):
                path.unlink()
    return None


def _known(index: sqlite3.Connection, marks: Mapping[str, str]) -> dict[str, Row]:
    """The rows of the runs that have not changed since."""
    known = {}
    for run, mark, row in index.execute("SELECT run, mark, row FROM runs"):
        if marks.get(run) == mark:
            with contextlib.suppress(ValueError):
                known[run] = json.loads(row)
    return known


def _keep(index: sqlite3.Connection, run: str, mark: str, row: Row) -> None:
    with contextlib.suppress(sqlite3.Error):  # another process writes it; it is no loss
        index.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", (run, mark, json.dumps(row)))


def _forget(index: sqlite3.Connection, marks: Mapping[str, str]) -> None:
    """Take out the rows of runs that are gone."""
    with contextlib.suppress(sqlite3.Error):
        kept = [run for (run,) in index.execute("SELECT run FROM runs")]
        index.executemany(
            "DELETE FROM runs WHERE run = ?", [(run,) for run in kept if run not in marks]
        )
