"""What can be wrong with a study: every problem found is one sentence that says what was given and
what is allowed.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tuning.spec.branches import settings_count
from tuning.spec.callables import trainable_problem
from tuning.spec.components import UntilSettled
from tuning.spec.fields import in_right_fields
from tuning.spec.numbers import are_seeds, count_problem, settling_problems
from tuning.spec.part_validation import part_problems
from tuning.spec.search_validation import search_problems
from tuning.spec.value_validation import study_value_problems
from tuning.spec.values import RULE, holds, is_kept_whole, is_text, shown

if TYPE_CHECKING:
    from tuning.spec.study import Study

REPORTED = ("epoch", "arrays", "device")
"""What a trainable reports beside its metrics."""


def study_problems(study: "Study") -> list[str]:
    """Every problem of a study."""
    rest, found = in_right_fields(study)
    return [
        *found,
        *_shape_problems(rest, study),
        *search_problems(rest),
        *study_value_problems(rest),
        *part_problems(rest),
        *_settling_problems(rest),
        *_smoke_problems(rest),
    ]


def _shape_problems(study: "Study", given: "Study") -> list[str]:
    """What is wrong with the study itself, before any single value. ``given``: as it was declared,
    with the values of a wrong kind, of which enough is said.
    """
    trainable = trainable_problem(study.task.train)
    counts = (("epochs", 1), ("seeds_per_trial", 1))
    return [
        *([trainable] if trainable else []),
        *(message for broken, message in _rules(study, given) if broken),
        *(
            problem
            for name, least in counts
            for problem in count_problem(name, getattr(study, name), least)
        ),
    ]


def _rules(study: "Study", given: "Study") -> list[tuple[bool, str]]:
    """What would be a problem, and its sentence."""
    return [
        (
            isinstance(given.name, str) and not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", study.name),
            "name must be letters, digits, '_' or '-', 100 at most.",
        ),
        (not is_text(study.question), f"question={shown(study.question)} must be UTF-8 text."),
        (
            not holds(("max", "min"), study.mode),
            f"mode={shown(study.mode)} must be 'max' or 'min'.",
        ),
        (
            study.metric in REPORTED,
            (
                f"metric={study.metric!r} is what a trainable reports beside its metrics; call the"
                " metric otherwise."
            ),
        ),
        (
            isinstance(given.space, Mapping) and not given.space,
            "space is empty: give at least one key with the values to try.",
        ),
        (
            not (isinstance(study.seeds, UntilSettled) or are_seeds(study.seeds)),
            (
                f"seeds={shown(study.seeds)} must be a whole number, 1 or more, a list of"
                " different whole numbers from 0 to 2**63 - 1, Folds(2 or more, seeds=1 or more),"
                " or UntilSettled(smallest=...)."
            ),
        ),
        (
            not isinstance(study.task.must_be_finite, (list, tuple))
            or not all(map(is_text, study.task.must_be_finite)),
            f"must_be_finite={shown(study.task.must_be_finite)} must be a list of names of"
            " metrics.",
        ),
    ]


def _settling_problems(study: "Study") -> list[str]:
    """What does not go together with seeds that stop themselves."""
    seeds, compare = study.seeds, study.report.compare
    if not isinstance(seeds, UntilSettled):
        return []
    chooses = not study.search.exhaustive or study.scheduler or study.confirm
    rules = [
        (
            chooses,
            "seeds=UntilSettled(...) is for a grid whose trials are all trained to the end: leave"
            " search, scheduler and confirm out, or give a number of seeds.",
        ),
        (
            not chooses and settings_count(study.space) == 1,
            "seeds=UntilSettled(...) compares settings, and there is one: give a number of seeds.",
        ),
        (
            compare and compare.metrics and compare.metrics[0] != study.metric,
            "seeds=UntilSettled(...) settles by the study's metric: it must be the first of"
            " compare's metrics.",
        ),
    ]
    return [*settling_problems(seeds), *(message for broken, message in rules if broken)]


def _smoke_problems(study: "Study") -> list[str]:
    return [
        f"smoke: {key}={shown(value)}; {RULE}"
        for key, value in study.smoke.items()
        if not is_kept_whole(value)
    ]
