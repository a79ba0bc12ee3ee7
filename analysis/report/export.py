"""Tables as files: CSV in full precision, LaTeX and Markdown rounded for reading. Each file is
written aside and moved into place.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.samples import ROUNDING
from analysis.records.load import Run
from analysis.records.write import write_aside
from analysis.stats.identity import identity
from analysis.stats.labels import label, show, value_labels
from analysis.text.format import joined, p_text
from analysis.text.rounding import MISSING, rounded_rows, spread_of

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "&": r"\&",
    "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", MISSING: "--",
}  # fmt: skip


def write_tables(
    folder: Path, tables: Mapping[str, pd.DataFrame], summary: pd.DataFrame, caption: str
) -> list[Path]:
    """Write each frame of ``tables`` as ``<name>.csv``, and ``summary``, rounded by ``readable``,
    as ``summary.tex`` and ``summary.md``.

    ``caption`` is plain text and stands in the two rounded files. Returns the paths written; makes
    ``folder`` where it is missing.
    """
    texts = {f"{name}.csv": table.to_csv(index=False) for name, table in tables.items()}
    texts["summary.tex"] = latex(summary, caption)
    texts["summary.md"] = markdown(summary, caption)
    return [write_aside(folder / name, text) for name, text in texts.items()]


@dataclass(frozen=True)
class Figures:
    """Columns of a table in one unit, which have the same decimals within a row: ``names``, the one
    that the others describe first; ``deviations`` and ``limits`` of them say how far the figures
    scatter; ``decimals``: at the least, of percentages.
    """

    names: Sequence[str]
    deviations: Sequence[str] = ()
    limits: Sequence[tuple[str, str]] = ()
    decimals: int | None = None


LIMITS = ["ci_low", "ci_high", "corrected_low", "corrected_high"]
DIFFERENCES = Figures(
    ["difference", *LIMITS], limits=[(LIMITS[0], LIMITS[1]), (LIMITS[2], LIMITS[3])]
)


def readable(
    table: pd.DataFrame,
    measured: Sequence[Figures] = (),
    labels: Mapping[str, Callable[[Any], str]] | None = None,
) -> pd.DataFrame:
    """The table as text. ``labels``: how the values of other columns are told, where that depends
    on the column.
    """
    words = {name: amount if name in COUNTS else word for name in table} | dict(labels or {})
    text = pd.DataFrame(
        {name: list(map(words[name], table[name].tolist())) for name in table}, dtype=object
    )
    for figures in measured:
        spreads = spread_of(table, figures.deviations, figures.limits)
        shown = rounded_rows(table, figures.names, spreads, figures.decimals)
        text[list(figures.names)] = shown.to_numpy()
    return text


def readable_tests(rows: pd.DataFrame, corrected: str) -> pd.DataFrame:
    """A table with the columns of ``paired.differences`` as text, its intervals in one column each;
    ``corrected``: what the column of corrected p-values is called.
    """
    text = readable(_with_widths(rows), [DIFFERENCES])
    shown = text.drop(columns=["p", *LIMITS, "p_corrected"])
    return shown.assign(
        **{
            "95 % interval": joined(text["ci_low"], text["ci_high"], " to "),
            "corrected interval": joined(text["corrected_low"], text["corrected_high"], " to "),
            "p": list(map(p_text, rows["p"])),
            corrected: list(map(p_text, rows["p_corrected"])),
        }
    )


def _with_widths(rows: pd.DataFrame) -> pd.DataFrame:
    """Without intervals of no width: those of equal differences would read as certain."""
    rows = rows.copy()
    for low, high in (LIMITS[:2], LIMITS[2:]):
        narrow = rows[high] - rows[low] <= ROUNDING * rows[high].abs()
        rows.loc[narrow, [low, high]] = np.nan
    return rows


def text_table(columns: Sequence[tuple[str, Iterable[Any]]]) -> pd.DataFrame:
    """A table of texts from its columns, in order. Two may have one name: what a study calls its
    arms and parts may be a word of ours.
    """
    names, values = zip(*columns, strict=True)
    frame = pd.DataFrame(dict(enumerate(map(list, values))), dtype=object)
    return frame.set_axis(names, axis=1)


COUNTS = ("parameters", "n", "trials", "seeds")


def amount(value: Any) -> str:
    """Counts have their thousands marked."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else word(value)


def word(value: Any) -> str:
    """A text as it is."""
    return value if isinstance(value, str) else show(value)


def readable_summary(run: Run, summary: pd.DataFrame) -> pd.DataFrame:
    """A summary table as text."""
    std, limits, solved = f"{run.metric}_std", ("ci_low", "ci_high"), ("solved_low", "solved_high")
    shown = [Figures([f"{run.metric}_mean", std, f"{run.metric}_median", *limits], [std], [limits])]
    shown += [Figures(["solved", *solved], limits=[solved])] if "solved" in summary else []
    return readable(summary, shown, labels_of(run))


def labels_of(run: Run) -> dict[str, Callable[[Any], str]]:
    """How the values of each parameter are told."""
    return {key: partial(label, run, key) for key in run.parameters}


def latex(
    table: pd.DataFrame,
    caption: str,
    words: Sequence[str] | None = None,
    *,
    columns: Sequence[str] | Mapping[str, str] | None = None,
    decimals: int | None = None,
    small: bool = False,
) -> str:
    """A table as LaTeX (needs ``\\usepackage{booktabs}``); every name and value is escaped.

    ``columns``: these alone, in that order, a mapping with the heading of each; None: all.
    ``decimals``: in columns of floats; None: six significant digits at most. Parameters, which
    stand in columns of objects, have as many as tell them apart, whatever ``decimals``: 0.03 would
    become another setting. Columns named in ``words`` are set to the left; None: all but those of
    numbers. ``small``: in small letters, for wide tables.

    Raises:
        ValueError: the table has no such column.
    """
    if unknown := [name for name in columns or () if name not in table]:
        raise ValueError(f"no column {', '.join(unknown)}. Known: {', '.join(table)}.")
    table = table if columns is None else table[list(columns)]
    table = _of_texts(table, decimals)
    words = _words(table) if words is None else words
    headings = columns.values() if isinstance(columns, Mapping) else table.columns
    head, *rows = map(_latex_row, [headings, *table.itertuples(index=False, name=None)])
    sides = "".join("l" if name in words else "r" for name in table)
    lines = [
        r"\begin{table}",
        r"\centering",
        *([r"\small"] if small else []),
        rf"\caption{{{escape_latex(caption)}}}",
        rf"\begin{{tabular}}{{{sides}}}",
        r"\toprule",
        head,
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
        "",
    ]
    return "\n".join(lines)


def _of_texts(table: pd.DataFrame, decimals: int | None) -> pd.DataFrame:
    def texts(column: pd.Series) -> pd.Series:
        is_rounded = decimals is not None and pd.api.types.is_float_dtype(column)
        parameters = column if pd.api.types.is_object_dtype(column) else []
        known = value_labels(value for value in parameters if type(value) is float)

        def text(value: Any) -> str:
            if value is None or value is pd.NA or value != value:
                return MISSING
            if is_rounded:
                return f"{value:.{decimals}f}"
            return known.get(identity(value)) or amount(value)

        return column.map(text)

    return table.apply(texts)


def _words(table: pd.DataFrame) -> list[str]:
    return [name for name, column in table.items() if not is_of_numbers(column)]


def is_of_numbers(column: pd.Series) -> bool:
    """Whether no text of a column is a word: numbers may have signs, spreads and percents."""
    return all(re.match(r"[-+±<>\[\u2013\s]*\d|\W*$", str(value)) for value in column)


def _latex_row(cells: Iterable[str]) -> str:
    text = " & ".join(map(escape_latex, cells))
    # Behind the end of a row LaTeX takes a bracket or a star for an option.
    return ("{}" if text.startswith(("[", "*")) else "") + text + r" \\"


def escape_latex(text: str) -> str:
    """``text`` such that LaTeX prints it as it is, on one line."""
    return "".join(_LATEX.get(letter, letter) for letter in _one_line(text))


def markdown(table: pd.DataFrame, caption: str, words: Sequence[str] | None = None) -> str:
    """A table of texts as Markdown, the caption above it, the columns of ``words`` to the left, by
    default those that are not all numbers; what Markdown or HTML would read as markup is escaped.
    """
    words = _words(table) if words is None else words
    head, *rows = (
        [_escape_markdown(cell) for cell in row]
        for row in [table.columns, *table.itertuples(index=False, name=None)]
    )
    sides = [":---" if name in words else "---:" for name in table]
    lines = [f"| {' | '.join(line)} |" for line in [head, sides, *rows]]
    return "\n".join([_escape_markdown(caption), "", *lines, ""])


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\`*_|\[\]<>$&~])", r"\\\1", _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(str(text).split())
