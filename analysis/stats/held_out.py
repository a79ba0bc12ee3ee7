"""What settings reach on data that took part in no training and no choice."""

from typing import Any

import pandas as pd

from analysis.records.columns import HELD_OUT
from analysis.stats.summary import moments


def held_out_facts(rows: pd.DataFrame) -> pd.DataFrame:
    """What each setting reached on held-out data: ``rows`` as ``tables.last_epochs`` gives them,
    index ``setting``.

    ``<metric>_mean`` and ``<metric>_std`` (``ddof=1``) over seeds of every metric whose name begins
    as ``HELD_OUT`` says; of one that ends in ``_min`` the least over seeds, under its own name.
    Metrics without a number are left out.
    """
    columns: dict[str, pd.Series] = {}
    for name in held_out_names(rows):
        by_setting = rows[name].groupby(level=0)
        if name.endswith("_min"):
            columns[name] = by_setting.min()
        else:
            facts = {number: moments(each.dropna().to_numpy()) for number, each in by_setting}
            table = pd.DataFrame.from_dict(facts, orient="index")
            columns |= {f"{name}_{key}": table[key] for key in ("mean", "std")}
    return pd.DataFrame(columns, index=rows.index.unique(), dtype=float)


def held_out_names(rows: pd.DataFrame) -> list[str]:
    """The metrics of held-out data with a number; ``rows`` as ``held_out_facts`` takes them."""
    return [name for name in rows if name.startswith(HELD_OUT) and rows[name].notna().any()]


def held_out_metrics(columns: Any, of: str = "test_") -> list[str]:
    """The names of the metrics behind the columns of ``held_out_facts`` that begin with ``of``, in
    their order.
    """
    return [
        name.removesuffix("_mean")
        for name in columns
        if name.startswith(of) and name.endswith(("_mean", "_min"))
    ]
