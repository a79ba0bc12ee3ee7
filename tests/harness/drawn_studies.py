"""Searches of milliseconds over a small space, and crashes of them after any row."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from inline_runs import left_by_kills
from ray import tune

from analysis import Run, load_run
from tuning import Study
from tuning.engine.backends.inline import run_inline


def curve(config: Any, seeds: Any, resume: Any = None) -> Any:
    for epoch in range(resume + 1 if resume else 1, config["epochs"] + 1):
        score = (
            config.get("x", 0) + config.get("rate", 0) + 0.1 * len(config["kind"]) + 0.01 * epoch
        )
        time.sleep(config.get("pause", 0))
        yield {"epoch": epoch, "score": [score] * len(seeds)}, epoch


def drawing(search: Any, **changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "drawing",
        "question": "Which is drawn?",
        "trainable": curve,
        "space": {"x": tune.uniform(0.0, 1.0), "kind": ["a", "bb"]},
        "search": search,
        "metric": "score",
        "epochs": 2,
        "seeds": 1,
    }
    return Study(**values | changes)


BRANCHES: Mapping[str, Any] = {
    "space": {
        "kind": {"a": {"x": tune.uniform(0.0, 1.0)}, "bb": {"depth": [1, 2]}},
        "rate": tune.loguniform(1e-3, 1.0),
    }
}
"""A space with parameters that only one branch has."""
FEW: Mapping[str, Any] = {"space": {"kind": ["a", "bb", "ccc"]}}


def drawn(run: Run) -> list[tuple[str, Any]]:
    """Every setting that was drawn, in order, those that were drawn again too."""
    names = list(run.spec["space"])
    rows = run.trials.to_dict("records")
    trials = [(row["trial"], [str(row[key]) for key in names]) for row in rows]
    again = [(row["trial"], [str(row["params"].get(key)) for key in names]) for row in run.repeated]
    return sorted([*trials, *again])


def cut_off_anywhere(study: Study, tmp_path: Path, step: int = 1) -> None:
    whole, left = left_by_kills(study, tmp_path)
    for count in range(1, len(left), step):
        run_inline(study, left[count])
        again = load_run(left[count].root)
        assert drawn(again) == drawn(whole), count
        ends, values = ["trial", "status", "epochs", "rung"], ["trial", "epoch", "seed", "score"]
        pd.testing.assert_frame_equal(again.trials[ends], whole.trials[ends])
        pd.testing.assert_frame_equal(again.epochs[values], whole.epochs[values])
        assert again.trials["attempt"].sum() <= len(whole.trials) + 1, "what ended stays"
