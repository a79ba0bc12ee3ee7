"""What was measured, one JSON line per search; a rerun adds what is missing."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.searchers.methods import METHODS, Method
from benchmarks.searchers.problems import Problem
from benchmarks.searchers.race import Race

FILE = Path(__file__).with_name("rows.jsonl")
Key = tuple[Any, ...]
KEY = ("method", "version", "problem", "workers", "seed")


def read(file: Path = FILE) -> list[dict[str, Any]]:
    """All rows, each with ``regret`` after every part of the budget, ``trials`` that were begun and
    ``ms`` that a suggestion took.
    """
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def key(row: Mapping[str, Any]) -> Key:
    return tuple(row[name] for name in KEY)


def measured(problem: Problem, name: str, workers: int, seed: int) -> dict[str, Any]:
    method = METHODS[name]
    race = Race(problem, workers).run(method.tuner(problem, workers, seed))
    return {
        "method": name,
        "version": method.version(),
        "problem": problem.name,
        "workers": workers,
        "seed": seed,
        "trials": race.asked,
        "ms": round(1e3 * race.asking / race.asked, 1),
        "regret": race.regrets,
    }


def missing(
    names: list[str], problem: Problem, workers: int, seeds: int, known: set[Key]
) -> Iterator[tuple[str, int]]:
    """Which method lacks which seed on a problem; those that are not installed are left out."""
    for name in names:
        method: Method = METHODS[name]
        version = method.version()
        if version is None or (method.by_epochs and problem.epochs == 1):
            continue
        for seed in range(min(seeds, method.seeds)):
            if (name, version, problem.name, workers, seed) not in known:
                yield name, seed


def append(row: Mapping[str, Any], file: Path = FILE) -> None:
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")
