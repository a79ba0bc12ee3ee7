"""Recorded searches."""

import numpy as np
from run_folders import Trial, write_run

from analysis import load_run
from analysis.report.claims.search import search_answer
from analysis.stats.leaderboard import confirmed_table, leaderboard
from analysis.stats.search_trials import phase_statuses

RANGE = {"rate": {"kind": "float", "low": 0.001, "high": 1.0, "log": True, "step": None}}


ASHA = {"kind": "asha", "grace_period": 1, "reduction_factor": 2, "rungs": [1, 2]}


SEARCH = {
    "space": RANGE,
    "search": {"kind": "random", "trials": 4, "seed": 0},
    "seeds": [0],
    "seeds_per_trial": 1,
    "epochs": 4,
}


CONFIRM = {
    "top": 2,
    "seeds": 5,
    "baselines": [{"name": "published best", "setting": {"rate": 0.5}}],
}


FIVE = np.array([0.80, 0.81, 0.79, 0.82, 0.80])


def tried(name, rate, values, seeds=(0,), **options):
    """A search trial with these values of the metric, one epoch each."""
    return Trial(
        name=name,
        phase="search",
        params={"rate": rate},
        epochs=[{"accuracy": value} for value in values],
        seeds=seeds,
        **options,
    )


def fresh(name, rate, values, **metrics):
    """A trial of the confirmation: two epochs, test metrics at the last one alone."""
    values = np.asarray(values, dtype=float)
    rows = [{"accuracy": (values / 2).tolist()}, {"accuracy": values.tolist(), **metrics}]
    return Trial(
        name=name,
        phase="confirm",
        params={"rate": rate},
        epochs=rows,
        seeds=range(100, 100 + len(values)),
    )


def run_of(folder, *trials, **spec):
    return load_run(write_run(folder, trials, **{**SEARCH, "trials": 4, **spec}))


def four(**options):
    """A completed, a better one, one stopped at the first rung though it led, and one that
    diverged.
    """
    return [
        tried("0001", 0.1, [0.1, 0.2, 0.3, 0.4], began=0.0, pace=2.0),
        tried("0002", 0.2, [0.2, 0.3, 0.5, 0.6], began=100.0, pace=3.0),
        tried("0003", 0.3, [0.9], status="pruned", rung=1, began=20.0, pace=5.0),
        tried(
            "0004",
            0.4,
            [0.5, float("nan")],
            status="diverged",
            began=200.0,
            error="accuracy became non-finite",
            **options,
        ),
    ]


def sentence(run):
    board = leaderboard(run)
    return search_answer(run, board, confirmed_table(run, board), phase_statuses(run))
