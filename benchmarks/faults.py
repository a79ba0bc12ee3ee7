"""A bank of simulated studies, sound ones and ones with a fault: what ``analysis.stats.health``
must find, and what it must leave alone.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.records.load import Run
from benchmarks.recipes import RANGES, RUNG_EPOCHS, Recipe, build, confirmed, draw
from benchmarks.simulations import as_run, stopped


def sound(seed: int) -> Run:
    """A study without a fault: number of trials, noise, seeds, stopping, confirmation and a few
    chance divergences drawn at random.

    Settings differ at least five times as much as seeds, optima lie inside their ranges, and all
    trials learn at about the same speed.
    """
    rng = np.random.default_rng([seed, 1])
    stops = bool(rng.integers(2))
    recipe = Recipe(
        trials=int(rng.integers(12, 150)),
        seeds=1 if stops else int(rng.integers(1, 5)),
        stops=stops,
        adaptive=bool(rng.integers(2)),
        width=float(rng.uniform(0.05, 0.1)),
        noise=float(rng.uniform(0.002, 0.01)),
        mode=str(rng.choice(["max", "min"])),
        search="optuna",
    )
    run = build(rng, recipe)
    if rng.integers(2):
        run = confirmed(rng, run, recipe)
    return lost(rng, run, rng.uniform(size=len(run.trials)) < 0.04) if rng.integers(2) else run


def at_the_edge(seed: int) -> Run:
    """The best rate lies at the upper or lower end of its range, or beyond it."""
    rng = np.random.default_rng([seed, 2])
    optimum = float(rng.choice([-0.1, 0.0, 1.0, 1.1]))
    return build(
        rng,
        Recipe(
            trials=int(rng.integers(120, 200)),
            width=0.08,
            optima=(optimum, 0.5, 0.5, 0.5),
            stops=bool(rng.integers(2)),
            seeds=1,
        ),
    )


def diverging(seed: int) -> Run:
    """Trials diverge where the rate is high, or with one of three kinds of normalisation."""
    rng = np.random.default_rng([seed, 3])
    run = build(rng, Recipe(trials=int(rng.integers(40, 120)), stops=bool(rng.integers(2))))
    high = pd.to_numeric(run.trials["rate"]) > 0.02
    return lost(
        rng, run, high.to_numpy() if rng.integers(2) else (run.trials["norm"] == "none").to_numpy()
    )


def noisy(seed: int) -> Run:
    """Seeds differ by four times as much as settings do."""
    rng = np.random.default_rng([seed, 4])
    recipe = Recipe(
        trials=int(rng.integers(30, 60)), seeds=int(rng.integers(3, 6)), width=0.01, noise=0.04
    )
    if rng.integers(2):
        return build(rng, recipe)
    alone = replace(recipe, trials=200, seeds=1)
    return confirmed(rng, build(rng, alone), alone, top=10, seeds=30)


def turning(seed: int) -> Run:
    """What learns fast ends low: values at the first rung fall as those at the end rise."""
    rng = np.random.default_rng([seed, 5])
    recipe = Recipe(trials=int(rng.integers(120, 200)), stops=True)
    settings, levels = draw(rng, recipe)
    early = levels.mean() - 1.0 * (levels - levels.mean()) + rng.normal(0, 0.01, len(levels))
    share = np.minimum(1.0, np.arange(recipe.epochs) / (recipe.epochs - 1) * 1.2)[None]
    values = (
        early[:, None] * (1 - share)
        + levels[:, None] * share
        + rng.normal(0, 0.003, (len(levels), recipe.epochs))
    )
    return as_run(settings, values, stopped(values, RUNG_EPOCHS), RUNG_EPOCHS, space=RANGES)


def random_only(seed: int) -> Run:
    """A model-based search with at most ten trials."""
    rng = np.random.default_rng([seed, 6])
    return build(rng, Recipe(trials=int(rng.integers(2, 11)), search="optuna"))


def unchanging(seed: int) -> Run:
    """A metric that is the same everywhere, the same in every epoch of a trial, or the same at the
    end of all.
    """
    rng = np.random.default_rng([seed, 7])
    run = build(rng, Recipe(trials=30))
    epochs = run.epochs.copy()
    kind = int(rng.integers(3))
    first = epochs.groupby("trial")["score"].transform("first")
    alike = [
        pd.Series(0.5, index=epochs.index),
        first,
        epochs["score"].where(epochs["epoch"] < epochs["epoch"].max(), 1.0),
    ]
    return replace(run, epochs=epochs.assign(score=alike[kind]))


FAULTS: dict[str, Callable[[int], Run]] = {
    "edge": at_the_edge,
    "diverged": diverging,
    "noise": noisy,
    "rungs": turning,
    "startup": random_only,
    "constant": unchanging,
}


def lost(rng: np.random.Generator, run: Run, which: np.ndarray) -> Run:
    """The run with some of its trials diverged at the second or third epoch."""
    searched = (run.trials["phase"] == "search").to_numpy()
    which = which[: len(run.trials)] & searched
    ends = pd.Series(rng.integers(2, 4, len(run.trials)), index=run.trials["trial"])[which]
    trials = run.trials.copy()
    trials["status"] = trials["status"].mask(which, "diverged")
    trials["epochs"] = trials["epochs"].mask(which, trials["trial"].map(ends))
    trials["rung"] = trials["rung"].mask(which)
    last = run.epochs["trial"].map(ends)
    epochs = run.epochs.assign(score=run.epochs["score"].where(run.epochs["epoch"] != last))
    return replace(
        run, trials=trials, epochs=epochs[~(epochs["epoch"] > last)].reset_index(drop=True)
    )
