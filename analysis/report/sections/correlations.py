"""How the parameters go with the metric, and how much each matters."""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.charts.related import APART, SECTION, differs, interval_texts
from analysis.numerics.association import PEARSON
from analysis.records.load import Run
from analysis.records.versions import pooled_words
from analysis.report.section import Rounded, Section, Table, TableFile
from analysis.stats.correlation import EXTRAPOLATED, has_coefficients, recommended
from analysis.stats.findings import Findings
from analysis.text.format import count
from analysis.text.rounding import fixed

_WORDS = ["parameter", "evidence", "method"]
_NAIVE = "from last values"
_UNRANKED = (
    "No importances are given: fewer than ten trials can be compared, nothing varies, or resampled"
    " trials rank the parameters the other way round."
)
_KEYS = ["parameter", "epoch", "evidence"]


def correlations(findings: Findings) -> Section | None:
    """What to know of the figures, and both tables; nothing where there is no coefficient."""
    table, shares = findings.correlations, findings.importances
    if not has_coefficients(table):
        return None
    tables = [
        Table(
            title="Correlations",
            frame=readable_correlations(table),
            marked=_quoted(table),
            words=_WORDS,
            struck=[_NAIVE],
        )
    ]
    files = [TableFile("correlations", table, [_rounded(findings.run, table)])]
    if len(shares):
        frame = readable_importances(shares)
        tables.append(Table(title="Importances", frame=frame, words=_WORDS, struck=[_NAIVE]))
        files.append(TableFile("importances", shares))
    unranked = [_UNRANKED] if findings.search and shares.empty else []
    return Section(
        anchor=SECTION,
        title="Parameters and the metric",
        notes=[*_reading(table), *unranked],
        tables=tables,
        files=files,
    )


def _rounded(run: Run, table: pd.DataFrame) -> Rounded:
    """The correlations to quote."""
    caption = (
        f"{pooled_words(run)}{run.spec['name']}: correlation of each parameter with {run.metric}"
        " over trials compared at one epoch, with 95 % intervals."
    )
    return Rounded(readable_correlations(recommended(table, pearson=True)), caption, _WORDS)


def readable_correlations(table: pd.DataFrame) -> pd.DataFrame:
    """The table of correlations as text: one row per parameter, epoch and evidence, Pearson's
    coefficient beside Spearman's.
    """
    is_pearson = table["method"] == PEARSON
    pearson = table[is_pearson].set_index(_KEYS)["coefficient"]
    shown = table[~is_pearson]
    amounts = zip(shown["n"], shown["measured"], strict=True)
    text = pd.DataFrame(
        {
            "parameter": shown["parameter"],
            "epoch": shown["epoch"].map(str),
            "evidence": shown["evidence"],
            "n": [
                f"{n:,}" if n == known else f"{n:,} ({known:,} measured)" for n, known in amounts
            ],
            "method": shown["method"].map({"spearman": "Spearman", "eta": "eta"}),
            "coefficient": [fixed(value, 2) for value in shown["coefficient"]],
            "95 % interval": interval_texts(shown),
            "Pearson": [fixed(pearson.get(key, math.nan), 2) for key in _keys(shown)],
        }
    )
    return _with_naive(text, shown["coefficient"], shown["naive"])


def readable_importances(table: pd.DataFrame) -> pd.DataFrame:
    """The table of importances as text."""
    shown = {
        "parameter": table["parameter"],
        "importance": [fixed(value, 2) for value in table["importance"]],
    }
    if table["n"].nunique() > 1:  # a parameter of a branch: its share among the trials of that
        shown["n"] = [f"{n:,}" for n in table["n"]]
    text = pd.DataFrame({**shown, "middle 80 %": interval_texts(table)})
    return _with_naive(text, table["importance"], table["naive"])


def _keys(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(table[_KEYS].itertuples(index=False, name=None))


def _with_naive(text: pd.DataFrame, ours: pd.Series, naive: pd.Series) -> pd.DataFrame:
    """The table with a column for naive figures, where one of them differs."""
    apart = differs(ours, naive)
    shown = [fixed(value, 2) if off else "" for value, off in zip(naive, apart, strict=True)]
    return text.assign(**{_NAIVE: shown}) if apart.any() else text


def _quoted(table: pd.DataFrame) -> list[bool]:
    """Which rows of the readable table are those of ``correlation.recommended``."""
    shown, quoted = table[table["method"] != PEARSON], _keys(recommended(table))
    several = shown["epoch"].nunique() > 1
    return [key in quoted for key in _keys(shown)] if several else []


def _reading(table: pd.DataFrame) -> Iterator[str]:
    yield (
        "Spearman's coefficient for numeric parameters (-1 to 1), the correlation ratio eta for the"
        " others (0 to 1, never quite 0). Each is over trials compared at one and the same epoch."
        " Correlation is not effect: a search that goes where it is good mixes them."
    )
    if (table["evidence"] == EXTRAPOLATED).any():
        rows = table[table["evidence"] == EXTRAPOLATED].iloc[0]
        yield (
            "Trials were stopped early, and those that reached the later epochs are survivors. The"
            f" figures to quote, shaded, are those at epoch {rows['epoch']}, extrapolated:"
            f" {count(int(rows['measured']), 'trial')} measured there,"
            f" {rows['n'] - rows['measured']} stopped before, for which a regression on their last"
            " comparable value and their setting says what they would have reached."
        )
    elif table["epoch"].nunique() > 1:
        yield (
            "Trials were stopped early, and those that went on are too few or too much alike to say"
            " what the others would have reached: the figures of later epochs are those of"
            " survivors. The shaded rows, at"
            f" epoch {recommended(table)['epoch'].max()}, are the last with trials enough to be"
            " quoted, with that in mind."
        )
    if differs(table["coefficient"], table["naive"]).any():
        yield (
            f'Struck through, "{_NAIVE}": what the last values of all trials, however long they'
            f" ran, would have given, where that differs by more than {APART:g}."
            " It is no evidence."
        )
