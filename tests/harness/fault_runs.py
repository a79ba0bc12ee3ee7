"""Runs of ``fault_study``, and what must hold of them."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from driving import wait_until
from fault_study import study
from places import HARNESS
from searched_studies import learn

from analysis import Run, summary_table

FAULT_STUDY = HARNESS / "fault_study.py"


Process = subprocess.Popen[str]


def expected(trials: int) -> dict[str, list[float]]:
    """The scores of each trial, called by hand."""
    drawn = study.override({"trials": trials})
    return {
        trial.id: [
            metrics["score"][0]
            for metrics, _ in learn(study.config(trial.params) | {"pause": 0}, [0])
        ]
        for trial in iter(drawn.search.searcher(drawn).ask, None)
    }


def is_sound(read: Run, trials: int = 8) -> None:
    """Every epoch once, every number as by hand."""
    assert read.trials["status"].tolist() == ["completed"] * trials
    assert not read.epochs.duplicated(["trial", "epoch", "seed"]).any()
    scores = read.epochs.sort_values("epoch").groupby("trial")["score"].apply(list).to_dict()
    assert scores == expected(trials)
    last = {trial: values[-1] for trial, values in expected(trials).items()}
    table = summary_table(read)
    assert sorted(table["score_mean"], reverse=True) == pytest.approx(
        sorted(last.values(), reverse=True)
    )
    attempts = Counter((row["trial"], row["epoch"], row["attempt"]) for row in lines(read))
    assert max(attempts.values()) == 1, "no attempt reported an epoch twice"


def lines(read: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read.paths.epochs.read_text().splitlines()]


def until(fact: Callable[[], bool], process: Process) -> None:
    wait_until(fact, process)
    assert process.poll() is None, process.communicate()
