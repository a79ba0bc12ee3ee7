"""What a trial is given is its own, whatever it does with it."""

from pathlib import Path
from typing import Any

import pytest
from inline_runs import run
from small_studies import small_study

from tuning import Folds, Task


def grows(config: Any) -> dict[str, Any]:
    """What a trainable that appends to all it is given finds: every length is 1 after that."""
    lengths = {}
    for name, held in {
        "hidden": config,
        "layers": config["block"],
        "ids": config["loaded"],
    }.items():
        held[name].append(0)
        lengths[f"of {name}"] = len(held[name])
    return lengths


def growing(config: Any, seeds: Any, resume: Any = None) -> Any:
    lengths = grows(config)
    config["slope"] = seeds.pop()
    yield {"epoch": 1, "score": [1.0] * (len(seeds) + 1), **lengths}, None


def growing_of_one_seed(config: Any, seed: int, report: Any) -> None:
    report(epoch=1, score=1.0, **grows(config))


@pytest.mark.parametrize("trainable", [growing, growing_of_one_seed])
@pytest.mark.parametrize("seeds", [2, Folds(2, seeds=2)])
def test_what_a_trial_is_given_is_its_own(trainable: Any, seeds: Any, tmp_path: Path) -> None:
    def load(config: Any) -> dict[str, Any]:
        return {"ids": []}

    study = small_study(
        trainable=Task(train=trainable, load=load),
        space={"slope": [1, 2], "hidden": [[]]},
        fixed={"block": {"layers": []}},
        seeds=seeds,
        seeds_per_trial=4,
        epochs=1,
    )
    done = run(study, tmp_path)
    assert set(done.trials["status"]) == {"completed"}
    assert done.trials["hidden"].tolist() == [[], []]
    assert done.trials["slope"].tolist() == [1, 2]
    assert (done.epochs[["of hidden", "of layers", "of ids"]] == 1).all(axis=None)
    assert study.space["hidden"] == [[]]
    assert study.fixed == {"block": {"layers": []}}
