"""What may be wrong with a run, in plain words with the evidence. Each check is a test with a small
error: a sound study raises none.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from analysis.numerics.ranks import agreement
from analysis.records.load import Run
from analysis.records.schema import Phase
from analysis.stats.boundary import at_an_edge
from analysis.stats.diverged import Finding, diverged
from analysis.stats.extrapolation import at_full_length, can_extrapolate
from analysis.stats.fidelity import Evidence, evidence
from analysis.stats.search_trials import trial_epochs, upfront_share
from analysis.stats.tables import last_epochs
from analysis.text.format import count
from analysis.text.rounding import fixed, number

# The same where a study is just at the border (seeds differ as much as settings, ranks agree
# little): sound ones are far
BORDER_ERROR = 0.01
# Random trials before TPE begins (Optuna's ``n_startup_trials``), where the study does not say
STARTUP = 10
SAME = 5  # trials that end alike


def health_checks(run: Run) -> pd.DataFrame:
    """One row per thing that may be wrong: ``check`` (its short name), ``finding`` (a sentence),
    ``evidence`` (a sentence with numbers).

    Empty where nothing was found, which is no proof of health: with few trials most checks cannot
    tell.

    "edge": the best trials lie at the end of a range. "diverged": one setting explains the diverged
    trials. "noise": the standard deviation over seeds is larger than that between settings.
    "rungs": ranks at the first rung say nothing about final ranks. "startup": too few trials for a
    model-based search to have begun. "constant": the metric never changes. "upfront": trials
    that may be stopped train everything before their first epoch is reported.
    """
    found = evidence(run)
    rows = [(name, *finding) for name, check in _CHECKS.items() for finding in check(run, found)]
    return pd.DataFrame(rows, columns=["check", "finding", "evidence"])


def noise(run: Run, found: Evidence) -> Iterator[Finding]:
    """Whether settings surely differ by less than seeds do: F test on the ratio of the variances,
    against a ratio of 1.

    Where seeds differ four times as much as settings, that takes some 30 settings with three seeds
    each; a search with one seed per setting, whose scores hold the noise in full, needs some 200
    trials.
    """
    from scipy import stats

    within, freedom = _seed_variance(run)
    scores, share = _spread(run, found)
    if freedom < 1 or len(scores) < 2 or not within > 0:
        return
    between = float(np.var(scores, ddof=1))
    ratio = between / (within * (1 + share))
    if ratio >= stats.f.ppf(BORDER_ERROR, len(scores) - 1, freedom):
        return
    spread = max(0.0, between - within * share) ** 0.5
    yield (
        "You are tuning noise: seeds differ more than settings do. More seeds per setting, or a"
        " wider space, would tell more.",
        f"standard deviation over seeds {number(within**0.5)}, between settings {number(spread)}"
        f" ({count(len(scores), 'setting')})",
    )


def rungs(run: Run, found: Evidence) -> Iterator[Finding]:
    """Whether the rank correlation of the values at the first rung with those at full length is
    surely below 0.4: see ``numerics.ranks``. Where it is 0 that takes some 40 trials that have
    both, where -0.5 about 15; several times as many where the first rung stops most.
    """
    full = found.full
    first = min(map(int, run.rungs), default=full)
    if first == full:
        return
    known = found.values[[first, full]].dropna(subset=[first])
    told = agreement(known[first].to_numpy(), known[full].to_numpy())
    if told and told.says_nothing:
        yield (
            f"Ranks at epoch {first} say nothing about final ranks: stopping there drops good"
            " settings. Stop later, or not at all.",
            f"rank correlation {fixed(told.rank, 2)} over {count(told.n, 'trial')} with both"
            f" values; at most {fixed(told.highest, 2)}",
        )


def startup(run: Run, found: Evidence) -> Iterator[Finding]:
    """Whether a model-based search had only its random trials."""
    search = run.spec["search"]
    random = int(search.get("n_startup_trials") or STARTUP)
    trials = max(len(found.ended), int(run.spec.get("trials") or 0))
    if search.get("kind") == "optuna" and trials <= random:
        yield (
            "The model-based search never began: all of its trials were random. Plan more trials,"
            " or call it a random search.",
            f"{count(trials, 'trial')}; the first {random} are drawn at random",
        )


def constant(run: Run, found: Evidence) -> Iterator[Finding]:
    """Whether the metric is the same at all epochs of every trial, or all trials end alike."""
    epochs = trial_epochs(run.phase("search")).dropna(subset="value")
    by_trial = epochs.groupby("trial")["value"]
    long = by_trial.nunique()[by_trial.size() > 2]
    ends = found.values[found.full].dropna()
    if len(epochs) > 2 and epochs["value"].nunique() == 1:
        yield (
            f"{run.metric} never changes: is it measured at all?",
            f"{number(epochs['value'].iloc[0])} at all {len(epochs):,} epochs of"
            f" {by_trial.ngroups:,} trials",
        )
    elif len(long) > 1 and (long == 1).all():
        yield (
            f"{run.metric} never changes while a trial learns: is it measured anew?",
            f"no change in {count(len(long), 'trial')}",
        )
    elif len(ends) >= SAME and ends.nunique() == 1:
        yield (
            f"All trials end on the same {run.metric}: nothing can be told apart by it.",
            f"{number(ends.iloc[0])} in {count(len(ends), 'trial')}",
        )


def upfront(run: Run, found: Evidence) -> Iterator[Finding]:
    """Whether trials that may be stopped spend their time before they can be."""
    share = upfront_share(run)
    if share is not None and run.spec.get("scheduler"):
        yield (
            "Stopping trials early saves nothing here: a trial spends its time before its first"
            " epoch is reported. Report each epoch once it is trained, or leave the scheduler out.",
            f"{100 * share:.0f} % of the seconds of a trial (median) lie in its first epoch",
        )


_CHECKS: dict[str, Callable[[Run, Evidence], Iterator[Finding]]] = {
    "constant": constant,
    "noise": noise,
    "rungs": rungs,
    "diverged": diverged,
    "edge": at_an_edge,
    "startup": startup,
    "upfront": upfront,
}


def _seed_variance(run: Run) -> tuple[float, int]:
    """Variance over seeds at full length, pooled over settings, and its degrees of freedom: of the
    search where it has several seeds, else of the confirmation.
    """
    for phase in Phase:
        part = run.phase(phase)
        last = last_epochs(part)
        if run.metric not in last:
            continue
        finite = last[np.isfinite(last[run.metric])]
        groups = finite.groupby("trial")[run.metric]
        freedoms = groups.count() - 1
        if freedom := int(freedoms.sum()):
            return float((groups.var(ddof=1) * freedoms).sum() / freedom), freedom
    return np.nan, 0


def _spread(run: Run, found: Evidence) -> tuple[np.ndarray, float]:
    """The score of each search trial at full length, and the share of the seeds' variance that is
    in it.
    """
    if can_extrapolate(found, run.higher_is_better):
        return at_full_length(found, run.higher_is_better)["value"].to_numpy(), 0.0
    if found.uneven:
        return np.array([]), 0.0
    scores = found.values[found.full].dropna()
    seeds = run.trials.set_index("trial")["seeds"].map(len).reindex(scores.index)
    return scores.to_numpy(), float((1 / seeds).mean()) if len(seeds) else 0.0
