"""A study in words: what it would run, for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from tuning.study import Study


def plan_text(study: Study) -> str:
    """Question, space, settings x seeds = trials, resources, and the study's tables of facts."""
    seeds, trials = study.seed_list, study.trials()
    together = min(len(seeds), study.seeds_per_trial)
    lines = [
        ("study", study.name),
        ("question", study.question),
        *((f"  {key}", ", ".join(map(str, values))) for key, values in study.space.items()),
        ("fixed", setting_text(study.fixed)),
        ("metric", f"{study.metric} ({study.mode}), after {study.epochs} epochs"),
        ("plan", f"{len(study.settings())} settings x {len(seeds)} seeds = {len(trials)} trials of {together} seeds each"),
        ("each trial", f"{study.resources.cpus:g} CPUs, {study.resources.gpus:g} GPUs"),
    ]
    tables = [f"\n{title}\n{table_text(rows)}" for title, rows in study.tables.items()]
    return "\n".join([*(f"{name:12} {text}".rstrip() for name, text in lines), *tables])


def setting_text(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


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
