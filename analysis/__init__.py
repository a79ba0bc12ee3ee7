"""What the trials mean: reads a run folder, knows neither Ray nor torch nor any study by name.
``docs/analysis.md`` shows it at work.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

# ruff: noqa: F401 (public names, for type checkers)
if TYPE_CHECKING:
    import pandas as pd

    from analysis.charts.picture import Picture
    from analysis.charts.pictures import picture, pictures
    from analysis.numerics.power import seeds_to_settle
    from analysis.records.load import DamagedRun, Run, load_run
    from analysis.report.build import write_report
    from analysis.report.claims import answer
    from analysis.report.compare_page import write_comparison
    from analysis.report.export import latex, markdown, write_tables
    from analysis.stats.arms import compare_arms
    from analysis.stats.comparable import UnequalRuns
    from analysis.stats.correlation import correlations, recommended
    from analysis.stats.health import health_checks
    from analysis.stats.importance import importances
    from analysis.stats.leaderboard import confirmed_table, leaderboard
    from analysis.stats.paired import best_vs_rest, comparison_table
    from analysis.stats.published import published_table
    from analysis.stats.runs import Comparison, compare_runs
    from analysis.stats.statuses import status_table
    from analysis.stats.tables import group_table, seed_table, settings_table, summary_table

_HOMES = {
    "charts.picture": ["Picture"],
    "charts.pictures": ["picture", "pictures"],
    "stats.arms": ["compare_arms"],
    "stats.runs": ["Comparison", "compare_runs"],
    "stats.comparable": ["UnequalRuns"],
    "report.build": ["write_report"],
    "report.claims": ["answer"],
    "report.compare_page": ["write_comparison"],
    "stats.paired": ["comparison_table", "best_vs_rest"],
    "stats.correlation": ["correlations", "recommended"],
    "report.export": ["latex", "markdown", "write_tables"],
    "stats.health": ["health_checks"],
    "stats.importance": ["importances"],
    "numerics.power": ["seeds_to_settle"],
    "stats.published": ["published_table"],
    "records.load": ["DamagedRun", "Run", "load_run"],
    "stats.leaderboard": ["confirmed_table", "leaderboard"],
    "stats.tables": ["group_table", "seed_table", "settings_table", "summary_table"],
    "stats.statuses": ["status_table"],
}
"""Where each public name is defined. It is imported once it is asked for: who needs one module is
not to wait for all of them.
"""


__all__ = ["load_runs", *(name for names in _HOMES.values() for name in names)]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            globals()[name] = getattr(import_module(f"analysis.{home}"), name)
            return globals()[name]
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")


def load_runs(folder: str | Path = "results") -> "pd.DataFrame":
    """All runs below ``folder``, one row each, the latest first; for the columns see
    ``analysis.home.row.row_of`` and ``analysis.home.index.rows_below``.
    """
    import pandas as pd

    from analysis.home.index import rows_below

    return pd.DataFrame(rows_below(Path(folder)))
