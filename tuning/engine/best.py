"""The best network of a run, written for others to use."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis.records.load import RunPaths
from analysis.records.schema import CENSORED, Phase
from analysis.report.export import write_aside
from analysis.stats.ranking import best_first
from tuning.engine import checkpoints
from tuning.runs.history import History, TrialRecord
from tuning.runs.store import Folder
from tuning.spec.study import Study


def best_trial(study: Study, records: Iterable[TrialRecord]) -> tuple[str, float] | None:
    """The id of the best completed trial and its metric after its last epoch; None where none is
    complete.
    """
    ranked = ranking(study, records)
    return (ranked[0].trial.id, _score(ranked[0])) if ranked else None


def ranking(study: Study, records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """The completed trials, the best first (of equals the first), by the metric after the last
    epoch. Others ran for fewer epochs.
    """
    completed = {
        each.trial.id: each
        for each in records
        if each.status == "completed" and each.score is not None
    }
    scores = {name: _score(each) for name, each in completed.items()}
    return [completed[name] for name in best_first(scores, study.mode)]


def export_best(study: Study, history: History, paths: RunPaths, kept_in: Folder) -> None:
    """Write the best network of the best confirmed setting (the best of the search, where nothing
    was confirmed) into ``report/best``, and keep its checkpoint in ``kept_in``, with those of
    trials that a later session may go on with.
    """
    confirmed = history.ranked_params(Phase.CONFIRM)
    phase = Phase.CONFIRM if confirmed else Phase.SEARCH
    best_params = (confirmed or history.ranked_params(phase))[:1]
    candidates = [
        each for params in best_params for each in ranking(study, history.of_params(params, phase))
    ]
    # Where a run was extended, what the setting had before is not there any more, but its new seeds
    # are.
    whole = (
        (each, kept)
        for each in candidates
        if (kept := checkpoints.newest(kept_in / each.trial.id)) and kept.epoch == each.last_epoch
    )
    best, kept = next(whole, (None, None))
    if best is None or kept is None:
        return
    kept_ids = {best.id, *(each.id for each in history.trials.values() if not each.ended)}
    for name in kept_in.names(folders=True):
        if name not in kept_ids:
            (kept_in / name).clear()
    if study.task.export:
        _export(study, best, kept.state, paths.best, _lost_seeds(history, best))


def _lost_seeds(history: History, best: TrialRecord) -> list[int]:
    """The seeds of the setting that diverged, failed or ended without a number, and of which no
    other trial has one: as ``analysis.stats.tables.lost_seeds``.
    """
    records = history.of_params(best.trial.params, best.trial.phase)
    ended = [each for each in records if each.ended and each.status not in CENSORED]
    begun = {seed for each in ended for seed in each.trial.seeds}
    known = {
        seed
        for each in ended
        if each.status == "completed"
        for seed, value in each.ends.items()
        if not math.isnan(value)
    }
    return sorted(begun - known)


def _score(record: TrialRecord) -> float:
    assert record.score is not None
    return record.score


def _export(study: Study, best: TrialRecord, state: Any, folder: Path, lost: list[int]) -> None:
    assert study.task.export
    folder.mkdir(parents=True, exist_ok=True)
    config = study.config(best.trial.params, best.trial.phase)
    content = {
        "trial": best.trial.id,
        "seeds": list(best.trial.seeds),
        "metric": study.metric,
        "lost_seeds": lost,
        "config": config,
    }
    write_aside(folder / "setting.json", json.dumps(content, indent=1) + "\n")
    study.task.export(config, state, folder)
