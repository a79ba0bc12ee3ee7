"""What a search saves that begins with what runs on other problems found: ``python -m
benchmarks.searchers.warm``, on LCBench.

A cold search runs until it has spent its budget. The warm one, which begins with the cold ones of
five other problems, drawn by the name of the problem, runs until it has what the cold one ends
with, or has spent a fifth more than the budget. ``--begun misled``: of the earlier runs, what was
good is said to have been bad; ``--begun cold``: there are none, which says what another seed alone
does. What is measured stands in ``warm.jsonl``; a rerun adds what is missing.
"""

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from analysis.numerics.intervals import mean_intervals
from benchmarks.searchers import lcbench
from benchmarks.searchers.methods import TRIALS
from benchmarks.searchers.ours import Ours
from benchmarks.searchers.problems import Params, Problem
from tuning.runs.earlier import EarlierRun
from tuning.runs.trial_record import at_stops
from tuning.spec.study import Asha, Optuna

FILE = Path(__file__).with_name("warm.jsonl")
EARLIER, MORE = 5, 1.2
SIGNS = {"warm": 1.0, "misled": -1.0, "cold": 0.0}
"""How a search may begin, and by what the values of earlier runs are multiplied; 0 for no runs."""
ANOTHER = 1000
"""Added to the seed of a search that begins cold as well."""


@dataclass
class Found:
    """What one search showed: the params and the values of each trial, and after each epoch the
    regret of the trial with the best value.
    """

    trials: dict[str, tuple[Params, dict[int, float]]] = field(default_factory=dict)
    regrets: list[float] = field(default_factory=list)

    def reaches(self, regret: float) -> int | None:
        """After how many epochs it has that; None for never."""
        return next((n for n, each in enumerate(self.regrets, 1) if each <= regret), None)


def searched(
    problem: Problem,
    seed: int,
    earlier: Sequence[EarlierRun] = (),
    until: float = -float("inf"),
    budget: float = 1.0,
) -> Found:
    """A search with the defaults, until it has the regret ``until`` or has spent its budget."""
    tuner, found = Ours(problem, 1, Optuna(trials=TRIALS, seed=seed), Asha(), earlier), Found()
    best, regret = -float("inf"), 1.0
    while True:
        job = tuner.next()
        assert job
        params, scores = found.trials.setdefault(job.key, (job.params, {}))
        values, goes_on = problem.curve(params)[0], True
        while goes_on:
            epoch = len(scores) + 1
            scores[epoch] = value = values[epoch - 1]
            if value > best:
                best, regret = value, problem.regret(values[-1])
            found.regrets.append(regret)
            if regret <= until or len(found.regrets) >= budget * problem.budget:
                return found
            goes_on = tuner.report(job, epoch, value)


@cache
def cold(problem: str, seed: int) -> Found:
    return searched(_named(problem), seed)


def earlier_runs(problem: str, seed: int, sign: float) -> list[EarlierRun]:
    """The cold searches of some others of those on which defaults were chosen."""
    if not sign:
        return []
    others = [each for each in _names()[: lcbench.TUNED_ON] if each != problem]
    chosen = random.Random(f"{problem}/{seed}").sample(others, EARLIER)
    stops = [*Asha().rungs(lcbench.EPOCHS), lcbench.EPOCHS]
    return [
        EarlierRun(
            run=name,
            stops=stops,
            trials=[
                (params, {at: sign * scores[at] for at in at_stops(scores, stops)})
                for params, scores in cold(name, 0).trials.values()
            ],
        )
        for name in chosen
    ]


def measured(problem: str, seed: int, begun: str) -> dict[str, Any]:
    before = cold(problem, seed)
    end, runs = before.regrets[-1], earlier_runs(problem, seed, SIGNS[begun])
    other = seed if runs else ANOTHER + seed
    after = searched(_named(problem), other, runs, until=end, budget=MORE)
    return {
        "problem": problem,
        "seed": seed,
        "begun": begun,
        "regret": round(end, 4),
        "cold": before.reaches(end),
        "reached": after.reaches(end),
        "spent": len(after.regrets),
        "then": round(after.regrets[-1], 4),
    }


def show(rows: Sequence[dict[str, Any]]) -> None:
    """What the other search takes of the epochs of the cold one, both up to what that ends with,
    geometric mean over seeds and problems; one that never has it counts with all that it spent,
    which is too little.
    """
    logs: dict[str, list[float]] = {}
    for row in rows:
        logs.setdefault(row["problem"], []).append(float(np.log(row["spent"] / row["cold"])))
    means = np.array([np.mean(each) for each in logs.values()])
    low, high = np.exp(mean_intervals([means])[0])
    shares = np.exp(means)
    print(
        f"{len(logs)} problems, {len(rows)} searches: {np.exp(means.mean()):.2f} of the epochs,"
        f" geometric mean ({low:.2f} to {high:.2f}), median {np.median(shares):.2f}; above 1.1 on"
        f" {(shares > 1.1).sum()} problems; never there in"
        f" {sum(not row['reached'] for row in rows)} searches"
    )


@cache
def _names() -> list[str]:
    at = lcbench.folder()
    if at is None:
        raise SystemExit(f"LCBench is not here. {lcbench.__doc__}")
    return [problem.name for problem in lcbench.problems(at)]


@cache
def _named(name: str) -> Problem:
    at, place = lcbench.folder(), _names().index(name)
    assert at
    return next(lcbench.problems(at, place, place + 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("first", 0), ("last", lcbench.TUNED_ON), ("seeds", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--begun", choices=list(SIGNS), default="warm")
    options = parser.parse_args()
    rows = [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []
    names = _names()[options.first : options.last]
    known = {(row["problem"], row["seed"], row["begun"]) for row in rows}
    for problem, seed in ((name, seed) for seed in range(options.seeds) for name in names):
        if (problem, seed, options.begun) not in known:
            rows.append(measured(problem, seed, options.begun))
            with FILE.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    wanted = {(name, seed, options.begun) for name in names for seed in range(options.seeds)}
    show([row for row in rows if (row["problem"], row["seed"], row["begun"]) in wanted])


if __name__ == "__main__":
    main()
