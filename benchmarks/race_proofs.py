"""``python -m benchmarks.race_proofs [N]``: N races of five settings, of which one may be better,
on simulated seeds, 30 at most and 5 at a time: how often a pair is told apart that is equal, or the
wrong way round; how often the best is told apart from all others; and how many seeds a setting
takes.
"""

import sys

import numpy as np

from analysis.stats.planned import all_pairs
from analysis.stats.settling import SUPPORTED, Rule, settle
from benchmarks.proofs import Draw
from benchmarks.seed_proofs import FUTILITY, KINDS, looks_of

SETTINGS, MOST, DEVIATION = 5, 30, 0.02
PAIRS, FAMILY = all_pairs(range(SETTINGS))


def race(values: np.ndarray, better: bool, futility: float) -> tuple[bool, bool, float]:
    """Of numbers of shape ``(SETTINGS, MOST)``, of which the first are ``better``: whether anything
    false is told, whether the first has won, and the seeds of a setting.
    """
    rule = Rule(looks_of(MOST), smallest=1e-9, futility=futility, race=1)
    found = settle(rule, values, np.ones_like(values, dtype=bool), PAIRS, FAMILY)
    sizes, told = np.array([0, *rule.looks.sizes])[found.looks], found.reasons == SUPPORTED
    means = np.array(
        [values[pair, :size].mean(axis=1) for pair, size in zip(PAIRS, sizes, strict=True)]
    )
    of_first = (PAIRS == 0).any(axis=1)
    wrong = ~of_first | (means[:, 0] < means[:, 1]) | (not better)
    seeds = [sizes[np.isin(PAIRS, number).any(axis=1)].max() for number in range(SETTINGS)]
    return bool((told & wrong).any()), bool(told[of_first].all()), float(np.mean(seeds))


def races(draw: Draw, apart: float, count: int, futility: float = 0.0) -> np.ndarray:
    """What ``race`` says, in the mean over so many, the first setting being ``apart`` better."""
    rng = np.random.default_rng([count, MOST])
    values = draw(rng, (count, SETTINGS, MOST))
    values[:, 0] += apart
    return np.array([race(each, apart > 0, futility) for each in values]).mean(axis=0)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    for kind, draw in KINDS.items():
        for size in (0.0, 0.5, 1.0, 2.0) if kind == "normal" else (0.0,):
            for futility in (0.0, FUTILITY):
                false, won, seeds = races(draw, DEVIATION * size, count, futility)
                print(
                    f"{kind}, {size} standard deviations apart, futility {futility}, {count:,}"
                    f" races: false {false:.1%}, a winner {won:.1%}, {seeds:.1f} seeds a setting",
                    flush=True,
                )


if __name__ == "__main__":
    main()
