"""What confirmed settings reach on data that nothing was trained or chosen by, as tables for reading."""

from collections.abc import Iterator

import pandas as pd

from analysis.export import Figures, readable
from analysis.rounding import rounded
from analysis.runs import Run
from analysis.search import held_out_metrics
from analysis.search_trials import short_name
from analysis.wording import joined

_TOLD = "at the last epoch: mean \u00b1 std over the fresh seeds; of metrics that are a least, the least over seeds."


def held_out_tables(run: Run, confirmed: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Title, note and table of each kind of held-out data; ``confirmed`` as ``search.confirmed_table`` gives it."""
    rows = confirmed.reset_index(drop=True)
    for of, title, where in _kinds(run):
        if names := held_out_metrics(rows.columns, of):
            # What the other settings have on data set aside must not become a second choice.
            judged = rows[(rows.index == 0) | rows["name"].notna()] if of == "set_aside_" else rows
            yield title, f"{where}, {_TOLD}", _readable(judged, names)


def _kinds(run: Run) -> Iterator[tuple[str, str, str]]:
    """How the metrics of held-out data begin, with a title, and what data they are."""
    data = run.spec.get("data") or {}
    yield "test_", "Test data", "On the test data"
    count = f" ({data['set_aside']} images)" if "set_aside" in data else ""
    aside = f"On data that were set aside before anything else{count}: the best setting, and those it was to be compared with"
    yield "set_aside_", "Data set aside", aside
    known = [str(data[key]) for key in ("extra_test_name", "extra_test") if key in data]
    named = f" ({', '.join(known)})" if "extra_test" in data else ""
    yield "extra_test_", "Data of another source", f"On data of another source{named}, which took part in no training and no choice"


def _readable(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    shown = {"setting": [short_name(row) for row in rows.to_dict("records")]}
    for name in names:
        if name.endswith("_min"):
            shown[name] = rounded(rows[name])
        else:
            mean, std = f"{name}_mean", f"{name}_std"
            text = readable(rows[[mean, std]], [Figures([mean, std], [std])])
            shown[name] = joined(text[mean], text[std], " \u00b1 ")
    return pd.DataFrame(shown, dtype=object)
