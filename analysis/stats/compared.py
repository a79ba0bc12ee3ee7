"""What a study compares: its arms, its baseline, the metrics and their parts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import pandas as pd

from analysis.records.load import Run
from analysis.stats.identity import identity
from analysis.stats.labels import describe, labels, show
from analysis.stats.settling import one_apart
from analysis.stats.tables import setting_numbers, settings_table

OVERALL = "overall"


PLACES = ["baseline_setting", "arm_setting", "baseline", "arm", "at"]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What a study compares, as its ``compare`` says.

    ``arms``: values of ``parameter`` other than ``baseline``; ``metrics``: the overall one first,
    then its parts; ``names``: theirs; ``part``: what a part is called; ``scale``: 100 where metrics
    are shares, to read in percent, else 1; ``texts``: the labels of values.
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
    values = {identity(value): value for value in settings_table(run)[content["parameter"]]}
    values.pop(identity(content["baseline"]), None)
    return Compared(
        parameter=content["parameter"],
        baseline=content["baseline"],
        arms=list(values.values()),
        metrics=list(content["metrics"]),
        names=[OVERALL, *part_names(content["metrics"][1:])],
        part=content.get("parts") or "part",
        scale=100 if content.get("percent") else 1,
        texts=labels(run)[content["parameter"]],
    )


def part_names(metrics: list[str]) -> list[str]:
    """What follows the common beginning, which ends at a ``_``: ``accuracy_0, accuracy_1`` are the
    parts ``0, 1``.
    """
    letters = zip(*metrics, strict=False)
    alike = sum(1 for _ in takewhile(lambda letter: len(set(letter)) == 1, letters))
    start = metrics[0].rfind("_", 0, alike) + 1 if metrics else 0
    return [metric[start:] or metric for metric in metrics]


def arm_pairs(run: Run, what: Compared) -> pd.DataFrame:
    """Each arm beside the baseline, once for each combination of the other parameters:
    ``baseline_setting, arm_setting`` (their numbers), ``baseline``, ``arm`` (their values) and
    ``at`` (the other parameters, as text).
    """
    rows = list(partners(run, what.parameter, what.baseline, what.arms))
    pairs = pd.DataFrame(rows, columns=["baseline", "arm", "at", "baseline_setting", "arm_setting"])
    return pairs[PLACES].sort_values("baseline_setting", kind="stable", ignore_index=True)


def partners(
    run: Run, key: str, first: Any, values: Iterable[Any]
) -> Iterator[tuple[Any, Any, str, int, int]]:
    """The pairs of settings that differ in the parameter ``key`` alone, which has the value
    ``first`` in the one and one of ``values`` in the other, value after value: both values, the
    other parameters as text, and the numbers of both settings.
    """
    settings, numbers = settings_table(run), setting_numbers(run)
    place = run.parameters.index(key)
    others = [other for other in run.parameters if other != key]
    for value in values:
        for number, partner in one_apart(numbers, place, first, value):
            at = describe(run, dict(settings.loc[number]), others)
            yield first, value, at, number, partner
