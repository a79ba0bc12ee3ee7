"""What earlier runs found that a search begins with: read once, when its run begins, and kept in
the folder of that run, so that it goes on with the same, whatever becomes of them.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analysis.records.lines import DamagedRun, read_lines
from analysis.records.load import Run, load_run
from analysis.records.paths import RunPaths
from analysis.records.schema import Status
from analysis.records.space import declared
from tuning.runs.recorded_trials import trial_records
from tuning.runs.store import Folder
from tuning.runs.trial_record import at_stops
from tuning.spec.branches import space_record
from tuning.spec.settings import outside_problems, setting_problems
from tuning.spec.study import Study, StudyError

KEYS = frozenset({"run", "stops", "trials"})


@dataclass(frozen=True, kw_only=True)
class EarlierRun:
    """A run of the same parameters and metric that a search begins with, on other data maybe."""

    run: str
    """Its folder, as it was given."""
    stops: Sequence[int]
    """Its epochs that are as far into a training as the rungs of the run that begins, and its last
    one; ascending.
    """
    trials: Sequence[tuple[Mapping[str, Any], Mapping[int, float]]]
    """Of each its params, and epoch -> the metric, mean over its seeds: at the ``stops``, and the
    last one. None that was left out by hand, and none of a confirmation.
    """


def earlier_runs(study: Study) -> list[EarlierRun]:
    """What the runs found that ``study`` names to begin with; nothing of their test data.

    Raises:
        StudyError: one of them is none, is given twice, is not of the same parameters, metric and
            mode, or has no trial with a value that ``study`` may try; all problems.
    """
    runs, problems = [], []
    for folder in map(str, study.search.warm_start):
        try:
            run = load_run(folder)
        except DamagedRun as error:
            problems.append(str(error))
            continue
        found = _earlier(folder, run, study)
        problems += [f"{folder}: {each}" for each in _misfits(run, study, found)]
        runs.append(found)
    times = Counter(Path(each.run).resolve() for each in runs)
    problems += [f"{each} is given more than once." for each in times if times[each] > 1]
    if problems:
        raise StudyError([f"search: warm_start: {problem}" for problem in problems])
    return runs


def _misfits(run: Run, study: Study, found: EarlierRun) -> Iterator[str]:
    """Why a run is none that ``study`` can begin with."""
    was, now = list(run.recorded["space"]), list(space_record(study.space))
    wrong = []
    if set(was) != set(now):
        wrong.append(f"its parameters are {', '.join(was)}, here {', '.join(now)}.")
    if run.metric != study.metric:
        wrong.append(f"its metric is {run.metric}, here {study.metric}.")
    if run.recorded["mode"] != study.mode:
        wrong.append(f"its mode is {run.recorded['mode']}, here {study.mode}.")
    yield from wrong
    if not (wrong or found.trials):
        yield "none of its trials has a value and is a setting that this study may try."


def _earlier(folder: str, run: Run, study: Study) -> EarlierRun:
    epochs, space = int(run.recorded["epochs"]), space_record(study.space)
    stops = [max(1, round(stop * epochs / study.epochs)) for stop in (*study.rungs, study.epochs)]
    known = [
        (declared(space, each.params), {at: each.scores[at] for at in at_stops(each.scores, stops)})
        for each in trial_records(run)
        if each.scores and each.status not in (Status.DIVERGED, Status.FAILED)
    ]
    may_be_tried = [each for each in known if _may_be_tried(each[0], study)]
    return EarlierRun(run=folder, stops=stops, trials=may_be_tried)


def _may_be_tried(params: Mapping[str, Any], study: Study) -> bool:
    return (
        not setting_problems(params, study.space, study.task.limits)
        and not outside_problems(params, study.space)
        and study.search.allows(params)
    )


def earlier_record(runs: Sequence[EarlierRun]) -> dict[str, Any]:
    """What ``study.json`` says of them."""
    said = [{"run": each.run, "trials": len(each.trials)} for each in runs]
    return {"earlier": said} if said else {}


def keep_earlier(paths: RunPaths, runs: Sequence[EarlierRun]) -> None:
    """Write them into the folder of the run that begins with them, a line each."""
    if runs:
        lines = "".join(f"{json.dumps(asdict(each), allow_nan=False)}\n" for each in runs)
        Folder.at(paths.root).write(paths.earlier.name, lines.encode())


def kept_earlier(paths: RunPaths, study: Study) -> list[EarlierRun]:
    """Those that the run at ``paths`` began with.

    Raises:
        DamagedRun: the file that has them is damaged.
    """
    space = space_record(study.space)
    return [
        EarlierRun(
            run=row["run"],
            stops=row["stops"],
            trials=[
                (declared(space, params), {int(at): value for at, value in scores.items()})
                for params, scores in row["trials"]
            ],
        )
        for row in read_lines(paths.earlier, KEYS, _problem, [])
    ]


def _problem(row: Mapping[str, Any]) -> str | None:
    trials = row["trials"]
    sound = isinstance(trials, list) and all(
        isinstance(each, list) and len(each) == 2 and all(isinstance(part, dict) for part in each)
        for each in trials
    )
    return None if sound else "its trials are not pairs of params and scores"
