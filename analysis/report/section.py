"""What a page is made of: sections, from which HTML and files are written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.charts.picture import Picture
from analysis.report.export import is_of_numbers, latex, markdown


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of texts for reading. ``note`` stands above it, ``remark`` below; rows that are
    ``marked`` stand out; columns named in ``words`` are set to the left and may take several lines,
    others of words to the left too; figures in those named in ``struck`` do not hold; ``dense``:
    set smaller, for many columns; ``folded``: opens on a click on its title.
    """

    frame: pd.DataFrame
    title: str = ""
    note: str = ""
    remark: str = ""
    marked: Sequence[bool] = ()
    words: Sequence[str] = ()
    struck: Sequence[str] = ()
    dense: bool = False
    folded: bool = False

    def kinds(self) -> list[str]:
        """The class of each column in the style sheet."""
        return [self._kind(name, column) for name, column in self.frame.items()]

    def _kind(self, name: Any, column: pd.Series) -> str:
        if name in self.words:
            return "text"
        if name in self.struck:
            return "struck"
        return "" if is_of_numbers(column) else "word"

    def rows(self) -> Iterator[tuple[bool, tuple[str, ...]]]:
        """Whether each row stands out, and its cells."""
        marks = list(self.marked) or [False] * len(self.frame)
        return zip(marks, self.frame.itertuples(index=False, name=None), strict=True)


@dataclass(frozen=True)
class Rounded:
    """A table as it stands in a LaTeX or Markdown file; ``small``: in small letters."""

    frame: pd.DataFrame
    caption: str
    words: Sequence[str] | None = None
    small: bool = False


@dataclass(frozen=True)
class TableFile:
    """A frame as ``<name>.csv`` in full precision and, where it is given ``rounded`` for reading,
    as ``<name>.tex`` and ``<name>.md``.
    """

    name: str
    frame: pd.DataFrame
    rounded: Sequence[Rounded] = ()

    @property
    def names(self) -> list[str]:
        kinds = ("csv", "tex", "md") if self.rounded else ("csv",)
        return [f"{self.name}.{kind}" for kind in kinds]

    def texts(self) -> dict[str, str]:
        """The content of each file."""
        tex = (latex(one.frame, one.caption, one.words, small=one.small) for one in self.rounded)
        md = (markdown(one.frame, one.caption, one.words) for one in self.rounded)
        contents = [self.frame.to_csv(index=False), "\n".join(tex), "\n".join(md)]
        return dict(zip(self.names, contents, strict=False))


@dataclass(frozen=True)
class Entry:
    """Text, or entries, that open on a click on ``title``; ``more``: how many are left out."""

    title: str
    text: str = ""
    entries: Sequence["Entry"] = ()
    more: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of a page: what is not empty stands there in the order of these fields, with links
    to the files below. ``charts``: the pictures whose section is ``anchor``; ``beside``: tables
    stand beside each other.

    The files of a section are written where it has nothing to show, too.
    """

    anchor: str
    title: str
    notes: Sequence[str] = ()
    points: Sequence[str] = ()
    facts: Sequence[tuple[str, Any]] = ()
    charts: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    beside: bool = False
    errors: Entry | None = None
    files: Sequence[TableFile] = ()

    @property
    def shown_tables(self) -> list[Table]:
        """Those that have a row."""
        return [table for table in self.tables if len(table.frame)]

    @property
    def is_shown(self) -> bool:
        tables = self.shown_tables
        return any((self.notes, self.points, self.facts, self.charts, tables, self.errors))

    def file_names(self) -> list[str]:
        return [name for file in self.files for name in file.names]

    def texts(self) -> Mapping[str, str]:
        """The content of its files, by name."""
        return {name: text for file in self.files for name, text in file.texts().items()}


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The head of a page: ``caution`` before all else, a line above the title, the answers, facts
    and what is to be known before anything is believed.
    """

    title: str
    above: str = ""
    caution: str = ""
    answers: Sequence[str] = ()
    facts: Sequence[tuple[str, Any]] = ()
    warnings: Sequence[str] = ()
