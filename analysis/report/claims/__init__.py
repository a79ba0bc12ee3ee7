"""Where rows become sentences: what a report claims, and no more than its intervals support."""

from analysis.report.claims.arms import arm_answer
from analysis.report.claims.grid import answer as answer
from analysis.report.claims.grid import best_words
from analysis.report.claims.search import search_answer
from analysis.stats.findings import Findings
from analysis.stats.paired import best_vs_rest


def claim(findings: Findings) -> str:
    """The answer to the question of a study: by its search, its arms or its settings."""
    run, statuses = findings.run, findings.statuses
    if findings.search:
        return search_answer(run, findings.search.board, findings.search.confirmed, statuses)
    if arms := findings.arms:
        named = findings.names_best
        best = best_words(run, findings.summary, best_vs_rest(run)) if named else ""
        return arm_answer(run, arms.what, arms.table, arms.costs, statuses, best)
    rivals = best_vs_rest(run)
    return answer(run, findings.summary, findings.comparisons, rivals, statuses)
