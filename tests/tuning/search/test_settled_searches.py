"""Searches that end once they are settled: when, what is recorded of it, and that a crash changes
nothing.
"""

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import launching
import pytest
from drawn_studies import cut_off_anywhere
from inline_runs import crash_after, prepared, run
from ray import tune

import tuning
from analysis import Run, load_run, write_report
from analysis.records.settled import settled_sentence
from tuning import Asha, Confirm, Folds, Optuna, Random, Study, StudyError, merge
from tuning.engine.launch import run_study
from tuning.runs.history import History
from tuning.search import settled
from tuning.search.settled import noise_of
from tuning.spec import optuna_search
from tuning.spec.plan import plan_text


def bowl(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """``sign`` times how far below ``height`` the setting is, with ``noise`` from setting and seed;
    where b is above 0.9 it raises or diverges.
    """
    for epoch in range(resume + 1 if resume else 1, config["epochs"] + 1):
        if config["b"] > 0.9 and config.get("raises"):
            raise RuntimeError("too much of b")
        score = [
            config.get("sign", 1) * -config.get("height", 0.0) * distance(config)
            + config.get("noise", 0.0) * random.Random(f"{config['a']}/{seed}").gauss(0, 1)
            for seed in seeds
        ]
        lost = config["b"] > 0.8 and config.get("raises")
        yield {"epoch": epoch, "score": [math.nan] if lost else score}, epoch


def distance(config: Any) -> float:
    return sum((config[key] - 0.3) ** 2 for key in "ab")


def searching(search: Any = None, **changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "settles",
        "question": "Is there more to gain?",
        "trainable": bowl,
        "space": {"a": tune.uniform(0.0, 1.0), "b": tune.uniform(0.0, 1.0)},
        "search": search or Optuna(trials=40, sampler="tpe", until_settled=True),
        "metric": "score",
        "epochs": 1,
        "seeds": 1,
        "fixed": {"noise": 1.0},
    }
    return Study(**values | changes)


@pytest.mark.parametrize("mode", ["max", "min"])
def test_a_search_among_noise_ends_early_and_says_so(tmp_path: Path, mode: Any) -> None:
    study = searching(mode=mode, confirm=Confirm(top=1, seeds=3))
    found = run(study, tmp_path)
    facts, phases = found.settled, found.trials["phase"].value_counts().to_dict()
    assert facts
    assert facts["trials"] == phases["search"] == found.spec["trials"] < 40
    assert facts["planned"] == 40
    assert 0 <= facts["gain"] < facts["noise"]
    assert 0.5 < facts["noise"] < 2.0, "the noise is 1"
    assert facts["by"] == "model"
    assert phases["confirm"] == 3
    assert set(found.trials["status"]) == {"completed"}
    page = write_report(found).read_text()
    assert f"settled after {facts['trials']} of 40 trials" in page
    assert "This run is not complete" not in page


@pytest.mark.parametrize("mode", ["max", "min"])
def test_a_search_that_can_gain_more_than_the_noise_goes_on(tmp_path: Path, mode: Any) -> None:
    """Of 24 settings drawn at random each of the last 20 may be the best."""
    sign = 1 if mode == "max" else -1
    for noise, ends in ((1e-9, False), (1e3, True)):
        study = searching(
            Optuna(trials=36, n_startup_trials=4, sampler="tpe", until_settled=noise),
            fixed={"height": 100.0, "sign": sign},
            mode=mode,
        )
        found = run(study, tmp_path)
        assert (found.settled is not None) == ends
        assert len(found.trials) == (25 if ends else 36)
        assert not ends or (found.settled or {})["by"] == "given"


def test_a_crash_after_any_row_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (settled, optuna_search):
        monkeypatch.setattr(module, "RECENT", 4)
    search = Optuna(trials=12, n_startup_trials=3, sampler="tpe", until_settled=9.0)
    study = searching(search, epochs=3, scheduler=Asha(grace_period=1, reduction_factor=2))
    assert len(run(study, tmp_path / "once").trials) == 10
    cut_off_anywhere(study, tmp_path, step=3)


def test_trials_that_were_underway_end_as_at_the_end_of_any_search(tmp_path: Path) -> None:
    search = Optuna(trials=60, sampler="tpe", until_settled=9.0)
    rule = Asha(grace_period=1, reduction_factor=3)
    fixed = {"noise": 1.0, "raises": True}
    found = run(searching(search, epochs=9, scheduler=rule, fixed=fixed), tmp_path)
    assert found.settled
    assert found.settled["trials"] == len(found.trials) < 60
    assert set(found.trials["status"]) == {"completed", "pruned", "failed", "diverged"}
    assert (found.trials["status"] == "completed").sum() >= 1


def test_a_settled_run_goes_on_with_more_trials_alone(tmp_path: Path) -> None:
    study = searching(Optuna(trials=40, sampler="tpe", until_settled=9.0))
    found = run(study, tmp_path)
    again = tuning.resume(found.paths.root, study, backend="inline")
    assert len(again.trials) == len(found.trials) == 30
    more = tuning.extend(found.paths.root, study, trials=7, backend="inline")
    assert len(more.trials) == 40, "37 at the least, looked at after 40"
    assert more.settled is not None
    assert more.settled["planned"] == 47
    assert [more.spec["trials"], more.recorded["trials"]] == [40, 47]
    assert settled_sentence(load_run(found.paths.root)).startswith(
        "the search was settled after 40 of 47 trials: the last 20 gained "
    )


@pytest.mark.slow
@pytest.mark.usefixtures("private_ray")
def test_a_search_on_ray_ends_early_and_stays_settled_when_it_is_resumed(tmp_path: Path) -> None:
    study = searching(Optuna(trials=60, sampler="tpe", until_settled=9.0))
    found = launching.run(study, tmp_path)
    assert found.settled is not None
    assert found.settled["trials"] == len(found.trials) < 60
    assert set(found.trials["status"]) == {"completed"}
    run_study(study, found.paths)
    again = load_run(found.paths.root)
    assert again.settled == found.settled
    assert again.trials["trial"].tolist() == found.trials["trial"].tolist()


@pytest.mark.slow
@pytest.mark.usefixtures("private_ray")
def test_a_search_on_ray_that_was_cut_off_ends_early_once_it_is_resumed(tmp_path: Path) -> None:
    study = searching(Optuna(trials=60, sampler="tpe", until_settled=9.0))
    paths = prepared(study, tmp_path)
    assert crash_after(25, study, paths)
    assert load_run(paths.root).settled is None
    run_study(study, paths)
    again = load_run(paths.root)
    assert again.settled is not None
    assert again.settled["trials"] == len(again.trials) < 60


def history_of(study: Study, tmp_path: Path) -> History:
    return History.of(study, run(study, tmp_path))


def test_the_noise_is_what_is_known_of_it(tmp_path: Path) -> None:
    """Of 3 seeds in 6 settings, each the number of its seed: deviation 1, of a mean 1 / sqrt(3)."""

    def by_seed(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        yield {"epoch": 1, "score": [float(seed) for seed in seeds]}, None

    search = Optuna(trials=6, sampler="tpe", until_settled=True)
    several = searching(search, trainable=by_seed, seeds=3)
    history = history_of(several, tmp_path)
    assert noise_of(several, history) == (pytest.approx(1 / math.sqrt(3)), "seeds")
    given = searching(Optuna(trials=6, until_settled=0.25), trainable=by_seed, seeds=3)
    assert noise_of(given, history) == (0.25, "given")
    folds = searching(search, trainable=by_seed, seeds=Folds(3))
    assert noise_of(folds, history) is None
    single = searching(search, trainable=by_seed, confirm=Confirm(top=4, seeds=4))
    assert noise_of(single, history_of(single, tmp_path)) == (
        pytest.approx(math.sqrt(5 / 3)),  # of 1, 2, 3 and 4
        "confirmation",
    )
    few = searching(search, trainable=by_seed, confirm=Confirm(top=2, seeds=3))
    assert noise_of(few, history_of(few, tmp_path)) is None


@pytest.mark.parametrize("value", [0, -1.0, math.inf, math.nan, "yes", None])
def test_what_is_no_noise_is_refused(value: Any) -> None:
    with pytest.raises(StudyError, match=r"until_settled=.* must be True, False, or what seeds"):
        searching(Optuna(trials=40, until_settled=value))


def test_a_search_at_random_has_no_such_field() -> None:
    with pytest.raises(StudyError, match="until_settled"):
        Random(trials=40, until_settled=True)  # type: ignore[call-arg]


def test_the_plan_says_that_the_search_may_end_before() -> None:
    text = plan_text(searching())
    assert "30 trials at the least" in text
    assert "30 to 40 trials" in text


def test_a_run_that_is_merged_of_settled_ones_is_settled(tmp_path: Path) -> None:
    """One that is merged of a run that goes on is not."""

    def searched(seed: int, noise: float) -> Run:
        search = Optuna(trials=40, sampler="tpe", until_settled=noise, seed=seed)
        return run(searching(search), tmp_path)

    first, second = searched(0, 9.0), searched(1, 9.0)
    merged = merge(first, second, results=tmp_path)
    trials = len(first.phase("search").trials) + len(second.phase("search").trials)
    assert merged.settled is not None
    assert (merged.settled["trials"], merged.settled["planned"]) == (trials, 80)
    assert merged.settled["gain"] == max(first.settled["gain"], second.settled["gain"])
    assert settled_sentence(merged).startswith(f"the search was settled after {trials} of 80")
    assert "was settled after" in merged.report.read_text()
    second.paths.answers.write_text("")
    assert merge(first, load_run(second.paths.root), results=tmp_path).settled is None
