"""Tables as files: CSV in full precision, LaTeX and Markdown rounded for reading. Each file is written aside and moved into place."""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.labels import label, show
from analysis.rounding import MISSING, rounded_rows, spread_of
from analysis.runs import Run

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "&": r"\&", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", MISSING: "--",
}  # fmt: skip


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame], summary: pd.DataFrame, caption: str) -> list[Path]:
    """Write each frame of ``tables`` as ``<name>.csv``, and ``summary``, rounded by ``readable``, as ``summary.tex`` and ``summary.md``.

    ``caption`` is plain text and stands in the two rounded files. Returns the paths written; makes ``folder`` where it is missing.
    """
    texts = {f"{name}.csv": table.to_csv(index=False) for name, table in tables.items()}
    texts["summary.tex"] = latex(summary, caption)
    texts["summary.md"] = markdown(summary, caption)
    return [write_aside(folder / name, text) for name, text in texts.items()]


def write_aside(path: Path, content: str | bytes) -> Path:
    """Write a file so that nobody ever sees half of it: beside it first, then moved over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        aside.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", errors="replace"))
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path


@dataclass(frozen=True)
class Figures:
    """Columns of a table in one unit, which have the same decimals within a row: ``names``, the one that the others describe first;
    ``deviations`` and ``limits`` of them say how far the figures scatter; ``decimals``: at the least, of percentages."""

    names: Sequence[str]
    deviations: Sequence[str] = ()
    limits: Sequence[tuple[str, str]] = ()
    decimals: int | None = None


def readable(
    table: pd.DataFrame, measured: Sequence[Figures] = (), labels: Mapping[str, Callable[[Any], str]] | None = None
) -> pd.DataFrame:
    """The table as text. ``labels``: how the values of other columns are told, where that depends on the column."""
    told = {name: (labels or {}).get(name) or (_amount if name in COUNTS else _word) for name in table}
    text = pd.DataFrame({name: [told[name](value) for value in table[name].tolist()] for name in table}, dtype=object)
    for figures in measured:
        spreads = spread_of(table, figures.deviations, figures.limits)
        shown = rounded_rows(table, figures.names, spreads, figures.decimals)
        for name in figures.names:
            text[name] = shown[name].tolist()
    return text


def text_table(columns: Sequence[tuple[str, Iterable[Any]]]) -> pd.DataFrame:
    """A table of texts from its columns, in order. Two may have one name: what a study calls its arms and parts may be a word of ours."""
    frame = pd.DataFrame({place: list(column) for place, (_, column) in enumerate(columns)}, dtype=object)
    return frame.set_axis([name for name, _ in columns], axis=1)


COUNTS = ("parameters", "n", "trials", "seeds")


def _amount(value: Any) -> str:
    """Counts have their thousands marked."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else _word(value)


def _word(value: Any) -> str:
    """A text as it is."""
    return value if isinstance(value, str) else show(value)


def readable_summary(run: Run, summary: pd.DataFrame) -> pd.DataFrame:
    """A summary table as text."""
    std, limits = f"{run.metric}_std", ("ci_low", "ci_high")
    shown = [Figures([f"{run.metric}_mean", std, f"{run.metric}_median", *limits], [std], [limits])]
    if "solved" in summary:
        shown.append(Figures(["solved", "solved_low", "solved_high"], limits=[("solved_low", "solved_high")]))
    return readable(summary, shown, labels_of(run))


def labels_of(run: Run) -> dict[str, Callable[[Any], str]]:
    """How the values of each parameter are told."""
    return {key: partial(label, run, key) for key in run.parameters}


def latex(table: pd.DataFrame, caption: str, words: Sequence[str] = (), *, small: bool = False) -> str:
    """A table of texts as LaTeX (needs ``\\usepackage{booktabs}``); every name and value is escaped. Columns named in ``words`` are set to
    the left; ``small``: in small letters, for wide tables."""
    head, *rows = (_latex_row(row) for row in [tuple(table.columns), *table.itertuples(index=False, name=None)])
    sides = "".join("l" if name in words else "r" for name in table)
    start = [r"\begin{table}", r"\centering", *([r"\small"] if small else [])]
    lines = [*start, rf"\caption{{{escape_latex(caption)}}}", rf"\begin{{tabular}}{{{sides}}}"]
    return "\n".join([*lines, r"\toprule", head, r"\midrule", *rows, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _latex_row(cells: Sequence[str]) -> str:
    text = " & ".join(map(escape_latex, cells))
    # Behind the end of a row LaTeX takes a bracket or a star for an option.
    return ("{}" if text.startswith(("[", "*")) else "") + text + r" \\"


def escape_latex(text: str) -> str:
    """``text`` such that LaTeX prints it as it is, on one line."""
    return "".join(_LATEX.get(letter, letter) for letter in _one_line(text))


def markdown(table: pd.DataFrame, caption: str) -> str:
    """A table of texts as Markdown, the caption above it; what Markdown or HTML would read as markup is escaped."""
    rows = [list(map(_escape_markdown, row)) for row in table.itertuples(index=False, name=None)]
    lines = [list(map(_escape_markdown, table.columns)), ["---:"] * table.shape[1], *rows]
    return "\n".join([_escape_markdown(caption), "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\`*_|\[\]<>$&~])", r"\\\1", _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(str(text).split())
