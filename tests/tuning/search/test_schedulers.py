"""Which trials are ended early: by brackets, by the median, by patience, by the user's own rule."""

from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest
from drawn_studies import cut_off_anywhere, drawing
from inline_runs import run
from ray.tune.schedulers import ASHAScheduler, HyperBandForBOHB, MedianStoppingRule
from ray.tune.schedulers import PopulationBasedTraining as Population

from analysis import write_report
from tuning import Asha, Confirm, Hyperband, Median, Optuna, Patience, Random, Study, StudyError
from tuning.runs.history import History, TrialRecord
from tuning.spec.plan import plan_text
from tuning.spec.study import Trial


def crossing(config: Any, seeds: Any, resume: Any = None) -> Any:
    """Curves that rise at different paces, to a top after which they fall again."""
    x = config["x"]
    for epoch in range((resume or 0) + 1, config["epochs"] + 1, config.get("step", 1)):
        top = 2 + 6 * x
        score = x * (1 - 0.7 ** min(epoch, top)) - 0.01 * max(0, epoch - top)
        yield {"epoch": epoch, "score": [score + seed / 1000 for seed in seeds]}, epoch


class Third:
    """Stops who is not among the best two of those that have a value at the epoch."""

    def goes_on(self, trial: Any, epoch: int, value: float, history: Any) -> bool:
        assert trial.scores[epoch] == value
        assert max(trial.scores) == epoch
        better = [each for each in history if each.scores.get(epoch, -1) > value]
        return len(better) < 2


SCHEDULERS = {
    "asha": Asha(grace_period=2, reduction_factor=2),
    "hyperband": Hyperband(grace_period=1, reduction_factor=3),
    "median": Median(grace_period=2, min_trials=2),
    "every other": Median(grace_period=2, min_trials=2, interval=2),
    "patience": Patience(patience=2),
    "own": Third(),
}


def stopping(scheduler: Any, **changes: Any) -> Study:
    values = {"trainable": crossing, "epochs": 10, "search": Random(trials=7, seed=1)}
    return drawing(**values | changes, scheduler=scheduler)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_decisions_are_built_again_after_a_crash_at_any_row(tmp_path: Path, name: str) -> None:
    study = stopping(SCHEDULERS[name], search=Random(trials=5, seed=1), epochs=7)
    cut_off_anywhere(study, tmp_path, step=3)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_reaches_a_report_and_a_plan(tmp_path: Path, name: str) -> None:
    study = stopping(
        SCHEDULERS[name], search=Optuna(trials=12, n_startup_trials=4), confirm=Confirm(top=1)
    )
    assert "scheduler " in plan_text(study)
    found = run(study, tmp_path)
    ended = found.phase("search").trials
    assert (ended["epochs"] < 10).any(), "some were ended early"
    assert set(ended["status"]) <= {"completed", "pruned"}
    assert ended.loc[ended["status"] == "pruned", "rung"].tolist() == (
        ended.loc[ended["status"] == "pruned", "epochs"].tolist()
    )
    assert "stopped early by" in write_report(found).read_text()


@pytest.mark.parametrize(("mode", "step"), [("max", 1), ("min", 1), ("max", 3)])
def test_the_median_rule_is_that_of_vizier(tmp_path: Path, mode: Any, step: int) -> None:
    rule = Median(grace_period=2, min_trials=3)
    space = {"x": stopping(rule).space["x"]}
    changes = {"mode": mode, "fixed": {"step": step}, "space": space, "confirm": None}
    found = run(stopping(rule, **changes, search=Random(trials=12, seed=4)), tmp_path)
    sign = 1 if mode == "max" else -1
    values = found.epochs.assign(score=sign * found.epochs["score"])
    curves = {name: rows.set_index("epoch")["score"] for name, rows in values.groupby("trial")}
    seen: dict[str, Any] = {}
    for row in found.trials.to_dict("records"):
        curve, worse = curves[row["trial"]], []
        for epoch in curve.index:
            others = [mean(each[:epoch]) for each in seen.values() if epoch in each.index]
            if 2 <= epoch < 10 and len(others) >= 3 and max(curve[:epoch]) < median(others):
                worse.append(epoch)
        assert worse == ([row["rung"]] if row["status"] == "pruned" else [])
        seen[row["trial"]] = curve
    assert "pruned" in set(found.trials["status"])


def test_hyperband_deals_trials_to_brackets_as_the_paper_does() -> None:
    rule = Hyperband(grace_period=1, reduction_factor=3)
    assert [each.rungs(27) for each in rule.brackets(27)] == [[1, 3, 9], [3, 9], [9], []]
    # Li et al. 2018, table 1, eta = 3: 27, 12, 6 and 4 of R = 27.
    assert rule.shares(27) == pytest.approx([27 / 49, 12 / 49, 6 / 49, 4 / 49])
    scheduler = rule.scheduler(stopping(rule, epochs=27))
    dealt = [scheduler.bracket(f"{number:04}") for number in range(1, 50)]
    assert [dealt.count(bracket) for bracket in range(4)] == [27, 12, 6, 4]
    assert scheduler.bracket("0001") == dealt[0], "by its number alone"


def test_trials_of_other_brackets_do_not_count(tmp_path: Path) -> None:
    found = run(stopping(Hyperband(reduction_factor=2), search=Random(trials=30)), tmp_path)
    scheduler = Hyperband(reduction_factor=2).scheduler(stopping(Hyperband(reduction_factor=2)))
    allowed = [set(each.rungs(10)) for each in Hyperband(reduction_factor=2).brackets(10)]
    pruned = found.trials[found.trials["status"] == "pruned"]
    brackets = [scheduler.bracket(name) for name in pruned["trial"]]
    assert len(set(brackets)) >= 3
    for bracket, rung in zip(brackets, pruned["rung"], strict=True):
        assert rung in allowed[bracket]


def test_patience_completes_a_trial_and_its_best_network_is_kept(tmp_path: Path) -> None:
    from searched_studies import write_weights

    from tuning import Task

    def weights(config: Any, seeds: Any, resume: Any = None) -> Any:
        for metrics, epoch in crossing(config, seeds, (resume or {}).get("epoch")):
            yield metrics, {"epoch": epoch, "total": [epoch]}

    task = Task(train=weights, export=write_weights)
    found = run(stopping(Patience(patience=2), trainable=task, confirm=None), tmp_path)
    ends = [row for row in _rows(found.paths.trials) if row["status"] != "running"]
    early = [row for row in ends if row["epochs"] < 10]
    assert early
    for row in ends:
        values = found.epochs[found.epochs["trial"] == row["trial"]]["score"].tolist()
        best = values.index(max(values)) + 1
        assert row["status"] == "completed"
        assert row["epochs"] == min(10, best + 2)
        assert row.get("reason") == ("no improvement for 2 epochs" if row in early else None) or (
            row["epochs"] == 10
        )
    last = found.epochs.groupby("trial")["score"].last()
    exported = (found.paths.best / "weights.json").read_text()
    assert exported == f"[{found.trials.set_index('trial')['epochs'][last.idxmax()]}]"


def ended_early(study: Study, scores: dict[str, list[float]]) -> list[TrialRecord]:
    """Trials that ended themselves after their last score."""
    history = History(study)
    for name, values in scores.items():
        trial = Trial(id=name, params={"x": 0.5}, seeds=[0])
        history.begin(trial)
        for epoch, score in enumerate(values, start=1):
            history.epoch(trial, {"epoch": epoch, "seconds": 0.1, "metrics": {"score": score}})
        history.end(trial, "completed")
    return list(history.phase("search"))


@pytest.mark.parametrize("recalled", [False, True])
@pytest.mark.parametrize(
    ("scheduler", "score"),
    [
        (Hyperband(grace_period=4, reduction_factor=2), 2.0),
        # Means up to epoch 4: (1 + 3 + 3 + 3) / 4 and (2 + 4 + 4 + 4) / 4, whose median is 3.
        (Median(grace_period=4, min_trials=2), 2.9),
        (Third(), 2.9),
    ],
)
def test_the_last_value_of_a_trial_that_ended_itself_counts_later(
    scheduler: Any, score: float, recalled: bool
) -> None:
    # In Hyperband all of these are of the first bracket.
    study, ended = stopping(scheduler), {"0001": [1.0, 3.0], "0004": [2.0, 4.0]}
    past = ended_early(study, ended)
    assert study.scheduler
    rule = study.scheduler.scheduler(study, past if recalled else ())
    for name, values in {} if recalled else ended.items():
        for epoch, value in enumerate(values, start=1):
            assert rule.judge(Trial(id=name, params={}, seeds=[0]), epoch, value) is None
        rule.completed(name)
    worse, better = (Trial(id=name, params={}, seeds=[0]) for name in ("0007", "0010"))
    assert rule.judge(worse, 4, score) == {"status": "pruned", "rung": 4}
    assert rule.judge(better, 4, 5.0) is None


def _rows(path: Path) -> list[dict[str, Any]]:
    import json

    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda *given: 1 / 0, "scheduler: Rule.goes_on raised ZeroDivisionError"),
        (lambda *given: None, "Rule.goes_on returned None; it must say True or False"),
    ],
)
def test_what_an_own_rule_does_wrong_is_named(tmp_path: Path, answer: Any, words: str) -> None:
    class Rule:
        def goes_on(self, *given: Any) -> Any:
            return answer(*given)

    with pytest.raises(StudyError, match=words):
        run(stopping(Rule()), tmp_path)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (ASHAScheduler(), r"is not of this package: give Asha\(grace_period"),
        (HyperBandForBOHB(), r"give Hyperband\("),
        (MedianStoppingRule(), r"give Median\("),
        (Population(hyperparam_mutations={"x": [1, 2]}), "population-based training, .* not part"),
        ("pbt", "population-based training"),
        (Asha, r"must be Asha\(\), Hyperband\(\), Median\(\), Patience\(\), an object"),
        (Median(grace_period=10), "grace_period=10 must be below epochs=10"),
        (Median(min_trials=0), "scheduler: min_trials=0 must be a whole number, 1 or more"),
        (Median(interval="2"), "scheduler: interval='2' must be"),
        (Patience(patience=0), "scheduler: patience=0 must be a whole number"),
        (Patience(min_delta=float("nan")), "scheduler: min_delta=nan must be a number"),
        (Hyperband(reduction_factor=1), "scheduler: reduction_factor=1 must be"),
    ],
)
def test_a_scheduler_that_is_none_is_refused(given: Any, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        stopping(given)


def test_a_searcher_of_rays_or_a_sampler_of_optunas_is_named_with_ours() -> None:
    from optuna.samplers import GPSampler
    from ray.tune.search.optuna import OptunaSearch

    with pytest.raises(StudyError, match=r"give RayTune\(lambda seed: OptunaSearch\(\.\.\.\)"):
        drawing(OptunaSearch())
    with pytest.raises(StudyError, match="sampler=lambda seed: GPSampler"):
        drawing(GPSampler())
