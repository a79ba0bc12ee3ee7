"""``Asha()`` as it stands, on small and on large studies."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from searched_studies import searched_study

from benchmarks.driver import NoRecords
from tuning import Asha, Confirm, Random
from tuning.engine.controller import Controller
from tuning.engine.recorder import Recorder
from tuning.engine.reporter import TrialReport
from tuning.runs.history import History
from tuning.spec.study import Study, Trial


def searched(study: Study, workers: int, order: Any) -> tuple[History, int]:
    """A whole search of trials that nobody trains, whose processes report in any ``order``: all
    that is known in the end, and the epochs that were trained.
    """
    records: Any = NoRecords()
    history = History(study)
    controller = Controller(study, Recorder(history, records, []), capacity=lambda: workers)
    running: dict[str, Trial] = {}
    spent = 0
    while True:
        while len(running) < workers and (trial := controller.next_trial()):
            assert trial.id not in running
            controller.on_start(trial)
            running[trial.id] = trial
        if not running:
            assert controller.finished, "nothing runs, and nothing comes"
            return history, spent
        trial = running[order.choice(sorted(running))]
        before = history.trials[trial.id].last_epoch
        epoch = min(each for each in [*study.rungs, study.epochs] if each > before)
        spent += epoch - before
        last = epoch == study.epochs
        report = TrialReport(
            rows=[_row(trial, epoch)], end={"status": "completed"} if last else None
        )
        if not controller.on_report(trial, report) or last:
            controller.on_end(running.pop(trial.id))


def _row(trial: Trial, epoch: int) -> dict[str, Any]:
    facts = {"trial": trial.id, "epoch": epoch, "seconds": 1.0, "arrays": {}, "diverged": []}
    return facts | {"metrics": {"score": [trial.params["x"]] * len(trial.seeds)}}


def is_sound(trials: int, epochs: int, workers: int, top: int, order: Any) -> None:
    study = searched_study(
        search=Random(trials=trials), scheduler=Asha(), epochs=epochs, confirm=None
    )
    if top:
        study = searched_study(
            search=Random(trials=trials),
            scheduler=Asha(),
            epochs=epochs,
            confirm=Confirm(top=top, seeds=1),
        )
    history, spent = searched(study, workers, order)
    search = list(history.phase("search"))
    assert len(search) == trials
    assert {each.status for each in search} <= {"completed", "pruned"}
    completed = sorted(each.params["x"] for each in search if each.status == "completed")
    best = max(each.params["x"] for each in search)
    assert completed[-1] == best, "where ranks do not change, the best is never lost"
    assert len(completed) >= min(max(top, 1), trials)
    assert spent - epochs * top <= trials * epochs * (0.75 if trials > 20 else 1)


@settings(max_examples=40, deadline=None)
@given(
    trials=st.integers(10, 60),
    epochs=st.integers(5, 500),
    workers=st.integers(1, 8),
    top=st.integers(0, 5),
    order=st.randoms(use_true_random=False),
)
def test_every_search_ends_and_has_its_best_trial_at_full_length(
    trials: int, epochs: int, workers: int, top: int, order: Any
) -> None:
    is_sound(trials, epochs, workers, top, order)


@pytest.mark.parametrize(("epochs", "workers"), [(5, 1), (500, 16)])
def test_so_does_a_search_of_a_thousand_trials(epochs: int, workers: int) -> None:
    import random

    is_sound(1000, epochs, workers, 3, random.Random(0))
