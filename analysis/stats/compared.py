"""What a study compares: its arms, its baseline, the metrics and their parts."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import pandas as pd

from analysis.records.load import Run
from analysis.records.space import as_declared
from analysis.stats.identity import identity
from analysis.stats.labels import describe, labels, show
from analysis.stats.planned import arms_apart, one_apart
from analysis.stats.tables import setting_numbers, settings_table

OVERALL = "overall"
Apart = Callable[[Mapping[tuple[str, ...], int], int, Any, Any], Iterator[tuple[int, int]]]


PLACES = ["baseline_setting", "arm_setting", "baseline", "arm", "at"]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What a study compares, as its ``compare`` says.

    ``arms``: values of ``parameter`` other than ``baseline``; ``metrics``: the overall one first,
    then its parts, or others; ``names``: theirs; ``part``: what a part is called, empty where the
    study declares none; ``scale``: 100 where metrics are shares, to read in percent, else 1;
    ``texts``: the labels of values.
    """

    parameter: str
    baseline: Any
    arms: list[Any]
    metrics: list[str]
    names: list[str]
    part: str
    scale: int
    texts: Mapping[str, str]

    @property
    def has_parts(self) -> bool:
        """Whether the metrics behind the first one are parts of it."""
        return bool(self.part) and len(self.metrics) > 1

    @property
    def class_name(self) -> str:
        """What predictions are of: a part is a class there."""
        return self.part or "class"

    @property
    def heading(self) -> str:
        """What stands above ``names``."""
        return self.part if self.has_parts else "metric"

    def of_first(self, table: pd.DataFrame) -> pd.Series:
        """Which rows are of the metric that arms are judged by, by its column ``metric``."""
        return table["metric"] == self.metrics[0]

    @property
    def percent(self) -> bool:
        return self.scale == 100

    def name(self, value: Any) -> str:
        return self.texts.get(identity(value)) or show(value)

    def sides(self, pair: pd.Series) -> tuple[str, str, str]:
        """The names of arm and baseline of a row of ``arm_pairs``, and at which values of the other
        parameters, with a space before it; empty where there are none.
        """
        at = f" at {pair['at']}" if pair["at"] else ""
        return self.name(pair["arm"]), self.name(pair["baseline"]), at

    @property
    def unit(self) -> str:
        """What stands behind a mean, with a space before it."""
        return " %" if self.percent else ""

    @property
    def points(self) -> str:
        """What stands behind a difference of means, with a space before it."""
        return " percentage points" if self.percent else ""

    @property
    def decimals(self) -> int | None:
        """Decimals of a percentage; None leaves them to the numbers."""
        return 2 if self.percent else None


def compared(run: Run) -> Compared | None:
    """What the study of ``run`` compares; None where it compares nothing."""
    content = run.spec.get("compare")
    if not content or content["parameter"] not in run.parameters:
        return None
    values = values_had(run, content["parameter"])
    baseline = as_declared(run.spec["space"][content["parameter"]], content["baseline"])
    values.pop(identity(baseline), None)
    metrics, part = list(content.get("metrics") or [run.metric]), declared_part(content)
    return Compared(
        parameter=content["parameter"],
        baseline=baseline,
        arms=list(values.values()),
        metrics=metrics,
        names=[OVERALL, *part_names(metrics[1:])] if part and len(metrics) > 1 else metrics,
        part=part,
        scale=100 if content.get("percent") else 1,
        texts=labels(run)[content["parameter"]],
    )


def declared_part(content: Mapping[str, Any]) -> str:
    """What ``compare`` calls a part, empty where it says nothing; "part" was said for it once."""
    part = content.get("parts") or ""
    return "" if part == "part" else str(part)


def values_had(run: Run, key: str) -> dict[str, Any]:
    """The values that settings have for a parameter, by their ``identity``."""
    values = settings_table(run)[key].tolist()
    return {identity(value): value for value in values if value is not pd.NA}


def part_names(metrics: list[str]) -> list[str]:
    """What follows the common beginning, which ends at a ``_``: ``accuracy_0, accuracy_1`` are the
    parts ``0, 1``.
    """
    letters = zip(*metrics, strict=False)
    alike = sum(1 for _ in takewhile(lambda letter: len(set(letter)) == 1, letters))
    start = metrics[0].rfind("_", 0, alike) + 1 if metrics else 0
    return [metric[start:] or metric for metric in metrics]


def arm_pairs(run: Run, what: Compared) -> pd.DataFrame:
    """Each arm beside the baseline, once for each combination of the other parameters, those of the
    branches of both included:
    ``baseline_setting, arm_setting`` (their numbers), ``baseline``, ``arm`` (their values) and
    ``at`` (the other parameters, as text).
    """
    rows = list(partners(run, what.parameter, what.baseline, what.arms, arms_apart))
    pairs = pd.DataFrame(rows, columns=["baseline", "arm", "at", "baseline_setting", "arm_setting"])
    return pairs[PLACES].sort_values("baseline_setting", kind="stable", ignore_index=True)


def partners(
    run: Run, key: str, first: Any, values: Iterable[Any], apart: Apart = one_apart
) -> Iterator[tuple[Any, Any, str, int, int]]:
    """The pairs of settings that differ in the parameter ``key`` alone, or by ``arms_apart``, which
    has the value ``first`` in the one and one of ``values`` in the other, value after value: both
    values, the other parameters as text, and the numbers of both settings.
    """
    settings, numbers = settings_table(run), setting_numbers(run)
    place = run.parameters.index(key)
    others = [other for other in run.parameters if other != key]
    for value in values:
        for number, partner in apart(numbers, place, first, value):
            ours, theirs = settings.loc[number], settings.loc[partner]
            both = {key: theirs[key] if ours[key] is pd.NA else ours[key] for key in others}
            yield first, value, describe(run, both, others), number, partner
