"""Real trials on a real Ray: what ends up in the run folder."""

import dataclasses
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_studies import dies_at_two, diverges_at_two, raises_at_two, reports_none_at_two, scores, small_study

from analysis import Run, load_run
from cluster.own_folders import OWNER
from cluster.processes import us
from trainables import xor
from tuning.catalog import find_study
from tuning.launch import Outcome, run_study
from tuning.prepare import prepare_run
from tuning.study import Asha, Confirm, Resources, Study, StudyError


class Quiet:
    """A listener that only remembers."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []

    def epoch(self, trial: Any, row: Any) -> None: ...

    def end(self, trial: Any, status: str, error: str | None) -> None:
        self.ended.append((trial.id, status))


pytestmark = pytest.mark.usefixtures("private_ray")


def run(study: Study, results: Path) -> tuple[Outcome, Run]:
    paths = prepare_run(study, results, overrides={}, command=["study", "run", "a b"])
    outcome = run_study(study, paths, Quiet())
    return outcome, load_run(paths.root)


def test_every_epoch_of_every_seed_is_recorded_once(tmp_path: Path) -> None:
    outcome, read = run(small_study(space={"slope": [1, 2, 3], "other": ["x", None]}, seeds=[4, 9, 2], seeds_per_trial=2), tmp_path)
    assert set(outcome.statuses.values()) == {"completed"}
    assert len(read.trials) == 12
    assert read.trials["epochs"].tolist() == [3] * 12
    merged = read.epochs.merge(read.trials[["trial", "slope"]], on="trial")
    assert len(merged) == 6 * 3 * 3
    assert not merged.duplicated(["trial", "epoch", "seed"]).any()
    expected = merged["slope"] * merged["epoch"] + merged["seed"] / 100
    assert merged["score"].tolist() == expected.tolist()
    assert merged["parameters"].eq(3).all()


def test_study_json_says_what_was_run(tmp_path: Path) -> None:
    study = find_study("xor_width_depth").override({"width": 2, "depth": [0, 1], "points": 50, "epochs": 2, "seeds": 3})
    _, read = run(study, tmp_path)
    spec = read.spec
    assert spec["space"] == {"width": {"values": [2]}, "depth": {"values": [0, 1]}}
    assert (spec["metric"], spec["mode"], spec["epochs"], spec["seeds"], spec["trials"]) == ("accuracy", "max", 2, [0, 1, 2], 2)
    assert spec["data"] == xor.describe(study.config({}))
    assert spec["command"] == "study run 'a b'"
    assert spec["trainable"] == "trainables.xor.train"
    assert {"ray", "torch"} <= set(spec["provenance"]["packages"])
    assert spec["published"]["runs"] == 3


def test_a_trial_equals_the_same_trainable_called_by_hand(tmp_path: Path) -> None:
    study = find_study("xor_width_depth").override({"width": [2, 3], "depth": 1, "epochs": 3, "seeds": 5})
    _, read = run(study, tmp_path)
    for trial in study.trials():
        by_hand = [metrics for metrics, _ in xor.train(study.config(trial.config), trial.seeds)]
        rows = read.epochs[read.epochs["trial"] == trial.id]
        assert rows["accuracy"].tolist() == [value for metrics in by_hand for value in metrics["accuracy"]]
        assert read.arrays(trial.id)["surface"].tolist() == by_hand[-1]["arrays"]["surface"].tolist()


def test_reused_processes_give_what_a_fresh_one_gives(tmp_path: Path) -> None:
    study = find_study("xor_width_depth").override({"width": [3], "depth": [1], "epochs": 3, "seeds": 40})
    many = small_study(xor.train, space={"width": [3], "depth": [1]}, fixed=study.fixed, metric="accuracy", seeds=40, seeds_per_trial=1)
    _, one_process = run(study, tmp_path)
    _, reused = run(many, tmp_path)
    columns = ["epoch", "seed", "accuracy"]
    order = ["seed", "epoch"]
    expected = one_process.epochs.sort_values(order)[columns].values.tolist()
    assert reused.epochs.sort_values(order)[columns].values.tolist() == expected


def test_a_trial_that_raises_is_failed_with_its_traceback_and_the_others_go_on(tmp_path: Path) -> None:
    outcome, read = run(small_study(raises_at_two), tmp_path)
    assert dict(zip(read.trials["slope"], read.trials["status"], strict=True)) == {1: "completed", 2: "failed", 3: "completed"}
    failed = read.trials[read.trials["slope"] == 2].iloc[0]
    assert "RuntimeError: slope two is too steep" in failed["error"]
    assert "in raises_at_two" in failed["error"]
    assert failed["epochs"] == 1
    assert outcome.statuses[failed["trial"]] == "failed"


def names_no_text(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    yield from scores(config | {"epochs": 1}, seeds)
    raise ValueError(f"{os.fsdecode(b'caf' + bytes([0xE9]))} is no picture")


def test_an_error_that_names_a_file_in_another_encoding_can_be_read_again(tmp_path: Path) -> None:
    _, read = run(small_study(names_no_text, retries=0), tmp_path)
    assert read.trials["status"].tolist() == ["failed"] * 3
    assert read.trials["error"][0].endswith("ValueError: caf? is no picture\n")


def test_a_trial_whose_process_dies_is_failed_and_the_others_go_on(tmp_path: Path) -> None:
    _, read = run(small_study(dies_at_two), tmp_path)
    assert dict(zip(read.trials["slope"], read.trials["status"], strict=True)) == {1: "completed", 2: "failed", 3: "completed"}
    assert read.trials[read.trials["slope"] == 2].iloc[0]["error"].strip()


def test_a_non_finite_metric_ends_the_trial_as_diverged(tmp_path: Path) -> None:
    _, read = run(small_study(diverges_at_two), tmp_path)
    assert dict(zip(read.trials["slope"], read.trials["status"], strict=True)) == {1: "completed", 2: "diverged", 3: "completed"}
    diverged = read.trials[read.trials["slope"] == 2].iloc[0]
    assert diverged["error"] == "score became non-finite at epoch 2"
    last = read.epochs[(read.epochs["trial"] == diverged["trial"]) & (read.epochs["epoch"] == 2)]
    assert last["score"].isna().tolist() == [True, False]
    assert "NaN" not in (read.paths.epochs.read_text())


def test_a_trial_that_reports_nonsense_once_fails_and_the_others_go_on(tmp_path: Path) -> None:
    _, read = run(small_study(reports_none_at_two), tmp_path)
    assert dict(zip(read.trials["slope"], read.trials["status"], strict=True)) == {1: "completed", 2: "failed", 3: "completed"}
    failed = read.trials[read.trials["slope"] == 2].iloc[0]
    assert failed["error"] == "metric 'score' is None, not a number or one number per seed"
    assert (failed["attempt"], failed["epochs"]) == (1, 1)


def ends_after_one(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    yield from scores(config | ({"epochs": 1} if config["slope"] == 2 else {}), seeds)


def test_a_trial_that_ends_early_fails_and_the_others_go_on(tmp_path: Path) -> None:
    _, read = run(small_study(ends_after_one), tmp_path)
    assert dict(zip(read.trials["slope"], read.trials["status"], strict=True)) == {1: "completed", 2: "failed", 3: "completed"}
    failed = read.trials[read.trials["slope"] == 2].iloc[0]
    assert failed["error"] == "the trainable ended after epoch 1 of 3: it may leave epochs out, but must yield the last one."
    assert (failed["attempt"], failed["epochs"]) == (1, 1)


def misreports_when_confirmed(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, state in scores(config, seeds):
        yield ({**metrics, "score": None} if config["test"] else metrics), state


def test_nonsense_in_the_confirmation_fails_its_trials_and_not_a_study_that_has_recorded_epochs(tmp_path: Path) -> None:
    _, read = run(small_study(misreports_when_confirmed, confirm=Confirm(top=2, seeds=1)), tmp_path)
    assert read.phase("search").trials["status"].tolist() == ["completed"] * 3
    assert read.phase("confirm").trials["status"].tolist() == ["failed"] * 2


def test_a_metric_that_is_never_reported_stops_the_study_at_the_first_epoch(tmp_path: Path) -> None:
    study = small_study(scores, metric="scroe", space={"slope": list(range(50))})
    paths = prepare_run(study, tmp_path, overrides={}, command=["study"])
    with pytest.raises(StudyError, match="does not report 'scroe'; did you mean 'score'"):
        run_study(study, paths, Quiet())
    read = load_run(paths.root)
    assert len(read.trials) < 50
    assert read.epochs.empty


def test_a_request_that_no_node_can_meet_is_refused(tmp_path: Path) -> None:
    study = small_study(resources=Resources(cpus=1, gpus=2))
    paths = prepare_run(study, tmp_path, overrides={}, command=["study"])
    with pytest.raises(StudyError, match="a trial asks for 1 CPUs and 2 GPUs, and no node has that; there is: 2 CPUs and 0 GPUs"):
        run_study(study, paths, Quiet())


def test_checkpoints_that_would_not_fit_the_disk_are_refused_before_the_first_trial(tmp_path: Path) -> None:
    study = small_study(state_bytes=lambda config, seeds: 10**15)
    paths = prepare_run(study, tmp_path, overrides={}, command=["study"])
    with pytest.raises(StudyError, match=r"Study 'small': checkpoints would take up to .* GB .*Free some, give another place"):
        run_study(study, paths, Quiet())
    assert load_run(paths.root).trials.empty


def test_missing_data_are_said_before_anything_is_written(tmp_path: Path) -> None:
    def missing(config: Any) -> Any:
        raise ValueError("there is no data in /nowhere")

    with pytest.raises(StudyError, match="Study 'small': there is no data in /nowhere"):
        prepare_run(small_study(data=missing), tmp_path / "results", overrides={}, command=["study"])
    assert not (tmp_path / "results").exists()


def test_numbers_of_numpy_in_what_a_study_says_are_recorded_as_plain_ones(tmp_path: Path) -> None:
    said = {"training": np.int64(40), "means": np.array([0.5, 1.0])}
    study = small_study(data=lambda config: said, tables={"Layers": [{"parameters": np.int32(3)}]})
    spec = json.loads(prepare_run(study, tmp_path, overrides={}, command=["study"]).study.read_text())
    assert spec["data"] == {"training": 40, "means": [0.5, 1.0]}
    assert spec["tables"] == {"Layers": [{"parameters": 3}]}


def test_what_cannot_be_recorded_of_a_study_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    study = small_study(data=lambda config: {"classes": {1, 2}}, tables={"Costs": [{"seconds": np.float64("nan")}]})
    with pytest.raises(StudyError) as caught:
        prepare_run(study, tmp_path / "results", overrides={}, command=["study"])
    assert caught.value.problems[0].startswith("Study 'small': tables cannot be recorded (Out of range float values are not JSON compliant")
    with pytest.raises(StudyError, match=r"data cannot be recorded \(\{1, 2\} is a set\); give UTF-8 text, finite numbers"):
        prepare_run(dataclasses.replace(study, tables={}), tmp_path / "results", overrides={}, command=["study"])
    assert not (tmp_path / "results").exists()


def reads(config: Any, seeds: Any, resume: Any = None) -> Any:
    yield {"epoch": 1, "score": float(config["loaded"]["values"].sum()) * config["slope"]}, None


def test_data_are_read_once_in_the_driver_and_handed_to_every_trial(tmp_path: Path) -> None:
    read_with = []

    def load(config: Any) -> dict[str, np.ndarray]:
        read_with.append(config["points"])
        return {"values": np.arange(config["points"])}

    _, read = run(small_study(reads, fixed={"points": 1000}, load=load, epochs=1), tmp_path)
    assert read_with == [1000]
    assert sorted(read.epochs["score"].unique()) == [499500.0, 999000.0, 1498500.0]


CHECKED = threading.Event()


def load_until_checked(config: Any) -> bool:
    return CHECKED.wait(60)


def test_progress_goes_on_while_data_are_read(tmp_path: Path) -> None:
    def check() -> None:
        CHECKED.set()

    def train(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        yield {"epoch": 1, "score": [float(config["loaded"])] * len(seeds)}, None

    study = small_study(train, load=load_until_checked, epochs=1, seeds=1, space={"slope": [1]})
    paths = prepare_run(study, tmp_path, overrides={}, command=["study", "run"])
    run_study(study, paths, Quiet(), check=check)
    assert load_run(paths.root).epochs["score"].tolist() == [1.0]


def test_rays_own_state_is_not_in_the_run_and_gone_afterwards(tmp_path: Path) -> None:
    _, read = run(small_study(seeds=1000, seeds_per_trial=1000), tmp_path)
    assert sorted(file.name for file in read.paths.root.iterdir()) == ["code", "epochs.jsonl", "study.json", "trials.jsonl"]
    ours = [mark.parent for mark in Path(tempfile.gettempdir()).glob(f"study-*/{OWNER}") if json.loads(mark.read_text()) == us()]
    assert ours, "the Ray of the tests is in one of our folders"
    assert not any((folder / "ray").exists() for folder in ours)
    assert not (Path.home() / "ray_results" / read.paths.root.name).exists()


def test_rows_are_whole_lines_of_strict_json(tmp_path: Path) -> None:
    _, read = run(small_study(), tmp_path)
    for path in (read.paths.epochs, read.paths.trials):
        text = path.read_text()
        assert text.endswith("\n")
        assert all(isinstance(json.loads(line), dict) for line in text.splitlines())


def takes_a_moment(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, state in scores(config, seeds):
        time.sleep(0.03)
        yield metrics, state


def test_trials_shorter_than_the_start_of_a_process_use_every_slot(tmp_path: Path) -> None:
    study = small_study(takes_a_moment, space={"slope": list(range(200))}, seeds=1, resources=Resources(cpus=(os.cpu_count() or 1) / 5))
    _, read = run(study, tmp_path)
    rows = [json.loads(line) for line in read.paths.epochs.read_text().splitlines()]
    assert len({row["pid"] for row in rows}) == 5
    assert set(read.trials["status"]) == {"completed"}


def reaches(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """Every ``step``-th epoch with the value that the setting is; text is what goes wrong, at epoch 2."""
    for epoch in range(config["step"], config["epochs"] + 1, config["step"]):
        if config["value"] == "fails" and epoch >= 2:
            raise RuntimeError("failed")
        odd = {"nan": float("nan"), "inf": float("inf"), "-inf": -float("inf")}
        value = odd.get(config["value"], 1.0) if epoch >= 2 else 1.0
        yield {"epoch": epoch, "loss": config["value"] if isinstance(config["value"], float) else value}, None


def one_after_the_other(values: list[Any], mode: str, step: int = 1, **changes: Any) -> Study:
    return Study(
        name="rungs",
        question="Who is stopped?",
        trainable=reaches,
        space={"value": values},
        fixed={"step": step},
        metric="loss",
        mode=mode,  # type: ignore[arg-type]
        epochs=6,
        seeds=1,
        stopping=Asha(min_epochs=2, keep_one_in=3),
        resources=Resources(cpus=2),
        **{"retries": 0} | changes,
    )


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("odd", ["nan", "inf", "-inf", "fails"])
def test_a_trial_that_goes_wrong_at_a_rung_stops_nobody(odd: str, mode: str, tmp_path: Path) -> None:
    better = [6.0, 5.0, 4.0] if mode == "min" else [4.0, 5.0, 6.0]
    worse = 9.0 if mode == "min" else 1.5
    _, read = run(one_after_the_other([odd, *better, worse, better[-1] * (0.5 if mode == "min" else 2)], mode), tmp_path)
    ends = list(zip(read.trials["status"], read.trials["rung"].fillna(0), strict=True))
    wrong = "failed" if odd == "fails" else "diverged"
    assert ends == [(wrong, 0), *[("completed", 0)] * 3, ("pruned", 2), ("completed", 0)]


def test_a_trial_that_leaves_out_a_rung_is_judged_at_its_next_epoch(tmp_path: Path) -> None:
    study = one_after_the_other([4.0, 5.0, 3.0], "min", step=3)
    _, read = run(dataclasses.replace(study, stopping=Asha(min_epochs=2, keep_one_in=3)), tmp_path)
    assert list(zip(read.trials["status"], read.trials["rung"].fillna(0), read.trials["epochs"], strict=True)) == [
        ("completed", 0, 6),
        ("pruned", 2, 3),
        ("completed", 0, 6),
    ]


def fails_first(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for epoch in range((resume or 0) + 1, config["epochs"] + 1):
        if config["value"] == 4.0 and epoch == 3 and resume is None:
            raise RuntimeError("once")
        yield {"epoch": epoch, "loss": config["value"]}, epoch


def test_a_trial_that_is_started_again_counts_once_at_its_rung(tmp_path: Path) -> None:
    study = one_after_the_other([4.0, 5.0, 3.0], "min", retries=1, checkpoint_seconds=0)
    _, read = run(dataclasses.replace(study, trainable=fails_first), tmp_path)
    assert list(read.trials["status"]) == ["completed", "pruned", "completed"]
