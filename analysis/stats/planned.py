"""Which settings of a study are compared with which, as far as its space says."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd

from analysis.records.space import as_declared
from analysis.stats.identity import identity


def all_pairs(settings: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The comparisons of settings that race, as ``planned_pairs``: all pairs, in one family."""
    pairs = np.array([*combinations(settings, 2)], dtype=int).reshape(-1, 2)
    return pairs, np.zeros(len(pairs), dtype=int)


def planned_pairs(
    space: Mapping[str, Any],
    numbers: Mapping[tuple[str, ...], int],
    compare: Mapping[str, Any] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The comparisons of a grid, and the family of each: those of ``comparison_table`` and the
    overall ones of ``arms_table``. ``space`` and ``compare``: as ``study.json`` has them;
    ``numbers``: of the settings, by the identities of their values.
    """
    arms = (compare or {}).get("parameter")
    rows = []
    for place, (key, domain) in enumerate(space.items()):
        values = domain.get("values") or [None]
        first = as_declared(domain, compare["baseline"]) if compare and key == arms else values[0]
        others = [value for value in values if identity(value) != identity(first)]
        apart = arms_apart if key == arms else one_apart
        for value in others:
            rows += [(*pair, key == arms) for pair in apart(numbers, place, first, value)]
    table = np.array(rows, dtype=int).reshape(-1, 3)
    return table[:, :2], table[:, 2]


def one_apart(
    numbers: Mapping[tuple[str, ...], int], place: int, first: Any, value: Any
) -> Iterator[tuple[int, int]]:
    """The numbers of the pairs of settings that differ in one value alone, the one at ``place``."""
    for texts, number in numbers.items():
        if texts[place] == identity(first):
            partner = numbers.get((*texts[:place], identity(value), *texts[place + 1 :]))
            if partner is not None:
                yield number, partner


def arms_apart(
    numbers: Mapping[tuple[str, ...], int], place: int, first: Any, value: Any
) -> Iterator[tuple[int, int]]:
    """As ``one_apart``, where branches of a choice may have parameters of their own: the pairs that
    agree in every other parameter that both have.
    """
    ours, theirs = (
        [each for each in numbers.items() if each[0][place] == identity(one)]
        for one in (first, value)
    )
    for (texts, number), (others, partner) in product(ours, theirs):
        pairs = zip(texts, others, strict=True)
        if all(
            at == place or one == other or "" in (one, other)
            for at, (one, other) in enumerate(pairs)
        ):
            yield number, partner


def texts_of(params: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, ...]:
    """The identities of the values of a setting; that of a key that is not active is empty."""
    return tuple(identity(params.get(key, pd.NA)) for key in keys)
