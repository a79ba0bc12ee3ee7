"""What can be wrong with how settings are chosen, stopped and confirmed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tuning.spec.branches import first_setting, parameters, settings_count
from tuning.spec.errors import StudyError
from tuning.spec.searches import Search
from tuning.spec.settings import outside_problems, setting_problems
from tuning.spec.space import (
    MOST_VALUES,
    is_range,
)
from tuning.spec.values import (
    LARGEST,
    holds_twice,
    is_kept,
    is_name,
    shown,
)

if TYPE_CHECKING:
    from tuning.spec.study import Study
from tuning.spec.components import UntilSettled
from tuning.spec.numbers import are_seeds, count_problem, settling_problems
from tuning.spec.value_validation import space_problems


def search_problems(study: "Study") -> list[str]:
    """What is wrong with how settings are chosen, stopped and confirmed."""
    if study.search.exhaustive:
        found = [
            f"space: {key} is a range; a grid needs a list of values. Or search the range, with"
            " search=Random(trials=20), say."
            for key, values in parameters(study.space).items()
            if is_range(values)
        ]
        found += [] if found or space_problems(study) else _valid_problems(study)
    else:
        found = _chooser_problems(study, study.search)
    if study.metric.startswith(("test_", "set_aside_", "extra_test_")):
        found.append(
            f"metric={study.metric!r} is a test metric: settings may not be chosen by it. Choose a"
            " validation metric."
        )
    return found + _scheduler_problems(study) + _confirm_problems(study)


def _chooser_problems(study: "Study", search: Search) -> list[str]:
    found = [
        problem
        for name, least in search.counts.items()
        for problem in count_problem(f"search: {name}", getattr(search, name), least)
    ]
    found += [f"search: {problem}" for problem in search.problems()]
    if type(search.seed) is not int or not is_kept(search.seed):
        found.append(f"search: seed={shown(search.seed)} must be a whole number.")
    if not isinstance(search.points_to_evaluate, (list, tuple)):
        return [
            *found,
            f"search: points_to_evaluate={shown(search.points_to_evaluate)} must be a list of"
            " settings.",
        ]
    sound = not space_problems(study)
    valid = _valid_problems(study) if sound else []
    found += valid
    for setting in search.points_to_evaluate:
        wrong = setting_problems(setting, study.space, study.task.limits) or (
            outside_problems(setting, study.space) if sound else []
        )
        if sound and not (valid or wrong or search.allows(setting)):
            wrong = [f"{shown(dict(setting))} is a setting that valid refuses."]
        found += [f"search: points_to_evaluate: {problem}" for problem in wrong]
    return found


def _valid_problems(study: "Study") -> list[str]:
    """What is wrong with ``valid``, as far as can be seen before a search draws: of a sound space
    alone.
    """
    search = study.search
    if search.valid is None:
        return []
    if not callable(search.valid):
        return [
            f"search: valid={shown(search.valid)} must be a function of a setting, lambda params:"
            ' params["layers"] * params["width"] <= 512 say, or None.'
        ]
    try:
        if search.exhaustive and not study.settings():
            every = f"{settings_count(study.space):,}"
            return [f"search: valid refuses all {every} combinations: nothing is left to be tried."]
        search.allows(first_setting(study.space))
    except StudyError as error:
        return error.problems
    return []


def _scheduler_problems(study: "Study") -> list[str]:
    found = study.scheduler.problems(study.epochs) if study.scheduler else []
    return [f"scheduler: {problem}" for problem in found]


def _confirm_problems(study: "Study") -> list[str]:
    wanted = study.confirm
    if not wanted:
        return []
    found = count_problem("confirm: top", wanted.top) + _fresh_problems(study)
    if not found and are_seeds(study.seeds) and study.fresh_seeds[-1] > LARGEST:
        found.append(
            f"confirm: its seeds follow the largest of the search, {max(study.seed_list)}, and"
            f" would pass {LARGEST}."
        )
    if not isinstance(wanted.baselines, Mapping):
        return [*found, f"confirm: baselines={shown(wanted.baselines)} must map names to settings."]
    if holds_twice(wanted.baselines.values()):
        found.append(f"confirm: baselines={shown(wanted.baselines)} names a setting twice.")
    for name, setting in wanted.baselines.items():
        found += [
            f"confirm: {shown(name)}: {problem}"
            for problem in setting_problems(setting, study.space, study.task.limits)
        ]
    return found + [
        f"confirm: baselines: {shown(name)} must be a name."
        for name in wanted.baselines
        if not is_name(name)
    ]


def _fresh_problems(study: "Study") -> list[str]:
    """What is wrong with the seeds of the confirmation."""
    assert study.confirm
    seeds = study.confirm.seeds
    if not isinstance(seeds, UntilSettled):
        return count_problem("confirm: seeds", seeds, most=MOST_VALUES)
    rules = [
        (study.folds > 1, "does not go with seeds=Folds(...) of the search"),
        (
            study.confirm.top == 1 and not study.confirm.baselines,
            "compares settings, and top=1 confirms one",
        ),
    ]
    said = [f"seeds=UntilSettled(...) {words}: give a number." for broken, words in rules if broken]
    return [f"confirm: {problem}" for problem in (*settling_problems(seeds), *said)]
