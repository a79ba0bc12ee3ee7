"""A study in words: what it would run, for a terminal."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.intervals import seeds_for_sign_flips
from analysis.wording import count
from tuning.space import text
from tuning.study import Grid, Optuna, Study
from tuning.torch_state import gpu_here


def plan_text(study: Study) -> str:
    """Question, space, trials, rungs, confirmation, resources, and the study's tables of facts."""
    lines = [
        ("study", study.name),
        ("question", study.question),
        *((f"  {key}", text(values)) for key, values in study.space.items()),
        ("fixed", setting_text(study.fixed)),
        ("metric", f"{study.metric} ({study.mode}), after {study.epochs} epochs"),
        ("plan", _trials_text(study)),
        *([("stopping", _stopping_text(study))] if study.stopping else []),
        *([("confirm", _confirm_text(study))] if study.confirm else []),
        ("each trial", f"{study.resources.cpus:g} CPUs, {study.resources.gpus:g} GPUs"),
        *(("note", note) for note in plan_notes(study)),
    ]
    tables = [f"\n{title}\n{table_text(rows)}" for title, rows in study.tables.items()]
    return "\n".join([*(f"{name:12} {words}".rstrip() for name, words in lines), *tables])


def _trials_text(study: Study) -> str:
    seeds = len(study.seed_list)
    if not isinstance(study.search, Grid):
        how = "chosen by Optuna" if isinstance(study.search, Optuna) else "drawn at random"
        return f"{study.planned} settings {how}, each a trial of {seeds} seed{'s' * (seeds > 1)}"
    trials = study.trials()
    sizes = sorted({len(trial.seeds) for trial in trials}, reverse=True)
    each = f"{' or '.join(map(str, sizes))} seed{'s' * (sizes != [1])} each"
    return f"{count(len(study.settings()), 'setting')} x {count(seeds, 'seed')} = {count(len(trials), 'trial')} of {each}"


def plan_notes(study: Study, address: str | None = None) -> list[str]:
    """What is to be known before a run of the study, here or on the cluster at ``address``: one line each."""
    return [note for note in (seeds_warning(study), None if address else gpu_warning(study)) if note]


def gpu_warning(study: Study) -> str | None:
    """One line where this machine has a GPU that trials do not use, or has none for those that ask for one."""
    here, gpus = gpu_here(), study.resources.gpus
    if here and not gpus:
        return (
            f"a GPU is here ({here}), and trials do not use it: --set gpus=1 gives each trial one, "
            "--set gpus=0.25 a quarter, so that four run at a time."
        )
    return f"each trial asks for {gpus:g} GPUs, and torch finds none on this machine." if gpus and here == "" else None


def seeds_warning(study: Study) -> str | None:
    """One line where the report of a grid could support no difference, however large: a permutation test has a smallest p-value."""
    if not isinstance(study.search, Grid) or study.confirm:
        return None
    values = {key: len(listed) for key, listed in study.space.items()}
    arms = study.compare.parameter if study.compare else None
    tests = sum((listed - 1) * math.prod(values.values()) // listed for key, listed in values.items() if key != arms)
    needed = seeds_for_sign_flips(tests) if tests else 2
    seeds = len(study.seed_list)
    if seeds >= needed or math.prod(values.values()) == 1:
        return None
    few = f"{count(seeds, 'seed')} {'is' if seeds == 1 else 'are'} too few for the report to support any difference"
    if not tests:
        return f"{few}: it needs 2 or more."
    return f"{few}: its {count(tests, 'comparison')} {'needs' if tests == 1 else 'need'} {needed} or more (--seeds {needed})."


def _stopping_text(study: Study) -> str:
    """The rungs, and what the search then costs at the least: where exactly one trial in ``keep_one_in`` goes on."""
    assert study.stopping
    rungs, share, spent, before = study.rungs, 1.0, 0.0, 0
    for rung in [*rungs, study.epochs]:
        spent, before, share = spent + share * (rung - before), rung, share / study.stopping.keep_one_in
    least = spent * study.planned
    return (
        f"at epochs {', '.join(map(str, rungs))} about one trial in {study.stopping.keep_one_in} goes on: "
        f"{least:.0f} epochs or more, instead of {study.planned * study.epochs}"
    )


def _confirm_text(study: Study) -> str:
    assert study.confirm
    also = f" and {', '.join(study.confirm.also)}" if study.confirm.also else ""
    return f"the best {study.confirm.top} settings{also}, each trained again on {study.confirm.seeds} fresh seeds"


def setting_text(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value if value != '' else repr('')}" for key, value in values.items())


def table_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Columns as wide as they need to be, numbers to the right."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    right = [all(isinstance(row.get(name), (int, float)) for row in rows) for name in names]
    return "\n".join(
        "  " + "  ".join(_align(text, width, to) for text, width, to in zip(line, widths, right, strict=True)) for line in cells
    )


def _align(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " x ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
