"""``python -m benchmarks.proofs``: whether what the analysis claims is so, on simulated studies whose truth is known.

(a) two equal arms: how often the tests find a difference at 5 %;
(b) intervals: how often they hold the truth, nominally 95 %, also for accuracies in clumps at 0.5, 0.75 and 1.0;
(c) searches with early stopping and one parameter that decides over nothing but the speed of learning: our importances and correlations
    beside the naive ones, which take the last value of each trial, and beside weights for survival;
(d) health checks: faults found, and alarms on sound studies;
(e) the best of several settings: how often equal ones are told apart from it (5 % or fewer), and its own interval holds its mean (93 % or
    more);
(f) runs beside each other, each with its best setting: how often equal ones are told apart (5 % or fewer);
(g) published means of the same setting: how often they are marked as outside of what is to be expected (5 %);
(h) a setting that loses its worst seeds: how often it is called better than an equal one that keeps them (2.5 % or fewer).
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy import stats

from analysis.arms import arms_table, compared
from analysis.association import interval
from analysis.comparison import differences
from analysis.correlation import correlations
from analysis.evidence import Evidence, evidence, positions
from analysis.extrapolation import at_full_length
from analysis.health import health_checks
from analysis.importance import PED_ANOVA, draw_settings, importances, optuna_importances
from analysis.intervals import mean_intervals, t_intervals
from analysis.runs import Run
from benchmarks.choices import print_choices
from benchmarks.faults import FAULTS, sound
from benchmarks.simulations import SPACE, as_run, final, searched, survival_weights

SPEED = "warmup"
CLUMPS = np.array([0.5, 0.75, 1.0])
SHARES = {"clumps": (0.2, 0.3, 0.5), "few fail": (0.02, 0.08, 0.9)}
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(0.9, 0.02, shape)


def clumped(shares: tuple[float, ...]) -> Draw:
    """Accuracies at 0.5, 0.75 and 1.0 with a little noise, as networks that learn XOR end."""
    return lambda rng, shape: rng.choice(CLUMPS, shape, p=shares) - np.abs(rng.normal(0, 0.004, shape))


DRAWS: dict[str, Draw] = {"normal": normal, **{name: clumped(shares) for name, shares in SHARES.items()}}


def settings_alarms(draw: Draw, studies: int, seeds: int, seed: int = 0) -> float:
    """Share of studies of two equal settings in which ``comparison.differences`` finds a difference at 5 %."""
    values = draw(np.random.default_rng([seed, seeds]), (2 * studies, seeds)).ravel()
    place = np.repeat(np.arange(2 * studies), seeds)
    frame = pd.DataFrame({"seed": np.tile(np.arange(seeds), 2 * studies), "score": values}, index=place)
    table = differences(frame, "score", np.arange(2 * studies).reshape(-1, 2))
    return float((table["p"] <= 0.05).mean())


def arms_alarms(draw: Draw, studies: int, seeds: int, seed: int = 0) -> float:
    """Share of studies of two equal arms in which ``arms.arms_table`` finds a difference at 5 %."""
    values = draw(np.random.default_rng([seed, seeds, 1]), (2 * studies, 1, seeds))
    settings = pd.DataFrame({"arm": np.tile(["a", "b"], studies), "study": np.repeat(np.arange(studies), 2)})
    space = {"arm": {"values": ["a", "b"]}, "study": {"values": list(range(studies))}}
    compare = {"parameter": "arm", "baseline": "a", "metrics": ["score"], "parts": None, "percent": False}
    run = as_run(settings, values, np.ones(2 * studies, dtype=int), (), space=space, search={"kind": "grid"}, compare=compare)
    what = compared(run)
    assert what is not None
    return float((arms_table(run, what)["p"] <= 0.05).mean())


def mean_coverage(draw: Draw, samples: int, seeds: int, of: Callable[[list[np.ndarray]], np.ndarray] = mean_intervals) -> float:
    """Share of samples whose interval holds the mean."""
    truth = draw(np.random.default_rng(99), (2_000_000,)).mean()
    limits = of(list(draw(np.random.default_rng(seeds), (samples, seeds))))
    return float(((limits[:, 0] <= truth) & (truth <= limits[:, 1])).mean())


def pairs_of(rng: np.random.Generator, trials: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """A parameter and a metric: "line" and "bowl" for numeric ones, "groups" for codes of three groups."""
    x = rng.uniform(-1, 1, trials)
    if kind == "line":
        return x, x + rng.normal(0, 0.6, trials)
    if kind == "bowl":
        return x, -((x - 0.3) ** 2) + rng.normal(0, 0.1, trials)
    groups = rng.integers(0, 3, trials)
    return groups, 0.5 * groups + rng.normal(0, 0.6, trials)


def coefficient_coverage(method: str, kind: str, samples: int, trials: int) -> float:
    """Share of samples whose interval of a coefficient holds the one of the population."""
    x, y = pairs_of(np.random.default_rng(0), 200_000, kind)
    truth = _population(method, x, y)
    found = [interval(method, *pairs_of(np.random.default_rng([trials, place]), trials, kind)) for place in range(samples)]
    return float(np.mean([low <= truth <= high for low, high in found]))


def _population(method: str, x: np.ndarray, y: np.ndarray) -> float:
    from analysis.association import coefficient

    return float(coefficient(method, x, y))


def true_importances() -> pd.Series:
    """PED-ANOVA over 4,000 settings without noise, all trained to the end."""
    settings = draw_settings(SPACE, 4_000, np.random.default_rng(1)).infer_objects()
    shares = optuna_importances(SPACE, settings, final(settings)[None], True, PED_ANOVA)[0]
    return pd.Series(shares, index=list(SPACE))


def search_ranks(repetitions: int, trials: int, family: str) -> pd.DataFrame:
    """One row per repetition that has importances: ``ours, naive`` (rank correlation with the truth), ``ours_first, naive_first`` (whether
    the parameter that only changes the speed comes first), ``ours_speed, naive_speed`` (its importance)."""
    truth, rows = true_importances(), []
    for seed in range(repetitions):
        table = importances(searched(seed, trials, family)).set_index("parameter")
        if len(table):
            rows.append(dict(_ranked(table, truth)))
    return pd.DataFrame(rows)


def _ranked(table: pd.DataFrame, truth: pd.Series) -> Iterator[tuple[str, float]]:
    for name, column in (("ours", "importance"), ("naive", "naive")):
        values = table[column].reindex(truth.index)
        yield name, float(stats.spearmanr(values, truth).statistic)
        yield f"{name}_first", values.idxmax() == SPEED
        yield f"{name}_speed", float(values[SPEED])


def correlation_errors(repetitions: int, trials: int, family: str) -> pd.DataFrame:
    """Error of Spearman's coefficient against the same trials all trained to the end, root mean square over repetitions: one row per
    numeric parameter, columns ``extrapolated, survivors, weighted`` (survivors, weighted for survival) and ``naive``."""
    errors = [_errors(seed, trials, family) for seed in range(repetitions)]
    return (sum(error**2 for error in errors) / repetitions) ** 0.5


def _errors(seed: int, trials: int, family: str) -> pd.DataFrame:
    run, whole = searched(seed, trials, family), evidence(searched(seed, trials, family, rungs=()))
    found = evidence(run)
    survivors = found.values[found.full].dropna()
    guessed, weights = at_full_length(found, True)["value"], survival_weights(found)
    rows = {}
    for key in ("learning_rate", "dropout", "width", SPEED):
        truth = _spearman(whole, key, whole.values[whole.full])
        ways = {"extrapolated": _spearman(found, key, guessed), "survivors": _spearman(found, key, survivors)}
        ways |= {"weighted": _spearman(found, key, survivors, weights), "naive": _spearman(found, key, found.last)}
        rows[key] = {name: value - truth for name, value in ways.items()}
    return pd.DataFrame(rows).T


def _spearman(found: Evidence, key: str, values: pd.Series, weights: pd.Series | None = None) -> float:
    x = stats.rankdata(positions(found.space[key], found.settings.loc[values.index, key]))
    y, w = stats.rankdata(values), np.ones(len(values)) if weights is None else weights[values.index].to_numpy()
    x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
    return float((w * x * y).sum() / np.sqrt((w * x * x).sum() * (w * y * y).sum()))


def extrapolated_coverage(repetitions: int, trials: int, family: str) -> pd.Series:
    """Share of repetitions in which the interval of the extrapolated coefficient holds that of the population, by parameter."""
    whole = evidence(searched(12_345, 20_000, family, rungs=()))
    truth = {key: _spearman(whole, key, whole.values[whole.full]) for key in ("learning_rate", "dropout", "width", SPEED)}
    held = []
    for seed in range(repetitions):
        table = correlations(searched(seed, trials, family))
        rows = table[(table["evidence"] == "extrapolated") & (table["method"] == "spearman")].set_index("parameter")
        held.append({key: rows.loc[key, "low"] <= value <= rows.loc[key, "high"] for key, value in truth.items() if key in rows.index})
    return pd.DataFrame(held).astype(float).mean()


def alarms(make: Callable[[int], Run], studies: int) -> list[set[str]]:
    """The checks that raise an alarm, of each study."""
    return [set(health_checks(make(seed))["check"]) for seed in range(studies)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    scale = 10 if parser.parse_args().quick else 1
    _print_equal_arms(1_000 // scale)
    _print_coverage(2_000 // scale, 500 // scale)
    _print_searches(24 // scale)
    _print_health(100 // scale)
    print_choices(normal, DRAWS, scale)


def _print_equal_arms(studies: int) -> None:
    print(f"(a) false alarms at 5 %, {studies:,} studies of two equal arms each (standard error {np.sqrt(0.0475 / studies):.1%})")
    for name, draw in DRAWS.items():
        ours = ", ".join(f"{settings_alarms(draw, studies, seeds):.1%} (n = {seeds})" for seeds in (6, 12, 20, 50))
        arms = ", ".join(f"{arms_alarms(draw, studies, seeds):.1%} (n = {seeds})" for seeds in (5, 12, 20, 50))
        print(f"    {name}: settings, sign flips {ours}; arms, t-test {arms}", flush=True)


def _print_coverage(samples: int, fits: int) -> None:
    print(f"(b) share of 95 % intervals that hold the truth, {samples:,} samples each")
    for name, draw in DRAWS.items():
        for label, of in (("BCa bootstrap", mean_intervals), ("t", t_intervals)):
            shares = ", ".join(f"{mean_coverage(draw, samples, seeds, of):.1%} (n = {seeds})" for seeds in (5, 10, 20, 30, 50, 100, 300))
            print(f"    mean, {name}, {label}: {shares}", flush=True)
    for method, kind in (("spearman", "line"), ("spearman", "bowl"), ("pearson", "bowl"), ("eta", "groups")):
        shares = ", ".join(f"{coefficient_coverage(method, kind, fits, n):.1%} (n = {n})" for n in (10, 20, 40, 120))
        print(f"    {method}, {kind}, {fits} samples: {shares}", flush=True)


def _print_searches(repetitions: int) -> None:
    print(f"(c) searches with early stopping, {repetitions} repetitions; true importances {true_importances().round(3).to_dict()}")
    for family, sizes in {"exponential": (60, 120, 240), "slow exponential": (60, 120, 240), "power": (120,), "logistic": (120,)}.items():
        for trials in sizes:
            found = search_ranks(repetitions, trials, family)
            means = found.astype(float).mean()
            print(
                f"    {family}, {trials} trials ({len(found)} with importances): rank correlation with the truth {means['ours']:.2f}, "
                f"naive {means['naive']:.2f}; speed first in {found['ours_first'].sum()}, naive {found['naive_first'].sum()}; its "
                f"importance {means['ours_speed']:.2f}, naive {means['naive_speed']:.2f}",
                flush=True,
            )
        errors, held = correlation_errors(repetitions, 120, family), extrapolated_coverage(repetitions, 120, family)
        print(f"    error of Spearman's coefficient, {family}, 120 trials:\n{_indented(errors.round(2))}")
        print(f"    95 % intervals of the extrapolated one hold the truth: {held.round(2).to_dict()}", flush=True)


def _print_health(studies: int) -> None:
    print(f"(d) health checks, {studies} studies each")
    for name, make in FAULTS.items():
        found = alarms(make, studies)
        print(f"    {name}: found in {sum(name in checks for checks in found)}", flush=True)
    found = alarms(sound, studies)
    print(f"    sound: an alarm in {sum(bool(checks) for checks in found)} {sorted(set().union(*found))}")


def _indented(frame: pd.DataFrame) -> str:
    return "\n".join(f"        {line}" for line in frame.to_string().splitlines())


if __name__ == "__main__":
    main()
