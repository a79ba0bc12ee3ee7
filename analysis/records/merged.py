"""Which run each trial of a merged run comes from."""

from typing import TYPE_CHECKING

import pandas as pd

from analysis.text.format import count, listing

if TYPE_CHECKING:
    from analysis.records.load import Run


def merged_table(run: "Run") -> pd.DataFrame:
    """One row per trial of the runs that ``run`` is merged of: ``trial`` (its id here), ``run``,
    ``was`` (its id there) and ``counted``: False where another trial with its setting and seeds
    stands for it, which ``trial`` is then. Empty where the run is not merged.
    """
    rows = [
        (name, source["run"], was, counted)
        for source in run.recorded.get("merged") or []
        for counted, names in ((True, source["trials"]), (False, source["left_out"]))
        for was, name in names.items()
    ]
    return pd.DataFrame(rows, columns=["trial", "run", "was", "counted"])


def merged_note(run: "Run") -> str | None:
    """Of which runs it is merged, and how many trials were in several; None where it is not."""
    sources = run.recorded.get("merged") or []
    if not sources:
        return None
    each = listing(f"{one['run']} ({count(len(one['trials']), 'trial')})" for one in sources)
    note = f"This run is merged of {each}."
    if twice := sum(len(one["left_out"]) for one in sources):
        note += (
            f" {count(twice, 'trial')} had a setting and seeds that another of these runs has as"
            " well: they count once."
        )
    return note
