"""What a warm start saves: ``python -m benchmarks.searchers.warm``. Of LCBench one problem is left
out, and its search begins from runs on the others.

Printed of each problem: the share of the budget after which the warm search has the regret that the
cold one ends with, and the share after which the cold one had it itself.
"""

import argparse

from benchmarks.searchers import lcbench, ours, rows
from benchmarks.searchers.earlier import searched
from benchmarks.searchers.league import reaches
from benchmarks.searchers.methods import TRIALS
from benchmarks.searchers.race import Race
from tuning.search.warm_start import starts
from tuning.spec.study import Asha, Optuna

COLD = "ours, defaults"
EARLIER = 40
"""Trials of each earlier run."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=lcbench.TUNED_ON, help="so many problems")
    at = lcbench.folder()
    if at is None:
        raise SystemExit(f"LCBench is not here. {lcbench.__doc__}")
    problems = list(lcbench.problems(at, last=lcbench.TUNED_ON))
    search = Optuna(trials=EARLIER, sampler="tpe")
    runs = [searched(problem, search, Asha()) for problem in problems]
    measured = {row["problem"]: row["regret"] for row in rows.read() if _is_cold(row)}
    for number, problem in enumerate(problems[: parser.parse_args().first]):
        study = ours.study_of(problem, Optuna(trials=TRIALS), Asha())
        points = starts(study, [*runs[:number], *runs[number + 1 :]])
        warm = Optuna(trials=TRIALS, points_to_evaluate=points)
        found = Race(problem, 1).run(ours.Ours(problem, 1, warm, Asha())).regrets
        cold = measured[problem.name]
        print(
            f"{problem.name}: {reaches(found, cold[-1]):.2f} against {reaches(cold, cold[-1]):.2f};"
            f" regret {found[-1]:.3f} against {cold[-1]:.3f}",
            flush=True,
        )


def _is_cold(row: dict[str, object]) -> bool:
    return (row["method"], row["version"], row["workers"], row["seed"]) == (
        COLD,
        ours.VERSION,
        1,
        0,
    )


if __name__ == "__main__":
    main()
