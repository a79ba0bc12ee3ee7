"""Our search against the random sweep of the 2024 report: ``python -m benchmarks.search``. Takes
about half an hour on one core.

All search for U-Net settings on chest phantoms of 64 x 64 pixels and may train 50 epochs, what the
report's sweep took: five settings of ten epochs each, batch size 4, 8, 16 or 32, learning rate
uniform in 0 to 0.1, adam or sgd, the rest as in the course's notebook. Ours is the space of
``lungs_unet`` with ``Optuna(trials=12)`` and ``Asha()``, by the controller of every run. It begins
with the setting that the study tries first; what is owed to it, the same search without it says.

Repetitions are paired: in each, all train on the same phantoms with the same seed. What counts is
the best setting of each, trained again for ten epochs on three fresh seeds: its macro F1 on the
test phantoms.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from statistics import fmean, median
from typing import Any

import torch
from ray import tune

from benchmarks.machine import machine_line
from trainables.lungs import training as lungs
from tuning.engine.untrained import Untrained
from tuning.spec.study import Asha, Random, Study, Trial
from tuning.studies.lungs_unet import study as lungs_unet

REPETITIONS = 10
EPOCHS = 10
BUDGET = 50
TRIALS = 12
"""Of our search: with rungs after 2 and 6 epochs these are 48 epochs."""
FRESH_SEEDS = 3
SWEEP, OURS, UNAIDED = "sweep", "ours", "ours without the first setting"
NOTEBOOK = {
    "loss": "cross_entropy",
    "augment": False,
    "base_channels": 16,
    "levels": 4,
    "dropout": 0.0,
    "weight_decay": 0.0,
    "networks": 1,
}
DATA = {"data": "", "extra_test": "", "phantoms": 120, "image_size": 64}


def random_sweep(repetition: int) -> Study:
    """What the report did."""
    space = {
        "learning_rate": tune.uniform(0.0, 0.1),
        "batch_size": [4, 8, 16, 32],
        "optimizer": ["adam", "sgd"],
    }
    fixed = {**NOTEBOOK, **DATA, "data_seed": repetition, "schedule": "constant"}
    search = Random(trials=BUDGET // EPOCHS, seed=repetition)
    changes: dict[str, Any] = {
        "trainable": dataclasses.replace(lungs.TASK, limits={}),
        "space": space,
        "fixed": fixed,
        "search": search,
        "scheduler": None,
        "confirm": None,
    }
    return dataclasses.replace(
        lungs_unet, **changes, epochs=EPOCHS, metric="validation_f1", seeds=[repetition]
    )


def our_search(repetition: int, *, begun: bool = True) -> Study:
    """The built-in study with the same budget. ``begun``: whether with the setting that it tries
    first.
    """
    fixed = {**DATA, "data_seed": repetition, "schedule": "one_cycle", "networks": 1}
    space = {key: values for key, values in lungs_unet.space.items() if key not in fixed}
    first = [
        {key: setting[key] for key in space}
        for setting in lungs_unet.search.points_to_evaluate
        if begun
    ]
    search = dataclasses.replace(
        lungs_unet.search, trials=TRIALS, seed=repetition, points_to_evaluate=first
    )
    changes: dict[str, Any] = {
        "space": space,
        "fixed": fixed,
        "search": search,
        "scheduler": Asha(),
        "confirm": None,
    }
    return dataclasses.replace(
        lungs_unet, **changes, epochs=EPOCHS, metric="validation_f1", seeds=[repetition]
    )


@dataclasses.dataclass
class Searched:
    """The best completed setting of a search, its score, and (epochs spent, score) each time that a
    trial reported a better one than any before it.
    """

    setting: Mapping[str, Any]
    score: float
    progress: list[tuple[int, float]]


def search(study: Study) -> Searched:
    """Train what the study asks for, one trial at a time, until ``BUDGET`` epochs are spent."""
    search, spent, training = Untrained(study), 0, dict[str, Iterator[tuple[int, float]]]()
    found, progress = Searched({}, -1.0, []), [(0, -1.0)]
    while spent < BUDGET and (trial := search.next()):
        goes_on = True
        while goes_on and spent < BUDGET:
            epoch, score = next(training.setdefault(trial.id, _scores(study, trial)))
            spent, goes_on = spent + 1, search.report(trial, epoch, score)
            if score > progress[-1][1]:
                progress.append((spent, score))
            if epoch == study.epochs and score > found.score:
                found = Searched(trial.params, score, progress)
    return found


def _scores(study: Study, trial: Trial) -> Iterator[tuple[int, float]]:
    for metrics, _ in study.task.train(study.config(trial.params), trial.seeds, None):
        yield metrics["epoch"], metrics[study.metric][0]


def confirmed(study: Study, setting: Mapping[str, Any], repetition: int) -> float:
    """Mean test F1 of a setting over fresh seeds."""
    seeds = [1000 + FRESH_SEEDS * repetition + i for i in range(FRESH_SEEDS)]
    last = list(lungs.train(study.config(setting, "confirm"), seeds))[-1][0]
    return fmean(last["test_f1"])


@dataclasses.dataclass
class Compared:
    """What one search of one repetition came to: confirmed F1, and the epochs until it had reached
    the best score of the sweep.
    """

    confirmed: float
    reached: int | None


def repeat(repetition: int) -> dict[str, Compared]:
    studies = {
        SWEEP: random_sweep(repetition),
        OURS: our_search(repetition),
        UNAIDED: our_search(repetition, begun=False),
    }
    found = {name: search(study) for name, study in studies.items()}
    return {
        name: Compared(
            confirmed(studies[name], searched.setting, repetition),
            next(
                (spent for spent, score in searched.progress if score >= found[SWEEP].score), None
            ),
        )
        for name, searched in found.items()
    }


def main() -> None:
    torch.set_num_threads(1)
    print(f"n = {REPETITIONS} paired repetitions, {BUDGET} epochs each; {machine_line()}")
    rows = []
    for repetition in range(REPETITIONS):
        rows.append(repeat(repetition))
        print(
            f"repetition {repetition}:"
            f" {', '.join(f'{name} {one.confirmed:.4f}' for name, one in rows[-1].items())}",
            flush=True,
        )
    for name in (OURS, UNAIDED):
        print("\n".join(result_lines(rows, name)))


def result_lines(rows: list[dict[str, Compared]], name: str) -> Iterator[str]:
    theirs, mine = ([row[each].confirmed for row in rows] for each in (SWEEP, name))
    wins = sum(one > other for one, other in zip(mine, theirs, strict=True))
    epochs = sorted(row[name].reached or BUDGET + 1 for row in rows)
    yield (
        f"{name}: median confirmed test F1 {median(mine):.4f}, {SWEEP} {median(theirs):.4f}; better"
        f" in {wins}"
    )
    yield (
        f"{name}: epochs to the best of the sweep: median {median(epochs):g} of {BUDGET}, all"
        f" {epochs} (aim: at most {BUDGET // 2})"
    )


if __name__ == "__main__":
    main()
