"""What the trials mean: reads a run folder, knows neither Ray nor torch nor any study by name. ``docs/analysis.md`` shows it at work."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.arms import compare_arms as compare_arms
    from analysis.compare import Comparison as Comparison
    from analysis.compare import UnequalRuns as UnequalRuns
    from analysis.compare import compare_runs as compare_runs
    from analysis.comparison import answer as answer
    from analysis.comparison import comparison_table as comparison_table
    from analysis.comparison import rival_table as rival_table
    from analysis.correlation import correlations as correlations
    from analysis.correlation import recommended as recommended
    from analysis.export import latex as latex
    from analysis.export import markdown as markdown
    from analysis.export import write_tables as write_tables
    from analysis.health import health_checks as health_checks
    from analysis.importance import importances as importances
    from analysis.power import seeds_to_settle as seeds_to_settle
    from analysis.published import published_table as published_table
    from analysis.runs import DamagedRun as DamagedRun
    from analysis.runs import Run as Run
    from analysis.runs import load_run as load_run
    from analysis.search import confirmed_table as confirmed_table
    from analysis.search import leaderboard as leaderboard
    from analysis.tables import group_table as group_table
    from analysis.tables import seed_table as seed_table
    from analysis.tables import settings_table as settings_table
    from analysis.tables import status_table as status_table
    from analysis.tables import summary_table as summary_table

_HOMES = {
    "arms": ("compare_arms",),
    "compare": (
        "Comparison",
        "UnequalRuns",
        "compare_runs",
    ),
    "comparison": (
        "answer",
        "comparison_table",
        "rival_table",
    ),
    "correlation": (
        "correlations",
        "recommended",
    ),
    "export": (
        "latex",
        "markdown",
        "write_tables",
    ),
    "health": ("health_checks",),
    "importance": ("importances",),
    "power": ("seeds_to_settle",),
    "published": ("published_table",),
    "runs": (
        "DamagedRun",
        "Run",
        "load_run",
    ),
    "search": (
        "confirmed_table",
        "leaderboard",
    ),
    "tables": (
        "group_table",
        "seed_table",
        "settings_table",
        "status_table",
        "summary_table",
    ),
}
"""Where each public name is defined. It is imported once it is asked for: who needs one module is not to wait for all of them."""


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            globals()[name] = getattr(import_module(f"analysis.{home}"), name)
            return globals()[name]
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")


def write_report(run: "Run") -> Path:
    """Write the report of ``run`` into its folder and return the path of its page; see ``analysis.report.write_report``."""
    from analysis import report  # brings the drawing libraries, which reading and counting do not need

    return report.write_report(run)


def write_comparison(found: "Comparison", folder: str | Path) -> Path:
    """Write the page of what ``compare_runs`` found and return its path; see ``analysis.compare_page.write_comparison``."""
    from analysis import compare_page  # as above

    return compare_page.write_comparison(found, folder)
