"""Settings and their values as text: one text per value, so that equal ones agree."""

import json
from typing import Any

import numpy as np
import pandas as pd


def identity(value: Any) -> str:
    """One text per value, as JSON writes it: 1, 1.0 and True have three. None agrees with NaN: a
    frame may have turned one into the other. No whole number is rounded. ``pd.NA``, the value of a
    parameter that is not active, has none.
    """
    if value is pd.NA:
        return ""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value != value:
        return "null"
    return json.dumps(value, sort_keys=True, default=str)


def identities(settings: pd.DataFrame) -> list[tuple[str, ...]]:
    """The ``identity`` of each value, one tuple per row."""
    return [tuple(map(identity, row)) for row in settings.itertuples(index=False, name=None)]


def setting_keys(settings: pd.DataFrame) -> list[str]:
    """One text per setting: the identities of its values (JSON, so that a line break can part
    them).
    """
    return ["\n".join(texts) for texts in identities(settings)]
