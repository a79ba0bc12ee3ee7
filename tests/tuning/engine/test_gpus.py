"""What a trial has of the GPUs of a machine: none unless it asks for it, and the record says which
device trained.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from launching import run
from run_folders import Trial, scores, write_run
from small_studies import scores as small_scores
from small_studies import small_study

from analysis import load_run
from analysis.records.devices import trained_on
from trainables.loop import device_text, pick_device
from tuning import Resources, Study, StudyError
from tuning.engine.capacity import gpus_here
from tuning.engine.one_trial import try_first
from tuning.engine.replay import Replayed, verdict
from tuning.engine.trial import iterate
from tuning.engine.yielded import NotReported
from tuning.process.state import process_restored
from tuning.spec.loading import find_study
from tuning.spec.plan import gpu_warning, plan_notes, plan_text
from tuning.spec.study import Trial as Planned

CARDS = {"none": (False, False), "cuda": (True, False), "mps": (False, True), "both": (True, True)}


@pytest.fixture
def card(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine with these cards, as far as torch knows."""
    cuda, mps = CARDS[request.param]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    return str(request.param)


@pytest.mark.parametrize(
    ("card", "config", "device"),
    [
        ("none", None, "cpu"),
        ("none", {}, "cpu"),
        ("none", {"gpus": 0}, "cpu"),
        *((name, {"gpus": gpus}, "cpu") for name in ("cuda", "mps", "both") for gpus in (0, 0.0)),
        *(
            ("cuda", config, "cuda")
            for config in (None, {}, {"gpus": 1}, {"gpus": 0.25}, {"gpus": 2})
        ),
        *(("mps", config, "mps") for config in (None, {}, {"gpus": 1}, {"gpus": 0.25})),
        ("both", {"gpus": 0.5}, "cuda"),
    ],
    indirect=["card"],
)
def test_a_trainable_picks_what_its_trial_has(card: str, config: Any, device: str) -> None:
    assert pick_device(config) == torch.device(device)


@pytest.mark.parametrize("card", ["none"], indirect=True)
@pytest.mark.parametrize("gpus", [0.25, 1, 2])
def test_a_trial_that_was_promised_a_gpu_does_not_train_on_the_cpu_in_silence(
    card: str, gpus: float
) -> None:
    with pytest.raises(
        ValueError,
        match=f"gpus={gpus:g}, and torch .* finds no GPU here. Install .*, or give gpus=0.",
    ):
        pick_device({"gpus": gpus})


def test_a_device_is_told_with_its_card_and_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA X1")
    assert device_text(torch.device("cuda"), torch.bfloat16) == "cuda (NVIDIA X1), bfloat16"
    assert device_text(torch.device("mps")) == "mps, float32"


@pytest.mark.parametrize("before", [None, "", "0", "0,1"])
@pytest.mark.parametrize("gpus", [0, 0.25, 1])
def test_cards_are_hidden_for_the_time_of_a_trial_without_a_gpu(
    gpus: float, before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if before is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", before)
    with process_restored([0], gpus):
        assert os.environ.get("CUDA_VISIBLE_DEVICES") == (before if gpus else "")
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == before


LOOKS = """
import os, subprocess, sys
from tuning import Resources, Study

AT_IMPORT = os.environ.get("CUDA_VISIBLE_DEVICES")

def train(config, seeds, resume=None):
    code = "import os; print(repr(os.environ.get('CUDA_VISIBLE_DEVICES')))"
    command = [sys.executable, "-c", code]
    child = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    now = os.environ.get("CUDA_VISIBLE_DEVICES")
    print("looked", config["gpus"], repr(AT_IMPORT), repr(now), child)
    os.environ["CUDA_VISIBLE_DEVICES"] = "7"
    yield {"epoch": 1, "score": 1.0, "device": f"device of {config['a']}"}, None

study = Study(name="looks", question="?", trainable=train, space={"a": [1, 2, 3]}, metric="score",
    epochs=1, seeds=1)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("private_ray")
def test_trials_of_a_run_find_no_card_unless_they_have_one(tmp_path: Path) -> None:
    """When the study's module is imported, in the trial, in its children, and in the next trial of
    the same process.
    """
    (tmp_path / "looks.py").write_text(LOOKS)
    read = run(find_study(str(tmp_path / "looks.py")), tmp_path)
    logs = [read.paths.log(trial).read_text() for trial in read.trials["trial"]]
    assert [log.splitlines()[0] for log in logs] == ["looked 0 '' '' ''"] * 3
    assert read.devices == {"0001": "device of 1", "0002": "device of 2", "0003": "device of 3"}
    rows = [json.loads(line) for line in read.paths.epochs.read_text().splitlines()]
    assert {row["trial"]: row["device"] for row in rows} == read.devices


def test_try_hides_cards_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    (tmp_path / "looks_again.py").write_text(LOOKS)
    assert try_first(find_study(str(tmp_path / "looks_again.py"))) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "looked 0 '0' '' ''"
    assert said[2].startswith("epoch 1  score 1")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"


@pytest.mark.parametrize("card", ["none"], indirect=True)
def test_try_refuses_a_gpu_that_is_not_there(card: str) -> None:
    with pytest.raises(StudyError) as caught:
        try_first(small_study(resources=Resources(gpus=0.25)))
    assert (
        str(caught.value)
        == "Study 'small': each trial asks for 0.25 GPUs, and torch finds none on this machine."
        " Give --set gpus=0 to train on the CPU."
    )


@pytest.mark.parametrize(
    ("changes", "cpus", "gpus"),
    [({"gpus": 0.25}, 2, 0.25), ({"cpus": 1}, 1, 0.5), ({"gpus": 0, "cpus": 4}, 4, 0)],
)
def test_resources_can_be_set(changes: dict[str, Any], cpus: float, gpus: float) -> None:
    study = small_study(resources=Resources(cpus=2, gpus=0.5)).override(changes)
    assert study.resources == Resources(cpus=cpus, gpus=gpus)
    assert study.config({})["gpus"] == gpus


@pytest.mark.parametrize("value", [-1, 1.5, 2.25, "half", True, float("nan"), None, [0.25]])
def test_a_wrong_number_of_gpus_is_one_line(value: Any) -> None:
    with pytest.raises(
        StudyError,
        match=r"^Study 'small': resources: gpus=.* must be from 0 to 1, or a whole number above\.$",
    ):
        small_study().override({"gpus": value})


@pytest.mark.parametrize("key", ["cpus", "gpus"])
def test_the_words_for_resources_are_no_keys(key: str) -> None:
    for where in ({"space": {key: [1, 2]}}, {"fixed": {key: 1}}):
        with pytest.raises(StudyError, match=f"'{key}' is the study's own word"):
            small_study(**where)


@pytest.mark.parametrize(
    ("card", "gpus", "said"),
    [
        ("none", 0, None),
        ("none", 0.5, "each trial asks for 0.5 GPUs, and torch finds none on this machine."),
        (
            "cuda",
            0,
            (
                "a GPU is here (cuda), and trials do not use it: --set gpus=1 gives each trial one,"
                " --set gpus=0.25 a quarter, "
            ),
        ),
        ("mps", 0, "a GPU is here (mps), and trials do not use it"),
        ("cuda", 0.5, None),
        ("mps", 1, None),
    ],
    indirect=["card"],
)
def test_a_card_that_lies_idle_or_is_missing_is_told_before_a_run(
    card: str, gpus: float, said: str | None
) -> None:
    study = small_study(resources=Resources(gpus=gpus), seeds=10)
    if said is None:
        assert gpu_warning(study) is None
        assert "GPU is here" not in plan_text(study)
    else:
        assert str(gpu_warning(study)).startswith(said)
        assert f"note         {said}" in plan_text(study)
        assert gpu_warning(study) in plan_notes(study)
        assert gpu_warning(study) not in plan_notes(study, "10.0.0.1:6379"), (
            "a cluster has cards of its own"
        )


@pytest.mark.parametrize(
    ("card", "gpus", "told"),
    [("mps", 1, 1), ("mps", 0, None), ("cuda", 1, None), ("none", 1, None)],
    indirect=["card"],
)
def test_ray_is_told_of_the_gpu_that_it_does_not_find(
    card: str, gpus: float, told: int | None
) -> None:
    assert gpus_here(small_study(resources=Resources(gpus=gpus))) == told


def rows_with(device: Any) -> list[dict[str, Any]]:
    def train(config: Any, seeds: Any, resume: Any = None) -> Any:
        for metrics, state in small_scores(config, seeds):
            yield {**metrics, "device": device}, state

    study: Study = small_study(train)
    return [
        row for row, _ in iterate(study, Planned(id="0001", params={"slope": 1}, seeds=[0, 1]), {})
    ]


def test_the_device_is_recorded_beside_the_metrics() -> None:
    assert {row["device"] for row in rows_with("tpu, int8")} == {"tpu, int8"}
    assert all("device" not in row["metrics"] for row in rows_with("tpu, int8"))


@pytest.mark.parametrize(
    "device", [0, None, torch.device("cpu"), "", "two\nlines", ["cpu"], b"cpu"]
)
def test_a_device_that_is_no_text_is_one_line(device: Any) -> None:
    with pytest.raises(
        NotReported, match=r"'device' is .*; it must be text that says on what the trial calculates"
    ):
        rows_with(device)


def test_a_report_says_what_its_trials_were_trained_on(tmp_path: Path) -> None:
    folder = write_run(
        tmp_path / "run",
        [Trial(params={"width": 1 + i}, epochs=scores([0.5, 0.6, 0.7])) for i in range(3)],
    )
    assert trained_on(load_run(folder)) == ""
    lines = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    for line, device in zip(
        lines, ("cpu, float32", "cuda (X1), float32", "cpu, float32"), strict=True
    ):
        line["device"] = device
    (folder / "trials.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert trained_on(load_run(folder)) == "cpu, float32 (2 trials); cuda (X1), float32 (1 trial)"
    for line in lines:
        line["device"] = "mps, float32"
    (folder / "trials.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert trained_on(load_run(folder)) == "mps, float32"


def test_a_replay_on_another_device_says_so() -> None:
    epochs = [Replayed(epoch=1, numbers=2, differences={"loss": 1e-6}, device="cpu, float32")]
    assert verdict("0001", epochs, "cuda (X1), float32").endswith(
        "the largest relative difference is 1e-06. It was trained on cuda (X1), float32, and again"
        " on cpu, float32."
    )
    assert "trained on" not in verdict("0001", epochs, "cpu, float32")
    assert "trained on" not in verdict("0001", epochs)
