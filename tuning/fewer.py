"""Trials left out of a run, and runs made one: no number is trained, and none is deleted."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuning.process.terminal import say

if TYPE_CHECKING:  # it brings pandas
    from analysis.records.load import Run


def drop(run: "str | Path | Run", *trials: str, undo: bool = False, retrain: bool = False) -> "Run":
    """Leave ``trials`` out of a run, by their ids, and write its report again; returns the run.

    Their rows stay in the records, marked; no table, claim, figure or count rests on them, and the
    report says how many there are. Nothing is trained in their place, unless ``retrain`` is given:
    then ``resume`` trains their settings and seeds again, as trials of their own. ``undo``: count
    them again. ``run``: its folder, its URL, or what ``run`` returned.

    Raises:
        StudyError: the run goes on, has no such trial, or what is asked cannot be.
    """
    from analysis import load_run, write_report
    from analysis.records.load import RunPaths
    from tuning.runs.dropping import leave_out, take_back
    from tuning.runs.fetching import fetched
    from tuning.runs.lock import locked
    from tuning.runs.sync import copied
    from tuning.spec.errors import StudyError

    if undo and retrain:
        raise StudyError("undo and retrain exclude each other: a trial counts, or is left out.")
    folder = run if isinstance(run, (str, Path)) else run.paths.root
    root = fetched(str(folder), say).resolve()
    with locked(RunPaths(root).lock, say):
        records = load_run(root)
        with copied(root, records.spec.get("storage"), say):
            take_back(records, trials) if undo else leave_out(records, trials, retrain=retrain)
            write_report(load_run(root))
    return load_run(root)


def merge(
    *runs: "str | Path | Run",
    results: str | Path = "results",
    accept_code_change: bool = False,
) -> "Run":
    """Make one run of several of the same study, code and data, in a new folder below ``results``,
    and write its report; returns it. The ``runs`` stay as they are: folders, URLs, or what ``run``
    returned.

    Runs of a grid may have other seeds, and runs of a search other trials and a seed of the search
    of their own. Trials are numbered anew; seeds that several runs have of a setting count once.
    ``study.json`` says of which run each trial is. ``accept_code_change``: merge runs of unequal
    code; the report says that their numbers are pooled.

    Raises:
        StudyError: the runs differ; in what. One of them goes on.
    """
    from tuning.api import caller

    folders = [run if isinstance(run, (str, Path)) else run.paths.root for run in runs]
    return merged(folders, results, accept_code_change, caller())


def merged(
    runs: Sequence[str | Path], results: str | Path, accept: bool, command: Sequence[str]
) -> "Run":
    """``merge``; ``command``: how it was asked for."""
    from analysis import load_run, write_report
    from analysis.records.load import RunPaths
    from tuning.runs.fetching import cached
    from tuning.runs.lock import refuse_writer
    from tuning.runs.merged_folder import write_merged
    from tuning.runs.merging import sources_of

    folders = [cached(str(run), say) for run in runs]
    for folder in folders:
        refuse_writer(RunPaths(folder).lock, say)
    sources = sources_of([load_run(each) for each in folders], accept=accept)
    paths = write_merged(sources, results, command)
    write_report(load_run(paths.root))
    return load_run(paths.root)
