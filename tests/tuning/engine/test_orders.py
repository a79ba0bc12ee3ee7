"""What people order of a run while it goes on: trained in this process, and killed now and then."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from inline_runs import crash_after, prepared
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from ordered_runs import THIS, Person, Whimsical
from searched_studies import searched_study

from analysis import Run, load_run, write_report
from analysis.records.orders import ADD, END, PAUSE, STOP, Steering, give
from analysis.records.paths import RunPaths
from analysis.records.schema import Status, status_of
from analysis.stats.leaderboard import leaderboard
from analysis.stats.statuses import status_table
from analysis.stats.tables import lost_seeds
from tuning import merge
from tuning.engine import reporter
from tuning.engine.backends.inline import run_inline
from tuning.engine.session import history_of, is_complete
from tuning.spec.study import Asha, Confirm, Grid, Optuna, Random, Study

X = {"x": 0.25, "kind": "a"}


@pytest.fixture(autouse=True)
def _each_epoch_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "SECONDS_BETWEEN_REPORTS", -1.0)


def random_search(**changes: Any) -> Study:
    values = {"search": Random(trials=4), "scheduler": None, "confirm": None, "epochs": 6}
    return searched_study(**values | changes)


def pausing(**changes: Any) -> Study:
    scheduler = Asha(grace_period=2, reduction_factor=2)
    return random_search(**{"scheduler": scheduler, "search": Random(trials=8)} | changes)


def ordered(study: Study, folder: Path, what: dict[int, list[tuple[str, dict[str, Any]]]]) -> Run:
    paths = prepared(study, folder)
    run_inline(study, paths, Person(paths, what))
    return load_run(paths.root)


def answers(run: Run) -> list[tuple[str, bool, str]]:
    rows = Steering(run.paths).refresh().rows()
    return [(row["words"], row["done"], row["answer"]) for row in rows]


def ends(run: Run) -> dict[str, tuple[str, int]]:
    rows = run.trials[["trial", "status", "epochs"]].itertuples(index=False)
    return {trial: (status, int(epochs)) for trial, status, epochs in rows}


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_trial_is_stopped_after_its_epoch_and_counts_as_neither_failed_nor_lost(
    tmp_path: Path,
) -> None:
    study = random_search(confirm=Confirm(top=1, seeds=2))
    run = ordered(study, tmp_path, {8: [(STOP, {"trial": THIS}), (STOP, {"trial": THIS})]})
    assert ends(run)["0002"] == ("stopped by hand", 2)
    assert answers(run) == [
        ("stop-trial 0002", True, "trial 0002 after epoch 2"),
        ("stop-trial 0002", False, "trial 0002 is being stopped already"),
    ]
    search = run.phase("search")
    assert lost_seeds(search).empty
    table = status_table(search).set_index("status")["trials"]
    assert table[["completed", "stopped by hand", "failed"]].tolist() == [3, 1, 0]
    board = leaderboard(run).set_index("trial")
    assert board.loc["0002", "status"] == "stopped by hand"
    assert pd.isna(board.loc["0002", "rank"])
    page = write_report(run).read_text()
    assert "Interventions" in page
    assert "trial 0002 after epoch 2" in page


def test_late_and_unknown_orders_are_refused_and_recorded(tmp_path: Path) -> None:
    orders = [(STOP, {"trial": "0001"}), (STOP, {"trial": "0044"}), (ADD, {"params": {"x": 3}})]
    run = ordered(random_search(), tmp_path, {8: orders})
    assert [done for _, done, _ in answers(run)] == [False] * 3
    assert answers(run)[0][2] == "trial 0001 has ended: completed"
    assert answers(run)[1][2] == "no trial 0044 has begun"
    assert answers(run)[2][2] == "has values for x; it needs one for each of x, kind."
    assert set(ends(run).values()) == {("completed", 6)}


def test_a_setting_that_is_added_comes_next_is_learned_from_and_known_once(tmp_path: Path) -> None:
    study = random_search(search=Optuna(trials=4, n_startup_trials=2, sampler="tpe"))
    run = ordered(study, tmp_path, {2: [(ADD, {"params": X}), (ADD, {"params": X})]})
    begun = dict.fromkeys(row["trial"] for row in rows_of(run.paths.trials))
    assert list(begun) == ["0001", "a0001", "0002", "0003", "0004"]
    assert [done for _, done, _ in answers(run)] == [True, False]
    assert answers(run)[1][2] == "trial a0001 has these values"
    assert ends(run)["a0001"] == ("completed", 6)
    assert run.spec["trials"] == 5
    storage = JournalStorage(JournalFileBackend(str(run.paths.optuna)))
    told = optuna.load_study(study_name=None, storage=storage).trials
    assert [trial.params["x"] for trial in told if trial.params == X] == [0.25]
    assert {trial.state.name for trial in told} == {"COMPLETE"}
    assert len(told) == 5


def test_a_setting_that_was_added_is_merged_as_one(tmp_path: Path) -> None:
    study = random_search(search=Random(trials=3))
    first = ordered(study, tmp_path / "first", {2: [(ADD, {"params": X})]})
    second = ordered(study, tmp_path / "second", {2: [(STOP, {"trial": THIS})]})
    merged = merge(first, second, results=tmp_path)
    assert list(ends(merged)) == ["0001", "0002", "0003", "a0001"]
    assert merged.spec["trials"] == 4


def test_a_grid_has_every_setting_already(tmp_path: Path) -> None:
    study = random_search(space={"x": [0.1, 0.2], "kind": ["a"]}, search=Grid())
    run = ordered(study, tmp_path, {1: [(ADD, {"params": X}), (STOP, {"trial": THIS})]})
    assert ends(run) == {"0001": ("stopped by hand", 1), "0002": ("completed", 6)}
    assert answers(run)[0][2].startswith("searched is a grid")


def test_a_paused_run_goes_on_to_the_numbers_of_one_that_was_not(tmp_path: Path) -> None:
    study = pausing(confirm=Confirm(top=1, seeds=2))
    whole = ordered(study, tmp_path / "whole", {})
    paths = prepared(study, tmp_path / "paused")
    assert run_inline(
        study, paths, Person(paths, {7: [(PAUSE, {}), (STOP, {"trial": THIS})]})
    ).paused
    before = load_run(paths.root)
    assert len(before.epochs) == 7
    assert [done for _, done, _ in answers(before)] == [True, None]
    paths.orders.write_text(paths.orders.read_text().splitlines(keepends=True)[0])
    assert not run_inline(study, paths).paused
    columns = ["trial", "epoch", "seed", "score"]
    after = load_run(paths.root)
    pd.testing.assert_frame_equal(after.epochs[columns], whole.epochs[columns])
    assert ends(after) == ends(whole)


def test_a_pause_is_for_the_session_that_goes_on_alone(tmp_path: Path) -> None:
    study = random_search()
    paths = prepared(study, tmp_path)
    give(paths, PAUSE)
    spec = json.loads(paths.study.read_text())
    paths.study.write_text(json.dumps({**spec, "sessions": [*spec["sessions"], {}]}))
    assert not run_inline(study, paths).paused
    assert answers(load_run(paths.root)) == [
        ("pause", False, "the session that it was given to had ended")
    ]


def test_a_search_that_is_ended_is_confirmed_and_complete(tmp_path: Path) -> None:
    study = pausing(confirm=Confirm(top=1, seeds=2), search=Random(trials=30))
    paths = prepared(study, tmp_path)
    run_inline(study, paths, Person(paths, {30: [(END, {}), (END, {}), (ADD, {"params": X})]}))
    run = load_run(paths.root)
    assert [done for _, done, _ in answers(run)] == [True, False, False]
    search, confirm = run.phase("search").trials, run.phase("confirm").trials
    assert set(search["status"]) <= {"completed", "pruned", "stopped by hand"}
    assert (search["status"] == "stopped by hand").any()
    assert set(confirm["status"]) == {"completed"}
    assert run.spec["trials"] == len(search) < 30
    assert is_complete(study, history_of(study, run))
    rows = paths.trials.read_text()
    run_inline(study, paths)
    assert paths.trials.read_text() == rows


def test_a_paused_trial_is_stopped_at_once_and_never_comes_back(tmp_path: Path) -> None:
    study = pausing()
    paths = prepared(study, tmp_path)
    first = Person(paths, {4: [(STOP, {"trial": "0001"})]})
    run_inline(study, paths, first)
    run = load_run(paths.root)
    waited = [row["status"] for row in rows_of(paths.trials) if row["trial"] == "0001"]
    assert waited == ["running", "paused", "stopped by hand"]
    assert answers(run) == [("stop-trial 0001", True, "trial 0001 after epoch 2")]


def test_orders_to_a_dead_run_are_the_first_thing_that_the_next_session_does(
    tmp_path: Path,
) -> None:
    study = random_search()
    paths = prepared(study, tmp_path)
    assert crash_after(4, study, paths)
    give(paths, STOP, trial="0001")
    assert not is_complete(study, history_of(study, load_run(paths.root)))
    run_inline(study, paths)
    assert ends(load_run(paths.root))["0001"] == ("stopped by hand", 3)


SEEDS = [*range(5), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 10))]
KINDS: list[Study] = [
    random_search(search=Random(trials=8), confirm=Confirm(top=2, seeds=2)),
    pausing(search=Random(trials=12)),
    pausing(search=Optuna(trials=10, n_startup_trials=3, sampler="tpe"), confirm=Confirm(top=1)),
    searched_study(search=Random(trials=12), confirm=None),
    random_search(space={"x": [0.1, 0.2, 0.3, 0.4], "kind": ["a", "b"]}, search=Grid()),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_of_fifty_orders_none_is_lost_and_none_done_twice_whatever_is_killed(
    tmp_path: Path, seed: int
) -> None:
    rng, study = random.Random(seed), KINDS[seed % len(KINDS)]
    paths = prepared(study, tmp_path)
    person = Whimsical(paths, rng, 50)
    sessions = 0
    while person.left or Steering(paths).refresh().open() or _goes_on(study, paths):
        sessions += 1
        crash_after(rng.choice([*range(1, 25), 10_000]), study, paths, person)
        if person.left and (rng.random() < 0.3 or not _goes_on(study, paths)):
            person.orders("0001")
    assert sessions > 3
    _check(paths, person)


def _goes_on(study: Study, paths: RunPaths) -> bool:
    return not is_complete(study, history_of(study, load_run(paths.root)))


def _check(paths: RunPaths, person: Person) -> None:
    answered = rows_of(paths.answers)
    assert Counter(row["order"] for row in answered) == {order.id: 1 for order in person.given}
    done = {row["order"] for row in answered if row["done"]}
    rows, run = rows_of(paths.trials), load_run(paths.root)
    stopped = [(row["stopped_by"], row["trial"]) for row in rows if "stopped_by" in row]
    added = [(row["added_by"], row["params"]) for row in rows if "added_by" in row]
    orders = {order.id: order for order in person.given}
    assert {order for order, _ in [*stopped, *added]} <= done
    assert [pair for pair in stopped if orders[pair[0]].do == STOP] == [
        (order, trial) for order, trial in stopped if trial == orders[order].trial
    ]
    for do, deeds in ((STOP, stopped), (ADD, added)):
        times = Counter(order for order, _ in deeds if orders[order].do == do)
        assert times == {id: 1 for id in done if orders[id].do == do}
    assert all(params == orders[order].params for order, params in added)
    finals = Counter(row["trial"] for row in rows if status_of(row).has_ended)
    assert finals == dict.fromkeys(run.trials["trial"], 1)
    last = {row["trial"]: row for row in rows}
    assert all(status_of(row).has_ended for row in last.values())
    assert {row["trial"] for row in last.values() if "stopped_by" in row} == set(
        run.trials["trial"][run.trials["status"] == Status.STOPPED]
    )
    assert run.notes == []
