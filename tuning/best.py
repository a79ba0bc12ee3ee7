"""The best settings of a search: chosen for confirmation, and the best network written for others to use."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis import load_run
from analysis.export import write_aside
from analysis.ranking import best_first, ranked_settings
from analysis.runs import Run, RunPaths
from analysis.tables import lost_seeds, trial_settings
from tuning import checkpoints
from tuning.past import Past, past_trials, setting_key
from tuning.storage import Folder
from tuning.study import Study, Trial, trial_id


def best_trial(study: Study, past: Sequence[Past]) -> tuple[str, float] | None:
    """The id of the best completed trial and its metric after its last epoch; None where none is complete."""
    ranked = ranking(study, past)
    return (ranked[0].trial.id, _score(ranked[0])) if ranked else None


def ranking(study: Study, past: Sequence[Past]) -> list[Past]:
    """The completed trials, the best first (of equals the first), by the metric after the last epoch. Others ran for fewer epochs."""
    completed = {one.trial.id: one for one in past if one.status == "completed" and one.score is not None}
    best = best_first({name: _score(one) for name, one in completed.items()}, {name: name for name in completed}, study.mode)
    return [completed[name] for name in best]


def ranked_trials(study: Study, run: Run, phase: str = "search") -> list[list[Past]]:
    """The completed trials of each setting, the best first; the settings as ``analysis.ranking`` ranks them."""
    part, trials = run.phase(phase), defaultdict[int, list[Past]](list)
    settings = trial_settings(part)
    for one in past_trials(run, phase):
        trials[settings[one.trial.id]].append(one)
    return [ranking(study, trials[number]) for number in ranked_settings(part)]


def confirmations(study: Study, run: Run) -> list[Trial]:
    """The trials that confirm the best settings of ``run`` on fresh seeds, all settings on the same ones."""
    assert study.confirm
    best = [trials[0].trial.config for trials in ranked_trials(study, run)[: study.confirm.top]]
    chosen = {setting_key(setting): setting for setting in [*best, *study.confirm.also.values()]}
    pairs = [(setting, part) for setting in chosen.values() for part in study.parts(study.fresh_seeds, study.seeds_per_trial)]
    return [
        Trial(id=trial_id(number, prefix="c"), config=setting, seeds=part, phase="confirm")
        for number, (setting, part) in enumerate(pairs, start=1)
    ]


def export_best(study: Study, paths: RunPaths, kept_in: Folder) -> None:
    """Write the best network of the best confirmed setting (the best of the search, where nothing was confirmed) into ``report/best``, and
    keep its checkpoint alone of those in ``kept_in``."""
    run = load_run(paths.root)
    confirmed = ranked_trials(study, run, "confirm")
    candidates = confirmed[0] if confirmed else ranking(study, past_trials(run))[:1]
    # Where a run was extended, what the setting had before is not there any more, but its new seeds are.
    found = ((one, kept) for one in candidates if (kept := checkpoints.newest(kept_in / one.trial.id)) and kept.epoch == one.last_epoch)
    best, kept = next(found, (None, None))
    if best is None or kept is None:
        return
    for name in kept_in.names(folders=True):
        if name != best.trial.id:
            (kept_in / name).clear()
    if study.export:
        part = run.phase(best.trial.phase)
        lost = lost_seeds(part)
        _export(study, best, kept.state, paths.best, lost["seed"][lost.index == trial_settings(part)[best.trial.id]].tolist())


def _score(past: Past) -> float:
    assert past.score is not None
    return past.score


def _export(study: Study, best: Past, state: Any, folder: Path, lost: list[int]) -> None:
    assert study.export
    folder.mkdir(parents=True, exist_ok=True)
    config = study.config(best.trial.config, best.trial.phase)
    content = {"trial": best.trial.id, "seeds": list(best.trial.seeds), "metric": study.metric, "lost_seeds": lost, "config": config}
    write_aside(folder / "setting.json", json.dumps(content, indent=1) + "\n")
    study.export(config, state, folder)
