"""What the trials mean: reads a run folder, knows neither Ray nor torch nor any study by name."""

from pathlib import Path

from analysis.comparison import answer as answer
from analysis.comparison import comparison_table as comparison_table
from analysis.comparison import rival_table as rival_table
from analysis.export import write_tables as write_tables
from analysis.runs import DamagedRun as DamagedRun
from analysis.runs import Run as Run
from analysis.runs import load_run as load_run
from analysis.tables import published_table as published_table
from analysis.tables import seed_table as seed_table
from analysis.tables import settings_table as settings_table
from analysis.tables import status_table as status_table
from analysis.tables import summary_table as summary_table


def write_report(run: Run) -> Path:
    """Write the report of ``run`` into its folder and return the path of its page; see ``analysis.report.write_report``."""
    from analysis import report  # brings the drawing libraries, which reading and counting do not need

    return report.write_report(run)
