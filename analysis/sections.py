"""What stands in a report, section by section: findings in, markup out."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis import page
from analysis.arm_sections import arm_sections, compared_by, known_section
from analysis.correlation_pictures import SECTION, correlation_section
from analysis.devices import trained_on
from analysis.error_section import error_section
from analysis.estimates import estimate_table, estimates_section
from analysis.export import Figures, labels_of, readable, readable_summary
from analysis.findings import Findings as Findings
from analysis.health_section import health_section
from analysis.intervals import FEW, RESAMPLES
from analysis.labels import label
from analysis.pictures import Picture
from analysis.power import settled_text
from analysis.published import evaluation_points, measured_otherwise
from analysis.reading import reading
from analysis.rounding import number
from analysis.search_sections import cost_sections, result_sections, searched_by, searched_sizes
from analysis.versions import pooled_words
from analysis.wording import count, joined, p_text, sentences

DIFFERENCES = Figures(
    ["difference", "ci_low", "ci_high", "corrected_low", "corrected_high"],
    limits=[("ci_low", "ci_high"), ("corrected_low", "corrected_high")],
)
SHOWN_ROWS = 200  # longer tables stand in their CSV file alone


def caption(found: Findings) -> str:
    """The caption of the summary table: n, the standard deviation and the interval."""
    present = found.summary.loc[found.summary["n"] > 0, "n"]
    seeds = (
        "no results"
        if present.empty
        else f"n = {present.min()}"
        if present.min() == present.max()
        else f"n = {present.min()} to {present.max()}"
    )
    return (
        f"{pooled_words(found.run)}{found.run.spec['name']}: {found.run.metric} over the seeds of each setting at the last epoch, {seeds}; "
        f"std with ddof = 1; ci: 95 % bootstrap interval of the mean (BCa, {RESAMPLES:,} resamples, widened for few seeds; "
        f"Student's t below {FEW})."
    )


def opening(found: Findings) -> str:
    """Question, answer, data, n and command."""
    spec = found.run.spec
    goal = f"{spec['metric']}, {'higher' if spec['mode'] == 'max' else 'lower'} is better"
    solved = spec.get("solved")
    goal += "" if solved is None else f"; a seed counts as solved at {number(solved, 6)} or {'more' if spec['mode'] == 'max' else 'less'}"
    rows = [
        ("Data", "; ".join(_phrases(spec.get("data"))) or "not stated by the study"),
        ("Trained on", trained_on(found.run)),
        ("n", _sizes(found) if found.search is None else searched_sizes(found.search)),
        ("Metric", goal),
        *([("Search", searched_by(found.run))] if found.search else []),
        *([("Compared", compared_by(found.arms.what))] if found.arms else []),
        ("Fixed", ", ".join(_phrases(spec.get("fixed"))) or "nothing"),
        ("Command", spec.get("command", "")),
        ("Started", spec.get("started", "")),
    ]
    head = _generated(spec) + f"{page.paragraph('Study ' + str(spec['name']), 'soft')}\n<h1>{page.escape(spec['question'])}</h1>"
    warnings = f"{_warnings(found)}\n{health_section(found.health)}"
    return f"<header>\n{head}\n{page.paragraph(found.answer, 'answer')}\n{page.facts(rows)}\n{warnings}\n</header>"


def sections(found: Findings, pictures: list[Picture]) -> Iterator[tuple[str, str, str]]:
    """Anchor, title and markup of each section, in reading order."""
    if found.search is not None:
        yield from result_sections(found.search)
        yield from _pictures(pictures)
        yield from _correlations(found, pictures)
        yield from cost_sections(found.search)
    yield "trials", "Trials", _trials(found)
    if found.arms is not None:
        yield from arm_sections(found.arms)
    if found.over_seeds:
        yield "summary", "Settings", _summary(found)
    if found.over_seeds and len(found.comparisons):
        yield "comparisons", "What the parameters do", _comparisons(found)
    if found.published is not None:
        yield "published", "Beside the published table", _published(found, found.published)
    if found.search is None:
        yield from _pictures(pictures)
        yield from _correlations(found, pictures)
    if found.run.spec.get("tables"):
        yield "known", "Known beforehand", known_section(found.run.spec["tables"])
    if told := estimates_section(estimate_table(found.run.paths)):
        yield "estimates", "How good the estimates of the time left were", told
    yield "reading", "How to read this", reading(found)
    yield "provenance", "Provenance", page.facts(_flat(found.run.spec.get("provenance") or {}))


def _pictures(pictures: list[Picture]) -> Iterator[tuple[str, str, str]]:
    drawn = [page.figure(picture.name, picture.title, picture.note, picture.spec) for picture in pictures if picture.section == "pictures"]
    if drawn:
        yield "pictures", "Pictures", '<div class="pictures">\n' + "\n".join(drawn) + "\n</div>"


def _correlations(found: Findings, pictures: list[Picture]) -> Iterator[tuple[str, str, str]]:
    drawn = [picture for picture in pictures if picture.section == SECTION]
    if markup := correlation_section(found.correlations, found.importances, drawn):
        yield SECTION, "Parameters and the metric", markup


def _generated(spec: Mapping[str, Any]) -> str:
    """Before all else, that images are none of patients."""
    if "phantoms" not in str((spec.get("data") or {}).get("name", "")).lower():
        return ""
    return page.paragraph(
        "The images of this study are generated phantoms, no X-rays: nothing here says how it does on patients.", "warning"
    )


def _sizes(found: Findings) -> str:
    present = found.summary[found.summary["n"] > 0]
    total = int(found.summary["n"].sum())
    if present.empty:
        return "no seed has a result"
    low, high = present["n"].min(), present["n"].max()
    each = f"{low:,} each" if low == high else f"{low:,} to {high:,} each"
    without = len(found.summary) - len(present)
    return f"{count(total, 'seed')} over {count(len(present), 'setting')}, {each}" + (
        f"; {count(without, 'setting')} without a result" if without else ""
    )


def _warnings(found: Findings) -> str:
    trials = found.statuses.groupby("status")["trials"].sum()
    notes = [*found.run.notes, *filter(None, [measured_otherwise(found.run)])]
    if trials["unfinished"] or trials["not started"]:
        notes.append("This run is not complete: what follows rests on the trials completed so far.")
    return "\n".join(page.paragraph(note, "warning") for note in notes)


def _trials(found: Findings) -> str:
    statuses = found.statuses if found.search is None else found.statuses[found.statuses["trials"] > 0].reset_index(drop=True)
    return page.table(readable(statuses), left=["phase", "status", "errors"]) + error_section(found.run)


def _summary(found: Findings) -> str:
    shown = found.summary
    note = ""
    if len(shown) > SHOWN_ROWS:
        shown = shown.sort_values(f"{found.run.metric}_mean", ascending=found.run.spec["mode"] == "min").head(SHOWN_ROWS)
        note = page.paragraph(f"The best {SHOWN_ROWS} of {len(found.summary):,} settings; all of them are in tables/summary.csv.")
    files = page.files("summary.csv", "summary.tex", "summary.md", "seeds.csv")
    return f"{page.paragraph(caption(found))}{note}{page.table(readable_summary(found.run, shown))}{files}"


def _comparisons(found: Findings) -> str:
    rows = found.comparisons.head(SHOWN_ROWS)
    text = readable(rows, [DIFFERENCES])
    for name in ("first", "value"):
        text[name] = [label(found.run, key, value) for key, value in zip(rows["parameter"], rows[name], strict=True)]
    shown = text[["parameter", "first", "value", "at", "n", "difference"]].assign(
        **{
            "95 % interval": joined(text["ci_low"], text["ci_high"], " to "),
            "corrected interval": joined(text["corrected_low"], text["corrected_high"], " to "),
            "p": [p_text(value) for value in rows["p"]],
            "p (Holm)": [p_text(value) for value in rows["p_corrected"]],
            "seeds to settle": [settled_text(value) for value in rows["seeds_needed"]],
        }
    )
    shown = shown if shown["seeds to settle"].any() else shown.drop(columns="seeds to settle")
    shown = shown if len(found.run.parameters) > 1 else shown.drop(columns="at")
    pairing = "" if rows["paired"].all() else " Where they share fewer than two seeds, the seeds are compared unpaired."
    note = (
        f"Difference of mean {found.run.metric}, value minus the first one, over the seeds that both settings have.{pairing} Shaded rows "
        "are supported: their corrected interval excludes 0 and their Holm-corrected p-value is at most 0.05. Seeds to settle: how many "
        "paired seeds would show the difference seen, were it the true one, in four studies of five."
    )
    table = page.dense(page.table(shown, list(rows["supported"]), ["parameter", "at"]))
    return page.paragraph(note) + table + page.files("comparisons.csv")


def _published(found: Findings, table: pd.DataFrame) -> str:
    source = found.run.spec["published"]
    marks = [bool(mark) for mark in table["outside"].fillna(False)]
    metric = f"{found.run.metric}_mean"
    names, stds = ["published_mean", "published_std", metric, "range_low", "range_high"], ["published_std"]
    text = readable(table, [Figures(names, stds, [("range_low", "range_high")])], labels_of(found.run))
    text["outside"] = ["outside" if mark else "" for mark in marks]
    points = evaluation_points(found.run, found.seeds)
    chance = f" and by two draws of {count(points, 'evaluation point')}" if points else ""
    note = (
        f"Published: {sentences(source['source'], source.get('note'))} range_low to range_high is where the mean of "
        f"{count(source['runs'], 'other run')} would fall 95 % of the time if nothing differed, both means being off by the luck of their "
        f"seeds{chance}; a row is marked outside where the published mean does not lie in it ({sum(marks)} of {len(marks)}; one of twenty "
        "would by chance)."
    )
    return page.paragraph(note) + page.table(text, marks) + page.files("published.csv")


def _phrases(content: Mapping[str, Any] | None) -> list[str]:
    """``name value`` each; the entry ``name`` speaks for itself."""
    return [str(value) if name == "name" else f"{name} {value if value != '' else repr('')}" for name, value in _flat(content or {})]


def _flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested names and values as pairs, the names joined by dots."""
    pairs: list[tuple[str, Any]] = []
    for name, value in content.items():
        pairs += _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(f"{prefix}{name}", value)]
    return pairs
