"""A league table of our search and what people would use instead: ``python -m
benchmarks.searchers``. Measures what ``rows.jsonl`` lacks, then prints the table.

Regret 0 is the best of many settings drawn at random, 1 their median. A search may spend what 20
full trainings take (60 where there is nothing to stop). ``--only`` names methods, ``--minutes``
says when to stop measuring; the next call goes on.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.machine import machine_line
from benchmarks.searchers import lcbench, league, picture, rows, tables
from benchmarks.searchers.methods import DEFAULTS, METHODS
from benchmarks.searchers.problems import Problem

PICTURE = Path("docs/img/searchers.svg")


def main() -> None:
    options = _options()
    if not measure(options):
        print("Not all is measured: run it again to go on.")
    show(options.suite, options.workers)


def measure(options: argparse.Namespace) -> bool:
    """Measure what is missing until the time is over; returns whether nothing is missing now."""
    ends = time.monotonic() + 60 * options.minutes
    known = {rows.key(row) for row in rows.read()}
    for problem in problems(options.suite):
        for name, seed in rows.missing(
            options.only or list(METHODS), problem, options.workers, options.seeds, known
        ):
            if time.monotonic() > ends:
                return False
            rows.append(rows.measured(problem, name, options.workers, seed))
    return True


def problems(suite: str) -> Iterator[Problem]:
    at = lcbench.folder()
    if suite == "tables":
        return tables.problems()
    if at is None:
        raise SystemExit(f"LCBench is not here. {lcbench.__doc__}")
    return {
        "tuned": lambda: lcbench.problems(at, last=lcbench.TUNED_ON),
        "unseen": lambda: lcbench.problems(at, first=lcbench.TUNED_ON),
        "all": lambda: lcbench.problems(at),
    }[suite]()


def show(suite: str, workers: int) -> None:
    versions = {name: method.version() for name, method in METHODS.items()}
    frame = league.frame(rows.read(), versions)
    chosen = frame[frame["problem"].isin([problem.name for problem in problems(suite)])]
    chosen = chosen[chosen["workers"] == workers]
    print(f"{suite}, {workers} at a time; {machine_line()}")
    for table in (league.table(chosen), league.against(chosen, DEFAULTS)):
        print(table.to_string(index=False, float_format=lambda number: f"{number:.3f}"))
    picture.draw(league.complete(chosen), PICTURE)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", choices=["tuned", "unseen", "all", "tables"], default="tuned")
    parser.add_argument("--only", nargs="*", choices=list(METHODS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
