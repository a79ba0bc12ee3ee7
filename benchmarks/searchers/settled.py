"""What a search saves that ends once it is settled, and what it loses: ``python -m
benchmarks.searchers.settled``, on LCBench.

Each search runs to its end once, with noise from seed to seed added to what the surrogate gives.
Where each rule would have ended it is found afterwards: the same trials are begun again up to
there, and those underway end as at the end of any search. Regret is without the noise. What is
measured stands in ``settled.jsonl``; a rerun adds what is missing.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.numerics.intervals import mean_intervals
from benchmarks.searchers import lcbench
from benchmarks.searchers.earlier import searched
from benchmarks.searchers.ours import study_of
from benchmarks.searchers.problems import Curve, Params, Problem
from tuning.runs.trial_record import TrialRecord
from tuning.search import gaussian
from tuning.search.optuna import OptunaSearcher
from tuning.search.recorded import Recorded
from tuning.search.settled import EVERY
from tuning.spec.optuna_search import RECENT
from tuning.spec.study import Asha, Optuna

FILE = Path(__file__).with_name("settled.jsonl")
FIRST, TRIALS = 30, 75
"""The first look, and the end: about 20 full trainings."""
Look = Mapping[str, float]
RULES: Mapping[str, Callable[[Look], bool]] = {
    "gain < noise that is given": lambda look: look["gained"] < look["given"],
    "gain < noise of the model": lambda look: look["gained"] < look["noise"],
    "expected improvement < noise that is given": lambda look: look["expected"] < look["given"],
    "expected improvement < noise of the model": lambda look: look["expected"] < look["noise"],
    "50 trials": lambda look: look["trials"] >= 50,
}


def noisy(problem: Problem, noise: float) -> Problem:
    """With a deviation of ``noise`` from seed to seed, half of its square common to all epochs."""

    def curve(params: Params) -> Curve:
        values, seconds = problem.curve(params)
        name = f"{problem.name}/{sorted(params.items())}".encode()
        rng = np.random.default_rng(int(hashlib.sha256(name).hexdigest()[:8], 16))
        drawn = rng.normal() + rng.normal(size=len(values))
        return (np.array(values) + noise * np.sqrt(0.5) * drawn).tolist(), seconds

    return replace(problem, curve=curve)


def looks(problem: Problem, noise: float) -> Iterator[Look]:
    """A search of ``TRIALS`` at each look, the last one at its end: ``gained`` and ``noise`` as
    ``gaussian.gained`` has them, ``expected``: the largest expected improvement of a setting;
    ``epochs`` and ``regret`` of a search that ends there. ``noise``: of a seed, as a regret.
    """
    given = noise * (problem.scale.best - problem.scale.middle)
    there, search = noisy(problem, given), Optuna(trials=TRIALS)
    study = study_of(problem, search, Asha())
    seen: dict[int, Look] = {TRIALS: {}}

    def look(records: list[TrialRecord]) -> None:
        if len(records) >= FIRST and len(records) % EVERY == 0:
            known = OptunaSearcher(study, records)
            gained, deviation = known.gained(RECENT) or (np.inf, 0.0)
            facts = {"gained": gained, "noise": deviation, "expected": expected(known)}
            seen[len(records)] = facts

    trials = [each.trial for each in searched(there, search, Asha(), look)]
    for number, facts in sorted(seen.items()):
        ended = searched(there, Recorded(trials=TRIALS, listed=trials[:number]), Asha())
        best = max(ended, key=lambda each: each.scores.get(problem.epochs, -np.inf))
        spent = sum(each.last_epoch for each in ended)
        regret = problem.regret(problem.curve(best.params)[0][-1])
        yield {"trials": number, "given": given, "epochs": spent, "regret": regret, **facts}


def expected(known: OptunaSearcher) -> float:
    """The largest expected improvement among many settings, without noise."""
    sampler, rng = known._samplers.of_rungs(0), np.random.default_rng(0)
    seen = sampler._seen(known._told.get_trials(deepcopy=False), known._told.direction)
    model, tried, means = gaussian._learned(sampler._cube, seen)
    near = np.repeat(gaussian._leaders(tried, means), 300, axis=0)
    around = [gaussian._moved(sampler._cube, near, reach, rng) for reach in (0.02, 0.1)]
    points = sampler._cube.snapped(np.vstack([rng.random((1000, near.shape[1])), *around]))
    mean, deviation = model.predict(gaussian.inputs_of(sampler._cube, points), return_std=True)
    without = np.sqrt(np.maximum(deviation**2 - model.noise, 1e-12))
    best = gaussian.log_improvement(mean, without, means.max()).max()
    return float(np.exp(best) * gaussian._kept(seen.scores).std())


def show(rows: list[dict[str, Any]]) -> None:
    """Of each rule the share of epochs that it saves, and the regret that it loses, mean over the
    problems with its 95 % interval.
    """
    for name, fires in RULES.items():
        ends = [
            next((at for at in each["looks"][:-1] if fires(at)), each["looks"][-1]) for each in rows
        ]
        pairs = [(end, each["looks"][-1]) for end, each in zip(ends, rows, strict=True)]
        saved = np.array([1 - end["epochs"] / last["epochs"] for end, last in pairs])
        lost = np.array([end["regret"] - last["regret"] for end, last in pairs])
        (low, high), (less, more) = mean_intervals([saved, lost])
        fired = sum(end is not last for end, last in pairs)
        print(
            f"{name}: fired on {fired} of {len(rows)} problems; saved {saved.mean():.0%} of the"
            f" epochs ({low:.0%} to {high:.0%}), lost {lost.mean():.3f} of regret ({less:.3f} to"
            f" {more:.3f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind, default in (("first", int, 0), ("last", int, 17), ("noise", float, 0.02)):
        parser.add_argument(f"--{name}", type=kind, default=default)
    options, at = parser.parse_args(), lcbench.folder()
    rows = [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []
    known = {(each["problem"], each["noise"]) for each in rows}
    for problem in lcbench.problems(at, options.first, options.last) if at else ():
        if (problem.name, options.noise) not in known:
            found = list(looks(problem, options.noise))
            rows.append({"problem": problem.name, "noise": options.noise, "looks": found})
            with FILE.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    show([each for each in rows if each["noise"] == options.noise])


if __name__ == "__main__":
    main()
