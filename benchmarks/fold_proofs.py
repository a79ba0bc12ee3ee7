"""Intervals and tests of fold means on simulated data sets, whose truth is known: two classes in
six features, learned as their means; the data of a repetition are shuffled anew and cut into folds.
"""

import numpy as np

from analysis.numerics.intervals import t_intervals, t_p_values

FEATURES, SHIFT, POINTS = 6, 0.35, 60


def draw(rng: np.random.Generator, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Points, shape ``(points, FEATURES)``, and their classes, 0 or 1, as many of each."""
    classes = np.arange(points) % 2
    shifts = SHIFT * (2 * classes - 1)
    return rng.normal(size=(points, FEATURES)) + shifts[:, None], classes


def accuracy(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], part: slice
) -> float:
    """Share of the test points that lie nearer to the mean of their own class, by the features of
    ``part``.
    """
    (points, classes), (others, truth) = train, test
    means = np.stack([points[classes == each][:, part].mean(axis=0) for each in (0, 1)])
    distances = ((others[:, None, part] - means) ** 2).sum(axis=2)
    return float((distances.argmin(axis=1) == truth).mean())


def cross_validated(
    rng: np.random.Generator, folds: int, repetitions: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of one data set: the accuracy in each fold of each repetition with the first half of the
    features, and with the other half, which tells just as much.
    """
    points, classes = draw(rng, POINTS)
    values = []
    for _ in range(repetitions):
        order = rng.permutation(POINTS)
        for held in np.array_split(order, folds):
            rest = np.setdiff1d(order, held)
            train, test = (points[rest], classes[rest]), (points[held], classes[held])
            values.append([accuracy(train, test, part) for part in (slice(3), slice(3, None))])
    first, last = np.array(values).T
    return first, last


def truth(folds: int, draws: int = 2_000) -> float:
    """The expected accuracy of what was learned from the training data of a fold."""
    rng = np.random.default_rng(1)
    size = POINTS - POINTS // folds
    found = [accuracy(draw(rng, size), draw(rng, 400), slice(3)) for _ in range(draws)]
    return float(np.mean(found))


def coverage(data_sets: int, folds: int, repetitions: int) -> dict[str, tuple[float, float]]:
    """By the variance that is used, "plain" or "corrected": the share of 95 % intervals that hold
    the truth, and the share of tests at 5 % that find a difference where there is none.
    """
    rng, true = np.random.default_rng([data_sets, folds, repetitions]), truth(folds)
    pairs = [cross_validated(rng, folds, repetitions) for _ in range(data_sets)]
    found = {}
    for name, counted in (("plain", 1), ("corrected", folds)):
        limits = t_intervals([first for first, _ in pairs], 0.95, counted)
        alarms = t_p_values([last - first for first, last in pairs], counted) <= 0.05
        holds = (limits[:, 0] <= true) & (true <= limits[:, 1])
        found[name] = float(holds.mean()), float(alarms.mean())
    return found


def print_folds(data_sets: int) -> None:
    print(f"(i) folds, {data_sets:,} data sets of {POINTS} points, nominally 95 % and 5 %")
    for folds, repetitions in ((5, 1), (5, 2), (5, 10), (10, 1)):
        for name, (held, alarms) in coverage(data_sets, folds, repetitions).items():
            print(
                f"    {folds} folds x {repetitions}, {name}: intervals hold {held:.1%}, false"
                f" alarms {alarms:.1%}",
                flush=True,
            )
