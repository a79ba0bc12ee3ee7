"""The commands that find runs again: the list of them, their tags and notes."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning.cli.hints import suggest
from tuning.cli.options import (
    Below,
    Host,
    NoteText,
    OfStudy,
    Port,
    Remove,
    RowsAsJson,
    RunFolder,
    Since,
    Sort,
    Tags,
    Where,
    WithTag,
)
from tuning.process.terminal import ended_by_ctrl_c, plain_errors, say, shown

if TYPE_CHECKING:
    from analysis.records.labels import Labels
    from analysis.records.paths import RunPaths

FEW = 20
"""So many runs are read without a word."""


def runs(
    folder: Below = "results",
    study: OfStudy = None,
    tag: WithTag = None,
    since: Since = None,
    where: Where = None,
    sort: Sort = "-started",
    json: RowsAsJson = False,
) -> None:
    """List the runs in a folder: how each stands, what it found, what it took."""
    import json as text

    from analysis.home.query import ordered, wanted
    from analysis.home.table import table, visible
    from tuning.spec.errors import StudyError

    with plain_errors():
        try:
            asked_for = wanted(study, tag or [], since, where or [])
            rows = ordered([row for row in _rows(folder) if asked_for(row)], sort)
        except ValueError as error:
            raise StudyError(str(error)) from None
        for line in map(text.dumps, rows) if json else table(rows, _path):
            print(line)
        for row in rows:
            if "problem" in row:
                say(f"{_path(row['run'])}: {visible(row['problem'])}")
        if rows and not json:
            suggest("runs")


def _path(run: str) -> str:
    return shown(Path(run))


def home(folder: Below = "results", host: Host = "127.0.0.1", port: Port = None) -> None:
    """Serve a page of the runs in a folder, until Ctrl-C: found, opened, two compared."""
    from analysis.home.server import home as serve

    with plain_errors(), ended_by_ctrl_c():
        serve(
            _existing(folder),
            host=host,
            port=port,
            ready=lambda address: say(f"{address} (Ctrl-C ends it)"),
        )


def tag(run: RunFolder, tags: Tags, remove: Remove = False) -> None:
    """Give a run tags, by which `study runs --tag` finds it."""
    from analysis.records.labels import set_tags

    with plain_errors():
        print("tags:", ", ".join(_labelled(run, set_tags, tags, remove=remove).tags) or "none")
        suggest("tag")


def note(run: RunFolder, text: NoteText) -> None:
    """Add a note to a run, which its report shows."""
    from analysis.records.labels import add_note

    with plain_errors():
        labels = _labelled(run, add_note, text)
        print(*(f"{at}  {note}" for at, note in labels.notes), sep="\n")
        suggest("note", run)


def _existing(folder: str) -> Path:
    from tuning.spec.errors import StudyError

    if not Path(folder).is_dir():
        raise StudyError(f"{folder} is no folder: give the one that run folders are in.")
    return Path(folder)


def _rows(folder: str) -> list[dict[str, Any]]:
    from analysis.home.index import rows_below
    from analysis.text.format import count

    return rows_below(
        _existing(folder),
        lambda unread: say(f"reading {count(unread, 'run')} ...") if unread > FEW else None,
    )


def local_run(run: str) -> "RunPaths":
    """The run folder of that name, to be written to.

    Raises:
        StudyError: it is the URL of a store.
        DamagedRun: it is no run folder.
    """
    from analysis.records.lines import read_spec
    from analysis.records.paths import RunPaths
    from tuning.runs.store import is_url
    from tuning.spec.errors import StudyError

    if is_url(run):
        raise StudyError(f"{run} is a URL: give the folder of the run on this machine.")
    paths = RunPaths(Path(run).resolve())
    read_spec(paths.study)
    return paths


def _labelled(run: str, change: Callable[..., "Labels"], *given: Any, **options: Any) -> "Labels":
    """What ``change`` makes of the labels of a run.

    Raises:
        StudyError: the run lies in a store, or what was given is no label.
    """
    from analysis.records.lines import DamagedRun
    from tuning.spec.errors import StudyError

    try:
        return change(local_run(run), *given, **options)
    except DamagedRun:
        raise
    except ValueError as error:
        raise StudyError(str(error)) from None
