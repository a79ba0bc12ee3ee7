"""A run that goes on: its study found again, and held against what the records say."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from analysis.runs import Run
from tuning.catalog import find_study
from tuning.prepare import describe_data, describe_study
from tuning.study import Confirm, Grid, Study, StudyError

# What may differ between the sessions of a run: words and pictures, not what is trained.
_WORDS = ("question", "published", "tables", "solved", "compare", "resources", "trainable")


def continued(run: Run, change: Callable[[Study, Study, Run], dict[str, Any]]) -> tuple[Study, dict[str, Any]]:
    """The study of a run as it is to go on, and its overrides. ``change`` says the overrides: it is given the study as it stands in its
    file, the study as it was run, and the run.

    Raises:
        StudyError: the study cannot be found, it or its data are not what they were, or ``change`` refuses.
    """
    reference = run.spec.get("reference")
    if not reference:
        raise StudyError(f"{run.paths.root} was not started with `study run`: its study cannot be found again.")
    # From the study as it stands in its file each time: one override takes the place of another.
    found = find_study(reference)
    was = found.override(run.spec["overrides"])
    if differences := _differences(run.recorded, was):
        raise StudyError([f"{reference} is not the study of this run any more: {line}" for line in differences])
    overrides = change(found, was, run)
    return found.override(overrides), overrides


def unchanged(found: Study, study: Study, run: Run) -> dict[str, Any]:
    """The overrides of a run that just goes on."""
    return dict(run.spec["overrides"])


def extended(found: Study, study: Study, run: Run, *, trials: int | None, seeds: int | None) -> dict[str, Any]:
    """The overrides of a run that is to have so many more trials or seeds. More seeds are seeds of every setting of a grid, and of every
    confirmed setting of a search.

    Raises:
        StudyError: the study has no such number, or none was given.
    """
    overrides = dict(run.spec["overrides"])
    if trials is None and seeds is None:
        raise StudyError("say by how much: --trials N for more settings, --seeds N for more seeds.")
    if any(number is not None and number < 1 for number in (trials, seeds)):
        raise StudyError("--trials and --seeds must be 1 or more: they are added to what there is.")
    if trials is not None:
        if isinstance(study.search, Grid):
            raise StudyError(f"{study.name} is a grid: it tries every setting already. Give --seeds.")
        overrides["trials"] = study.search.trials + trials
    if seeds is not None and study.confirm:
        overrides["confirm"] = {"top": study.confirm.top, "seeds": study.confirm.seeds + seeds}
    elif seeds is not None:
        overrides["seeds"] = _more_seeds(study, seeds)
    return overrides


def confirmed(found: Study, study: Study, run: Run) -> dict[str, Any]:
    """The overrides of a run whose best settings are to be confirmed: as it was to be, as its study says, else three settings over five
    seeds."""
    wanted = study.confirm or found.confirm or Confirm()
    return {**run.spec["overrides"], "confirm": {"top": wanted.top, "seeds": wanted.seeds}}


def _more_seeds(study: Study, seeds: int) -> int | list[int]:
    if not isinstance(study.search, Grid) or study.stopping:
        raise StudyError(f"{study.name} compares its settings by the seeds they have: more of them would need every trial again.")
    first = max(study.seed_list) + 1
    return study.seeds + seeds if isinstance(study.seeds, int) else [*study.seeds, *range(first, first + seeds)]


def _differences(spec: Mapping[str, Any], study: Study) -> list[str]:
    now = describe_study(study) | describe_data(study)
    return [
        f"{key} was {json.dumps(spec.get(key))}, now it is {json.dumps(value)}."
        for key, value in now.items()
        if key not in _WORDS and spec.get(key) != value
    ]
