"""The league of searches, on a problem that is known by heart."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ray import tune

from benchmarks import search
from benchmarks.searchers import league, rows, settled, warm
from benchmarks.searchers.methods import METHODS, RANDOM_ASHA, Method, installed
from benchmarks.searchers.problems import Problem, Scale
from benchmarks.searchers.race import STEPS, Job, Race
from benchmarks.searchers.ray_tune import RayTune
from benchmarks.searchers.to_epoch import Asked, ToEpoch
from tuning.spec.study import Study, Trial


def curve(params: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Rises to ``x`` within four epochs of ``x`` seconds."""
    return [params["x"] * part / 4 for part in (1, 2, 3, 4)], [params["x"]] * 4


PROBLEM = Problem(
    name="line",
    space={"x": tune.uniform(1.0, 3.0)},
    epochs=4,
    trainings=5,
    curve=curve,
    scaled=lambda: Scale(best=3.0, middle=2.0, epoch_seconds=2.0),
)


class Scripted:
    """Asks for given values, and stops each but the last after so many epochs."""

    def __init__(self, *jobs: tuple[str, float, int]) -> None:
        self._jobs = [(Job(key, {"x": x}), epochs) for key, x, epochs in jobs]
        self._left: dict[str, int] = {}
        self.reported: list[tuple[str, int, float]] = []

    def next(self) -> Job | None:
        if not self._jobs:
            return None
        job, self._left[job.key] = self._jobs.pop(0)
        return job

    def report(self, job: Job, epoch: int, value: float) -> bool:
        self.reported.append((job.key, epoch, value))
        self._left[job.key] -= 1
        return self._left[job.key] > 0


def test_the_incumbent_is_the_best_value_seen_and_counts_as_its_end() -> None:
    """20 epochs: 2 of x = 1, then 2 of x = 3, then 16 of others; each part of the budget is one
    epoch.
    """
    tuner = Scripted(("a", 1.0, 2), ("b", 3.0, 2), *(("c" * n, 1.0, 4) for n in range(1, 5)))
    race = Race(PROBLEM, workers=1).run(tuner)
    assert race.regrets == [2.0, 2.0] + [0.0] * 18
    assert (race.spent, race.asked) == (20, 6)


def test_a_job_that_comes_again_goes_on_where_it_was_left() -> None:
    tuner = Scripted(("a", 2.0, 1), ("b", 1.0, 1), ("a", 2.0, 3), *(("c", 1.0, 4) for _ in "12345"))
    with pytest.raises(IndexError):  # "c" has no epoch after its last one
        Race(PROBLEM, workers=1).run(tuner)
    assert tuner.reported[:5] == [
        ("a", 1, 0.5),
        ("b", 1, 0.25),
        ("a", 2, 1.0),
        ("a", 3, 1.5),
        ("a", 4, 2.0),
    ]


def test_several_workers_race_by_the_clock() -> None:
    """20 epochs of 2 s are 20 s for two workers. The slow trial has epochs at 3, 6, 9 and 12 s,
    the fast ones every second; at 4 s the first of these has the best value, up to 6 s.
    """
    tuner = Scripted(("slow", 3.0, 4), *((f"fast {number}", 1.0, 4) for number in range(9)))
    race = Race(PROBLEM, workers=2).run(tuner)
    assert race.regrets == [1.0, 2.0, 2.0, 0.0, 2.0, 2.0] + [0.0] * 14
    assert [key for key, *_ in tuner.reported[:4]] == ["fast 0", "fast 0", "slow", "fast 0"]


def test_a_search_that_has_tried_all_keeps_what_it_has() -> None:
    race = Race(PROBLEM, workers=1).run(Scripted(("a", 1.0, 1), ("b", 3.0, 2)))
    assert race.regrets == [2.0, 0.0] + [0.0] * 18
    assert race.spent == 3


def test_the_controller_runs_the_race_and_comes_near_the_best() -> None:
    row = rows.measured(PROBLEM, RANDOM_ASHA, 1, 0)
    assert 0.0 <= row["regret"][-1] < 0.5
    assert row["trials"] > 5
    assert row == {**rows.measured(PROBLEM, RANDOM_ASHA, 1, 0), "ms": row["ms"]}


def test_what_is_measured_is_not_measured_again(tmp_path: Any) -> None:
    file = tmp_path / "rows.jsonl"
    rows.append(rows.measured(PROBLEM, "random", 1, 1), file)
    known = {rows.key(row) for row in rows.read(file)}
    assert list(rows.missing(["random"], PROBLEM, 1, 3, known)) == [("random", 0), ("random", 2)]
    assert list(rows.missing(["random"], PROBLEM, 4, 1, known)) == [("random", 0)]


def test_what_is_not_installed_is_left_out_and_shown_by_its_last_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert installed("no-such-package", "optuna") is None
    absent = Method(METHODS["random"].tuner, lambda: installed("no-such-package"))
    monkeypatch.setitem(METHODS, "absent", absent)
    assert list(rows.missing(["absent"], PROBLEM, 1, 3, set())) == []
    by_epochs = Method(METHODS["random"].tuner, lambda: "1", by_epochs=True)
    monkeypatch.setitem(METHODS, "by epochs", by_epochs)
    assert len(list(rows.missing(["by epochs"], PROBLEM, 1, 3, set()))) == 3
    assert list(rows.missing(["by epochs"], replace(PROBLEM, epochs=1), 1, 3, set())) == []
    measured = [row("absent", "p1", 0, 0.5, version) for version in ("1", "2")]
    assert league.frame(measured, {"absent": None})["regret"].tolist() == [measured[1]["regret"]]


def test_a_rival_that_names_epochs_begins_anew_each_time_and_hears_the_value_there() -> None:
    told: list[tuple[str, float]] = []
    asked = iter(
        [
            Asked({"x": 2.0}, 1, "a"),
            Asked({"x": 2.0}, 3, "b"),
            *(Asked({"x": 1.0}, 4, "c") for _ in range(4)),
        ]
    )
    tuner = ToEpoch(lambda: next(asked), lambda about, value: told.append((about, value)))
    race = Race(PROBLEM, workers=1).run(tuner)
    assert told == [("a", 0.5), ("b", 1.5)] + [("c", 1.0)] * 4
    assert (race.spent, race.asked) == (20, 6)


def test_a_rival_that_goes_on_trains_no_epoch_twice() -> None:
    told: list[tuple[str, float]] = []
    asked = iter(
        [
            Asked({"x": 1.0}, 2, "a", key="1"),
            Asked({"x": 3.0}, 2, "b", key="2"),
            Asked({"x": 3.0}, 4, "b again", key="2"),
            *(Asked({"x": 1.0}, 4, "c", key=str(3 + number)) for number in range(4)),
        ]
    )
    tuner = ToEpoch(lambda: next(asked), lambda about, value: told.append((about, value)))
    race = Race(PROBLEM, workers=1).run(tuner)
    assert told[:3] == [("a", 0.5), ("b", 1.5), ("b again", 3.0)]
    assert (race.spent, race.asked) == (20, 6)  # 2 + 2 + 2, and 14 of the rest


def test_the_search_of_the_built_in_study_is_compared_by_completed_trials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is tried, a setting has the score of its learning rate at full length, and trials
    that look worse pause.
    """

    def scores(study: Study, trial: Trial) -> Iterator[tuple[int, float]]:
        for epoch in range(1, study.epochs + 1):
            yield epoch, epoch * trial.params["learning_rate"]

    monkeypatch.setattr(search, "_scores", scores)
    swept, found = (search.search(make(0)) for make in (search.random_sweep, search.our_search))
    for each in (swept, found):
        assert each.score == pytest.approx(10 * each.setting["learning_rate"])
        assert max(score for _, score in each.progress) >= each.score
        assert each.progress[-1][0] <= search.BUDGET


def test_ray_tune_stops_trials_below_the_top_quarter_and_never_the_best() -> None:
    tuner = RayTune(PROBLEM, seed=0)
    jobs = [tuner.next() for _ in range(5)]
    assert all(1.0 <= job.params["x"] <= 3.0 for job in jobs)
    after_one = [tuner.report(jobs[at], 1, value) for at, value in enumerate((3, 1, 4, 2, 5))]
    assert after_one == [True, False, True, False, True]
    assert [tuner.report(jobs[4], epoch, 5.0) for epoch in (2, 3, 4)] == [True, True, False]


def row(method: str, problem: str, seed: int, final: float, version: str = "1") -> dict[str, Any]:
    regret = list(np.linspace(1.0, final, STEPS))
    about = {"method": method, "version": version, "problem": problem, "workers": 1, "seed": seed}
    return about | {"trials": 9, "ms": 1.0 + seed, "regret": regret}


def test_the_table_is_means_over_problems_and_decides_problem_by_problem() -> None:
    finals = {"p1": (0.5, 0.1), "p2": (0.3, 0.1), "p3": (0.2, 0.2)}
    measured = [
        row(method, problem, seed, final + 0.001 * (seed % 3))
        for problem, both in finals.items()
        for method, final in zip((RANDOM_ASHA, "new"), both, strict=True)
        for seed in range(6)
    ]
    versions = {RANDOM_ASHA: "1", "new": "1"}
    old = row("new", "p1", 0, 9.9, version="0")
    chosen = league.frame([*measured, old], versions)
    found = league.table(chosen).set_index("method")
    assert list(found.index) == ["new", RANDOM_ASHA]
    assert found["regret"].tolist() == pytest.approx([0.4 / 3 + 0.001, 1 / 3 + 0.001])
    assert found.loc["new", ["problems", "seeds", "better", "worse"]].tolist() == [3, 6, 2, 0]
    assert found.loc["new", "difference"] == pytest.approx(-0.6 / 3)
    assert found.loc["new", "less"] < -0.2 < found.loc["new", "more"]
    assert found.loc["new", "ms"] == 3.5
    # From 1 to 0.134 in 20 parts, at or below 0.334 from the 16th on.
    assert found.loc["new", "reaches"] == 0.8
    rival = league.against(chosen, "new").iloc[0]
    assert rival[["rival", "problems", "lower on", "higher on"]].tolist() == [RANDOM_ASHA, 3, 0, 2]
    assert rival["higher by"] == pytest.approx(0.2)
    assert rival[["surely lower on", "surely higher on"]].tolist() == [0, 2]
    assert rival["p"] == 0.5  # of the flips of 0.4, 0.2 and 0 half move the mean as far


def test_what_a_search_saves_and_loses_that_ends_at_its_first_settled_look(capsys: Any) -> None:
    """Of 100 epochs 40 and 50 are spent, for a regret that is 0.1 and 0.2 higher."""
    last = {"trials": 75, "epochs": 100, "regret": 0.1}
    first = {"trials": 30, "epochs": 20, "regret": 0.9, "gained": 0.3, "noise": 0.2, "given": 0.1}
    then = {"trials": 35, "gained": 0.15, "noise": 0.2, "given": 0.1}
    ends = [{"epochs": 40, "regret": 0.2}, {"epochs": 50, "regret": 0.3}]
    more = {"expected": 0.5}
    settled.show([{"looks": [first | more, then | more | end, last]} for end in ends])
    given, model, *_, fixed = capsys.readouterr().out.splitlines()
    assert given.startswith("gain < noise that is given: fired on 0 of 2 problems; saved 0%")
    assert model.startswith("gain < noise of the model: fired on 2 of 2 problems; saved 55%")
    assert "lost 0.150 of regret" in model
    assert fixed.startswith("50 trials: fired on 0 of 2 problems")


def test_what_a_search_takes_that_begins_with_earlier_ones(capsys: Any) -> None:
    """Half and an eighth of the epochs on one problem: a quarter; on the other it gives up a fifth
    above.
    """
    found = (("a", 50, 50), ("a", 12.5, 12.5), ("b", None, 120))
    warm.show(
        [
            {"problem": name, "cold": 100, "reached": reached, "spent": spent}
            for name, reached, spent in found
        ]
    )
    said = capsys.readouterr().out
    assert said.startswith("2 problems, 3 searches: 0.55 of the epochs, geometric mean")
    assert said.endswith("median 0.72; above 1.1 on 1 problems; never there in 1 searches\n")


def test_a_search_ends_with_its_budget_or_once_it_has_what_it_is_to_have() -> None:
    whole = warm.searched(PROBLEM, seed=0)
    assert len(whole.regrets) == PROBLEM.budget
    assert whole.regrets == sorted(whole.regrets, reverse=True), "a higher curve is so to its end"
    there = whole.reaches(0.5)
    assert there
    assert warm.searched(PROBLEM, seed=0, until=0.5).regrets == whole.regrets[:there]
    assert whole.reaches(-1.0) is None
