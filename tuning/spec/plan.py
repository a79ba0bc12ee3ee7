"""A study in words: what it would run, for a terminal."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.numerics.sign_flips import seeds_for_sign_flips
from analysis.text.format import count
from cluster.amounts import amount, slot
from tuning.process.torch_state import gpu_here
from tuning.spec.branches import conditions, parameters, settings_count, space_record
from tuning.spec.callables import name_of
from tuning.spec.compared_plan import compared_warnings
from tuning.spec.optuna_search import RECENT
from tuning.spec.settling_plan import (
    confirm_lines,
    most_confirmations,
    seeds_text,
    settling_text,
)
from tuning.spec.space import text
from tuning.spec.study import Study

DRAWN = 1_000
"""So many settings are drawn to see how much of a space is valid."""
LOSSES = {"loss", "error", "rmse", "mse", "mae", "nll", "perplexity", "regret"}
"""Words in the name of a metric that is to be small."""
WIDEST = 24
"""Characters of the column of names."""


def plan_text(study: Study) -> str:
    """Question, space, trials, rungs, confirmation, resources, and the study's tables of facts."""
    lines = [
        ("study", study.name),
        ("question", study.question),
        *_space_lines(study),
        *([("fixed", setting_text(study.fixed))] if study.fixed else []),
        ("metric", f"{study.metric} ({study.mode}), after {count(study.epochs, 'epoch')}"),
        ("plan", _trials_text(study)),
        *([("seeds", seeds_text(study))] if study.settles else []),
        *([("settled", _settled_text(study))] if study.search.until_settled else []),
        *([("valid", _valid_text(study))] if study.search.valid else []),
        *([("scheduler", study.scheduler.text(study))] if study.scheduler else []),
        *confirm_lines(study),
        ("cost", _cost_text(study)),
        ("each trial", slot(study.resources.cpus, study.resources.gpus)),
        *(("note", note) for note in plan_notes(study)),
    ]
    tables = [f"\n{title}\n{table_text(rows)}" for title, rows in study.report.tables.items()]
    width = min(WIDEST, max(12, *(len(name) for name, _ in lines)))
    return "\n".join([*(f"{name:{width}} {words}".rstrip() for name, words in lines), *tables])


def _space_lines(study: Study) -> list[tuple[str, str]]:
    """Each parameter with its values; those of a branch below their choice, with its branches."""
    when = conditions(study.space)
    depth: dict[str, int] = {}
    lines = []
    for key, values in parameters(study.space).items():
        depth[key] = max((depth[choice] + 1 for choice in when.get(key, ())), default=1)
        above = "".join(
            f"; with {choice} {text(branches)}" for choice, branches in when.get(key, {}).items()
        )
        lines.append((f"{'  ' * depth[key]}{key}", f"{text(values)}{above}"))
    return lines


def _valid_text(study: Study) -> str:
    """How much of the space ``valid`` leaves: of a grid exactly, else of a thousand settings drawn
    evenly.
    """
    import numpy as np

    from analysis.stats.importance import draw_settings  # brings scipy

    name = name_of(study.search.valid)
    if study.search.exhaustive:
        every = settings_count(study.space)
        return f"{name} leaves {study.planned_settings} of {count(every, 'combination')}"
    drawn = draw_settings(space_record(study.space), DRAWN, np.random.default_rng(0))
    kept = sum(map(study.search.allows, drawn))
    return f"{name} leaves about {100 * kept / DRAWN:.0f} % of the settings; others are drawn again"


def _settled_text(study: Study) -> str:
    """When the search ends before its last trial."""
    noise = study.search.until_settled
    known = "" if noise is True else f", {noise:g} {study.metric}"
    return (
        f"the search ends before that once its last {RECENT} trials gained less than seeds alone"
        f" make a trial differ{known}; {count(fewest_trials(study), 'trial')} at the least"
    )


def _trials_text(study: Study) -> str:
    seeds = len(study.seed_list)
    words = count(seeds, "seed")
    if study.folds > 1:
        words = f"{count(study.folds, 'fold')}, {count(seeds // study.folds, 'repetition')}"
    if not study.search.exhaustive:
        return f"{study.planned} settings {study.search.how}, each a trial of {words}"
    if study.settles:
        return settling_text(study)
    trials = study.trials()
    sizes = sorted({len(trial.seeds) for trial in trials}, reverse=True)
    each = f"{' or '.join(map(str, sizes))} seed{'s' * (sizes != [1])} each"
    return (
        f"{count(study.planned_settings, 'setting')} x {words} ="
        f" {count(len(trials), 'trial')} of {each}"
    )


def epochs_bounds(study: Study) -> tuple[float, int]:
    """How many epochs the trials of a study train: where exactly the share goes on at each rung
    that its scheduler is made for, and where none is stopped; with those of the confirmation.
    """
    share, each, before = 1.0, 0.0, 0
    for rung in [*study.rungs, study.epochs]:
        each, before = each + share * (rung - before), rung
        share *= study.scheduler.share if study.scheduler else 1.0
    least, most = study.planned_confirmations, most_confirmations(study)
    longest = (most_trials(study) + most) * study.epochs
    return fewest_trials(study) * each + least * study.epochs, longest


def fewest_trials(study: Study) -> int:
    """How many trials the search has at the least."""
    return study.planned if study.search.exhaustive else study.search.fewest


def most_trials(study: Study) -> int:
    """How many trials there are at the most: seeds that stop themselves may need more."""
    return len(study.trials()) if study.settles else study.planned


def _cost_text(study: Study) -> str:
    least = fewest_trials(study) + study.planned_confirmations
    trials = _range(least, most_trials(study) + most_confirmations(study))
    return f"{trials} trials, {_range(*epochs_bounds(study))} epochs; --probe says how long here"


def _range(low: float, high: float) -> str:
    return " to ".join(dict.fromkeys(f"{each:,.0f}" for each in (low, high)))


def plan_notes(study: Study, address: str | None = None) -> list[str]:
    """What is to be known before a run of the study, here or on the cluster at ``address``: one
    line each.
    """
    notes = mode_warning(study), seeds_warning(study), None if address else gpu_warning(study)
    return [*filter(None, notes), *compared_warnings(study)]


def mode_warning(study: Study) -> str | None:
    """One line where a metric is named like one that is to be small, and is to be large."""
    if study.mode == "min" or LOSSES.isdisjoint(re.split(r"[\W_]+", study.metric.lower())):
        return None
    return f"a larger {study.metric} counts as better here: say mode='min' where a smaller one is."


def gpu_warning(study: Study) -> str | None:
    """One line where this machine has a GPU that trials do not use, or has none for those that ask
    for one.
    """
    here, gpus = gpu_here(), study.resources.gpus
    if here and not gpus:
        return (
            f"a GPU is here ({here}), and trials do not use it: --set gpus=1 gives each trial one, "
            "--set gpus=0.25 a quarter, so that four run at a time."
        )
    return (
        f"each trial asks for {amount(gpus, 'GPU')}, and torch finds none on this machine."
        if gpus and here == ""
        else None
    )


def seeds_warning(study: Study) -> str | None:
    """One line where the report of a grid could support no difference, however large: a permutation
    test has a smallest p-value.
    """
    if not study.search.exhaustive or study.confirm:
        return None
    tests = _comparisons(study)
    needed, seeds = seeds_for_sign_flips(tests) if tests else 2, len(study.seed_list)
    if seeds >= needed or study.planned_settings == 1:
        return None
    arms = study.report.compare if seeds > 1 else None  # a t-test judges them
    few = (
        f"{count(seeds, 'seed')} {'is' if seeds == 1 else 'are'} too few for the report to support"
        f" any difference{f' but those between values of {arms.parameter}' if arms else ''}"
    )
    if not tests:
        return "1 seed is too few for the report to support any difference: it needs 2 or more."
    others = count(tests, "other comparison" if arms else "comparison")
    return (
        f"{few}: its {others} {'needs' if tests == 1 else 'need'} {needed} or more (--seeds"
        f" {needed})."
    )


def _comparisons(study: Study) -> int:
    """How many pairs of settings of a grid differ in one parameter alone, of which one has its
    first value; but for the values that the study compares as arms.
    """
    arms = study.report.compare.parameter if study.report.compare else None
    lists = {key: values for key, values in parameters(study.space).items() if key != arms}
    if not conditions(study.space) and not study.search.valid:
        every = settings_count(study.space)
        return sum((len(values) - 1) * every // len(values) for values in lists.values())
    settings = study.settings()
    known = {json.dumps(setting, sort_keys=True) for setting in settings}
    return sum(
        json.dumps({**setting, key: value}, sort_keys=True) in known
        for setting in settings
        for key, values in lists.items()
        if key in setting and json.dumps(setting[key]) == json.dumps(values[0])
        for value in values[1:]
    )


def setting_text(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value if value != '' else repr('')}" for key, value in values.items())


def table_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Columns as wide as they need to be, numbers to the right."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    right = [all(isinstance(row.get(name), (int, float)) for row in rows) for name in names]
    return "\n".join(
        "  "
        + "  ".join(
            _align(text, width, to) for text, width, to in zip(line, widths, right, strict=True)
        )
        for line in cells
    )


def _align(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " x ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
