"""What another rule would have spent and found, in words."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.records.load import Run
from analysis.records.schema import Status
from analysis.text.format import amount_words, count
from analysis.text.rounding import number
from tuning.engine.whatif import DRAWS, MIDDLE, Curves, Outcome, curves_of, held, rule_of, what_if
from tuning.spec.numbers import is_count
from tuning.spec.plan import table_text
from tuning.spec.study import Asha, StudyError

SAME_TRIALS = (
    "These are the trials of the run, in its order: a search that learns would have drawn others"
    " under the other rule. Time is that of their epochs, one after the other unless --slots says"
    " otherwise."
)


def whatif_text(
    run: Run,
    *,
    reduction_factor: int | None = None,
    grace_period: int | None = None,
    slots: int | None = None,
    trials: int | None = None,
) -> str:
    """A table with the run beside what another rule would have made of it, and what that rests on.

    Raises:
        StudyError: nothing else is asked for, a number is not allowed, or there is nothing to
            compare with.
    """
    given = {"reduction_factor": reduction_factor, "grace_period": grace_period}
    changes = {name: value for name, value in given.items() if value is not None}
    asked = changes | {
        name: value for name, value in (("slots", slots), ("trials", trials)) if value is not None
    }
    rule = rule_of(run, changes)
    curves = curves_of(run, rule)
    _check(asked, len(curves.records))
    first = trials or len(curves.records)
    outcome = what_if(run.recorded, curves, rule, slots or 1, first)
    name = ", ".join(f"{key}={value}" for key, value in asked.items())
    table = table_text([_as_it_was(run, curves), {"rule": name, **_row(run, outcome)}])
    return "\n".join([table, SAME_TRIALS, *_notes(run, curves, rule, outcome)])


def _check(asked: Mapping[str, Any], there: int) -> None:
    options = "--reduction-factor, --grace-period, --slots or --trials"
    problems = [] if asked else [f"what-if needs something that is to be otherwise: {options}."]
    problems += [
        f"--{name} {asked[name]} must be a whole number, 1 or more."
        for name in ("slots", "trials")
        if name in asked and not is_count(asked[name])
    ]
    if asked.get("trials", 0) > there:
        problems.append(
            f"--trials {asked['trials']}: the run has {count(there, 'trial')} with an epoch, and"
            " nothing is known of others. Give as many or fewer."
        )
    if problems:
        raise StudyError(problems)


def _as_it_was(run: Run, curves: Curves) -> dict[str, Any]:
    """As the records have it."""
    whole = [each for each in curves.records if each.status == Status.COMPLETED]
    ends = [each.score for each in whole if each.score is not None]
    best = (max if run.higher_is_better else min)(ends, default=np.nan)
    return {
        "rule": "as it was",
        "epochs": f"{sum(each.last_epoch for each in curves.records):,}",
        "time": amount_words("seconds", sum(each.seconds for each in curves.records)),
        "complete": f"{len(whole)}",
        f"best {run.metric}": number(best),
    }


def _row(run: Run, outcome: Outcome) -> dict[str, str]:
    return {
        "epochs": _interval(outcome.epochs, lambda value: f"{value:,.0f}"),
        "time": _interval(outcome.seconds, lambda value: amount_words("seconds", value)),
        "complete": _interval(outcome.completed, lambda value: f"{value:.0f}"),
        f"best {run.metric}": _interval(outcome.best, number),
    }


def _interval(values: np.ndarray, text: Any) -> str:
    """The median of the draws, with the middle 80 % of them where they differ."""
    known = values[~np.isnan(values)]
    if not len(known):
        return "none"
    middle, low, high = (text(float(each)) for each in np.quantile(known, [0.5, *MIDDLE]))
    return middle if low == high == middle else f"{middle} ({low} to {high})"


def _notes(run: Run, curves: Curves, rule: Asha | None, outcome: Outcome) -> list[str]:
    if len(outcome.epochs) == 1:
        return ["All of it stands in the records: nothing had to be drawn."]
    drawn = (
        f"What trials would have shown beyond their records was drawn {DRAWS} times from how others"
        " went on: in brackets the middle 80 %."
    )
    empty = int(np.isnan(outcome.best).sum())
    none = [f"No trial would have been complete in {empty} of {DRAWS} draws."] if empty else []
    if not (rule and rule.spare):
        return [drawn, *none]
    inside, spared = held(run, curves, rule)
    return [
        drawn,
        *none,
        f"Of {count(spared, 'trial')} that rungs spared, the middle 80 % held the end of {inside}.",
    ]
