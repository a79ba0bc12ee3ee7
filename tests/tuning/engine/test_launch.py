"""What a session records of its study, and refuses to, whatever trains its trials."""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inline_runs import run
from small_studies import scores, small_study

from trainables.xor import training as xor
from tuning import Asha, Confirm, Recovery, Report, Study, StudyError
from tuning.engine import reporter
from tuning.runs.prepare import prepare_run
from tuning.spec.data import read_data
from tuning.spec.loading import find_study


def test_study_json_says_what_was_run(tmp_path: Path) -> None:
    study = find_study("xor_width_depth").override(
        {"width": 2, "depth": [0, 1], "points": 50, "epochs": 2, "seeds": 3}
    )
    read = run(study, tmp_path)
    spec = read.spec
    assert spec["space"] == {"width": {"values": [2]}, "depth": {"values": [0, 1]}}
    assert (spec["metric"], spec["mode"], spec["epochs"], spec["seeds"], spec["trials"]) == (
        "accuracy",
        "max",
        2,
        [0, 1, 2],
        2,
    )
    assert spec["data"] == xor.describe(study.config({}))
    assert spec["command"] == "study run 'a b'"
    assert spec["trainable"] == "trainables.xor.training.train"
    assert {"ray", "torch"} <= set(spec["provenance"]["packages"])
    assert spec["published"]["runs"] == 3


def misreports_when_confirmed(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, state in scores(config, seeds):
        yield ({**metrics, "score": None} if config["test"] else metrics), state


def test_nonsense_in_the_confirmation_fails_its_trials_and_not_a_study_that_has_recorded_epochs(
    tmp_path: Path,
) -> None:
    read = run(small_study(misreports_when_confirmed, confirm=Confirm(top=2, seeds=1)), tmp_path)
    assert read.phase("search").trials["status"].tolist() == ["completed"] * 3
    assert read.phase("confirm").trials["status"].tolist() == ["failed"] * 2


def test_missing_data_are_said_before_anything_is_written(tmp_path: Path) -> None:
    def missing(config: Any) -> Any:
        raise ValueError("there is no data in /nowhere")

    with pytest.raises(StudyError, match="Study 'small': there is no data in /nowhere"):
        prepare_run(
            small_study(describe=missing), tmp_path / "results", overrides={}, command=["study"]
        )
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("nothing"), "KeyError: 'nothing'"),
        (FileNotFoundError("data/x.csv"), "FileNotFoundError: data/x.csv"),
        (OSError(), "OSError"),
    ],
)
def test_data_that_cannot_be_read_are_said_with_the_line_that_read_them(
    error: Exception, said: str
) -> None:
    def load(config: Any) -> Any:
        raise error

    with pytest.raises(StudyError) as caught:
        read_data(small_study(load=load))
    (line,) = caught.value.problems
    assert re.fullmatch(rf"Study 'small': load failed: line \d+, `raise error`: {said}\.?", line), (
        line
    )


def test_numbers_of_numpy_in_what_a_study_says_are_recorded_as_plain_ones(tmp_path: Path) -> None:
    said = {"training": np.int64(40), "means": np.array([0.5, 1.0])}
    study = small_study(
        describe=lambda config: said, tables={"Layers": [{"parameters": np.int32(3)}]}
    )
    spec = json.loads(
        prepare_run(study, tmp_path, overrides={}, command=["study"]).study.read_text()
    )
    assert spec["data"] == {"training": 40, "means": [0.5, 1.0]}
    assert spec["tables"] == {"Layers": [{"parameters": 3}]}


def test_what_cannot_be_recorded_of_a_study_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    study = small_study(
        describe=lambda config: {"classes": {1, 2}},
        tables={"Costs": [{"seconds": np.float64("nan")}]},
    )
    with pytest.raises(StudyError) as caught:
        prepare_run(study, tmp_path / "results", overrides={}, command=["study"])
    assert caught.value.problems[0].startswith(
        "Study 'small': report: tables cannot be recorded (Out of range float values are not JSON"
        " compliant"
    )
    with pytest.raises(
        StudyError,
        match=r"data cannot be recorded \(\{1, 2\} is a set\); give UTF-8 text, finite numbers",
    ):
        prepare_run(
            dataclasses.replace(study, report=Report()),
            tmp_path / "results",
            overrides={},
            command=["study"],
        )
    assert not (tmp_path / "results").exists()


def reaches(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """Every ``step``-th epoch with the value that the setting is, which fails where it is 4, the
    first time.
    """
    step = config.get("step", 1)
    for epoch in range((resume or 0) + step, config["epochs"] + 1, step):
        if config["value"] == 4.0 and epoch == 3 and resume is None and step == 1:
            raise RuntimeError("once")
        yield {"epoch": epoch, "loss": config["value"]}, epoch


@pytest.mark.parametrize(
    ("step", "attempt", "pruned"),
    [
        pytest.param(3, 1, 3, id="one that leaves out a rung is judged at its next epoch"),
        pytest.param(1, 2, 2, id="one that is started again counts once at its rung"),
    ],
)
def test_who_is_stopped_at_a_rung(
    step: int, attempt: int, pruned: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "SECONDS_BETWEEN_REPORTS", -1.0)
    study = Study(
        name="rungs",
        question="Who is stopped?",
        trainable=reaches,
        space={"value": [4.0, 5.0, 3.0]},
        fixed={"step": step},
        metric="loss",
        mode="min",
        epochs=6,
        seeds=1,
        scheduler=Asha(grace_period=2, reduction_factor=3, pauses=False),
        recovery=Recovery(checkpoint_seconds=0),
    )
    trials = run(study, tmp_path).trials
    assert trials["status"].tolist() == ["completed", "pruned", "completed"]
    assert trials["epochs"].tolist() == [6, pruned, 6]
    assert trials["attempt"].tolist() == [attempt, 1, 1]
    assert trials["rung"][1] == 2
