"""The setting that is expected to improve most: by a Gaussian process over params and epochs.

A process over both is that of K. Swersky, J. Snoek and R. Adams, "Multi-Task Bayesian
Optimization", NeurIPS 2013, and A. Klein et al., "Fast Bayesian Optimization of Machine Learning
Hyperparameters on Large Datasets", AISTATS 2017; here the log of the epochs is one more input. A
setting is chosen by its expected improvement on the best one known (D. Jones, M. Schonlau and W.
Welch, "Efficient Global Optimization of Expensive Black-Box Functions", 1998).
"""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.numerics.moderated import moderated
from tuning.search.process import Process, believing, warmed
from tuning.search.unit_cube import UnitCube

DRAWN, AROUND, KEPT = 512, 64, 8
"""So many settings are compared all over the space, around each of the best, and closer by."""
NEAR, CLOSER = (0.05, 0.2), (0.1, 0.04, 0.015, 0.005)


def load_packages() -> None:
    """What takes a second or two once, and is no cost of a suggestion."""
    for package in ("scipy.optimize", "scipy.stats", "sklearn.gaussian_process"):
        importlib.import_module(package)


@dataclass(frozen=True)
class Seen:
    """What trials have shown. ``points``: of the unit cube, shape ``(values, axes)``; ``depths``: 1
    at full length, 0 at the first rung; ``scores``: higher is better; ``pending``: the points of
    trials that have shown nothing yet; ``errors``: the standard error of each score over so many
    ``seeds``, NaN where it is not known.
    """

    points: np.ndarray
    depths: np.ndarray
    scores: np.ndarray
    pending: np.ndarray
    errors: np.ndarray
    seeds: int = 1


def suggested(
    cube: UnitCube, seen: Seen, rng: np.random.Generator, earlier: Sequence[Process] = ()
) -> np.ndarray | None:
    """The point of the cube whose setting is expected to improve most, at full length, on the best
    that is known; None where every one that was looked at was tried before. ``earlier``: as for
    ``warmed``.
    """
    model, tried, means = _learned(cube, seen, earlier)
    if len(seen.pending):
        model = believing(model, inputs_of(cube, seen.pending))

    def gain(points: np.ndarray) -> np.ndarray:
        mean, deviation = model.predict(inputs_of(cube, points), return_std=True)
        return log_improvement(mean, np.maximum(deviation, 1e-6), means.max())

    known = {each.tobytes() for each in (*tried, *seen.pending)}
    return _best(cube, gain, _leaders(tried, means), known, rng)


def gained(cube: UnitCube, seen: Seen, earlier: np.ndarray) -> tuple[float, float]:
    """What all other points have gained on the ``earlier`` ones: how much better the process
    expects the best setting to be at full length than the best of these; infinity where none of
    these is known. And the noise: the deviation of values from what it expects of their settings.
    Both in units of the scores.
    """
    model, tried, means = _learned(cube, seen)
    known = {each.tobytes() for each in earlier}
    before = [mean for mean, each in zip(means, tried, strict=True) if each.tobytes() in known]
    unit, noise = float(_kept(seen.scores).std()), math.sqrt(model.noise)
    return unit * float(means.max() - max(before)) if before else math.inf, unit * noise


def process_of(cube: UnitCube, seen: Seen, earlier: Sequence[Process] = ()) -> Process:
    """Of all that was seen."""
    unit, degrees = _kept(seen.scores).std() or 1.0, max(1, seen.seeds - 1)
    variances = moderated((seen.errors / unit) ** 2, degrees)
    inputs = inputs_of(cube, seen.points, seen.depths)
    return warmed(inputs, _scaled(seen.scores), variances, earlier)


def _learned(
    cube: UnitCube, seen: Seen, earlier: Sequence[Process] = ()
) -> tuple[Process, np.ndarray, np.ndarray]:
    """The process, the settings that were tried, and what it expects of each at full length."""
    model, tried = process_of(cube, seen, earlier), np.unique(seen.points, axis=0)
    return model, tried, model.predict(inputs_of(cube, tried))


def _leaders(tried: np.ndarray, means: np.ndarray) -> np.ndarray:
    return tried[np.argsort(-means, kind="stable")[:3]]


def log_improvement(mean: np.ndarray, deviation: np.ndarray, best: float) -> np.ndarray:
    """The log of the expected improvement on ``best``, also where that is too small for a
    float.
    """
    from scipy.stats import norm

    z = (mean - best) / deviation
    near = np.log(np.maximum(norm.pdf(z) + z * norm.cdf(z), 1e-300))
    away = np.maximum(-z, 8.0)  # so far off, the two terms leave this of each other
    far = norm.logpdf(z) - 2 * np.log(away) + np.log1p(-3 / away**2)
    return np.where(z > -8, near, far) + np.log(deviation)


def _best(
    cube: UnitCube,
    gain: Callable[[np.ndarray], np.ndarray],
    leaders: np.ndarray,
    tried: set[bytes],
    rng: np.random.Generator,
) -> np.ndarray | None:
    """The point with the largest gain among many all over the cube, around the ``leaders``, and
    then around the best of these, ever closer.
    """
    drawn = rng.random((DRAWN, leaders.shape[1]))
    around = [_moved(cube, np.repeat(leaders, AROUND, axis=0), reach, rng) for reach in NEAR]
    points = _untried(cube, np.vstack([drawn, *around]), tried)
    if not len(points):
        return None
    for reach in CLOSER:
        top = points[np.argsort(-gain(points), kind="stable")[:KEPT]]
        closer = _moved(cube, np.repeat(top, 3 * KEPT, axis=0), reach, rng)
        points = np.vstack([top, _untried(cube, closer, tried)])
    return points[np.argmax(gain(points))]


def _moved(
    cube: UnitCube, points: np.ndarray, reach: float, rng: np.random.Generator
) -> np.ndarray:
    """Half of the coordinates moved by about ``reach``, and one in four of a choice drawn anew."""
    moved = np.clip(points + rng.normal(0.0, reach, points.shape), 0.0, 1.0)
    moved = np.where(cube.ordered, moved, rng.random(points.shape))
    return np.where(rng.random(points.shape) < np.where(cube.ordered, 0.5, 0.25), moved, points)


def _untried(cube: UnitCube, points: np.ndarray, tried: set[bytes]) -> np.ndarray:
    snapped = cube.snapped(points)
    return snapped[[each.tobytes() not in tried for each in snapped]]


def inputs_of(cube: UnitCube, points: np.ndarray, depths: np.ndarray | None = None) -> np.ndarray:
    """What the process learns from: the settings, and last their depths, at full length unless
    given.
    """
    return np.column_stack(
        [cube.features(points), np.ones(len(points)) if depths is None else depths]
    )


def _scaled(scores: np.ndarray) -> np.ndarray:
    """With mean 0 and deviation 1."""
    kept = _kept(scores)
    return (kept - kept.mean()) / (kept.std() or 1.0)


def _kept(scores: np.ndarray) -> np.ndarray:
    """No score further below the median than the best is above it: how bad the bad ones are says
    little of where the best is.
    """
    known = scores[np.isfinite(scores)]
    middle, best = np.median(known), known.max()
    return np.asarray(np.maximum(scores, middle - (best - middle)))
