"""Searches on a problem as the records of a run would have them."""

from collections.abc import Callable
from dataclasses import replace

from benchmarks.searchers.ours import Ours
from benchmarks.searchers.problems import Problem
from tuning.runs.trial_record import TrialRecord
from tuning.spec.study import Asha, Search


def searched(
    problem: Problem,
    search: Search,
    rule: Asha,
    look: Callable[[list[TrialRecord]], None] = lambda records: None,
) -> list[TrialRecord]:
    """The trials of a search that runs to its end, one at a time. ``look``: told those that there
    are before each new one.
    """
    tuner, records = Ours(problem, 1, search, rule), dict[str, TrialRecord]()
    while job := tuner.next():
        if job.key not in records:
            look(list(records.values()))
        record = records.setdefault(job.key, TrialRecord(trial=job.trial, status="pruned"))
        values = problem.curve(job.params)[0]
        while True:
            epoch = record.last_epoch + 1
            record.take(epoch, values[epoch - 1])
            record.seconds += 1.0
            if not tuner.report(job, epoch, values[epoch - 1]):
                break
        if record.last_epoch == problem.epochs:
            record.status = "completed"
    return list(records.values())


def whole(problem: Problem, records: list[TrialRecord]) -> list[TrialRecord]:
    """The same trials, had each been trained to its end."""
    return [
        replace(
            each,
            status="completed",
            scores=dict(enumerate(problem.curve(each.params)[0], start=1)),
            last_epoch=problem.epochs,
            seconds=float(problem.epochs),
        )
        for each in records
    ]
