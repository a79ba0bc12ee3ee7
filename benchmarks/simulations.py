"""Studies simulated in plain numpy whose truth is known: searches with learning curves and early
stopping, scores of two equal arms.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.records.load import Run, RunPaths
from analysis.stats.fidelity import Evidence

SPACE: dict[str, Any] = {
    "learning_rate": {"kind": "float", "low": 1e-4, "high": 1e-1, "log": True, "step": None},
    "dropout": {"kind": "float", "low": 0.0, "high": 0.5, "log": False, "step": None},
    "width": {"values": [8, 16, 24, 32]},
    "optimizer": {"values": ["adam", "sgd"]},
    "warmup": {"kind": "float", "low": 0.0, "high": 1.0, "log": False, "step": None},
}
"""``warmup`` decides how fast a trial learns, and nothing else; the others decide what it ends at,
and not how fast.
"""

RUNGS, EPOCHS, KEEP_ONE_IN, ABREAST = (2, 6), 20, 3, 4


def draw(rng: np.random.Generator, trials: int) -> pd.DataFrame:
    """Random settings, one row per trial."""
    return pd.DataFrame(
        {
            "learning_rate": 10 ** rng.uniform(-4, -1, trials),
            "dropout": rng.uniform(0, 0.5, trials),
            "width": rng.choice([8, 16, 24, 32], trials),
            "optimizer": rng.choice(["adam", "sgd"], trials),
            "warmup": rng.uniform(0, 1, trials),
        }
    )


def final(settings: pd.DataFrame) -> np.ndarray:
    """What each setting ends at without noise, shape ``(trials,)``: the truth."""
    rate = 0.10 * np.abs(np.log10(settings["learning_rate"]) + 2) ** 1.5
    rest = 0.25 * np.abs(settings["dropout"] - 0.1) - 0.02 * np.log2(settings["width"] / 8)
    return (0.9 - rate - rest - 0.10 * (settings["optimizer"] == "sgd")).to_numpy()


def curves(
    settings: pd.DataFrame,
    rng: np.random.Generator,
    family: str = "exponential",
    noise: float = 0.01,
) -> np.ndarray:
    """Learning curves, shape ``(trials, EPOCHS)``. Families: "exponential" (at epoch 2 the slowest
    has 57 % of its end, the fastest 95 %), "slow exponential" (40 %, 95 %), "power" and "logistic"
    (the slowest has 5 % at epoch 2).
    """
    end = (final(settings) + rng.normal(0, noise, len(settings)))[:, None]
    epochs, slow = np.arange(1, EPOCHS + 1)[None], settings["warmup"].to_numpy()[:, None]
    if family in ("exponential", "slow exponential"):
        rising = end * (
            1 - 0.8 * np.exp(-epochs / (0.7 * (4 if family == "exponential" else 10) ** slow))
        )
    elif family == "power":
        rising = end - 0.5 * epochs ** -(1.6 - slow)
    else:
        rising = end / (1 + np.exp(-(epochs + 1 - 5 * slow)))
    return rising + rng.normal(0, noise, rising.shape) * np.exp(-epochs / 10)


def stopped(values: np.ndarray, rungs: Sequence[int] = RUNGS) -> np.ndarray:
    """How many epochs ASHA gives each trial, shape ``(trials,)``: four at a time, and at a rung one
    goes on if it is not below the upper third of those recorded there before it (Li et al. 2020, "A
    system for massively parallel hyperparameter tuning").
    """
    lengths = np.full(len(values), values.shape[1])
    recorded: dict[int, list[float]] = {rung: [] for rung in rungs}
    waiting, running = list(range(len(values))), dict[int, int]()
    while waiting or running:
        while waiting and len(running) < ABREAST:
            running[waiting.pop(0)] = 0
        for trial in list(running):
            running[trial] += 1
            if _is_over(values[trial], running[trial], recorded):
                lengths[trial] = running.pop(trial)
    return lengths


def _is_over(curve: np.ndarray, epoch: int, recorded: dict[int, list[float]]) -> bool:
    before = recorded.get(epoch)
    if before is None:
        return epoch == len(curve)
    worse = bool(before) and curve[epoch - 1] < np.percentile(before, 100 * (1 - 1 / KEEP_ONE_IN))
    before.append(float(curve[epoch - 1]))
    return worse


def searched(
    seed: int, trials: int, family: str = "exponential", rungs: Sequence[int] = RUNGS
) -> Run:
    """A random search over ``SPACE`` with stopping, as a run in memory."""
    rng = np.random.default_rng(seed)
    settings = draw(rng, trials)
    values = curves(settings, rng, family)
    return as_run(settings, values, stopped(values, rungs), rungs)


def stopped_by_hand(run: Run, share: float, looks_bad: bool, seed: int = 0) -> Run:
    """``run``, of which a person stopped that share of the trials, each after an epoch drawn evenly
    from those before its last: any of them or, where it ``looks_bad``, the worst at that epoch of
    those that had reached it, each with the next draw.
    """
    rng = np.random.default_rng([seed, 7])
    values = run.epochs.pivot(index="trial", columns="epoch", values=run.metric)
    ends = values.notna().sum(axis=1)
    chosen: dict[str, int] = {}
    while len(chosen) < share * len(ends):
        epoch = int(rng.integers(1, run.spec["epochs"]))
        there = values.loc[(ends > epoch) & ~ends.index.isin(list(chosen)), epoch]
        if len(there):
            chosen[str(there.idxmin() if looks_bad else rng.choice(there.index))] = epoch
    last = run.trials["trial"].map(chosen)
    trials = run.trials.assign(
        status=run.trials["status"].mask(last.notna(), "stopped by hand"),
        rung=run.trials["rung"].mask(last.notna()),
        epochs=last.fillna(run.trials["epochs"]).astype(int),
    )
    kept = run.epochs["epoch"] <= run.epochs["trial"].map(trials.set_index("trial")["epochs"])
    return Run(run.paths, run.spec, trials, run.epochs[kept].reset_index(drop=True))


def as_run(
    settings: pd.DataFrame,
    values: np.ndarray,
    lengths: np.ndarray,
    rungs: Sequence[int] = RUNGS,
    **spec: Any,
) -> Run:
    """A run in memory whose trial ``i`` recorded ``values[i, :lengths[i]]``, shape ``(trials,
    epochs)`` or ``(trials, epochs, seeds)``.
    """
    values = values if values.ndim == 3 else values[:, :, None]
    names = [f"{number:04d}" for number in range(1, len(settings) + 1)]
    full, seeds = values.shape[1:]
    about: dict[str, Any] = {
        "status": ["completed" if length == full else "pruned" for length in lengths],
        "phase": "search",
    }
    about |= {
        "rung": np.where(lengths < full, lengths, np.nan),
        "seeds": [list(range(seeds))] * len(names),
        "attempt": 1,
    }
    about |= {"epochs": lengths, "seconds": 1.0, "node": "n1", "error": None}
    trials = pd.DataFrame({"trial": names, **about}).join(
        settings.reset_index(drop=True).astype(object)
    )
    seen = np.broadcast_to((np.arange(full)[None] < lengths[:, None])[:, :, None], values.shape)
    rows, epochs, places = np.nonzero(seen)
    recorded = pd.DataFrame(
        {
            "trial": np.array(names, dtype=object)[rows],
            "epoch": epochs + 1,
            "seed": places,
            "seconds": 0.1,
        }
    )
    recorded = recorded.assign(
        at=np.arange(len(rows), dtype=float), score=values[rows, epochs, places]
    )
    content = {**_spec(len(names), full, rungs), **spec}
    return Run(RunPaths(Path("nowhere")), content, trials, recorded)


def _spec(trials: int, epochs: int, rungs: Sequence[int]) -> Mapping[str, Any]:
    stopping = (
        {
            "kind": "asha",
            "grace_period": rungs[0],
            "reduction_factor": KEEP_ONE_IN,
            "rungs": list(rungs),
        }
        if rungs
        else None
    )
    about = {
        "schema": 2,
        "name": "simulated",
        "question": "Which parameters matter?",
        "space": SPACE,
        "fixed": {},
        "seeds": [0],
    }
    search = {
        "search": {"kind": "random", "trials": trials, "seed": 0},
        "scheduler": stopping,
        "confirm": None,
        "seeds_per_trial": 1,
    }
    return {
        **about,
        **search,
        "trials": trials,
        "metric": "score",
        "mode": "max",
        "epochs": epochs,
        "target": None,
        "published": None,
    }


def survival_weights(found: Evidence, floor: float = 0.05) -> pd.Series:
    """One over the probability that a completed trial went on at every rung (logistic in the value
    there, not below ``floor``), index ``trial``: the estimate for selection that was not chosen, to
    compare with.
    """
    from sklearn.linear_model import LogisticRegression

    weights = pd.Series(1.0, index=found.values.index)
    for rung, after in zip(found.stops, found.stops[1:], strict=False):
        there = found.values[rung].dropna()
        scaled = ((there - there.mean()) / there.std()).to_numpy()[:, None]
        model = LogisticRegression().fit(scaled, found.values.loc[there.index, after].notna())
        weights[there.index] /= np.maximum(model.predict_proba(scaled)[:, 1], floor)
    return weights[found.values[found.full].notna()]
