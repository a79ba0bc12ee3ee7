"""The arms of a study against its baseline, and what they cost."""

from collections.abc import Iterable

import pandas as pd

from analysis.numerics.power import settled_text
from analysis.records.versions import pooled_words
from analysis.report.claims.arms import STATED
from analysis.report.claims.words import sign_text
from analysis.report.export import Figures, readable, text_table
from analysis.report.section import Rounded, Section, Table, TableFile
from analysis.stats.arms import MEANS, SPREADS, with_units
from analysis.stats.compared import OVERALL, Compared
from analysis.stats.findings import ArmFindings, Findings
from analysis.text.format import count, joined, listing, p_text, sentences, whole
from analysis.text.rounding import MISSING, fixed, number, percent


def arms(findings: Findings) -> Section | None:
    """A table for each arm and combination of the other parameters."""
    if findings.arms is None:
        return None
    arms, what = findings.arms, findings.arms.what
    pairs = _pairs(arms.table)
    tables = [
        Table(
            title=_against(what, rows) if len(pairs) > STATED else "",
            frame=readable_arms(what, rows),
            note=f"{_caption(arms, rows)} Shaded rows are supported: their corrected interval"
            " excludes 0.",
            remark=_open(what, rows),
            marked=list(rows["supported"]),
            words=[what.heading],
            dense=True,
            folded=place >= STATED,
        )
        for place, rows in enumerate(pairs)
    ]
    return Section(anchor="arms", title="Arms compared", tables=tables, files=_files(arms))


def costs(findings: Findings) -> Section | None:
    """What each arm took, where it is known."""
    if findings.arms is None or not findings.arms.has_costs:
        return None
    what = findings.arms.what
    note = (
        f"{what.metrics[0]} over all seeds of each arm, with its 95 % t interval, beside what"
        " it took."
    )
    frame = readable_costs(what, findings.arms.costs)
    table = Table(frame=frame, note=note, words=[what.parameter, "at"])
    return Section(anchor="costs", title="What the arms cost", tables=[table])


def readable_arms(what: Compared, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one arm as texts, columns named for a reader."""
    arm, baseline = what.name(rows.iloc[0]["arm"]), what.name(rows.iloc[0]["baseline"])
    unit, points = (" (%)", " (percentage points)") if what.percent else ("", "")
    stds = ["baseline_std", "arm_std"]
    differences = [name for name in SPREADS if name not in stds]
    limits = [("ci_low", "ci_high"), ("corrected_low", "corrected_high")]
    means = Figures([*MEANS, *stds], stds, decimals=what.decimals)
    text = readable(
        rows[[*means.names, *differences]],
        [means, Figures(differences, limits=limits, decimals=what.decimals)],
    )
    shown: list[tuple[str, Iterable[str]]] = [
        (what.heading, rows["part"]),
        (f"{baseline} mean \u00b1 std{unit}", _with_std(text, "baseline")),
        (f"{arm} mean \u00b1 std{unit}", _with_std(text, "arm")),
        *([] if rows["n"].nunique() == 1 else [("n", rows["n"].map(str))]),
        (f"difference{points}", map(sign_text, text["difference"])),
        ("95 % interval", joined(text["ci_low"], text["ci_high"], " to ")),
        ("corrected interval", joined(text["corrected_low"], text["corrected_high"], " to ")),
        ("p (Holm)", map(p_text, rows["p_corrected"])),
        (f"P({arm} better)", [fixed(value, 2) for value in rows["probability_better"]]),
    ]
    if _is_published(rows):
        shown += [
            (f"published {baseline}{unit}", text["published_baseline"]),
            (f"published {arm}{unit}", text["published_arm"]),
            (f"published difference{points}", map(sign_text, text["published_difference"])),
        ]
    return text_table(shown)


def _with_std(text: pd.DataFrame, side: str) -> list[str]:
    return joined(text[f"{side}_mean"], text[f"{side}_std"], " \u00b1 ")


def _is_published(rows: pd.DataFrame) -> bool:
    return bool(rows[["published_baseline", "published_arm"]].notna().any(axis=None))


def readable_costs(what: Compared, costs: pd.DataFrame) -> pd.DataFrame:
    """The costs as texts, columns named for a reader."""
    unit = " (%)" if what.percent else ""
    names = ["mean", "std", "low", "high"]
    text = readable(costs[names], [Figures(names, ["std"], [("low", "high")], what.decimals)])
    shown: list[tuple[str, Iterable[str]]] = [
        (what.parameter, costs["arm"].map(what.name)),
        *([("at", costs["at"])] if costs["at"].any() else []),
        ("n", costs["n"].map(str)),
        (f"{what.metrics[0]} mean \u00b1 std{unit}", joined(text["mean"], text["std"], " \u00b1 ")),
        ("95 % interval", joined(text["low"], text["high"], " to ")),
    ]
    if "parameters" in costs:
        shown += [
            ("parameters", map(whole, costs["parameters"])),
            (f"against {what.name(what.baseline)}", map(_fewer, costs["fewer_parameters"])),
        ]
    for name, title in {
        "train_seconds": "training seconds",
        "train_seconds_per_seed": "training seconds per seed",
        "images_per_second": "images per second",
    }.items():
        shown += [(title, map(number, costs[name]))] if name in costs else []
    return text_table(shown)


def _files(arms: ArmFindings) -> list[TableFile]:
    """The tables of arms; those rounded for reading stand in one file."""
    what = arms.what
    tables = [(readable_arms(what, rows), _caption(arms, rows)) for rows in _pairs(arms.table)]
    if arms.has_costs:
        caption = f"What the arms cost; {what.metrics[0]} over all seeds of each."
        tables.append((readable_costs(what, arms.costs), caption))
    words = [what.heading, what.parameter, "at"]
    rounded = [Rounded(*table, words, small=True) for table in tables]
    arms_file = TableFile("arms", with_units(arms.table, what), rounded)
    return [arms_file, *([TableFile("costs", arms.costs)] if arms.has_costs else [])]


def _open(what: Compared, rows: pd.DataFrame) -> str:
    """How many seeds would settle what is open."""
    said = [
        f"{f'{what.part} ' if what.has_parts and part != OVERALL else ''}{part} {text}"
        for part, text in zip(rows["part"], map(settled_text, rows["seeds_needed"]), strict=True)
        if text
    ]
    if not said:
        return ""
    return (
        "Seeds that would settle what is open, if the differences were those seen (power 80 %):"
        f" {', '.join(said)}."
    )


def _against(what: Compared, rows: pd.DataFrame) -> str:
    arm, baseline, at = what.sides(rows.iloc[0])
    return f"{arm} against {baseline}{at}"


def _caption(arms: ArmFindings, rows: pd.DataFrame) -> str:
    what, first = arms.what, rows.iloc[0]
    arm, baseline, _ = what.sides(first)
    left_out, upto = int(rows["left_out"].max()), "Up to " * (rows["left_out"].nunique() > 1)
    seeds = f"paired seeds, n = {first['n']}" if rows["n"].nunique() == 1 else "n paired seeds"
    by = (
        f"{what.metrics[0]} at the last epoch, overall and by {what.part}"
        if what.has_parts
        else f"{listing(what.metrics)} at the last epoch"
    )
    unpaired = "; where none is paired, over all seeds of each" if (rows["n"] == 0).any() else ""
    without = (
        f"{upto}{count(left_out, 'seed')} that only one of them has: left out" if left_out else ""
    )
    source = arms.run.spec.get("published") or {}
    published = (
        ["Published: " + source["source"], source.get("note")] if _is_published(rows) else []
    )
    return sentences(
        f"{pooled_words(arms.run)}{_against(what, rows)}: {by}; std with ddof = 1 over the"
        f" {seeds}{unpaired}; difference is {arm} minus {baseline}",
        without,
        *published,
    )


def _pairs(table: pd.DataFrame) -> list[pd.DataFrame]:
    return [rows for _, rows in table.groupby(["baseline_setting", "arm_setting"], sort=False)]


def _fewer(share: float) -> str:
    """``88.29 % fewer``, ``50.00 % more``."""
    if pd.isna(share):
        return MISSING
    return f"{percent(abs(share))} {'fewer' if share >= 0 else 'more'}"
