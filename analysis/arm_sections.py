"""What stands in a report about compared arms and about what was known beforehand: findings in, markup out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis import page
from analysis.arms import MEANS, OVERALL, SPREADS, Compared
from analysis.export import Figures, latex, markdown, readable, text_table
from analysis.intervals import seeds_for_sign_flips
from analysis.labels import show
from analysis.power import settled_text
from analysis.rounding import MISSING, fixed, number, percent
from analysis.runs import Run
from analysis.versions import pooled_words
from analysis.wording import count, joined, listing, p_text, sentences

PUBLISHED = ["published_baseline", "published_arm"]


@dataclass(frozen=True, kw_only=True)
class ArmFindings:
    """What a report says about arms: the frames of ``arms.arms_table`` and ``costs.costs_table``."""

    run: Run
    what: Compared
    table: pd.DataFrame
    costs: pd.DataFrame


def arm_sections(found: ArmFindings) -> Iterator[tuple[str, str, str]]:
    """Anchor, title and markup of the sections about arms, in reading order."""
    if len(found.table):
        yield "arms", "Arms compared", _arms(found)
    yield "costs", "What the arms cost", _costs(found)


def compared_by(what: Compared) -> str:
    """What is compared with what, and by what, in one line."""
    parts = f" and by {count(len(what.metrics) - 1, what.part)}" if len(what.metrics) > 1 else ""
    return f"{what.parameter} {listing(map(what.name, what.arms))} against {what.name(what.baseline)}, by {what.metrics[0]}{parts}"


def known_section(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The tables of facts that a study brings along, each below its title."""
    parts = []
    for title, rows in tables.items():
        frame = pd.DataFrame({name: [_fact(row.get(name)) for row in rows] for name in dict.fromkeys(key for row in rows for key in row)})
        words = [name for name in frame if not all(_is_number(row.get(name)) for row in rows)]
        parts.append(f"<h3>{page.escape(title)}</h3>{page.table(frame, left=words)}")
    return f'<div class="pictures">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def readable_arms(what: Compared, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one arm as texts, columns named for a reader."""
    arm, baseline = what.name(rows.iloc[0]["arm"]), what.name(rows.iloc[0]["baseline"])
    unit, points = (" (%)", " (percentage points)") if what.percent else ("", "")
    differences = [name for name in SPREADS if not name.endswith("_std")]
    stds, limits = ["baseline_std", "arm_std"], [("ci_low", "ci_high"), ("corrected_low", "corrected_high")]
    means = Figures([*MEANS, *stds], stds, decimals=what.decimals)
    text = readable(rows[[*means.names, *differences]], [means, Figures(differences, limits=limits, decimals=what.decimals)])
    shown: list[tuple[str, Iterable[str]]] = [
        (what.part, rows["part"]),
        (f"{baseline} mean \u00b1 std{unit}", joined(text["baseline_mean"], text["baseline_std"], " \u00b1 ")),
        (f"{arm} mean \u00b1 std{unit}", joined(text["arm_mean"], text["arm_std"], " \u00b1 ")),
        *([] if rows["n"].nunique() == 1 else [("n", rows["n"].map(str))]),
        (f"difference{points}", _signs(text["difference"])),
        ("95 % interval", joined(text["ci_low"], text["ci_high"], " to ")),
        ("corrected interval", joined(text["corrected_low"], text["corrected_high"], " to ")),
        ("p (Holm)", [p_text(value) for value in rows["p_corrected"]]),
        (f"P({arm} better)", [fixed(value, 2) for value in rows["probability_better"]]),
    ]
    if rows[PUBLISHED].notna().any(axis=None):
        shown += [(f"published {baseline}{unit}", text["published_baseline"]), (f"published {arm}{unit}", text["published_arm"])]
        shown += [(f"published difference{points}", _signs(text["published_difference"]))]
    return text_table(shown)


def readable_costs(what: Compared, costs: pd.DataFrame) -> pd.DataFrame:
    """The costs as texts, columns named for a reader."""
    unit = " (%)" if what.percent else ""
    names = ["mean", "std", "low", "high"]
    text = readable(costs[names], [Figures(names, ["std"], [("low", "high")], what.decimals)])
    shown: list[tuple[str, Iterable[str]]] = [(what.parameter, costs["arm"].map(what.name))]
    shown += [("at", costs["at"])] if costs["at"].any() else []
    shown += [("n", costs["n"].map(str)), (f"{what.metrics[0]} mean \u00b1 std{unit}", joined(text["mean"], text["std"], " \u00b1 "))]
    shown += [("95 % interval", joined(text["low"], text["high"], " to "))]
    if "parameters" in costs:
        shown += [("parameters", [MISSING if pd.isna(value) else f"{value:,}" for value in costs["parameters"]])]
        shown += [(f"against {what.name(what.baseline)}", map(_fewer, costs["fewer_parameters"]))]
    for name, title in {
        "train_seconds": "training seconds",
        "train_seconds_per_seed": "training seconds per seed",
        "images_per_second": "images per second",
    }.items():
        if name in costs:
            shown += [(title, [number(value) for value in costs[name]])]
    return text_table(shown)


def written_arms(found: ArmFindings) -> dict[str, str]:
    """The tables of arms rounded for reading, by file name."""
    tables = [(readable_arms(found.what, rows), _caption(found, rows)) for rows in _pairs(found.table)]
    tables.append((readable_costs(found.what, found.costs), f"What the arms cost; {found.what.metrics[0]} over all seeds of each."))
    words = [found.what.part, found.what.parameter, "at"]
    return {
        "arms.tex": "\n".join(latex(table, caption, words, small=True) for table, caption in tables),
        "arms.md": "\n".join(markdown(table, caption) for table, caption in tables),
    }


def reading(found: ArmFindings) -> list[str]:
    """What to know when reading the tables of arms, one sentence or a few each."""
    what, tests = found.what, _family(found)
    return [
        "Arms are compared seed by seed: each difference is that of two networks of the same seed, each interval and p-value of arms is "
        "that of the paired t-test. It takes the differences over seeds for normally distributed, which means over many test images "
        "closely are; where a part has few test images it is a rough guide. Where all differences are equal there is no t interval, and p "
        "is that of the sign-flip test.",
        *(_family_reading(what, tests) if tests else []),
        "P(arm better) is the share of the paired seeds in which the arm is better than the baseline, ties counted half.",
        "Seeds differ in initialisation and order of the data, not in the test images: intervals over seeds say what retraining would give "
        "on these test images, not what other images would.",
    ]


def _family_reading(what: Compared, tests: int) -> list[str]:
    return [
        f"Overall comparisons are one family, those by {what.part} another, of {count(tests, 'test')}. p-values are corrected over their "
        "family by Holm's method, and the corrected interval of a row has the level at which that method judges it, so both say the same: "
        "the chance that any of a family excludes 0 wrongly is at most 5 %. \u201cAt every "
        f"{what.part}\u201d is said only if every corrected interval lies on the same side of 0: then Holm's method rejects all of the "
        "family at once.",
        "The sign-flip test, which assumes no distribution, cannot go below p = 2 / 2^n for n paired seeds: in a family of "
        f"{tests} it needs at least {count(seeds_for_sign_flips(tests), 'seed')} to reach 5 % for one of them. Its uncorrected p-values "
        "are p_flips in arms.csv.",
    ]


def _family(found: ArmFindings) -> int:
    """How many tests the parts are; how many they would be, where no part has results enough."""
    parts = found.table[found.table["part"] != OVERALL]
    return int(parts["p"].count()) or len(parts)


def _arms(found: ArmFindings) -> str:
    parts = []
    for rows in _pairs(found.table):
        table = readable_arms(found.what, rows)
        marked = page.table(table, list(rows["supported"]), [found.what.part])
        note = page.paragraph(f"{_caption(found, rows)} Shaded rows are supported: their corrected interval excludes 0.")
        parts.append(f"{note}{page.dense(marked)}{_open(found.what, rows)}")
    return "\n".join(parts) + _files()


def _open(what: Compared, rows: pd.DataFrame) -> str:
    """How many seeds would settle what is open."""
    names = [part if part == OVERALL else f"{what.part} {part}" for part in rows["part"]]
    known = zip(names, map(settled_text, rows["seeds_needed"]), strict=True)
    said = [f"{name} {text}" for name, text in known if text]
    if not said:
        return ""
    note = f"Seeds that would settle what is open, if the differences were those seen (power 80 %): {', '.join(said)}."
    return page.paragraph(note, "soft")


def _caption(found: ArmFindings, rows: pd.DataFrame) -> str:
    what, first = found.what, rows.iloc[0]
    arm, baseline, at = what.name(first["arm"]), what.name(first["baseline"]), f" at {first['at']}" if first["at"] else ""
    left_out = int(rows["left_out"].max())
    seeds = f"paired seeds, n = {first['n']}" if rows["n"].nunique() == 1 else "n paired seeds"
    without = f"{count(left_out, 'seed')} that only one of them has: left out" if left_out else ""
    source = found.run.spec.get("published") or {}
    published = ["Published: " + source["source"], source.get("note")] if rows[PUBLISHED].notna().any(axis=None) else []
    return sentences(
        f"{pooled_words(found.run)}{arm} against {baseline}{at}: {what.metrics[0]} at the last epoch, overall and by {what.part}; "
        f"std with ddof = 1 over the {seeds}; difference is {arm} minus {baseline}",
        without,
        *published,
    )


def _costs(found: ArmFindings) -> str:
    note = f"{found.what.metrics[0]} over all seeds of each arm, with its 95 % t interval, beside what it took."
    return page.paragraph(note) + page.table(readable_costs(found.what, found.costs), left=[found.what.parameter, "at"])


def _pairs(table: pd.DataFrame) -> list[pd.DataFrame]:
    return [rows for _, rows in table.groupby(["baseline_setting", "arm_setting"], sort=False)]


def _signs(column: pd.Series) -> list[str]:
    return [text if text.startswith(("-", MISSING)) else f"+{text}" for text in column]


def _fact(value: Any) -> str:
    """A value of a table of facts: lists joined by x, numbers with their thousands marked."""
    if isinstance(value, list | tuple):
        return " x ".join(_fact(part) for part in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else value if isinstance(value, str) else show(value)


def _fewer(share: float) -> str:
    """``88.29 % fewer``, ``50.00 % more``."""
    return MISSING if pd.isna(share) else f"{percent(abs(share))} {'fewer' if share >= 0 else 'more'}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _files() -> str:
    links = ", ".join(f'<a href="tables/{name}">{name}</a>' for name in ("arms.csv", "arms.tex", "arms.md", "costs.csv"))
    return f'<p class="soft">As files, in full precision in the CSV: {links}.</p>'
