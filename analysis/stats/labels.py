"""One text for each value of a parameter, different from those of all its other values."""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Set
from itertools import count
from typing import Any

import numpy as np
import pandas as pd

from analysis.records.cache import once
from analysis.records.frames import rows_of
from analysis.records.load import Run
from analysis.stats.identity import identity
from analysis.text.rounding import MISSING, MOST

# Significant digits at the least: a value drawn from a range has more than anyone reads.
LISTED, DRAWN = 6, 3
LONGEST = 60  # characters; a longer text is cut in the middle
WHOLE = 1e15  # whole floats below it are written as such


def show(value: Any, digits: int = LISTED) -> str:
    """The value of a parameter as text, which another value may share: numbers with at least so
    many significant digits.
    """
    return MISSING if value is pd.NA else _cut(_told(value, digits))


def value_labels(values: Iterable[Any], digits: int = LISTED) -> dict[str, str]:
    """The text of each value, by its ``identity``, no two the same: numbers have as many digits as
    tell them apart, and a text that reads like another value stands in quotes.
    """
    known = {identity(value): value for value in values}
    texts = {key: _told(value, digits) for key, value in known.items()}
    for more in range(digits + 1, MOST + 1):
        texts |= {
            key: _told(known[key], more) for key in _shared(texts) if isinstance(known[key], float)
        }
    of_numbers = {key: text for key, text in texts.items() if isinstance(known[key], (int, float))}
    texts |= {key: repr(known[key]) for key in _shared(of_numbers) if isinstance(known[key], float)}
    quotes = {key: json.dumps(value) for key, value in known.items() if isinstance(value, str)}
    while alike := [key for key in _shared(texts) if quotes.get(key, texts[key]) != texts[key]]:
        texts |= {key: quotes[key] for key in alike}
    texts = {key: _cut(text) for key, text in texts.items()}
    taken = set(map(_as_read, texts.values()))
    for key in _shared(texts):
        texts[key] = _numbered(texts[key], taken)
        taken.add(_as_read(texts[key]))
    return texts


@once
def labels(run: Run) -> dict[str, dict[str, str]]:
    """The ``value_labels`` of each parameter over all that the study lists, and all trials of the
    run had.
    """
    whole = run.whole or run
    named = [entry["setting"] for entry in run.baselines]
    texts = {}
    for key, domain in run.spec["space"].items():
        values = [
            *domain.get("values", []),
            *whole.trials[key].tolist(),
            *(setting.get(key, pd.NA) for setting in named),
        ]
        values = [value for value in values if value is not pd.NA]
        texts[key] = value_labels(values, LISTED if "values" in domain else DRAWN)
    return texts


def label(run: Run, key: str, value: Any) -> str:
    """The text of one value of a parameter, the same wherever the run is told of."""
    if value is pd.NA:
        return MISSING
    return labels(run)[key].get(identity(value)) or show(value)


def describe(run: Run, setting: Mapping[Any, Any], keys: Iterable[str] | None = None) -> str:
    """``width 3, depth 1``: the values of ``keys`` (all parameters, if not given) in ``setting``,
    of those that are active.
    """
    return ", ".join(
        f"{key} {label(run, key, setting[key])}"
        for key in (run.parameters if keys is None else keys)
        if setting[key] is not pd.NA
    )


def descriptions(run: Run, settings: pd.DataFrame) -> pd.Series:
    """``describe`` of each row of a table that has a column per parameter."""
    texts = [describe(run, row) for row in rows_of(settings)]
    return pd.Series(texts, index=settings.index, dtype=object)


class Growing:
    """The texts of the values of one parameter while they come in: ``domain`` as in
    ``study.json``.
    """

    def __init__(self, domain: Mapping[str, Any]) -> None:
        self._digits = LISTED if "values" in domain else DRAWN
        self._texts = value_labels(domain.get("values", []), self._digits)
        self._taken = set(map(_as_read, self._texts.values()))

    def of(self, value: Any) -> str:
        """The text of a value, which no value that came before it has."""
        if value is pd.NA:
            return MISSING
        key = identity(value)
        if key not in self._texts:
            candidates = [show(value, digits) for digits in range(self._digits, MOST + 1)]
            candidates += [_cut(json.dumps(value))] if isinstance(value, (str, float)) else []
            free = (text for text in candidates if _as_read(text) not in self._taken)
            self._texts[key] = next(free, None) or _numbered(candidates[-1], self._taken)
            self._taken.add(_as_read(self._texts[key]))
        return self._texts[key]


def written(run: Run, key: str, value: Any) -> Any:
    """The value of a parameter for a CSV file: as it is, unless another one reads the same there
    (True and "True"); then its label.
    """
    return label(run, key, value) if identity(value) in _alike(run)[key] else value


def unambiguous(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """A table for a CSV file, with the values of parameters as ``written``."""
    table = table.copy()
    for key in run.parameters:
        if key in table and _alike(run)[key]:
            table[key] = pd.Series(
                [written(run, key, value) for value in table[key]], index=table.index, dtype=object
            )
    return table


@once
def _alike(run: Run) -> dict[str, set[str]]:
    """The identities of the values of each parameter that a CSV file could not tell apart."""
    alike = {}
    for key, domain in run.spec["space"].items():
        cells = {
            identity(value): "" if value is None else str(value)
            for value in domain.get("values", [])
        }
        # Where a parameter is not active, its cell is empty.
        absent = identity(pd.NA)
        cells |= {absent: ""} if "when" in domain else {}
        alike[key] = set(_shared(cells)) - {absent}
    return alike


def _told(value: Any, digits: int) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value != value:
        return "none"
    if isinstance(value, float):
        return _of_float(value, digits)
    return _of_text(value) if isinstance(value, str) else str(value)


def _of_float(value: float, digits: int) -> str:
    """Whole numbers as they are; no other one reads as a whole number."""
    if value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    text = _rounded(value, digits)
    while digits < MOST and abs(value) < WHOLE and float(text).is_integer():
        digits += 1
        text = _rounded(value, digits)
    return text


def _rounded(value: float, digits: int) -> str:
    """With ``MOST`` digits as Python writes it: 0.3, not 0.29999999999999999."""
    return f"{value:.{digits}g}" if digits < MOST else repr(value)


def _of_text(value: str) -> str:
    """In quotes where it could not be read as it is: empty, with spaces or signs that cannot be
    seen, or like several values.
    """
    plain = value and value.isprintable() and value == " ".join(value.split()) and ", " not in value
    return value if plain else json.dumps(value)


def _cut(text: str) -> str:
    half = (LONGEST - 1) // 2
    return text if len(text) <= LONGEST else f"{text[:half]}\u2026{text[-half:]}"


def _numbered(text: str, taken: Set[str]) -> str:
    return next(told for number in count(1) if _as_read(told := f"{text} ({number})") not in taken)


def _shared(texts: Mapping[str, str]) -> list[str]:
    """Whose texts are not their own."""
    owners: dict[str, list[str]] = {}
    for key, text in texts.items():
        owners.setdefault(_as_read(text), []).append(key)
    return [key for keys in owners.values() if len(keys) > 1 for key in keys]


def _as_read(text: str) -> str:
    """What a reader tells texts by."""
    return unicodedata.normalize("NFKC", text)
