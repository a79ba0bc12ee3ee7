"""All that a report says about a run, computed: frames, before any sentence."""

from dataclasses import dataclass

import pandas as pd

from analysis.numerics.association import FEWEST
from analysis.numerics.ranks import Agreement
from analysis.records.load import Run
from analysis.stats.arm_means import arm_means
from analysis.stats.arms import arms_table
from analysis.stats.compared import Compared, compared
from analysis.stats.correlation import COLUMNS, correlations, has_coefficients
from analysis.stats.cost import REACHED, arm_costs, cost_table, rung_table, silent_rungs
from analysis.stats.health import health_checks
from analysis.stats.importance import COLUMNS as IMPORTANCE_COLUMNS
from analysis.stats.importance import importances
from analysis.stats.leaderboard import confirmed_table, leaderboard, trials_of
from analysis.stats.paired import comparison_table
from analysis.stats.published import published_table
from analysis.stats.search_trials import claimed, is_search, phase_statuses
from analysis.stats.settled_table import settled_table
from analysis.stats.statuses import status_table
from analysis.stats.tables import seed_table, summary_table


@dataclass(frozen=True, kw_only=True)
class ArmFindings:
    """What is known of arms: the frames of ``arms.arms_table``, ``arm_means.arm_means`` and
    ``cost.arm_costs``.
    """

    run: Run
    what: Compared
    table: pd.DataFrame
    means: pd.DataFrame
    costs: pd.DataFrame

    @property
    def has_results(self) -> bool:
        return bool(self.means["n"].sum())

    @property
    def has_costs(self) -> bool:
        """Whether anything was recorded of what arms cost, beside what they reach."""
        return bool(self.costs.columns.difference(REACHED).size)


@dataclass(frozen=True, kw_only=True)
class SearchFindings:
    """What is known of a search: the frames of ``leaderboard.leaderboard``,
    ``leaderboard.confirmed_table``, ``cost.rung_table`` and ``cost.cost_table``, and what
    ``cost.silent_rungs`` gives.
    """

    run: Run
    board: pd.DataFrame
    confirmed: pd.DataFrame
    rungs: pd.DataFrame
    silent_rungs: list[tuple[int, int, Agreement]]
    cost_table: pd.DataFrame

    def best_trials(self) -> tuple[pd.DataFrame, str]:
        """The trials of the best confirmed setting, or of the best ranked one where the study
        confirms none, and what it is called.
        """
        phase, rows, name = "confirm", self.confirmed, "the best confirmed setting"
        if not self.run.spec.get("confirm"):
            rows = self.board[self.board["rank"].notna()]
            phase, name = "search", "the setting with the best search score"
        part = self.run.phase(phase)
        return trials_of(part, rows.index[0]) if len(rows) else part.trials.head(0), name


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Everything that a report says of a run: the frames of ``tables`` and ``paired``.

    Of a search, ``seeds``, ``summary`` and ``comparisons`` are those of its search phase, and
    ``statuses`` tells phases apart. ``health``, ``correlations`` and ``importances`` are the frames
    of the modules of these names; empty where there is nothing to say, as is ``settled``, the
    frame of ``settled_table``. ``watched``: the run is looked at while it goes on.
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
    settled: pd.DataFrame
    watched: bool = False

    @property
    def searched(self) -> Run:
        """The trials that ``seeds``, ``summary`` and ``comparisons`` are over."""
        return self.run if self.search is None else self.run.phase("search")

    @property
    def over_seeds(self) -> bool:
        """Whether settings have something to say beyond a leaderboard: always in a grid, else where
        one has several seeds.
        """
        return self.search is None or bool((self.summary["n"] > 1).any())

    @property
    def has_results(self) -> bool:
        return bool((self.summary["n"] > 0).any())

    @property
    def names_best(self) -> bool:
        """Whether the answer names the best setting: that of a search has trials for it, and arms
        alone settle it where there is no other parameter.
        """
        return self.search is None and (self.arms is None or len(self.run.parameters) > 1)

    @property
    def tells_settings(self) -> bool:
        """Whether settings are drawn, not single trials alone."""
        return self.over_seeds and self.has_results

    @property
    def one_by_one(self) -> bool:
        """Whether trials are drawn one by one: those of a search and, on the way, of any run."""
        return self.search is not None or self.watched


def find(run: Run, *, watched: bool = False) -> Findings:
    """Compute all that the report of ``run`` says."""
    search = find_search(run)
    searched = run if search is None else run.phase("search")
    correlated, shares = find_correlations(run)
    return Findings(
        run=run,
        seeds=seed_table(searched),
        summary=summary_table(searched),
        statuses=status_table(run) if search is None else phase_statuses(run),
        published=published_table(claimed(run)),
        comparisons=comparison_table(searched),
        arms=find_arms(run),
        search=search,
        health=health_checks(run),
        correlations=correlated,
        importances=shares,
        settled=settled_table(claimed(run)),
        watched=watched,
    )


def find_search(run: Run) -> SearchFindings | None:
    """Compute what the report of ``run`` says about its search; None where it is a plain grid."""
    if not is_search(run):
        return None
    board = leaderboard(run)
    return SearchFindings(
        run=run,
        board=board,
        confirmed=confirmed_table(run, board),
        rungs=rung_table(run),
        silent_rungs=list(silent_rungs(run)),
        cost_table=cost_table(run),
    )


def find_arms(run: Run) -> ArmFindings | None:
    """Compute what the report of ``run`` says about its arms; None where the study compares
    none.
    """
    what = compared(run)
    if what is None:
        return None
    by = claimed(run)
    return ArmFindings(
        run=by,
        what=what,
        table=arms_table(by, what),
        means=arm_means(by, what),
        costs=arm_costs(by, what),
    )


def find_correlations(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute the correlations and the importances that the report of ``run`` shows: both empty
    below ten trials, and for a grid over one parameter, whose values stand beside each other
    anyway. A grid has no importances: what each value does is compared there.
    """
    worth = len(run.phase("search").trials) >= FEWEST and (
        is_search(run) or len(run.parameters) > 1
    )
    table = correlations(run) if worth else pd.DataFrame(columns=COLUMNS)
    known = is_search(run) and has_coefficients(table)
    return table, importances(run) if known else pd.DataFrame(columns=IMPORTANCE_COLUMNS)
