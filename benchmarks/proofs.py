"""``python -m benchmarks.proofs``: whether what the analysis claims is so, on simulated studies
whose truth is known.

(a) two equal arms: how often the tests find a difference at 5 %;
(b) intervals: how often they hold the truth, nominally 95 %, also for accuracies in clumps at 0.5,
0.75 and 1.0;
(c) searches with early stopping and one parameter that decides over nothing but the speed of
    learning: our importances and correlations beside the naive ones, which take the last value of
    each trial, and beside weights for survival;
(d) health checks: faults found, and alarms on sound studies;
(e) the best of several settings: how often equal ones are told apart from it (5 % or fewer), and
    its own interval holds its mean (93 % or more);
(f) runs beside each other, each with its best setting: how often equal ones are told apart (5 % or
fewer);
(g) published means of the same setting: how often they are marked as outside of what is to be
expected (5 %);
(h) a setting that loses its worst seeds: how often it is called better than an equal one that keeps
them (2.5 % or fewer);
(i) folds of a cross-validation: how often the interval of their mean holds the truth, and how often
two equal methods are told apart at 5 %, with the plain and with the corrected variance;
(j) searches of which a person stopped every fifth trial, at random or because it looked bad: our
importances beside the truth.
"""

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.numerics.association import coefficient, interval
from analysis.numerics.intervals import mean_intervals, t_intervals
from analysis.records.load import Run
from analysis.stats.arms import arms_table
from analysis.stats.compared import compared
from analysis.stats.health import health_checks
from analysis.stats.paired import differences
from benchmarks.choices import print_choices
from benchmarks.faults import FAULTS, sound
from benchmarks.fold_proofs import print_folds
from benchmarks.search_proofs import print_hand_stops, print_searches
from benchmarks.simulations import as_run

CLUMPS = np.array([0.5, 0.75, 1.0])
SHARES = {"clumps": (0.2, 0.3, 0.5), "few fail": (0.02, 0.08, 0.9)}
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(0.9, 0.02, shape)


def clumped(shares: tuple[float, ...]) -> Draw:
    """Accuracies at 0.5, 0.75 and 1.0 with a little noise, as networks that learn XOR end."""
    return lambda rng, shape: (
        rng.choice(CLUMPS, shape, p=shares) - np.abs(rng.normal(0, 0.004, shape))
    )


DRAWS: dict[str, Draw] = {
    "normal": normal,
    **{name: clumped(shares) for name, shares in SHARES.items()},
}


def settings_alarms(draw: Draw, studies: int, seeds: int, seed: int = 0) -> float:
    """Share of studies of two equal settings in which ``paired.differences`` finds a difference
    at 5 %.
    """
    values = draw(np.random.default_rng([seed, seeds]), (2 * studies, seeds)).ravel()
    place = np.repeat(np.arange(2 * studies), seeds)
    frame = pd.DataFrame(
        {"seed": np.tile(np.arange(seeds), 2 * studies), "score": values}, index=place
    )
    table = differences(frame, "score", np.arange(2 * studies).reshape(-1, 2))
    return float((table["p"] <= 0.05).mean())


def arms_alarms(draw: Draw, studies: int, seeds: int, seed: int = 0) -> float:
    """Share of studies of two equal arms in which ``arms.arms_table`` finds a difference at 5 %."""
    values = draw(np.random.default_rng([seed, seeds, 1]), (2 * studies, 1, seeds))
    settings = pd.DataFrame(
        {"arm": np.tile(["a", "b"], studies), "study": np.repeat(np.arange(studies), 2)}
    )
    space = {"arm": {"values": ["a", "b"]}, "study": {"values": list(range(studies))}}
    compare = {
        "parameter": "arm",
        "baseline": "a",
        "metrics": ["score"],
        "parts": None,
        "percent": False,
    }
    run = as_run(
        settings,
        values,
        np.ones(2 * studies, dtype=int),
        (),
        space=space,
        search={"kind": "grid"},
        compare=compare,
    )
    what = compared(run)
    assert what is not None
    return float((arms_table(run, what)["p"] <= 0.05).mean())


def mean_coverage(
    draw: Draw,
    samples: int,
    seeds: int,
    of: Callable[[list[np.ndarray]], np.ndarray] = mean_intervals,
) -> float:
    """Share of samples whose interval holds the mean."""
    truth = draw(np.random.default_rng(99), (2_000_000,)).mean()
    limits = of(list(draw(np.random.default_rng(seeds), (samples, seeds))))
    return float(((limits[:, 0] <= truth) & (truth <= limits[:, 1])).mean())


def pairs_of(rng: np.random.Generator, trials: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """A parameter and a metric: "line" and "bowl" for numeric ones, "groups" for codes of three
    groups.
    """
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
    found = [
        interval(method, *pairs_of(np.random.default_rng([trials, place]), trials, kind))
        for place in range(samples)
    ]
    return float(np.mean([low <= truth <= high for low, high in found]))


def _population(method: str, x: np.ndarray, y: np.ndarray) -> float:
    return float(coefficient(method, x, y))


def alarms(make: Callable[[int], Run], studies: int) -> list[set[str]]:
    """The checks that raise an alarm, of each study."""
    return [set(health_checks(make(seed))["check"]) for seed in range(studies)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    scale = 10 if parser.parse_args().quick else 1
    _print_equal_arms(1_000 // scale)
    _print_coverage(2_000 // scale, 500 // scale)
    print_searches(24 // scale)
    _print_health(100 // scale)
    print_choices(normal, DRAWS, scale)
    print_folds(1_000 // scale)
    print_hand_stops(24 // scale)


def _print_equal_arms(studies: int) -> None:
    print(
        f"(a) false alarms at 5 %, {studies:,} studies of two equal arms each (standard error"
        f" {np.sqrt(0.0475 / studies):.1%})"
    )
    for name, draw in DRAWS.items():
        ours = ", ".join(
            f"{settings_alarms(draw, studies, seeds):.1%} (n = {seeds})"
            for seeds in (6, 12, 20, 50)
        )
        arms = ", ".join(
            f"{arms_alarms(draw, studies, seeds):.1%} (n = {seeds})" for seeds in (5, 12, 20, 50)
        )
        print(f"    {name}: settings, sign flips {ours}; arms, t-test {arms}", flush=True)


def _print_coverage(samples: int, fits: int) -> None:
    print(f"(b) share of 95 % intervals that hold the truth, {samples:,} samples each")
    for name, draw in DRAWS.items():
        for label, of in (("BCa bootstrap", mean_intervals), ("t", t_intervals)):
            shares = ", ".join(
                f"{mean_coverage(draw, samples, seeds, of):.1%} (n = {seeds})"
                for seeds in (5, 10, 20, 30, 50, 100, 300)
            )
            print(f"    mean, {name}, {label}: {shares}", flush=True)
    for method, kind in (
        ("spearman", "line"),
        ("spearman", "bowl"),
        ("pearson", "bowl"),
        ("eta", "groups"),
    ):
        shares = ", ".join(
            f"{coefficient_coverage(method, kind, fits, n):.1%} (n = {n})"
            for n in (10, 20, 40, 120)
        )
        print(f"    {method}, {kind}, {fits} samples: {shares}", flush=True)


def _print_health(studies: int) -> None:
    print(f"(d) health checks, {studies} studies each")
    for name, make in FAULTS.items():
        found = alarms(make, studies)
        print(f"    {name}: found in {sum(name in checks for checks in found)}", flush=True)
    found = alarms(sound, studies)
    print(
        f"    sound: an alarm in {sum(bool(checks) for checks in found)}"
        f" {sorted(set().union(*found))}"
    )


if __name__ == "__main__":
    main()
