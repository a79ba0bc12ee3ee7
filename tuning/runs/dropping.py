"""Trials left out of a run by hand, and taken back: rows are added, none is taken away."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from analysis.records.lines import TRIAL_KEYS, read_lines, trial_problem
from analysis.records.load import Run
from analysis.records.schema import REPEATED, Phase, Status
from tuning.runs.records import Records
from tuning.runs.trial_record import params_key
from tuning.spec.errors import StudyError

Row = dict[str, Any]


def leave_out(run: Run, trials: Sequence[str], *, retrain: bool = False) -> None:
    """Leave ``trials`` out of a run. ``retrain``: whether sessions to come train their seeds again.

    Raises:
        StudyError: one is no trial of the run or is left out already, or it was drawn by a search
            and is to be trained again.
    """
    rows = _last_rows(run)
    problems = [*_unknown(run, rows, trials)]
    for name in (each for each in trials if each in rows):
        row = rows[name][-1]
        if row["status"] == Status.DROPPED and (not retrain or row.get("retrain")):
            problems.append(f"trial {name} is left out already; --undo takes it back.")
        if retrain and name in _drawn(run):
            problems.append(
                f"trial {name} was drawn by a search, which tries other settings: leave --retrain"
                " out, and give `study extend RUN --trials 1` for one more."
            )
    _append(run, problems, [rows[name][-1] | _mark(retrain) for name in trials if name in rows])


def take_back(run: Run, trials: Sequence[str]) -> None:
    """Count ``trials`` again that were left out.

    Raises:
        StudyError: one is not left out, or its setting and seeds have been trained again.
    """
    rows = _last_rows(run)
    problems = [*_unknown(run, rows, trials)]
    for name in (each for each in trials if each in rows):
        if rows[name][-1]["status"] != Status.DROPPED:
            problems.append(f"trial {name} is not left out.")
        elif others := [*_in_place_of(rows, name)] if name not in _drawn(run) else []:
            problems.append(
                f"the seeds of trial {name} have been trained again, as trial"
                f" {', '.join(others)}: leave that out first."
            )
    before = [
        next(row for row in reversed(rows[name]) if row["status"] != Status.DROPPED)
        for name in trials
        if name in rows
    ]
    _append(run, problems, before)


def _last_rows(run: Run) -> dict[str, list[Row]]:
    """The rows of each trial, in the order in which they were written."""
    rows: dict[str, list[Row]] = {}
    for row in read_lines(run.paths.trials, TRIAL_KEYS, trial_problem, []):
        if row["status"] != REPEATED:
            rows.setdefault(row["trial"], []).append(row)
    return rows


def _unknown(run: Run, rows: dict[str, list[Row]], trials: Sequence[str]) -> Iterator[str]:
    ids = sorted(rows)
    there = f"It has {ids[0]} to {ids[-1]}." if ids else "It has none yet."
    for name in trials:
        if name not in rows:
            yield f"{run.paths.root} has no trial {name!r}. {there}"
    for name in dict.fromkeys(each for each in trials if trials.count(each) > 1):
        yield f"trial {name} is given more than once."


def _drawn(run: Run) -> set[str]:
    """The trials whose settings a search drew."""
    if run.spec["search"].get("kind") == "grid":
        return set()
    search = run.phase(Phase.SEARCH)
    return {*search.trials["trial"], *search.dropped["trial"]}


def _in_place_of(rows: dict[str, list[Row]], name: str) -> Iterator[str]:
    """The trials that have a seed of that one's setting as well."""
    own = _seeds(rows[name][-1])
    for other, its in rows.items():
        if its[-1]["status"] != Status.DROPPED and own & _seeds(its[-1]):
            yield other


def _seeds(row: Row) -> set[tuple[str, str, int]]:
    phase, key = row.get("phase") or Phase.SEARCH, params_key(row["params"])
    return {(phase, key, seed) for seed in row["seeds"]}


def _mark(retrain: bool) -> Row:
    return {"status": str(Status.DROPPED), "retrain": retrain}


def _append(run: Run, problems: Sequence[str], rows: Sequence[Row]) -> None:
    if problems:
        raise StudyError(list(problems))
    at, records = datetime.now(UTC).isoformat(timespec="seconds"), Records(run.paths)
    try:
        for row in rows:
            records.append("trials", {**row, "changed": at})
    finally:
        records.close()
