"""What is claimed of settings that were picked, on simulated studies without any difference: rows
of ``python -m benchmarks.proofs``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.intervals import mean_intervals, t_intervals, worse_end
from analysis.numerics.multiplicity import best_tests
from analysis.records.load import Run, RunPaths
from analysis.stats.paired import best_vs_rest, differences
from analysis.stats.published import PUBLISHED_ROUNDING, expected_range
from analysis.stats.runs import compare_runs
from benchmarks.simulations import as_run

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def best_of(
    draw: Draw, studies: int, settings: int, seeds: int, *, student: bool = False
) -> tuple[float, float]:
    """Of studies of equal settings the share in which the best is called better than any other, and
    that in which its interval holds its mean. ``student``: as settings on fresh seeds are judged.
    """
    truth = draw(np.random.default_rng(99), (2_000_000,)).mean()
    alarms, held = 0, 0
    for values in draw(np.random.default_rng([settings, seeds, 2]), (studies, settings, seeds)):
        frame = pd.DataFrame({"seed": np.tile(np.arange(seeds), settings), "score": values.ravel()})
        best = int(values.mean(axis=1).argmax())
        pairs = np.array([(other, best) for other in range(settings) if other != best])
        table = differences(
            frame.set_axis(np.repeat(np.arange(settings), seeds)),
            "score",
            pairs,
            student=student,
            tests=best_tests,
        )
        alarms += bool(table["supported"].any())
        of = t_intervals if student else mean_intervals
        held += worse_end(values[best], settings, "max", of)[1] <= truth <= of([values[best]])[0, 1]
    return alarms / studies, held / studies


def compare_alarms(draw: Draw, studies: int, settings: int, seeds: int) -> float:
    """Share of pairs of runs, one of so many equal settings and one of a single such, of which
    ``compare_runs`` calls one better.
    """
    alarms = 0
    for values in draw(
        np.random.default_rng([settings, seeds, 3]), (studies, settings + 1, 1, seeds)
    ):
        runs = [_grid("many", values[:-1]), _grid("one", values[-1:])]
        alarms += bool(compare_runs(runs).differences["supported"].any())
    return alarms / studies


def lost_alarms(draw: Draw, studies: int, seeds: int, share: float) -> float:
    """Share of studies of two equal settings, of which the first loses its worst seeds, that many,
    in which that one is called better.
    """
    alarms, gone = 0, round(share * seeds)
    for values in draw(np.random.default_rng([seeds, gone, 5]), (studies, 2, seeds)):
        rows = [(0, seed, seed not in np.argsort(values[0])[:gone]) for seed in range(seeds)] + [
            (1, seed, True) for seed in range(seeds)
        ]
        settings = pd.DataFrame({"x": [row[0] for row in rows]})
        about: dict[str, Any] = {
            "space": {"x": {"values": [0, 1]}},
            "search": {"kind": "grid"},
            "seeds": list(range(seeds)),
        }
        run = as_run(settings, values.reshape(-1, 1), np.ones(len(rows), dtype=int), (), **about)
        run.trials["seeds"] = [[row[1]] for row in rows]
        run.epochs["seed"] = [row[1] for row in rows]
        run.trials.loc[[not row[2] for row in rows], "status"] = "diverged"
        table = best_vs_rest(run, student=True)
        alarms += bool((table["supported"] & (table["best_setting"] == 0)).any())
    return alarms / studies


def _grid(name: str, values: np.ndarray) -> Run:
    """A run of one epoch, ``values``: shape ``(settings, 1, seeds)``."""
    numbers = list(range(len(values)))
    about: dict[str, Any] = {
        "space": {"x": {"values": numbers}},
        "search": {"kind": "grid"},
        "seeds": list(range(values.shape[2])),
    }
    run = as_run(pd.DataFrame({"x": numbers}), values, np.ones(len(values), dtype=int), (), **about)
    return replace(run, paths=RunPaths(Path(name)))


def outside_alarms(draw: Draw, cases: int, seeds: int, runs: int) -> float:
    """Share of published means of so many runs, of the very setting that we trained, that are
    marked as outside.
    """
    values = draw(np.random.default_rng([seeds, runs, 4]), (cases, seeds + runs))
    ranges = np.array([expected_range(one[:seeds], runs) for one in values])
    theirs = values[:, seeds:].mean(axis=1)
    return float(
        (
            (theirs < ranges[:, 0] - PUBLISHED_ROUNDING)
            | (theirs > ranges[:, 1] + PUBLISHED_ROUNDING)
        ).mean()
    )


def print_choices(draw: Draw, draws: Mapping[str, Draw], scale: int) -> None:
    """All rows; ``scale``: by how much fewer studies."""
    _print_best(draw, 2_000 // scale)
    _print_compare(draw, 400 // scale)
    _print_outside(draws, 4_000 // scale)
    _print_lost(draw, 400 // scale)


def _print_best(draw: Draw, studies: int) -> None:
    print(
        "(e) the best of equal settings: called better than any other (target: 5 % or fewer); its"
        " interval holds its mean (93 % or more)"
    )
    for settings, seeds, share in (
        (2, 5, 1),
        (4, 5, 1),
        (4, 12, 2),
        (12, 100, 4),
        (30, 20, 4),
        (66, 20, 8),
    ):
        for name, student in (("on fresh seeds, t-test", True), ("in a grid, sign flips", False)):
            times = studies // share
            alarms, held = best_of(draw, times, settings, seeds, student=student)
            print(
                f"    {settings} settings x {seeds} seeds {name}: {alarms:.1%}, {held:.1%} of"
                f" {times:,} studies",
                flush=True,
            )


def _print_compare(draw: Draw, studies: int) -> None:
    print(
        "(f) `study compare` of runs without a difference calls one better (target: 5 % or fewer)"
    )
    for settings, times in ((1, studies), (40, studies), (200, studies // 4)):
        share = compare_alarms(draw, times, settings, 20)
        print(
            f"    best of {settings} against a single setting, 20 seeds: {share:.1%} of {times:,}"
            " pairs",
            flush=True,
        )


def _print_outside(draws: Mapping[str, Draw], cases: int) -> None:
    print(
        "(g) published means of the same setting that are marked as outside (target: 5 %),"
        f" {cases:,} cases each"
    )
    for name, draw in draws.items():
        sizes = ((5, 1), (10, 3), (100, 3))
        shares = ", ".join(
            f"{outside_alarms(draw, cases, seeds, runs):.1%} ({seeds} seeds, {runs} published)"
            for seeds, runs in sizes
        )
        print(f"    {name}: {shares}", flush=True)


def _print_lost(draw: Draw, studies: int) -> None:
    print(
        "(h) a setting that loses its worst seeds is called better than an equal one (target: 2.5"
        f" % or fewer), {studies:,} studies each"
    )
    shares = ", ".join(
        f"{lost_alarms(draw, studies, 10, share):.1%} ({share:.0%} of 10 seeds lost)"
        for share in (0.1, 0.3, 0.5)
    )
    print(f"    t-test: {shares}", flush=True)
