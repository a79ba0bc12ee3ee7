"""Correlation and importance as they stand in a report: pictures, tables and what to know when reading them."""

from collections.abc import Iterator

import pandas as pd

from analysis import correlation_charts, correlation_facts, page
from analysis.association import PEARSON
from analysis.correlation import EXTRAPOLATED, recommended
from analysis.export import latex, markdown
from analysis.pictures import Picture
from analysis.rounding import MISSING, fixed
from analysis.runs import Run
from analysis.search_trials import is_search
from analysis.wording import count

SECTION = "correlations"  # the anchor of the section
_WORDS = ["parameter", "evidence", "method"]
_NAIVE = "from last values"


def tells_correlations(table: pd.DataFrame) -> bool:
    """Whether a table of ``correlation.correlations`` has anything to show."""
    return bool(table["coefficient"].notna().any())


def correlation_pictures(run: Run, correlations: pd.DataFrame, importances: pd.DataFrame) -> Iterator[Picture]:
    """The pictures that the run has evidence for; the frames are those of ``correlation.correlations`` and ``importance.importances``."""
    from altair.utils.schemapi import debug_mode

    if not tells_correlations(correlations):
        return
    with debug_mode(False):  # as in ``pictures.pictures``
        yield _correlation_bars(correlations)
        if len(importances):
            yield _importance_bars(importances)
        if len(run.parameters) > (1 if is_search(run) else 2):  # a grid over two is drawn as cells
            yield _parallel(run)


def correlation_section(correlations: pd.DataFrame, importances: pd.DataFrame, drawn: list[Picture]) -> str:
    """The markup of a section: how it was reckoned, the pictures, both tables. Empty where there is nothing to say."""
    if not tells_correlations(correlations):
        return ""
    figures = "\n".join(page.figure(picture.name, picture.title, picture.note, picture.spec) for picture in drawn)
    parts = [page.paragraph(text) for text in _reading(correlations)]
    parts += [f'<div class="pictures">\n{figures}\n</div>', "<h3>Correlations</h3>"]
    parts += [page.table(readable_correlations(correlations), _quoted(correlations), _WORDS, [_NAIVE])]
    if len(importances):
        parts += ["<h3>Importances</h3>", page.table(readable_importances(importances), left=_WORDS, struck=[_NAIVE])]
    files = ["correlations.csv", "correlations.tex", "correlations.md", *(["importances.csv"] if len(importances) else [])]
    return "\n".join([*parts, page.files(*files)])


def written_correlations(run: Run, correlations: pd.DataFrame) -> dict[str, str]:
    """The correlations to quote, rounded for reading, by file name."""
    table = readable_correlations(recommended(correlations, pearson=True))
    caption = f"{run.spec['name']}: correlation of each parameter with {run.metric} over trials compared at one epoch, with 95 % intervals."
    return {"correlations.tex": latex(table, caption, _WORDS), "correlations.md": markdown(table, caption)}


def readable_correlations(table: pd.DataFrame) -> pd.DataFrame:
    """The table of correlations as text: one row per parameter, epoch and evidence, Pearson's coefficient beside Spearman's."""
    pearson = table[table["method"] == PEARSON].set_index(["parameter", "epoch", "evidence"])["coefficient"]
    shown = table[table["method"] != PEARSON]
    text = pd.DataFrame({"parameter": shown["parameter"], "epoch": shown["epoch"].map(str), "evidence": shown["evidence"]})
    text["n"] = [
        f"{n:,}" if n == measured else f"{n:,} ({measured:,} measured)" for n, measured in zip(shown["n"], shown["measured"], strict=True)
    ]
    text["method"] = shown["method"].map({"spearman": "Spearman", "eta": "eta"})
    text["coefficient"] = [_coefficient(value) for value in shown["coefficient"]]
    text["95 % interval"] = [_span(low, high) for low, high in zip(shown["low"], shown["high"], strict=True)]
    keys = zip(shown["parameter"], shown["epoch"], shown["evidence"], strict=True)
    text["Pearson"] = [_coefficient(pearson.get(key)) for key in keys]
    return _with_naive(text, shown["coefficient"], shown["naive"])


def readable_importances(table: pd.DataFrame) -> pd.DataFrame:
    """The table of importances as text."""
    text = pd.DataFrame({"parameter": table["parameter"], "importance": [_coefficient(value) for value in table["importance"]]})
    text["middle 80 %"] = [_span(low, high) for low, high in zip(table["low"], table["high"], strict=True)]
    return _with_naive(text, table["importance"], table["naive"])


def _with_naive(text: pd.DataFrame, ours: pd.Series, naive: pd.Series) -> pd.DataFrame:
    """The table with a column for naive figures, where one of them differs."""
    apart = correlation_facts.differs(ours, naive)
    shown = [_coefficient(value) if off else "" for value, off in zip(naive, apart, strict=True)]
    return text.assign(**{_NAIVE: shown}) if apart.any() else text


def _quoted(table: pd.DataFrame) -> list[bool]:
    """Which rows of the readable table are those of ``correlation.recommended``."""
    keys, shown = ["parameter", "epoch", "evidence"], table[table["method"] != PEARSON]
    quoted = set(recommended(table)[keys].itertuples(index=False, name=None))
    return [key in quoted for key in shown[keys].itertuples(index=False, name=None)] if shown["epoch"].nunique() > 1 else []


def _reading(table: pd.DataFrame) -> Iterator[str]:
    yield (
        "Spearman's coefficient for numeric parameters (-1 to 1), the correlation ratio eta for the others (0 to 1, never quite 0). Each "
        "is over trials compared at one and the same epoch. Correlation is not effect: a search that goes where it is good mixes them."
    )
    if (table["evidence"] == EXTRAPOLATED).any():
        rows = table[table["evidence"] == EXTRAPOLATED].iloc[0]
        yield (
            f"Trials were stopped early, and those that reached the later epochs are survivors. The figures to quote, shaded, are those at "
            f"epoch {rows['epoch']}, extrapolated: {count(int(rows['measured']), 'trial')} measured there, {rows['n'] - rows['measured']} "
            f"stopped before, for which a regression on their last comparable value and their setting says what they would have reached."
        )
    elif table["epoch"].nunique() > 1:
        yield (
            "Trials were stopped early, and too few completed to say what the others would have reached: the figures of later epochs are "
            f"those of survivors. The shaded rows, at epoch {recommended(table)['epoch'].max()}, are the last with trials enough to be "
            "quoted, with that in mind."
        )
    if correlation_facts.differs(table["coefficient"], table["naive"]).any():
        yield (
            f'Struck through, "{_NAIVE}": what the last values of all trials, however long they ran, would have given, where that '
            f"differs by more than {correlation_facts.APART:g}. It is no evidence."
        )


def _correlation_bars(table: pd.DataFrame) -> Picture:
    drawn = correlation_facts.bars(table)
    naive = " Struck-through circles: what the last values of unequal epochs would have given." if drawn["naive"].notna().any() else ""
    note = f"Each panel compares the trials that reached that epoch, by their values there. Lines: 95 % interval.{naive}"
    return Picture(
        name="correlations",
        title="How the parameters go with the metric",
        note=note,
        spec=correlation_charts.correlation_bars(drawn),
        section=SECTION,
    )


def _importance_bars(table: pd.DataFrame) -> Picture:
    drawn = correlation_facts.importance_bars(table)
    first = table.iloc[0]
    what = "being among the best tenth" if first["method"] == "ped-anova" else "the variance of the metric"
    naive = " Struck-through circles: what the last values of unequal epochs would have given." if drawn["naive"].notna().any() else ""
    note = (
        f"Share of each parameter in {what} at epoch {first['epoch']}, n = {first['n']:,}. Lines: middle 80 % over resampled trials.{naive}"
    )
    return Picture(
        name="importances", title="Which parameters matter", note=note, spec=correlation_charts.importance_bars(drawn), section=SECTION
    )


def _parallel(run: Run) -> Picture:
    lines, labels = correlation_facts.parallel(run)
    shown, trials = lines["trial"].nunique(), len(run.phase("search").trials)
    part = "" if shown == trials else f" {shown:,} of {trials:,} trials are shown."
    note = (
        f"A line per trial. Strong lines completed; faint ones were stopped, at their extrapolated {run.metric}; grey ones have none. "
        f"Point at a line to bring it out, drag over an axis to keep the trials within that range.{part}"
    )
    chart = correlation_charts.parallel_coordinates(lines, labels, metric=run.metric, better=run.spec["mode"])
    return Picture(name="parallel", title="The search space, trial by trial", note=note, spec=chart, section=SECTION)


def _coefficient(value: float | None) -> str:
    return MISSING if value is None else fixed(value, 2)


def _span(low: float, high: float) -> str:
    return MISSING if pd.isna(low) else f"{fixed(low, 2)} to {fixed(high, 2)}"
