"""All that a report says, computed."""

from dataclasses import dataclass

import pandas as pd

from analysis.arm_answer import arm_answer
from analysis.arm_sections import ArmFindings
from analysis.arms import arms_table, compared
from analysis.association import FEWEST
from analysis.comparison import comparison_table, rival_table
from analysis.correlation import COLUMNS, correlations
from analysis.costs import costs_table
from analysis.grid_answer import answer
from analysis.health import health_checks
from analysis.importance import COLUMNS as IMPORTANCE_COLUMNS
from analysis.importance import importances
from analysis.published import published_table
from analysis.runs import Run
from analysis.search import confirmed_table, leaderboard
from analysis.search_answer import search_answer
from analysis.search_costs import ledger, rung_table
from analysis.search_sections import SearchFindings
from analysis.search_trials import is_search, phase_statuses
from analysis.tables import seed_table, status_table, summary_table


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Everything a report says, computed: the frames of ``tables`` and ``comparison``, the sentence of ``answer``.

    Of a search, ``seeds``, ``summary`` and ``comparisons`` are those of its search phase, and ``statuses`` tells phases apart. ``health``,
    ``correlations`` and ``importances`` are the frames of the modules of these names; empty where there is nothing to say.
    """

    run: Run
    seeds: pd.DataFrame
    summary: pd.DataFrame
    statuses: pd.DataFrame
    published: pd.DataFrame | None
    comparisons: pd.DataFrame
    arms: ArmFindings | None
    search: SearchFindings | None
    health: pd.DataFrame
    correlations: pd.DataFrame
    importances: pd.DataFrame
    answer: str

    @property
    def over_seeds(self) -> bool:
        """Whether settings have something to say beyond a leaderboard: always in a grid, else where one has several seeds."""
        return self.search is None or bool((self.summary["n"] > 1).any())


def find(run: Run) -> Findings:
    """Compute all that the report of ``run`` says."""
    search, arms = find_search(run), find_arms(run)
    searched = run if search is None else run.phase("search")
    seeds = seed_table(searched)
    summary, statuses = summary_table(searched, seeds), status_table(run) if search is None else phase_statuses(run)
    comparisons = comparison_table(searched, seeds)
    related, shares = find_correlations(run)
    return Findings(
        run=run,
        seeds=seeds,
        summary=summary,
        statuses=statuses,
        published=published_table(_claimed(run)),
        comparisons=comparisons,
        arms=arms,
        search=search,
        health=health_checks(run),
        correlations=related,
        importances=shares,
        answer=search_answer(run, search.board, search.confirmed, statuses)
        if search
        else arm_answer(run, arms.what, arms.table, arms.costs, statuses)
        if arms
        else answer(run, summary, comparisons, rival_table(run, seeds), statuses),
    )


def find_search(run: Run) -> SearchFindings | None:
    """Compute what the report of ``run`` says about its search; None where it is a plain grid."""
    if not is_search(run):
        return None
    board = leaderboard(run)
    return SearchFindings(run=run, board=board, confirmed=confirmed_table(run, board), rungs=rung_table(run), ledger=ledger(run))


def find_arms(run: Run) -> ArmFindings | None:
    """Compute what the report of ``run`` says about its arms; None where the study compares none."""
    what, claimed = compared(run), _claimed(run)
    if what is None:
        return None
    return ArmFindings(run=claimed, what=what, table=arms_table(claimed, what), costs=costs_table(claimed, what))


def find_correlations(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute the correlations and the importances that the report of ``run`` shows: both empty below ten trials, and for a grid over
    one parameter, whose values stand beside each other anyway. A grid has no importances: what each value does is compared there."""
    worth = len(run.phase("search").trials) >= FEWEST and (is_search(run) or len(run.parameters) > 1)
    table = correlations(run) if worth else pd.DataFrame(columns=COLUMNS)
    known = is_search(run) and table["coefficient"].notna().any()
    return table, importances(run) if known else pd.DataFrame(columns=IMPORTANCE_COLUMNS)


def _claimed(run: Run) -> Run:
    """The trials that claims rest on: those on fresh seeds where the study has a confirmation."""
    return run.phase("confirm") if run.spec.get("confirm") else run
