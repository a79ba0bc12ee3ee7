"""A trial ends itself by returning the reason: it is complete with its last epoch."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_runs import crash_after, prepared, run
from run_folders import Trial as Recorded
from run_folders import write_run
from small_studies import small_study

from analysis import load_run
from analysis.charts.curves import carried_on
from analysis.live.details import trial_details
from analysis.live.state import Watched
from analysis.records.follow import Follower
from analysis.report.build import write_report
from analysis.stats.cost import cost_table
from analysis.stats.fidelity import evidence
from analysis.stats.health import health_checks
from analysis.stats.search_trials import upfront_share
from analysis.stats.statuses import ended_themselves
from tuning import Asha, Recovery, Study
from tuning.engine.backends.inline import run_inline
from tuning.engine.one_trial import try_first
from tuning.engine.replay import replay
from tuning.engine.trial import iterate
from tuning.engine.yielded import NotReported
from tuning.mirrors.trial import MirroredTrial
from tuning.search.asha import AshaScheduler
from tuning.spec.study import Trial

REASON = "no improvement for 2 epochs"
TRIAL = Trial(id="0001", params={"slope": 2}, seeds=[0, 1])


def patient(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """score = slope * epoch, but never above ``top``; ends two epochs after it rose last."""
    state = resume or {"epoch": 0, "best": 0.0, "since": 0}
    for epoch in range(state["epoch"] + 1, config["epochs"] + 1):
        if state["since"] == 2:
            return REASON
        score = min(config["slope"] * epoch, config["top"])
        rose = score > state["best"]
        state = {
            "epoch": epoch,
            "best": max(score, state["best"]),
            "since": 0 if rose else state["since"] + 1,
        }
        yield {"epoch": epoch, "score": [score + seed / 100 for seed in seeds]}, dict(state)


def write_state(config: Any, state: Any, folder: Path) -> None:
    (folder / "state.json").write_text(json.dumps(state))


def patient_study(**changes: Any) -> Study:
    return small_study(patient, **{"fixed": {"top": 4.0}, "epochs": 6, **changes})


def test_it_is_complete_with_its_reason_and_its_last_epoch(tmp_path: Path) -> None:
    read = run(patient_study(export=write_state), tmp_path)
    facts = read.trials.set_index("slope")[["status", "epochs", "reason", "error"]]
    assert facts.astype(object).where(facts.notna(), None).to_numpy().tolist() == [
        ["completed", 6, None, None],  # 1, 2, 3, 4, 4, 4
        ["completed", 4, REASON, None],  # 2, 4, 4, 4
        ["completed", 4, REASON, None],  # 3, 4, 4, 4
    ]
    last = [json.loads(line) for line in read.paths.trials.read_text().splitlines()][-1]
    assert (last["status"], last["reason"], last["epochs"]) == ("completed", REASON, 4)
    assert read.versions["0002"] is not None
    assert ended_themselves(read) == (
        "2 completed trials ended before epoch 6, the last one (2 x no improvement"
        " for 2 epochs): at later epochs their last value counts."
    )
    # All end at 4.0, and the first of equals is the best: its weights are those of its last epoch.
    state = json.loads((read.paths.best / "state.json").read_text())
    assert state == {"epoch": 6, "best": 4.0, "since": 2}


def test_its_weights_are_kept_where_it_is_the_best(tmp_path: Path) -> None:
    read = run(patient_study(space={"slope": [3]}, export=write_state), tmp_path)
    state = json.loads((read.paths.best / "state.json").read_text())
    assert state == {"epoch": 4, "best": 4.0, "since": 2}


def test_the_report_tells_it(tmp_path: Path) -> None:
    read = run(patient_study(), tmp_path)
    write_report(read)
    assert "2 completed trials ended before epoch 6" in read.report.read_text()
    watched = Watched(read.paths.root)
    watched.refresh()
    assert trial_details(watched, watched.trials["0002"])["error"] == f"ended early: {REASON}"


def test_weights_and_biases_are_told_the_reason(tmp_path: Path) -> None:
    read = run(patient_study(), tmp_path)
    follower = Follower(read.paths, MirroredTrial)
    follower.look()
    assert follower.trials["0002"].end["reason"] == REASON
    assert "reason" not in follower.trials["0001"].end


def test_try_and_replay_follow_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = patient_study(space={"slope": [2]})
    assert try_first(study) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\nepoch ") == 4
    assert f"trial 0001 ended by itself before epoch 6: {REASON}" in captured.err
    read = run(study, tmp_path)
    epochs = list(replay(study, read, "0001"))
    assert [(each.epoch, each.differences) for each in epochs] == [(n, {}) for n in range(1, 5)]


def returns(returned: Any, epochs: int = 3) -> Any:
    def train(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        for epoch in range(1, epochs + 1):
            yield {"epoch": epoch, "score": [1.0] * len(seeds)}, None
        return returned

    return train


@pytest.mark.parametrize(
    ("trainable", "message"),
    [
        (returns(None), 'report the last one, or return the reason .* `return "no improvement'),
        (returns(3), "returned 3 before epoch 5, the last one: what it returns there is the reas"),
        (returns("  "), "returned ' ' before epoch 5"),
        (returns(REASON, epochs=0), "yielded nothing: it must yield"),
    ],
)
def test_what_is_no_reason_is_a_failure(trainable: Any, message: str) -> None:
    with pytest.raises(NotReported, match=message):
        list(iterate(small_study(trainable, epochs=5), TRIAL, {}))


@pytest.mark.parametrize("returned", [None, 3, REASON])
def test_what_is_returned_after_the_last_epoch_is_nothing(returned: Any, tmp_path: Path) -> None:
    read = run(small_study(returns(returned)), tmp_path)
    assert set(read.trials["status"]) == {"completed"}
    assert read.trials["reason"].isna().all()


@pytest.mark.parametrize("count", range(1, 22))
def test_a_crash_changes_nothing_of_it(count: int, tmp_path: Path) -> None:
    study = patient_study(recovery=Recovery(checkpoint_seconds=0.001))
    whole, paths = run(study, tmp_path / "whole"), prepared(study, tmp_path / "crashed")
    crashed = crash_after(count, study, paths)
    assert crashed == (count < 20)
    run_inline(study, paths)
    resumed = load_run(paths.root)
    rows = ["trial", "epoch", "seed", "score"]
    pd.testing.assert_frame_equal(resumed.epochs[rows], whole.epochs[rows])
    ends = ["trial", "status", "epochs", "reason"]
    pd.testing.assert_frame_equal(resumed.trials[ends], whole.trials[ends])


def test_a_trial_that_has_waited_long_enough_ends_where_it_goes_on(tmp_path: Path) -> None:
    study = patient_study(space={"slope": [3]})
    waited = {"epoch": 4, "best": 4.0, "since": 2}
    assert list(iterate(study, TRIAL, {}, resume=waited)) == []


def test_its_last_value_counts_at_later_rungs_also_after_a_crash() -> None:
    study = patient_study(epochs=9, scheduler=Asha(grace_period=2, reduction_factor=2))
    assert study.rungs == [2, 4, 8]
    live = AshaScheduler(study)
    for trial in ("a", "b"):
        for epoch in (1, 2, 3):
            assert live.goes_on(trial, epoch, 1.0)
        live.completed(trial)
    assert not live.goes_on("c", 4, 0.5), "behind both at rung 4, which neither reached"
    assert live.goes_on("d", 8, 1.0)
    records = records_of(study, {"a": 3, "b": 3})
    recalled = AshaScheduler(study, records)
    assert not recalled.goes_on("c", 4, 0.5)
    assert recalled.goes_on("d", 8, 1.0)


def records_of(study: Study, ends: dict[str, int]) -> Any:
    from tuning.runs.history import History

    history = History(study)
    for name, last in ends.items():
        trial = Trial(id=name, params={"slope": 1}, seeds=[0])
        history.begin(trial)
        for epoch in range(1, last + 1):
            row = {"epoch": epoch, "seconds": 0.1, "metrics": {"score": 1.0}}
            history.epoch(trial, row)
        history.end(trial, "completed")
    return history.phase("search")


def test_it_is_compared_by_its_last_value_and_the_epochs_it_did_without_are_saved(
    tmp_path: Path,
) -> None:
    study = patient_study(scheduler=Asha(grace_period=5, reduction_factor=3))
    read = run(study, tmp_path)
    assert evidence(read).stops == [5, 6]
    assert evidence(read).values[6].tolist() == pytest.approx([4.005, 4.005, 4.005])
    spent = cost_table(read).set_index(["phase", "status"]).loc[("search", "completed")]
    assert (spent["epochs"], spent["epochs_saved"]) == (14, 4)


def test_means_by_epoch_are_of_the_same_trials_throughout() -> None:
    epochs = pd.DataFrame(
        {
            "trial": ["a", "a", "a", "b", "b"],
            "epoch": [1, 2, 3, 1, 2],
            "seed": [0, 0, 0, 1, 1],
            "score": [1.0, 2.0, 3.0, 5.0, 6.0],
        }
    )
    means = carried_on(epochs).groupby("epoch")["score"].mean()
    assert means.to_dict() == {1: 3.0, 2: 4.0, 3: 4.5}
    pd.testing.assert_frame_equal(carried_on(epochs[:3]), epochs[:3])


@settings(max_examples=25)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_carrying_on_adds_no_value_of_its_own(lengths: list[int]) -> None:
    epochs = pd.DataFrame(
        [
            {"trial": str(number), "epoch": epoch, "score": number + epoch / 10}
            for number, length in enumerate(lengths)
            for epoch in range(1, length + 1)
        ]
    )
    grown = carried_on(epochs)
    assert len(grown) == len(lengths) * max(lengths)
    last = grown[grown["epoch"] == max(lengths)].set_index("trial")["score"]
    assert last.to_dict() == {
        str(number): number + length / 10 for number, length in enumerate(lengths)
    }


def test_epochs_that_an_earlier_attempt_reached_beyond_the_end_do_not_count(
    tmp_path: Path,
) -> None:
    read = run(patient_study(space={"slope": [2]}), tmp_path)
    beyond = json.loads(read.paths.epochs.read_text().splitlines()[-1]) | {"epoch": 5}
    with read.paths.epochs.open("a") as file:
        file.write(json.dumps(beyond) + "\n")
    again = load_run(read.paths.root)
    assert again.trials["status"].tolist() == ["completed"]
    assert again.epochs["epoch"].max() == 4


def untidy(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    try:
        for epoch in range(1, config["epochs"] + 1):
            yield (
                {"epoch": epoch, "score": [float("nan") if epoch == 2 else 1.0] * len(seeds)},
                None,
            )
    finally:
        raise OSError("the device is gone")


def test_what_a_trainable_raises_while_it_is_stopped_goes_to_the_log(tmp_path: Path) -> None:
    read = run(small_study(untidy), tmp_path)
    assert read.trials["status"].tolist() == ["diverged"] * 3
    log = read.paths.log("0002").read_text()
    assert "raised, while cleaning up" in log
    assert "OSError: the device is gone" in log


def timed(folder: Path, seconds: list[float]) -> Any:
    """A run of four trials that ended themselves, whose epochs took that long."""
    trials = [
        Recorded(params={"width": width}, epochs=[{"accuracy": 0.5}] * len(seconds))
        for width in (1, 2, 1, 2)
    ]
    write_run(folder, trials, epochs=9, scheduler={"kind": "asha", "rungs": [2]})
    rows = [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()]
    for row in rows:
        row["seconds"] = seconds[row["epoch"] - 1]
    (folder / "epochs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ends = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    ended = (json.dumps({**row, "reason": "done"}) + "\n" for row in ends)
    (folder / "trials.jsonl").write_text("".join(ended))
    return load_run(folder)


def test_nothing_is_saved_where_all_is_trained_before_the_first_epoch(tmp_path: Path) -> None:
    before = timed(tmp_path / "before", [8.0, 0.0001, 0.0001])
    assert upfront_share(before) == pytest.approx(8 / 8.0002)
    assert cost_table(before)[["epochs_saved", "seconds_saved"]].isna().all(axis=None)
    checks = health_checks(before).set_index("check")
    assert "saves nothing" in checks.loc["upfront", "finding"]
    assert checks.loc["upfront", "evidence"].startswith("100 % of the seconds")
    steady = timed(tmp_path / "steady", [8.0, 0.5, 0.5])
    assert upfront_share(steady) is None
    assert "upfront" not in set(health_checks(steady)["check"])
    assert cost_table(steady)["epochs_saved"].tolist() == [24, 24]
