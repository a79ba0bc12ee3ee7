"""Rules of searching and stopping, asked by themselves."""

from pathlib import Path
from typing import Any

from drawn_studies import drawing
from inline_runs import prepared
from ordered_runs import Person
from searched_studies import searched_study
from test_own_search import Drawn, HillClimber

from analysis import load_run
from analysis.records.orders import ADD
from tuning import Asha, RayTune
from tuning.engine.backends.inline import run_inline
from tuning.engine.session import history_of
from tuning.runs.trial_record import TrialRecord
from tuning.search.asha import AshaScheduler
from tuning.search.grid import trials_left
from tuning.search.own import OwnSearcher
from tuning.search.ray_library import RaySearcher
from tuning.spec.trial import Trial


def trial(name: str, **params: Any) -> Trial:
    return Trial(id=name, params=params, seeds=[0])


def test_a_trial_that_was_cut_off_at_a_rung_counts_there_once() -> None:
    study = searched_study(scheduler=Asha(grace_period=1, reduction_factor=2), epochs=9)
    past = TrialRecord(trial=trial("0001"))
    past.take(1, 0.75)
    scheduler = AshaScheduler(study, [past])
    assert scheduler.goes_on("0001", 2, 0.75)
    assert scheduler.goes_on("0001", 3, 0.75)
    assert not scheduler.goes_on("0002", 1, 0.25)
    assert scheduler.goes_on("0003", 1, 0.5), "the median of 0.25 and 0.75"


def test_a_planned_trial_whose_id_is_taken_gets_the_next_free_one() -> None:
    planned = [trial("0001", x=1), trial("0002", x=2)]
    past = TrialRecord(trial=trial("0001", x=9), status="completed")
    assert [each.id for each in trials_left(planned, [past])] == ["0003", "0002"]


def test_a_searcher_of_rays_that_draws_otherwise_than_the_records_knows_nothing_of_them() -> None:
    study = drawing(RayTune(lambda seed: Drawn(seed), trials=5, seed=3), epochs=1)
    first = study.search.searcher(study).ask()
    assert first
    past = []
    for line, each in enumerate((first, trial("0002", x=0.5, kind="a"))):
        past.append(TrialRecord(trial=each, status="completed", lines=(2 * line, 2 * line + 1)))
        past[-1].take(1, 0.5)
    again, other = (study.search.searcher(study, past[:n]) for n in (1, 2))
    assert isinstance(again, RaySearcher)
    assert isinstance(other, RaySearcher)
    assert (again._ray.told, other._ray.told) == ([0.5], [])
    asked = other.ask()
    assert asked
    assert asked.id == "0003"


def test_an_own_searcher_is_told_of_a_trial_that_a_person_added() -> None:
    study = drawing(HillClimber(), epochs=1)
    searcher = study.search.searcher(study)
    assert isinstance(searcher, OwnSearcher)
    added = TrialRecord(trial=trial("a1", x=0.75, kind="a"), status="completed")
    added.take(1, 0.5)
    searcher.learn(added)
    assert searcher._own.best == (0.5, 0.75)


class Again:
    """Draws what it has seen, and one setting before."""

    trials = 3

    def __init__(self) -> None:
        self.told: list[str] = []

    def ask(self, history: Any) -> Any:
        return dict(history[-1].params) if history else {"x": 0.5, "kind": "a"}

    def tell(self, trial: Any) -> None:
        self.told.append(trial.id)


def test_a_search_that_draws_what_a_person_added_is_built_again(tmp_path: Path) -> None:
    study = drawing(Again(), epochs=1)
    paths = prepared(study, tmp_path)
    added = {"params": {"x": 0.25, "kind": "a"}}
    run_inline(study, paths, Person(paths, {1: [(ADD, added)]}))
    read = load_run(paths.root)
    assert read.trials["trial"].tolist() == ["0001", "a0001"]
    assert [row["same_as"] for row in read.repeated] == ["a0001", "a0001"]
    searcher = study.search.searcher(study, history_of(study, read).drawn())
    assert isinstance(searcher, OwnSearcher)
    assert searcher._own.told == ["0001", "0002", "0003"]
    assert searcher.ask() is None
