"""What may be wrong with a run, in plain words with the evidence. Each check is a test with a small error: a sound study raises none."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from analysis.edges import at_an_edge
from analysis.evidence import NUMERIC, Evidence, evidence, kind_of, positions
from analysis.extrapolation import at_full_length, can_extrapolate
from analysis.labels import label
from analysis.multiplicity import holm
from analysis.rounding import fixed, number
from analysis.runs import Run
from analysis.search_trials import trial_epochs
from analysis.tables import identity
from analysis.wording import count

ERROR = 0.001  # probability of a false alarm of one check
BORDER_ERROR = (
    0.01  # the same where a study is just at the border (seeds differ as much as settings, ranks agree little): sound ones are far
)
STARTUP = 10  # random trials before TPE begins (Optuna's ``n_startup_trials``), where the study does not say
FEWEST_LOST = 3  # diverged trials
FEWEST_RANKED = 10  # trials at full length
LITTLE = 0.4  # a rank correlation below this is of no use for stopping
SAME = 5  # trials that end alike
Finding = tuple[str, str]


def health_checks(run: Run) -> pd.DataFrame:
    """One row per thing that may be wrong: ``check`` (its short name), ``finding`` (a sentence), ``evidence`` (a sentence with numbers).

    Empty where nothing was found, which is no proof of health: with few trials most checks cannot tell.

    "edge": the best trials lie at the end of a range. "diverged": one setting explains the diverged trials. "noise": the standard deviation
    over seeds is larger than that between settings. "rungs": ranks at the first rung say nothing about final ranks. "startup": too few
    trials for a model-based search to have begun. "constant": the metric never changes.
    """
    found = evidence(run)
    rows = [(name, *finding) for name, check in _CHECKS.items() for finding in check(run, found)]
    return pd.DataFrame(rows, columns=["check", "finding", "evidence"])


def diverged(run: Run, found: Evidence) -> Iterator[Finding]:
    """Whether the trials that diverged differ in one parameter from the others: Mann-Whitney's or Fisher's test, corrected by Holm."""
    lost = (found.ended == "diverged").to_numpy()
    if lost.sum() < FEWEST_LOST or lost.all():
        return
    p_values = pd.Series({key: _difference(found, key, lost) for key in run.parameters}, dtype=float)
    corrected = holm(p_values)
    if not corrected.min() <= ERROR:
        return
    key = str(corrected.idxmin())
    inside, words = _explaining(run, found, key, lost)
    finding = f"Trials diverge with {words}; leave that part of the space out, or make training there stable."
    rest = f"{(lost & ~inside).sum()} of the {(~inside).sum()} others"
    yield (
        finding,
        f"{(lost & inside).sum()} of {count(int(inside.sum()), 'trial')} with {words} diverged, {rest} (p = {corrected[key]:.1g})",
    )


def noise(run: Run, found: Evidence) -> Iterator[Finding]:
    """Whether settings surely differ by less than seeds do: F test on the ratio of the variances, against a ratio of 1.

    Where seeds differ four times as much as settings, that takes some 30 settings with three seeds each; a search with one seed per
    setting, whose scores hold the noise in full, needs some 200 trials.
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
    finding = "You are tuning noise: seeds differ more than settings do. More seeds per setting, or a wider space, would tell more."
    spread = max(0.0, between - within * share) ** 0.5
    evidence_ = f"standard deviation over seeds {number(within**0.5)}, between settings {number(spread)} ({count(len(scores), 'setting')})"
    yield finding, evidence_


def rungs(run: Run, found: Evidence) -> Iterator[Finding]:
    """Whether the rank correlation of the values at the first rung with those at full length is surely below 0.4, over the trials that have
    both (Fisher's z with the variance of Bonett and Wright 2000). Where it is 0 that takes some 40 such trials, where -0.5 about 15;
    several times as many where the first rung stops most: see ``_unrestricted``."""
    from scipy import stats

    if len(found.stops) < 2:
        return
    both = found.values[[found.stops[0], found.full]].dropna()
    if len(both) < FEWEST_RANKED or (both.nunique() < 2).any():
        return
    rank = float(stats.spearmanr(both[found.stops[0]], both[found.full]).statistic)
    middle, spread = np.arctanh(np.clip(rank, -0.999, 0.999)), np.sqrt((1 + rank**2 / 2) / (len(both) - 3))
    highest = float(np.tanh(middle + stats.norm.ppf(1 - BORDER_ERROR) * spread))
    highest = _unrestricted(highest, found.values[found.stops[0]].dropna(), both.index)
    if highest < LITTLE:
        finding = (
            f"Ranks at epoch {found.stops[0]} say nothing about final ranks: stopping there drops good settings. Stop later, or not at all."
        )
        yield finding, f"rank correlation {fixed(rank, 2)} over {count(len(both), 'trial')} with both values; at most {fixed(highest, 2)}"


def _unrestricted(correlation: float, first: pd.Series, went_on: pd.Index) -> float:
    """The correlation over all trials, from that over those that went on because their value at the first rung was good: these differ less
    there, which alone makes it smaller (R. L. Thorndike, "Personnel Selection", 1949, case 2, on normal scores)."""
    from scipy import stats

    scores = pd.Series(stats.norm.ppf(first.rank() / (len(first) + 1)), index=first.index)
    wider = float(scores.std() / scores[went_on].std())
    return correlation * wider / (1 + correlation**2 * (wider**2 - 1)) ** 0.5


def startup(run: Run, found: Evidence) -> Iterator[Finding]:
    """Whether a model-based search had only its random trials."""
    search = run.spec["search"]
    random = int(search.get("startup") or STARTUP)
    trials = max(len(found.ended), int(run.spec.get("trials") or 0))
    if search.get("kind") == "optuna" and trials <= random:
        yield (
            "The model-based search never began: all of its trials were random. Plan more trials, or call it a random search.",
            f"{count(trials, 'trial')}; the first {random} are drawn at random",
        )


def constant(run: Run, found: Evidence) -> Iterator[Finding]:
    """Whether the metric is the same at all epochs of every trial, or all trials end alike."""
    epochs = trial_epochs(run.phase("search")).dropna(subset="value")
    lengths = epochs.groupby("trial")["value"].agg(["nunique", "size"])
    long = lengths[lengths["size"] > 2]
    ends = found.values[found.full].dropna()
    if len(epochs) > 2 and epochs["value"].nunique() == 1:
        value = number(float(epochs["value"].iloc[0]))
        yield f"{run.metric} never changes: is it measured at all?", f"{value} at all {len(epochs):,} epochs of {len(lengths):,} trials"
    elif len(long) > 1 and (long["nunique"] == 1).all():
        yield f"{run.metric} never changes while a trial learns: is it measured anew?", f"no change in {count(len(long), 'trial')}"
    elif len(ends) >= SAME and ends.nunique() == 1:
        value = number(float(ends.iloc[0]))
        yield f"All trials end on the same {run.metric}: nothing can be told apart by it.", f"{value} in {count(len(ends), 'trial')}"


_CHECKS: dict[str, Callable[[Run, Evidence], Iterator[Finding]]] = {
    "constant": constant,
    "noise": noise,
    "rungs": rungs,
    "diverged": diverged,
    "edge": at_an_edge,
    "startup": startup,
}


def _difference(found: Evidence, key: str, lost: np.ndarray) -> float:
    """p-value for "this parameter has nothing to do with diverging"."""
    from scipy import stats

    column = found.settings[key]
    if kind_of(found.space[key]) == NUMERIC:
        values = positions(found.space[key], column)
        return float(stats.mannwhitneyu(values[lost], values[~lost]).pvalue) if np.ptp(values) > 0 else np.nan
    groups = [identity(value) for value in column]
    p_values = [_fisher(np.array([group == one for group in groups]), lost) for one in dict.fromkeys(groups)]
    return min(1.0, min(p_values) * len(p_values)) if len(p_values) > 1 else np.nan


def _fisher(inside: np.ndarray, lost: np.ndarray) -> float:
    from scipy import stats

    table = [[(inside & lost).sum(), (inside & ~lost).sum()], [(~inside & lost).sum(), (~inside & ~lost).sum()]]
    return float(stats.fisher_exact(table).pvalue)


def _explaining(run: Run, found: Evidence, key: str, lost: np.ndarray) -> tuple[np.ndarray, str]:
    """The part of a parameter's range, or the value, that tells diverged trials from the others best, and its words."""
    column = found.settings[key]
    if kind_of(found.space[key]) == NUMERIC:
        values = pd.to_numeric(column).to_numpy(dtype=float)
        parts = [(values >= value, f"{key} at or above {label(run, key, value)}") for value in np.unique(values)]
        parts += [(values <= value, f"{key} at or below {label(run, key, value)}") for value in np.unique(values)]
    else:
        values_of = {identity(value): value for value in column}
        parts = [
            (np.array([identity(one) == text for one in column]), f"{key} {label(run, key, value)}") for text, value in values_of.items()
        ]
    return max(parts, key=lambda part: _told_apart(part[0], lost))


def _told_apart(inside: np.ndarray, lost: np.ndarray) -> float:
    return float(inside[lost].mean() - inside[~lost].mean())


def _seed_variance(run: Run) -> tuple[float, int]:
    """Variance over seeds at full length, pooled over settings, and its degrees of freedom: of the search where it has several seeds, else
    of the confirmation."""
    for phase in ("search", "confirm"):
        part = run.phase(phase)
        last = part.epochs[part.epochs["epoch"] == run.spec["epochs"]]
        if run.metric not in last:
            continue
        values = last.replace([np.inf, -np.inf], np.nan).dropna(subset=run.metric).groupby("trial")[run.metric]
        freedom = int((values.count() - 1).sum())
        if freedom > 0:
            return float((values.var(ddof=1) * (values.count() - 1)).sum() / freedom), freedom
    return np.nan, 0


def _spread(run: Run, found: Evidence) -> tuple[np.ndarray, float]:
    """The score of each search trial at full length, and the share of the seeds' variance that is in it."""
    if can_extrapolate(found):
        return at_full_length(found, run.spec["mode"] == "max")["value"].to_numpy(), 0.0
    scores = found.values[found.full].dropna()
    seeds = run.phase("search").trials.set_index("trial")["seeds"].map(len).reindex(scores.index)
    return scores.to_numpy() if not found.uneven else np.array([]), float((1 / seeds).mean()) if len(seeds) else 0.0
