"""A bank of simulated studies, sound ones and ones with a fault: what ``analysis.health`` must find, and what it must leave alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.runs import Run
from benchmarks.simulations import as_run, stopped


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a study is made of. ``width`` is the standard deviation between settings, ``noise`` that over seeds at the end of training;
    ``optima``: where each parameter is best, 0 to 1 of its range (drawn from the middle where None)."""

    trials: int = 60
    seeds: int = 1
    epochs: int = 12
    stops: bool = False
    adaptive: bool = False
    width: float = 0.05
    noise: float = 0.01
    optima: tuple[float, ...] | None = None
    mode: str = "max"
    search: str = "random"


RANGES: dict[str, Any] = {
    "rate": {"kind": "float", "low": 1e-4, "high": 1e-1, "log": True, "step": None},
    "dropout": {"kind": "float", "low": 0.0, "high": 0.5, "log": False, "step": None},
    "layers": {"kind": "int", "low": 2, "high": 12, "log": False, "step": None},
    "batch": {"values": [4, 8, 16, 32, 64]},
    "norm": {"values": ["none", "batch", "layer"]},
}
RUNG_EPOCHS = (2, 6)


def sound(seed: int) -> Run:
    """A study without a fault: number of trials, noise, seeds, stopping, confirmation and a few chance divergences drawn at random.

    Settings differ at least five times as much as seeds, optima lie inside their ranges, and all trials learn at about the same speed."""
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
        rng, Recipe(trials=int(rng.integers(120, 200)), width=0.08, optima=(optimum, 0.5, 0.5, 0.5), stops=bool(rng.integers(2)), seeds=1)
    )


def diverging(seed: int) -> Run:
    """Trials diverge where the rate is high, or with one of three kinds of normalisation."""
    rng = np.random.default_rng([seed, 3])
    run = build(rng, Recipe(trials=int(rng.integers(40, 120)), stops=bool(rng.integers(2))))
    high = pd.to_numeric(run.trials["rate"]) > 0.02
    return lost(rng, run, high.to_numpy() if rng.integers(2) else (run.trials["norm"] == "none").to_numpy())


def noisy(seed: int) -> Run:
    """Seeds differ by four times as much as settings do."""
    rng = np.random.default_rng([seed, 4])
    recipe = Recipe(trials=int(rng.integers(30, 60)), seeds=int(rng.integers(3, 6)), width=0.01, noise=0.04)
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
    values = early[:, None] * (1 - share) + levels[:, None] * share + rng.normal(0, 0.003, (len(levels), recipe.epochs))
    return as_run(settings, values, stopped(values, RUNG_EPOCHS), RUNG_EPOCHS, space=RANGES)


def random_only(seed: int) -> Run:
    """A model-based search with at most ten trials."""
    rng = np.random.default_rng([seed, 6])
    return build(rng, Recipe(trials=int(rng.integers(2, 11)), search="optuna"))


def unchanging(seed: int) -> Run:
    """A metric that is the same everywhere, the same in every epoch of a trial, or the same at the end of all."""
    rng = np.random.default_rng([seed, 7])
    run = build(rng, Recipe(trials=30))
    epochs = run.epochs.copy()
    kind = int(rng.integers(3))
    first = epochs.groupby("trial")["score"].transform("first")
    alike = [pd.Series(0.5, index=epochs.index), first, epochs["score"].where(epochs["epoch"] < epochs["epoch"].max(), 1.0)]
    return replace(run, epochs=epochs.assign(score=alike[kind]))


FAULTS: dict[str, Callable[[int], Run]] = {
    "edge": at_the_edge,
    "diverged": diverging,
    "noise": noisy,
    "rungs": turning,
    "startup": random_only,
    "constant": unchanging,
}


def build(rng: np.random.Generator, recipe: Recipe) -> Run:
    """A run after ``recipe``, its learning curves at rates of their own."""
    settings, levels = draw(rng, recipe)
    pace = rng.uniform(0.8, 1.3, recipe.trials)[:, None, None]
    ends = levels[:, None, None] + rng.normal(0, recipe.noise, (recipe.trials, 1, recipe.seeds))
    epochs = np.arange(1, recipe.epochs + 1)[None, :, None]
    values = ends * (1 - 0.5 * np.exp(-epochs / pace)) + rng.normal(0, 0.2 * recipe.noise, (recipe.trials, recipe.epochs, recipe.seeds))
    values = np.round(values, 4)
    lengths = stopped(values.mean(axis=2), RUNG_EPOCHS) if recipe.stops else np.full(recipe.trials, recipe.epochs)
    values = values if recipe.mode == "max" else 1.5 - values
    about = {"mode": recipe.mode, "search": {"kind": recipe.search, "trials": recipe.trials, "seed": 0}, "space": RANGES}
    return as_run(settings, values, lengths, RUNG_EPOCHS if recipe.stops else (), **about)


def draw(rng: np.random.Generator, recipe: Recipe) -> tuple[pd.DataFrame, np.ndarray]:
    """Settings, and the level that each ends at without noise. An adaptive search goes, after ten random trials, near the best third."""
    optima = np.array(recipe.optima or rng.uniform(0.3, 0.7, 4))
    weights = rng.dirichlet(np.ones(4)) + 0.1 if recipe.optima is None else np.array([1.0, 0.2, 0.2, 0.2])
    places = rng.uniform(0, 1, (recipe.trials, 5))
    for trial in range(10, recipe.trials) if recipe.adaptive else ():
        before = _levels(places[:trial], optima, weights)
        near = rng.choice(np.argsort(-before)[: max(1, trial // 3)])
        places[trial] = np.clip(places[near] + rng.normal(0, 0.15, 5), 0, 1 - 1e-9)
    levels = _levels(places, optima, weights)
    spread = _levels(np.random.default_rng(0).uniform(0, 1, (1_000, 5)), optima, weights).std()
    return _settings(places), 0.8 + recipe.width * (levels - levels.mean()) / spread


def confirmed(rng: np.random.Generator, run: Run, recipe: Recipe, top: int = 4, seeds: int = 6) -> Run:
    """The run with its best settings trained again on fresh seeds."""
    last = run.epochs[run.epochs["epoch"] == recipe.epochs].groupby("trial")["score"].mean().sort_values(ascending=recipe.mode == "min")
    chosen = run.trials.set_index("trial").loc[last.index[:top]].reset_index()
    trials = chosen.assign(
        trial=[f"c{place:04d}" for place in range(len(chosen))], phase="confirm", seeds=[list(range(100, 100 + seeds))] * len(chosen)
    )
    rows = [
        {"trial": trial, "epoch": epoch, "seed": 100 + seed, "seconds": 0.1, "at": 1e6, "score": level + rng.normal(0, recipe.noise)}
        for trial, level in zip(trials["trial"], last.iloc[:top], strict=True)
        for epoch in range(1, recipe.epochs + 1)
        for seed in range(seeds)
    ]
    spec = {**run.spec, "confirm": {"top": top, "seeds": seeds, "also": []}}
    return replace(
        run,
        spec=spec,
        trials=pd.concat([run.trials, trials], ignore_index=True),
        epochs=pd.concat([run.epochs, pd.DataFrame(rows)], ignore_index=True),
    )


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
    return replace(run, trials=trials, epochs=epochs[~(epochs["epoch"] > last)].reset_index(drop=True))


def _levels(places: np.ndarray, optima: np.ndarray, weights: np.ndarray) -> np.ndarray:
    bowls = -4 * weights * (places[:, :4] - optima) ** 2
    return bowls.sum(axis=1) + 0.1 * (places[:, 4] < 1 / 3)


def _settings(places: np.ndarray) -> pd.DataFrame:
    rate, dropout, layers, batch, norm = places.T
    lists = {key: np.array(RANGES[key]["values"]) for key in ("batch", "norm")}
    return pd.DataFrame(
        {
            "rate": 10 ** (-4 + 3 * rate),
            "dropout": 0.5 * dropout,
            "layers": (2 + np.floor(layers * 11)).astype(int),
            "batch": lists["batch"][np.floor(batch * 5).astype(int)],
            "norm": lists["norm"][np.floor(norm * 3).astype(int)],
        }
    )
