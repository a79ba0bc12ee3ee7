"""``python -m benchmarks.seed_proofs``: seeds that are added until comparisons are settled, on
simulated studies whose truth is known.

(a) equal settings, looked at after every 5 of 100 seeds: how often any comparison of a family is
ever supported, at 5 %;
(b) intervals: how often they hold the true difference at all looks together, nominally 95 %, so
whenever the seeds are stopped;
(c) settings that differ by more or less than what matters: how often they are called equal for all
that matters, at 5 %;
(d) twelve settings, of which eleven differ from the first: what is found, and how many seeds that
takes, beside a fixed number of seeds. As (a), also without those unlikely to be settled.
"""

import argparse
from collections.abc import Callable
from itertools import product

import numpy as np

from analysis.numerics.futility import predictive_power
from analysis.numerics.looks import Looks, gradual
from analysis.numerics.sequential import Seen, have_intervals, intervals, p_values, seen, t_test
from benchmarks import looks_compared
from benchmarks.proofs import DRAWS, Draw, normal
from tuning import UntilSettled

BLOCK, MOST, FUTILITY = 5, 100, UntilSettled(smallest=0.01).futility
Test = Callable[[np.ndarray], np.ndarray]


def one_in_fifty_fails(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.where(rng.random(shape) < 0.02, 0.5, rng.normal(0.9, 0.01, shape))


def ties(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Shares of a test set of fifty cases."""
    return np.round(rng.normal(0.9, 0.02, shape) * 50) / 50


KINDS: dict[str, Draw] = {
    **DRAWS,
    "one in fifty fails": one_in_fifty_fails,
    "ties": ties,
}


def looks_of(most: int = MOST, spending: Callable[..., np.ndarray] = gradual) -> Looks:
    return Looks((*range(BLOCK, most, BLOCK), most), spending)


def grouped(looks: Looks, near: float = 0.05) -> Test:
    """The test that the product uses. Sign flips are counted where a p-value is ``near`` or less
    without them: 0 for none at all, which is enough for bell-shaped data.
    """

    def test(rows: np.ndarray) -> np.ndarray:
        taken = np.ones((len(rows), len(looks.sizes)), dtype=bool)
        at = seen(rows, looks, taken)
        held = looks.repeated(np.maximum(t_test(at), 2.0 ** (1 - at.n)))
        close = held.min(axis=1) <= near
        held[close] = p_values(rows[close], looks, taken[close])
        return held

    return test


RULES: dict[str, Test] = {
    "Kim-DeMets, power 1.5": grouped(looks_of()),
    "Pocock": grouped(looks_of(spending=looks_compared.pocock)),
    "O'Brien-Fleming": grouped(looks_of(spending=looks_compared.obrien_fleming)),
    "e-value, t mixture": lambda rows: looks_compared.t_mixture(rows, looks_of()),
    "e-value, symmetric": lambda rows: looks_compared.symmetric(rows, looks_of()),
    "e-value, betting": lambda rows: looks_compared.betting(rows, looks_of()),
}


def family(values: np.ndarray, comparisons: int) -> np.ndarray:
    """The differences of settings from the first one, or, of 66, those of all pairs of twelve:
    ``values`` of shape ``(studies, settings, seeds)``, result ``(studies, comparisons, seeds)``.
    """
    if comparisons != 66:
        return values[:, 1:] - values[:, :1]
    first, last = np.triu_indices(12, 1)
    return values[:, last] - values[:, first]


def false_alarms(
    draw: Draw, test: Test, comparisons: int, studies: int, futility: float = 0.0
) -> int:
    """In how many studies of equal settings any comparison of the family is ever supported."""
    settings = 12 if comparisons == 66 else comparisons + 1
    values = draw(np.random.default_rng([comparisons, studies]), (studies, settings, MOST))
    supported, _ = closings(family(values, comparisons), looks_of(), test, futility)
    return int((supported <= MOST).any(axis=1).sum())


def coverage(
    first: Draw, last: Draw, studies: int, error: float = 0.05, bets: bool = False
) -> float:
    """Share of comparisons whose intervals hold the true difference at all looks: those of the
    product or, where it ``bets``, those of ``looks_compared.betting``.
    """
    rng, looks = np.random.default_rng([studies, MOST]), looks_of()
    rows = last(rng, (studies, MOST)) - first(rng, (studies, MOST))
    truth = last(rng, (1_000_000,)).mean() - first(rng, (1_000_000,)).mean()
    if bets:
        held = looks_compared.betting(rows, looks, float(truth))
        return float((held.min(axis=1) > error).mean())
    taken = np.ones((studies, len(looks.sizes)), dtype=bool)
    limits = intervals(rows, looks, taken, np.full(studies, error))
    misses = (limits[:, :, 0] > truth) | (limits[:, :, 1] < truth)
    return float(1 - misses.any(axis=1).mean())


def called_equal(first: Draw, last: Draw, smallest: float, studies: int) -> float:
    """Share of comparisons that are ever called equal but for ``smallest``."""
    rng, looks = np.random.default_rng([studies, 7]), looks_of()
    rows = last(rng, (studies, MOST)) - first(rng, (studies, MOST))
    taken = np.ones((studies, len(looks.sizes)), dtype=bool)
    return float((p_values(rows, looks, taken, margin=smallest).min(axis=1) <= 0.05).mean())


def closings(
    differences: np.ndarray, looks: Looks, test: Test, futility: float = 0.0, error: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """After how many seeds each comparison is supported, by Holm's method over its family at every
    look, more than there are where it never is; and after how many it has no more of them.
    ``differences``: shape ``(studies, comparisons, seeds)``.
    """
    shape, rows = differences.shape[:2], differences.reshape(-1, looks.sizes[-1])
    held = np.nan_to_num(test(rows), nan=1.0).reshape(*shape, -1)
    at = seen(rows, looks, np.ones((len(rows), len(looks.sizes)), dtype=bool))
    levels = looks.levels(error / np.arange(1, shape[1] + 1))
    (supported, ended), now = np.full((2, *shape), looks.sizes[-1] + 1), np.ones(shape)
    for look, size in enumerate(looks.sizes):
        now = np.where(ended > looks.sizes[-1], held[:, :, look], now)
        order = now.argsort(axis=1)
        tests = np.empty(shape, dtype=int)
        np.put_along_axis(tests, order, shape[1] - np.arange(shape[1])[None], 1)
        small = np.take_along_axis(now * tests <= error, order, 1)
        told = np.zeros_like(small)
        np.put_along_axis(told, order, np.logical_and.accumulate(small, axis=1), 1)
        here = Seen(*(each[:, look].reshape(shape) for each in (at.n, at.mean, at.error)))
        own = levels[tests - 1]
        futile = predictive_power(here, size / looks.sizes[-1], own[..., -1]) < futility
        futile &= have_intervals(here.n, own[..., look])
        supported = np.where(told, np.minimum(supported, size), supported)
        ended = np.where(told | futile, np.minimum(ended, size), ended)
    return supported, np.minimum(ended, looks.sizes[-1])


def spent(
    shift: float, looks: Looks, test: Test, studies: int, futility: float = 0.0
) -> tuple[float, float]:
    """Of studies of twelve bell-shaped settings, eleven of them ``shift`` from the first: the share
    of the comparisons that are supported, and how many seeds a setting takes, in the mean.
    """
    most = looks.sizes[-1]
    values = normal(np.random.default_rng([most, studies]), (studies, 12, most))
    values[:, 1:] += shift
    supported, ended = closings(family(values, 11), looks, test, futility)
    seeds = ended.sum(axis=1) + ended.max(axis=1)
    return float((supported <= most).mean()), float(seeds.mean() / 12)


def never_fails(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(0.9, 0.01, shape)


def shifted(draw: Draw, shift: float) -> Draw:
    return lambda rng, shape: draw(rng, shape) + shift


UNEQUAL: dict[str, tuple[Draw, Draw]] = {
    "bell-shaped, half a standard deviation apart": (normal, shifted(normal, 0.01)),
    "clumps, other shares": (KINDS["clumps"], KINDS["few fail"]),
    "one in fifty fails, none does": (one_in_fifty_fails, never_fails),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    scale = 10 if parser.parse_args().quick else 1
    _print_alarms(2_000 // scale)
    _print_coverage(2_000 // scale)
    _print_spent(400 // scale)


def _print_alarms(studies: int) -> None:
    print(f"(a) studies with a false alarm at any of {MOST // BLOCK} looks, of {studies:,}")
    for comparisons in (1, 12, 66):
        for kind, draw in KINDS.items():
            # In a family no p-value above its share of the error is an alarm.
            ours = {next(iter(RULES)): grouped(looks_of(), 0.05 / comparisons)}
            rules = RULES if comparisons == 1 else ours
            alarms = {
                rule: false_alarms(draw, test, comparisons, studies) for rule, test in rules.items()
            }
            (ended,) = ours.values()
            alarms[f"futility {FUTILITY}"] = false_alarms(
                draw, ended, comparisons, studies, FUTILITY
            )
            said = ", ".join(f"{rule} {found / studies:.2%}" for rule, found in alarms.items())
            print(f"    family of {comparisons}, {kind}: {said}", flush=True)


def _print_coverage(studies: int) -> None:
    print(f"(b) share of {studies:,} comparisons whose intervals hold the truth at all looks")
    for name, (first, last) in {**{k: (d, d) for k, d in KINDS.items()}, **UNEQUAL}.items():
        ways = [coverage(first, last, studies, bets=bets) for bets in (False, True)]
        print(f"    {name}: {ways[0]:.2%}, by betting {ways[1]:.2%}", flush=True)
    print(f"(c) share of {studies:,} comparisons that are called equal")
    for smallest in (0.005, 0.01, 0.02):
        said = ", ".join(
            f"{name} {called_equal(*draws, smallest, studies):.2%}"
            for name, draws in {"equal, bell-shaped": (normal, normal), **UNEQUAL}.items()
        )
        print(f"    but for {smallest}: {said}", flush=True)


def _print_spent(studies: int) -> None:
    fixed = Looks((MOST,))
    print(
        f"(d) {studies} studies of 12 settings: share of the comparisons supported, seeds a setting"
    )
    for size in (0.0, 0.35, 0.5, 1.0, 2.0):
        rows = {f"fixed, {MOST}": (fixed, grouped(fixed, near=0), 0.0)}
        for most in (MOST, 110, 120):
            for rule in (gradual, looks_compared.pocock, looks_compared.obrien_fleming):
                looks = looks_of(most, rule)
                rows[f"{rule.__name__}, {most} at most"] = looks, grouped(looks, near=0), 0.0
        for most, futility in product((MOST, 115), (FUTILITY / 2, FUTILITY)):
            looks = looks_of(most)
            name = f"futility {futility}, {most} at most"
            rows[name] = looks, grouped(looks, near=0), futility
        rows |= {
            name: (looks_of(), test, 0.0)
            for name, test in RULES.items()
            if "mix" in name or "sym" in name or "bet" in name
        }
        for name, row in rows.items():
            share, seeds = spent(0.02 * size, *row[:2], studies, row[2])
            print(f"    {size} standard deviations, {name}: {share:.1%}, {seeds:.1f}", flush=True)


if __name__ == "__main__":
    main()
