"""Trials left out of a run, and runs made one: no number is trained, and none is deleted."""

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
