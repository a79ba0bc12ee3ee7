"""Whether the 80 % interval of ``study whatif`` holds: ``python -m benchmarks.searchers.whatif``.

On LCBench the end of every curve is known: so is what another rule would have spent and found. How
curves go on was chosen on the first 6 problems; those from there to the 17th are looked at.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from benchmarks.searchers import lcbench
from benchmarks.searchers.earlier import searched, whole
from benchmarks.searchers.problems import Problem
from tuning.engine.whatif import MIDDLE, Outcome, gathered, what_if
from tuning.runs.trial_record import TrialRecord
from tuning.spec.study import Asha, Optuna, Random

CHOSEN_ON = 6
TRIALS = 40
PAIRS = [
    (Asha(), Asha(reduction_factor=4)),
    (Asha(), Asha(reduction_factor=2)),
    (Asha(reduction_factor=4), Asha()),
    (Asha(reduction_factor=4), Asha(grace_period=8)),
]
"""The rule that a run had, and the other one."""
SAID: Mapping[str, Any] = {
    "name": "whatif",
    "question": "What if?",
    "metric": "score",
    "mode": "max",
    "search": {},
    "confirm": None,
}
Hit = tuple[bool, bool]
"""Whether what would have been is in the interval, and whether that is more than a point."""


def main() -> None:
    at = lcbench.folder()
    if at is None:
        raise SystemExit(f"LCBench is not here. {lcbench.__doc__}")
    hits: dict[str, list[Hit]] = {"epochs": [], "best": []}
    for problem in lcbench.problems(at, first=CHOSEN_ON, last=lcbench.TUNED_ON):
        for guess, true in _cases(problem):
            for name, found in hits.items():
                found.append(_hit(getattr(guess, name), float(getattr(true, name)[0])))
    for name, found in hits.items():
        drawn = [held for held, is_drawn in found if is_drawn]
        print(
            f"{name}: held in {np.mean([held for held, _ in found]):.1%} of {len(found)}; where it"
            f" is more than a point in {np.mean(drawn):.1%} of {len(drawn)}"
        )


def _cases(problem: Problem) -> Iterator[tuple[Outcome, Outcome]]:
    searches = Optuna(trials=TRIALS, sampler="tpe"), Random(trials=TRIALS)
    for search, (own, other) in product(searches, PAIRS):
        records = searched(problem, search, own)
        yield (
            _asked(problem, records, own, other),
            _asked(problem, whole(problem, records), own, other),
        )


def _asked(problem: Problem, records: list[TrialRecord], own: Asha, other: Asha) -> Outcome:
    epochs = problem.epochs
    rungs = sorted({*own.rungs(epochs), *other.rungs(epochs)})
    curves = gathered(records, rungs, epochs, True)
    return what_if({**SAID, "epochs": epochs}, curves, other, 1, len(records))


def _hit(values: np.ndarray, true: float) -> Hit:
    low, high = np.quantile(values, MIDDLE)
    return bool(low <= true <= high), bool(low < high)


if __name__ == "__main__":
    main()
