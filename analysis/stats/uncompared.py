"""Which values of a grid stand in no comparison, and what compares them."""

from collections.abc import Mapping
from typing import Any

from analysis.stats.identity import identity
from analysis.stats.labels import show
from analysis.stats.planned import one_apart
from analysis.text.format import listing


def uncompared(
    space: Mapping[str, Any],
    numbers: Mapping[tuple[str, ...], int],
    compare: Mapping[str, Any] | None,
) -> list[str]:
    """One sentence for each parameter of which a value is not compared with the first one: their
    settings differ in other parameters as well, as branches with parameters of their own do.
    Arguments as for ``planned.planned_pairs``.
    """
    arms = (compare or {}).get("parameter")
    said = []
    for place, (key, domain) in enumerate(space.items()):
        first, *others = domain.get("values") or [None]
        had = {texts[place] for texts in numbers}
        alone = [
            value
            for value in others
            if identity(value) in had and not any(one_apart(numbers, place, first, value))
        ]
        said += [_sentence(key, first, alone)] if alone and key != arms else []
    return said


def _sentence(key: str, first: Any, alone: list[Any]) -> str:
    are = "is" if len(alone) == 1 else "are"
    return (
        f"{key} {listing(map(show, alone))} {are} not compared with {show(first)}, for no two"
        f" settings differ in {key} alone: Report(compare=Compare(parameter={key!r},"
        f" baseline={first!r})) in the study compares them, as compare_arms(run, {key!r}) does"
        " afterwards."
    )
