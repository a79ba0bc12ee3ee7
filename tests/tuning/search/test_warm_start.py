"""Searches that begin with what earlier runs found."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import invoke
from drawn_studies import cut_off_anywhere, drawing, drawn
from inline_runs import crash_after, prepared, run
from ray import tune

import tuning
from analysis import Run, load_run, write_report
from analysis.records.load import RunPaths
from tuning import Asha, Grid, Optuna, StudyError
from tuning.engine.backends.inline import run_inline
from tuning.runs.earlier import EarlierRun, earlier_runs
from tuning.search import samplers
from tuning.search.optuna import OptunaSearcher
from tuning.search.process import Process, fitted, warmed
from tuning.spec.plan import plan_text

TOP = np.array([0.3, 0.6])


def hill(inputs: np.ndarray, top: np.ndarray = TOP) -> np.ndarray:
    return 1 - 4 * ((inputs - top) ** 2).sum(axis=1)


def known(sign: float = 1.0, top: np.ndarray = TOP) -> Process:
    """What a run of forty trials makes of the hill, or of what is its opposite."""
    inputs = np.random.default_rng(7).random((40, 2))
    return fitted(inputs, sign * hill(inputs, top), np.zeros(len(inputs)))


GRID = np.stack(np.meshgrid(*[np.linspace(0, 1, 21)] * 2), axis=-1).reshape(-1, 2)


def off(count: int, earlier: list[Process]) -> float:
    """The root mean square error of what is expected after so many values of the hill."""
    inputs = np.random.default_rng(count).random((count, 2))
    model = warmed(inputs, hill(inputs), np.zeros(len(inputs)), earlier)
    return float(np.sqrt(np.mean((model.predict(GRID) - hill(GRID)) ** 2)))


def test_what_an_earlier_run_found_is_expected_before_much_is_seen() -> None:
    assert off(3, [known()]) < off(3, []) / 3
    assert off(3, [known(), known(top=TOP + 0.1)]) < off(3, []) / 2


def test_what_disagrees_with_this_run_counts_for_nothing() -> None:
    """Three opposites: without a weight of their own each, one value in two would be theirs."""
    opposite = [known(-1.0)] * 3
    assert off(12, opposite) == pytest.approx(off(12, []), abs=0.02)
    assert off(12, [known(), *opposite]) < off(12, []) / 2, "the one that agrees still helps"


def earlier(tops: list[float], sign: float = 1.0) -> list[EarlierRun]:
    """Runs whose score is the highest at x of each of the tops, or the lowest."""
    at = np.linspace(0.0, 1.0, 21).tolist()
    return [
        EarlierRun(
            run=str(top),
            stops=[2, 4],
            trials=[({"x": x, "kind": "a"}, {4: sign * -((x - top) ** 2)}) for x in at],
        )
        for top in tops
    ]


@pytest.mark.parametrize(("mode", "sign"), [("max", 1.0), ("min", -1.0)])
def test_first_is_tried_what_is_good_in_all_runs_and_then_what_is_the_best_in_one(
    mode: Any, sign: float
) -> None:
    given = [{"x": 0.4, "kind": "bb"}]
    study = drawing(Optuna(trials=9, sampler="tpe", points_to_evaluate=given), mode=mode)
    searcher = OptunaSearcher(study, earlier=earlier([0.2, 0.8], sign))
    first = [trial.params["x"] for _ in range(3) if (trial := searcher.ask())]
    assert first[0] == 0.4, "what the study names comes before"
    assert first[1] == pytest.approx(0.5, abs=0.06)
    assert min(abs(first[2] - 0.2), abs(first[2] - 0.8)) < 0.06


def test_so_few_settings_of_theirs_are_tried_that_half_of_the_first_are_not() -> None:
    few = Optuna(trials=9, sampler="tpe", n_startup_trials=2)
    searcher = OptunaSearcher(drawing(few), earlier=earlier([0.25, 0.75]))
    first = [trial.params["x"] for _ in range(2) if (trial := searcher.ask())]
    assert [x in np.linspace(0.0, 1.0, 21) for x in first] == [True, False]


@pytest.fixture
def before(tmp_path: Path) -> Run:
    return run(drawing(Optuna(trials=8, sampler="tpe")), tmp_path / "before")


def warm(*runs: Run, **changes: Any) -> Any:
    folders = [str(each.paths.root) for each in runs]
    return drawing(Optuna(trials=8, n_startup_trials=2, warm_start=folders), **changes)


def test_a_run_keeps_what_it_begins_with_and_says_so(before: Run, tmp_path: Path) -> None:
    found = run(warm(before), tmp_path)
    best = before.epochs.loc[before.epochs["score"].idxmax(), "trial"]
    at = before.trials.set_index("trial")["x"][best]
    assert found.trials["x"][0] == at
    assert found.spec["earlier"] == [{"run": str(before.paths.root), "trials": 8}]
    said = f"begun with what 1 earlier run found: {before.paths.root} (8 trials)"
    assert said in write_report(found).read_text()


def test_a_search_that_goes_on_knows_the_same_without_the_earlier_run(
    before: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samplers, "WORTH", 1e9)
    study = warm(before)
    cut_off_anywhere(study, tmp_path / "each", step=7)
    whole, paths = run(study, tmp_path / "whole"), prepared(study, tmp_path / "again")
    assert whole.drawn["0008"]["by"] == "gp"
    crash_after(9, study, paths)
    shutil.rmtree(before.paths.root)
    run_inline(study, paths)
    assert drawn(load_run(paths.root)) == drawn(whole)


def test_without_its_copy_it_does_not_go_on(before: Run, tmp_path: Path) -> None:
    study = warm(before)
    paths = prepared(study, tmp_path)
    paths.earlier.unlink()
    with pytest.raises(StudyError, match=r"earlier\.jsonl, .*, is not in the folder"):
        run_inline(study, paths)


def test_runs_that_do_not_fit_are_refused_all_at_once(before: Run, tmp_path: Path) -> None:
    other = run(drawing(Optuna(trials=2), space={"kind": ["a", "bb"]}), tmp_path / "other")
    high = {"x": tune.uniform(2.0, 3.0), "kind": ["a", "bb"]}
    outside = run(drawing(Optuna(trials=2), space=high), tmp_path / "high")
    study = warm(before, before, other, outside)
    lacking = drawing(Optuna(trials=8, warm_start=[*study.search.warm_start, "nowhere"]))
    with pytest.raises(StudyError) as refused:
        prepared(lacking, tmp_path / "new")
    assert refused.value.problems == [
        f"search: warm_start: {other.paths.root}: its parameters are kind, here x, kind.",
        f"search: warm_start: {outside.paths.root}: none of its trials has a value and is a"
        " setting that this study may try.",
        f"search: warm_start: {Path('nowhere').resolve()} is no run folder: it has no study.json."
        " Give the folder that `study run` printed last.",
        f"search: warm_start: {before.paths.root} is given more than once.",
    ]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"mode": "min"}, "its mode is max, here min"), ({"metric": "loss"}, "its metric is score")],
)
def test_the_goal_must_be_the_same(before: Run, changes: Any, why: str) -> None:
    with pytest.raises(StudyError, match=why):
        earlier_runs(warm(before, **changes))


def test_what_lies_outside_of_the_space_and_what_was_confirmed_are_left_out(before: Run) -> None:
    x = before.trials["x"]
    low = {"x": tune.uniform(0.0, float(x.median())), "kind": ["a", "bb"]}
    found = earlier_runs(warm(before, space=low))[0]
    assert [each["x"] for each, _ in found.trials] == x[x <= x.median()].tolist()


def test_of_curves_the_epochs_are_kept_at_which_this_run_compares(tmp_path: Path) -> None:
    long = run(drawing(Optuna(trials=2, sampler="tpe"), epochs=40), tmp_path)
    study = warm(long, epochs=20, scheduler=Asha(grace_period=2, reduction_factor=3))
    found = earlier_runs(study)[0]
    assert found.stops == [4, 12, 36, 40]
    assert [list(scores) for _, scores in found.trials] == [found.stops] * 2


def test_it_is_an_override_of_searches_by_optuna_alone() -> None:
    study = drawing(Optuna(trials=3)).override({"warm_start": ["results/a"]})
    assert study.search.warm_start == ["results/a"]
    assert study.search.record()["warm_start"] == ["results/a"]
    assert "warm_start" not in drawing(Optuna(trials=3)).search.record()
    with pytest.raises(StudyError, match="only a search that learns by Optuna begins with"):
        drawing(Grid(), space={"kind": ["a"]}).override({"warm_start": ["results/a"]})
    with pytest.raises(StudyError, match="must be a list of folders of runs"):
        drawing(Optuna(trials=3, warm_start="results/a"))


def test_both_doors_take_earlier_runs(before: Run, tmp_path: Path) -> None:
    study = drawing(Optuna(trials=2))
    found = tuning.run(study, results=tmp_path, backend="inline", warm_start=[before])
    assert found.spec["overrides"] == {"warm_start": [str(before.paths.root)]}
    assert "begun with 1 earlier run" in plan_text(study.override(found.spec["overrides"]))
    file = tmp_path / "mine.py"
    file.write_text(
        "from drawn_studies import drawing\n"
        "from tuning import Optuna\n\n"
        "study = drawing(Optuna(trials=2))\n"
    )
    results = str(tmp_path / "no")
    refused = invoke("run", str(file), "--warm-start", "nowhere", "--results", results)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: search: warm_start: ")
    assert len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "no").exists()


def test_the_file_is_plain_json(before: Run, tmp_path: Path) -> None:
    paths: RunPaths = prepared(warm(before), tmp_path)
    rows = [json.loads(line) for line in paths.earlier.read_text().splitlines()]
    assert [row["run"] for row in rows] == [str(before.paths.root)]
    assert {*rows[0]["trials"][0][1]} == {"2"}, "the last epoch: there are no rungs"
