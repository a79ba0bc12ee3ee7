"""Searchers of the user's own, and those of Ray's libraries: asked, told, and built again."""

import importlib.util
import random
from pathlib import Path
from typing import Any

import pytest
from drawn_studies import BRANCHES, FEW, cut_off_anywhere, drawing
from inline_runs import run
from ray import tune
from ray.tune.search import Searcher

from tuning import Confirm, RayTune, StudyError


class HillClimber:
    """Steps from the best setting so far; what it was told and the number of the trial decide."""

    trials = 5

    def __init__(self) -> None:
        self.best: tuple[float, float] = (-1.0, 0.5)

    def ask(self, history: Any) -> Any:
        step = random.Random(len(history)).uniform(-0.3, 0.3)
        return {"x": min(1.0, max(0.0, self.best[1] + step)), "kind": "a"}

    def tell(self, trial: Any) -> None:
        self.best = max(self.best, (trial.score, trial.params["x"]))


class Bad(HillClimber):
    def __init__(self, **answers: Any) -> None:
        super().__init__()
        self.answers = answers

    def ask(self, history: Any) -> Any:
        if len(history) < 2:
            return super().ask(history)
        return self.answers["asked"] if "asked" in self.answers else history[7]

    def tell(self, trial: Any) -> None:
        if "told" in self.answers:
            raise self.answers["told"]


def test_a_searcher_of_the_users_own_learns_and_is_built_again(tmp_path: Path) -> None:
    study = drawing(HillClimber(), epochs=1)
    cut_off_anywhere(study, tmp_path)
    found = run(study, tmp_path / "again")
    assert found.trials["x"].tolist()[0] == pytest.approx(0.5 + random.Random(0).uniform(-0.3, 0.3))
    assert found.recorded["search"] == {
        "kind": "ownsearch",
        "own": "test_own_search.HillClimber",
        "trials": 5,
    }
    assert found.epochs["score"].max() > found.epochs["score"].iloc[0]


class Careless(HillClimber):
    """Works with what it is given as if that were its own, and gives one mapping again and again,
    as a searcher and as a scheduler.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: Any = {"x": 0.0, "kind": ["a"]}

    def ask(self, history: Any) -> Any:
        for trial in history:
            trial.params.clear()
        self.asked["x"] = len(history) / 10
        self.asked["kind"].append("b")
        return self.asked

    def tell(self, trial: Any) -> None:
        trial.params["kind"].append("told")

    def goes_on(self, trial: Any, epoch: int, value: float, history: Any) -> bool:
        trial.params["kind"].append("judged")
        return True


def test_what_it_is_given_is_its_own(tmp_path: Path) -> None:
    kinds = [["a", *["b"] * count] for count in range(1, 6)]
    study = drawing(
        Careless(),
        space={"x": tune.uniform(0.0, 1.0), "kind": kinds},
        scheduler=Careless(),
        confirm=Confirm(top=1, seeds=1),
        epochs=3,
    )
    done = run(study, tmp_path)
    assert done.trials["kind"].tolist() == [*kinds, kinds[-1]]
    assert done.trials["x"].tolist() == [0.0, 0.1, 0.2, 0.3, 0.4, 0.4]


def test_it_may_end_before_its_trials_are_used_up(tmp_path: Path) -> None:
    found = run(drawing(Bad(asked=None)), tmp_path)
    assert len(found.trials) == 2


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({}, r"search: Bad.ask raised IndexError: list index out of range \(test_own_search.py"),
        ({"asked": {"x": 7.0, "kind": "a"}}, "Bad.ask gave params .* x=7.0 is not in the space"),
        ({"asked": {"x": 0.1}}, "Bad.ask gave params .* has values for x; it needs"),
        ({"asked": "x"}, "Bad.ask gave params .* 'x' is no setting"),
        ({"told": KeyError("score")}, "search: Bad.tell raised KeyError: 'score'"),
    ],
)
def test_what_it_does_wrong_is_named_and_what_was_trained_stays(
    tmp_path: Path, answers: Any, words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        run(drawing(Bad(**answers)), tmp_path)
    (trials,) = tmp_path.glob("drawing/*/trials.jsonl")
    assert '"status":"completed"' in trials.read_text()


def test_it_must_say_how_many_trials_it_may_ask_for() -> None:
    class Endless:
        def ask(self, history: Any) -> Any: ...
        def tell(self, trial: Any) -> None: ...

    with pytest.raises(StudyError, match="search: trials=None must be a whole number, 1 or more"):
        drawing(Endless())


class Drawn(Searcher):
    """As a searcher of Ray's draws: with a random state of its own that nobody else sees."""

    def __init__(self, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.random, self.space, self.told = random.Random(seed), {}, []

    def set_search_properties(self, metric: Any, mode: Any, config: Any, **spec: Any) -> bool:
        if self.metric:
            return False
        self.space = config
        return True

    def suggest(self, trial_id: str) -> Any:
        shift = 0.1 * len(self.told)
        x = (self.random.random() + shift) % 1.0
        return {"x": x, "kind": self.random.choice(self.space["kind"].categories)}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        self.told.append(result["score"] if result else None)

    def save(self, checkpoint_path: str) -> None: ...
    def restore(self, checkpoint_path: str) -> None: ...


def test_a_searcher_of_rays_is_built_again(tmp_path: Path) -> None:
    search = RayTune(lambda seed: Drawn(seed), trials=5, seed=3)
    cut_off_anywhere(drawing(search, epochs=1), tmp_path)


def test_one_that_draws_otherwise_each_time_is_refused(tmp_path: Path) -> None:
    study = drawing(RayTune(lambda seed: Drawn(), trials=5))
    with pytest.raises(StudyError, match="Drawn draws other settings for the same seed"):
        run(study, tmp_path)


def test_one_that_has_a_metric_already_is_refused(tmp_path: Path) -> None:
    study = drawing(RayTune(lambda seed: Drawn(seed, metric="loss", mode="min"), trials=5))
    with pytest.raises(StudyError, match="has a space, a metric or a mode already"):
        run(study, tmp_path)


def test_an_object_in_place_of_a_function_is_refused() -> None:
    with pytest.raises(StudyError, match=r"RayTune takes a function .*seed: Drawn\("):
        drawing(RayTune(Drawn(1), trials=5))


def _hyperopt(seed: int) -> Any:
    from ray.tune.search.hyperopt import HyperOptSearch

    return HyperOptSearch(random_state_seed=seed, n_initial_points=3)


def _bayes(seed: int) -> Any:
    from ray.tune.search.bayesopt import BayesOptSearch

    return BayesOptSearch(random_state=seed, random_search_steps=2)


def _nevergrad(seed: int) -> Any:
    import nevergrad
    from ray.tune.search.nevergrad import NevergradSearch

    return NevergradSearch(optimizer=nevergrad.optimizers.OnePlusOne)


LIBRARIES = {"hyperopt": _hyperopt, "bayes_opt": _bayes, "nevergrad": _nevergrad}


@pytest.mark.slow
def test_hyperopt_over_branches_is_built_again(tmp_path: Path) -> None:
    if importlib.util.find_spec("hyperopt") is None:
        pytest.skip("the package hyperopt is not installed")
    study = drawing(RayTune(_hyperopt, trials=6), **BRANCHES, epochs=1)
    cut_off_anywhere(study, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("package", LIBRARIES)
def test_real_libraries_are_built_again(tmp_path: Path, package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"the package {package} is not installed")
    space = {} if package != "bayes_opt" else {"space": {"x": drawing(HillClimber()).space["x"]}}
    changes = {"epochs": 1, "trainable": _plain_curve, **space}
    cut_off_anywhere(drawing(RayTune(LIBRARIES[package], trials=6), **changes), tmp_path)


def _plain_curve(config: Any, seeds: Any, resume: Any = None) -> Any:
    yield {"epoch": 1, "score": [1 - (config["x"] - 0.3) ** 2] * len(seeds)}, 1


def test_few_settings_are_trained_once(tmp_path: Path) -> None:
    class Same(HillClimber):
        def ask(self, history: Any) -> Any:
            return {"kind": "a"}

        def tell(self, trial: Any) -> None: ...

    found = run(drawing(Same(), **FEW), tmp_path)
    assert len(found.trials) == 1
    assert len(found.repeated) == 4
