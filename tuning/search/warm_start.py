"""Settings that a search tries first because comparable earlier runs found them good.

Nothing else of an earlier run is used: what it found is measured again, so that a run that does not
resemble it loses these trials at the most. The settings are chosen so that for each earlier run one
of them is good (M. Wistuba, N. Schilling and L. Schmidt-Thieme, "Sequential Model-Free
Hyperparameter Tuning", ICDM 2015); how good a setting is that a run did not try, is what a Gaussian
process over its trials expects.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.records.load import Run, load_run
from analysis.records.schema import Mode, Status
from tuning.process.terminal import say
from tuning.runs.fetching import cached
from tuning.runs.recorded_trials import trial_records
from tuning.runs.trial_record import TrialRecord
from tuning.spec.branches import space_record
from tuning.spec.settings import outside_problems
from tuning.spec.study import Study, StudyError

MOST = 5
"""So many settings are tried first, and no more than half of the trials."""
BEST = 5
"""So many of each earlier run may be among them."""

Settings = list[dict[str, Any]]


def warm_started(
    study: Study, overrides: Mapping[str, Any], folders: Sequence[str | Path]
) -> tuple[Study, dict[str, Any], Settings]:
    """The study that first tries what the runs in ``folders`` found good, its overrides with these
    settings, by which it goes on without the folders, and what ``study.json`` says of each run.

    Raises:
        StudyError: a run is not comparable, or the study has no search that tries given settings.
    """
    if not folders:
        return study, dict(overrides), []
    if "points_to_evaluate" not in study.search.__dataclass_fields__:
        raise StudyError(
            f"Study {study.name!r}: a warm start needs a search that can be given settings to try"
            " first: Random(), Optuna() or RayTune()."
        )
    runs = [load_run(cached(str(folder), say)) for folder in folders]
    if problems := [line for run in runs for line in _mismatches(study, run)]:
        raise StudyError(problems)
    earlier = [_usable(study, trial_records(run)) for run in runs]
    points = starts(study, earlier)
    found = [
        {"run": str(run.paths.root), "study": run.recorded["name"], "trials": len(trials)}
        for run, trials in zip(runs, earlier, strict=True)
    ]
    changed = {"warm_start": points}
    return study.override(changed), {**overrides, **changed}, found


def starts(study: Study, earlier: Sequence[Sequence[TrialRecord]]) -> Settings:
    """The settings to try first: one after the other the one of which it is expected that it makes
    the best of them all better, mean over the earlier runs. ``earlier``: the trials of each.
    """
    best = [dict(each.params) for trials in earlier for each in _ranked(study, trials)[:BEST]]
    candidates = [each for number, each in enumerate(best) if each not in best[:number]]
    scores = np.column_stack([_expected(study, trials, candidates) for trials in earlier])
    chosen: list[int] = []
    reached = np.full(len(earlier), -np.inf)
    for _ in range(min(MOST, len(candidates), max(1, study.search.trials // 2))):
        gains = np.maximum(scores, reached).mean(axis=1)
        gains[chosen] = -np.inf
        # Of those that make nothing better, the best on the whole.
        first = int(np.lexsort((scores.mean(axis=1), gains))[-1])
        chosen.append(first)
        reached = np.maximum(reached, scores[first])
    return [candidates[number] for number in chosen]


def _expected(study: Study, trials: Sequence[TrialRecord], settings: Settings) -> np.ndarray:
    """Of each of ``settings`` in an earlier run, shape ``(settings,)``."""
    from optuna.trial import TrialState

    from tuning.search.gaussian import expected
    from tuning.search.optuna_space import OptunaSpace
    from tuning.search.rung_sampler import RungSampler
    from tuning.search.unit_cube import UnitCube

    space = OptunaSpace(study)
    cube = UnitCube(space.distributions, space.conditions())
    sampler = RungSampler(0, 0, [*study.rungs, study.epochs], space.distributions)
    known = [
        space.known(
            each.params,
            state=TrialState.PRUNED,
            value=each.score,
            intermediate_values=dict(each.scores),
        )
        for each in trials
    ]
    points = np.array([cube.point(space.for_optuna(each)) for each in settings])
    return expected(cube, sampler.seen(known, Mode(study.mode).sign), points)


def _ranked(study: Study, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Those that are complete, the best first."""
    whole = [each for each in trials if each.status == Status.COMPLETED and each.score is not None]
    return sorted(whole, key=lambda each: -Mode(study.mode).sign * (each.score or 0.0))


def _usable(study: Study, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Those with a value whose settings the search may try."""
    return [
        each
        for each in trials
        if each.scores
        and not outside_problems(each.params, study.space)
        and study.search.allows(each.params)
    ]


def _mismatches(study: Study, run: Run) -> list[str]:
    """Why a run says nothing of the settings of ``study``: one sentence each."""
    said, space = run.recorded, space_record(study.space)
    pairs = {
        "metric": (said["metric"], study.metric),
        "mode": (said["mode"], study.mode),
        "epochs": (said["epochs"], study.epochs),
        "parameters": (", ".join(sorted(said["space"])), ", ".join(sorted(space))),
    }
    found = [
        f"its {name} {'are' if name.endswith('s') else 'is'} {theirs}, and here {ours}."
        for name, (theirs, ours) in pairs.items()
        if theirs != ours
    ]
    found += [
        f"{key} is {_kind(said['space'][key])} there, and {_kind(domain)} here."
        for key, domain in space.items()
        if key in said["space"] and _kind(said["space"][key]) != _kind(domain)
    ]
    if not found and not _ranked(study, _usable(study, trial_records(run))):
        found = ["no complete trial of its search has a setting of this space."]
    return [f"{run.paths.root} cannot warm this study: {line}" for line in found]


def _kind(domain: Mapping[str, Any]) -> str:
    kind = "a list" if "values" in domain else f"a range of {domain.get('kind')}"
    return f"{kind} on its log" if domain.get("log") else kind
