"""The figures in docs/measured.md, written from recorded runs: ``python -m benchmarks.measured
RUN...``, one run of each study that it is to tell.

Between ``<!-- figures of STUDY -->`` and ``<!-- end -->`` stand the answer of the report, for a
search the settings that it confirmed, and of which run they are.
"""

import re
import sys
import textwrap
from pathlib import Path

import pandas as pd

from analysis import Run, load_run, markdown
from analysis.report.claims import claim
from analysis.report.claims.search import setting_name
from analysis.report.export import Figures, readable
from analysis.report.sections.confirmed import held_out_tables
from analysis.report.sections.leaderboard import SCORES
from analysis.stats.findings import Findings, find
from analysis.stats.search_trials import short_name
from analysis.text.format import joined

PAGE = Path(__file__).parent.parent / "docs" / "measured.md"
WIDTH = 138
HELD_OUT = ("_dice", "_dice_min")
"""How the names end of the metrics on held-out data that the table shows."""


def block(run: Run) -> str:
    """What the page says of a run."""
    found = find(run)
    quoted = textwrap.fill(
        claim(found),
        WIDTH,
        initial_indent="> ",
        subsequent_indent="> ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    table = [confirmed_settings(found)] if found.search else []
    return "\n\n".join(
        [
            quoted,
            *table,
            textwrap.fill(origin(run), WIDTH, break_long_words=False, break_on_hyphens=False),
        ]
    )


def confirmed_settings(found: Findings) -> str:
    """The settings on fresh seeds as a table in Markdown: mean with interval, and what they reach
    on held-out data.
    """
    assert found.search is not None
    rows = found.search.confirmed.reset_index(drop=True)
    text = readable(rows[SCORES.names].astype(float), [SCORES])
    shown = {
        "setting": [setting_name(found.run, row) for row in rows.to_dict("records")],
        "n": rows["confirmed_n"].astype(str),
        f"{found.run.metric} \u00b1 std": joined(
            text["confirmed_mean"], text["confirmed_std"], " \u00b1 "
        ),
        "interval": joined(text["confirmed_low"], text["confirmed_high"], " to "),
    }
    if len(rows) > 1:
        difference = Figures(
            ["difference", "corrected_low", "corrected_high"],
            limits=[("corrected_low", "corrected_high")],
        )
        told = readable(rows[difference.names].astype(float), [difference])
        shown["best minus this, corrected interval"] = [
            (
                ""
                if pd.isna(value)
                else (
                    f"{told['difference'][place]} [{told['corrected_low'][place]},"
                    f" {told['corrected_high'][place]}]"
                )
            )
            for place, value in enumerate(rows["difference"])
        ]
    table = pd.DataFrame(shown, dtype=object).set_axis(
        [short_name(row) for row in rows.to_dict("records")]
    )
    for _, _, held_out in held_out_tables(found.run, found.search.confirmed):
        kept = [name for name in held_out if name.endswith(HELD_OUT)]
        table = table.join(held_out.set_index("setting")[kept])
    return markdown(table.fillna(""), "").strip()


def origin(run: Run) -> str:
    """Which run the figures are of."""
    about = run.spec["provenance"]
    versions = ", ".join(
        f"{name} {about['packages'][name]}"
        for name in ("torch", "ray")
        if name in about["packages"]
    )
    hardware = ", ".join(
        f"{key} {value}"
        for key, value in about["hardware"].items()
        if key in ("cpus", "processor", "gpus")
    )
    command = re.sub(
        r"(?<==)/(\S*/)", "", run.spec["command"]
    )  # where data lie here is nobody's business
    return f"Recorded run {run.paths.root.name}: `{command}` ({versions}; {hardware})."


def with_blocks(text: str, blocks: dict[str, str]) -> str:
    """``text`` in which the figures of each study are replaced.

    Raises:
        SystemExit: it has no place for one of them.
    """
    for name, content in blocks.items():
        start, end = f"<!-- figures of {name} -->\n", "<!-- end -->"
        before, found, rest = text.partition(start)
        if not found:
            raise SystemExit(f"{PAGE.name} has no line {start.strip()!r}.")
        text = f"{before}{start}{content}\n{end}{rest.partition(end)[2]}"
    return text


def main() -> None:
    runs = [load_run(folder) for folder in sys.argv[1:]]
    text = with_blocks(
        PAGE.read_text(encoding="utf-8"), {run.spec["name"]: block(run) for run in runs}
    )
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
