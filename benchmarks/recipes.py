"""A simulated study built by a recipe: what its trials are like, step by step."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.records.load import Run
from benchmarks.simulations import as_run, stopped


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a study is made of. ``width`` is the standard deviation between settings, ``noise`` that
    over seeds at the end of training; ``optima``: where each parameter is best, 0 to 1 of its range
    (drawn from the middle where None).
    """

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


def build(rng: np.random.Generator, recipe: Recipe) -> Run:
    """A run after ``recipe``, its learning curves at rates of their own."""
    settings, levels = draw(rng, recipe)
    pace = rng.uniform(0.8, 1.3, recipe.trials)[:, None, None]
    ends = levels[:, None, None] + rng.normal(0, recipe.noise, (recipe.trials, 1, recipe.seeds))
    epochs = np.arange(1, recipe.epochs + 1)[None, :, None]
    values = ends * (1 - 0.5 * np.exp(-epochs / pace)) + rng.normal(
        0, 0.2 * recipe.noise, (recipe.trials, recipe.epochs, recipe.seeds)
    )
    values = np.round(values, 4)
    lengths = (
        stopped(values.mean(axis=2), RUNG_EPOCHS)
        if recipe.stops
        else np.full(recipe.trials, recipe.epochs)
    )
    values = values if recipe.mode == "max" else 1.5 - values
    about = {
        "mode": recipe.mode,
        "search": {"kind": recipe.search, "trials": recipe.trials, "seed": 0},
        "space": RANGES,
    }
    return as_run(settings, values, lengths, RUNG_EPOCHS if recipe.stops else (), **about)


def draw(rng: np.random.Generator, recipe: Recipe) -> tuple[pd.DataFrame, np.ndarray]:
    """Settings, and the level that each ends at without noise. An adaptive search goes, after ten
    random trials, near the best third.
    """
    optima = np.array(recipe.optima or rng.uniform(0.3, 0.7, 4))
    weights = (
        rng.dirichlet(np.ones(4)) + 0.1 if recipe.optima is None else np.array([1.0, 0.2, 0.2, 0.2])
    )
    places = rng.uniform(0, 1, (recipe.trials, 5))
    for trial in range(10, recipe.trials) if recipe.adaptive else ():
        before = _levels(places[:trial], optima, weights)
        near = rng.choice(np.argsort(-before)[: max(1, trial // 3)])
        places[trial] = np.clip(places[near] + rng.normal(0, 0.15, 5), 0, 1 - 1e-9)
    levels = _levels(places, optima, weights)
    spread = _levels(np.random.default_rng(0).uniform(0, 1, (1_000, 5)), optima, weights).std()
    return _settings(places), 0.8 + recipe.width * (levels - levels.mean()) / spread


def confirmed(
    rng: np.random.Generator, run: Run, recipe: Recipe, top: int = 4, seeds: int = 6
) -> Run:
    """The run with its best settings trained again on fresh seeds."""
    last = (
        run.epochs[run.epochs["epoch"] == recipe.epochs]
        .groupby("trial")["score"]
        .mean()
        .sort_values(ascending=recipe.mode == "min")
    )
    chosen = run.trials.set_index("trial").loc[last.index[:top]].reset_index()
    trials = chosen.assign(
        trial=[f"c{place:04d}" for place in range(len(chosen))],
        phase="confirm",
        seeds=[list(range(100, 100 + seeds))] * len(chosen),
    )
    rows = [
        {
            "trial": trial,
            "epoch": epoch,
            "seed": 100 + seed,
            "seconds": 0.1,
            "at": 1e6,
            "score": level + rng.normal(0, recipe.noise),
        }
        for trial, level in zip(trials["trial"], last.iloc[:top], strict=True)
        for epoch in range(1, recipe.epochs + 1)
        for seed in range(seeds)
    ]
    spec = {**run.spec, "confirm": {"top": top, "seeds": seeds, "baselines": []}}
    return replace(
        run,
        spec=spec,
        trials=pd.concat([run.trials, trials], ignore_index=True),
        epochs=pd.concat([run.epochs, pd.DataFrame(rows)], ignore_index=True),
    )


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
