"""The head of a report, and where it comes from."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.records.budget import budget_words
from analysis.records.devices import trained_on
from analysis.records.labels import read_labels
from analysis.records.load import Run
from analysis.records.merged import merged_table
from analysis.records.settled import settled_sentence
from analysis.report.claims import claim
from analysis.report.section import Opening, Section, TableFile
from analysis.stats.compared import Compared
from analysis.stats.findings import Findings, SearchFindings
from analysis.stats.published import measured_otherwise
from analysis.stats.tables import repeats, setting_numbers
from analysis.stats.uncompared import uncompared
from analysis.text.format import count, epochs_text, listing
from analysis.text.rounding import number


def opening(findings: Findings) -> Opening:
    """Question, answer, data, n and command."""
    run, spec = findings.run, findings.run.spec
    rows = [
        ("Data", "; ".join(_phrases(spec.get("data"))) or "not stated by the study"),
        *([("Trained on", devices)] if (devices := trained_on(run)) else []),
        ("n", searched_sizes(findings.search) if findings.search else _sizes(findings)),
        ("Metric", _goal(spec)),
        *([("Search", searched_by(run))] if findings.search else []),
        *([("Settled", settled)] if (settled := settled_sentence(run)) else []),
        *([("Left out", left_out_by(run))] if run.spec["search"].get("valid") else []),
        *([("Compared", compared_by(findings.arms.what))] if findings.arms else []),
        ("Fixed", ", ".join(_phrases(spec.get("fixed"))) or "nothing"),
        *([("Budget", budget)] if (budget := budget_words(run)) else []),
        ("Command", spec.get("command", "")),
        ("Started", spec.get("started", "")),
        *_labels(run),
    ]
    return Opening(
        caution=_caution(spec),
        above=f"Study {spec['name']}",
        title=spec["question"],
        answers=[claim(findings)],
        facts=rows,
        warnings=[*_warnings(findings), *health_warnings(findings.health)],
    )


def _labels(run: Run) -> list[tuple[str, str]]:
    """Its tags and notes, if people gave it any."""
    labels = read_labels(run.paths)
    tags = [("Tags", ", ".join(labels.tags))] if labels.tags else []
    return tags + [("Note", f"{text} ({at[:10]})") for at, text in labels.notes]


def provenance(findings: Findings) -> Section:
    """What the study recorded of code, packages and machine."""
    recorded = flat(findings.run.spec.get("provenance") or {})
    facts = [(name, value) for name, value in recorded if value is not None]
    merged = merged_table(findings.run)
    files = [TableFile("merged", merged)] if len(merged) else []
    return Section(anchor="provenance", title="Provenance", facts=facts, files=files)


def health_warnings(table: pd.DataFrame) -> list[str]:
    """The findings of ``health.health_checks``, each with its evidence."""
    return [
        f"{finding} Evidence: {evidence}."
        for finding, evidence in zip(table["finding"], table["evidence"], strict=True)
    ]


def compared_by(what: Compared) -> str:
    """What is compared with what, and by what, in one line."""
    parts = f" and by {count(len(what.metrics) - 1, what.part)}"
    by = f"{what.metrics[0]}{parts}" if what.has_parts else listing(what.metrics)
    return (
        f"{what.parameter} {listing(map(what.name, what.arms))} against {what.name(what.baseline)},"
        f" by {by}"
    )


_SAID = ("kind", "rungs", "anywhere")
_OWN_WORDS = (
    "kind",
    "trials",
    "points_to_evaluate",
    "valid",
    "refused",
    "until_settled",
    "warm_start",
)
"""What is said of a search in words of its own."""


def searched_by(run: Run) -> str:
    """How settings were chosen, stopped and confirmed, in one line."""
    search, scheduler = run.spec["search"], run.spec.get("scheduler")
    chosen = [search["kind"]]
    chosen += [count(search["trials"], "trial")] if "trials" in search else []
    chosen += [f"{key} {value}" for key, value in search.items() if key not in _OWN_WORDS]
    if noise := search.get("until_settled"):
        chosen.append("until settled" if noise is True else f"until settled, at {noise:g}")
    if given := search.get("points_to_evaluate"):
        chosen.append(f"begun with {count(len(given), 'given setting')}")
    if earlier := run.spec.get("earlier"):
        runs = listing(f"{each['run']} ({count(each['trials'], 'trial')})" for each in earlier)
        chosen.append(f"begun with what {count(len(earlier), 'earlier run')} found: {runs}")
    parts = [", ".join(chosen)]
    if scheduler:
        at = f" at {epochs_text(run.rungs)}" if run.rungs else ""
        rule = (
            f"one in {scheduler['reduction_factor']} goes on{at}"
            if "reduction_factor" in scheduler
            else ", ".join(f"{key} {scheduler[key]}" for key in scheduler if key not in _SAID)
        )
        parts.append(f"stopped early by {scheduler['kind']}: {rule}")
    if confirm := run.spec.get("confirm"):
        named = "".join(f", and {entry['name']}" for entry in run.baselines)
        race = confirm.get("until_settled")
        least = f"{race['at_least']} to " if race else ""
        parts.append(
            f"confirmed: the best {confirm['top']}{named}, on"
            f" {least}{count(confirm['seeds'], 'fresh seed')} each"
        )
    return "; ".join(parts)


def left_out_by(run: Run) -> str:
    """How many settings were not valid, in one line: of a grid combinations, else draws."""
    search = run.spec["search"]
    if "refused" in search:
        return f"{count(search['refused'], 'combination')} that {search['valid']} refuses"
    refused, trials = sum(map(len, run.refused.values())), len(run.phase("search").trials)
    return (
        f"{refused} of {count(refused + trials, 'draw')}, which {search['valid']} refused: others"
        " were drawn in their place"
    )


def searched_sizes(search: SearchFindings) -> str:
    """How many trials and seeds stand behind the page."""
    scores, fresh = search.board["search_n"].dropna(), search.confirmed["confirmed_n"]
    if scores.empty:
        return "no trial of the search has a result"
    said = f"{count(len(scores), 'setting')} with a search score, n = {_spread(scores)} each"
    if len(fresh):
        said += f"; {count(len(fresh), 'setting')} on fresh seeds, {_spread(fresh)} each"
    if twice := repeats(search.run.phase("search")):
        said += (
            f"; {count(twice, 'trial')} had a setting again, whose seeds count once, as the later"
            " trial had them"
        )
    if drawn := len(search.run.repeated):
        said += f"; {count(drawn, 'draw')} repeated a setting and trained nothing"
    return said


def _goal(spec: Mapping[str, Any]) -> str:
    better, more = ("higher", "more") if spec["mode"] == "max" else ("lower", "less")
    goal = f"{spec['metric']}, {better} is better"
    if spec.get("target") is None:
        return goal
    return f"{goal}; a seed counts as solved at {number(spec['target'], 6)} or {more}"


def _caution(spec: Mapping[str, Any]) -> str:
    """Before all else, that images are none of patients."""
    if "phantoms" not in str((spec.get("data") or {}).get("name", "")).lower():
        return ""
    return (
        "The images of this study are generated phantoms, no X-rays: nothing here says how it does"
        " on patients."
    )


def _sizes(findings: Findings) -> str:
    seeds = findings.summary["n"]
    present = seeds[seeds > 0]
    if present.empty:
        return "no seed has a result"
    without = len(seeds) - len(present)
    noun = "seed" if present.max() == 1 else "seeds"
    return f"{count(len(present), 'setting')}, {_spread(present)} {noun} each" + (
        f"; {count(without, 'setting')} without a result" if without else ""
    )


def _warnings(findings: Findings) -> list[str]:
    trials = findings.statuses.groupby("status")["trials"].sum()
    run = findings.run
    notes = [*run.notes, *filter(None, [measured_otherwise(run)])]
    if findings.search is None:
        notes += uncompared(run.spec["space"], setting_numbers(run), run.spec.get("compare"))
    if trials.reindex(["unfinished", "paused", "not started"]).any():
        notes.append("This run is not complete: what follows rests on the trials completed so far.")
    return notes


def _spread(seeds: pd.Series) -> str:
    return " to ".join(dict.fromkeys(f"{end:,}" for end in (seeds.min(), seeds.max())))


def _phrases(content: Mapping[str, Any] | None) -> list[str]:
    """``name value`` each; the entry ``name`` speaks for itself."""
    return [
        str(value) if name == "name" else f"{name} {value if value != '' else repr('')}"
        for name, value in flat(content or {})
    ]


def flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested names and values as pairs, the names joined by dots."""
    pairs: list[tuple[str, Any]] = []
    for name, value in content.items():
        nested = isinstance(value, Mapping)
        pairs += flat(value, f"{prefix}{name}.") if nested else [(f"{prefix}{name}", value)]
    return pairs
