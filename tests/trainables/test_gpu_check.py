"""The check of a GPU, on a machine without one."""

from typing import Any

import pytest
import torch

from benchmarks import gpu_check
from trainables import Task
from tuning.spec.catalog import built_in_names


def test_every_built_in_study_is_checked() -> None:
    assert {study for _, study, _, _ in gpu_check.CASES} == set(built_in_names())


def test_without_a_card_it_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_check, "best_gpu", lambda: None)
    monkeypatch.setattr("sys.argv", ["gpu_check"])
    with pytest.raises(SystemExit) as ended:
        gpu_check.main()
    assert (
        ended.value.code
        == "benchmarks.gpu_check: torch finds no GPU here. --cpu checks the CPU in its place."
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    (narrow,) = (case for case in gpu_check.CASES if case[0] == "xor, narrow")
    monkeypatch.setattr(gpu_check, "CASES", [(*narrow[:2], {"points": 50}, narrow[3])])
    monkeypatch.setattr(gpu_check, "whole_run", lambda gpus: ("a whole run: cpu", True))
    monkeypatch.setattr("sys.argv", ["gpu_check", "--cpu"])


@pytest.mark.usefixtures("small")
def test_what_is_right_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        gpu_check.main()
    assert ended.value.code == 0
    assert "differences: of the CPU 0, resumed 0, one by one 0" in capsys.readouterr().out


def forgets(gpus: float, resume: Any) -> float:
    return 0.5 if resume else 0.0


def learns_otherwise_there(gpus: float, resume: Any) -> float:
    return gpus


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("wrong", "what"), [(forgets, "resumed 1"), (learns_otherwise_there, "of the CPU 2")]
)
def test_what_is_wrong_is_found(wrong: Any, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(config: Any, seeds: Any, resume: Any = None) -> Any:
        for epoch in range(resume["epoch"] + 1 if resume else 1, config["epochs"] + 1):
            score = 0.5 + wrong(config["gpus"], resume)
            yield (
                {"epoch": epoch, "score": [score] * len(seeds), "device": "there"},
                {"epoch": epoch, "weights": torch.zeros(2)},
            )

    class Study:
        task = Task(train=train)
        config = staticmethod(lambda setting, phase: {})

    line, right = gpu_check.check("wrong", Study(), {}, 1.0)  # type: ignore[arg-type]
    assert not right
    assert what in line
    assert "FAILS" in line


@pytest.mark.usefixtures("small")
def test_a_trainable_that_raises_does_not_keep_the_others_from_being_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raises(*_: Any) -> Any:
        raise RuntimeError("no kernel image is available\nand more")

    monkeypatch.setattr(gpu_check, "check", raises)
    (line, right), (_, last) = gpu_check.checks(1.0)
    assert (line.split(None, 2)[2], right, last) == (
        "FAILS: RuntimeError: no kernel image is available",
        False,
        True,
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "size"),
    [
        ([{"a": [1.0, 2.0]}], [{"a": [1.0, 4.0]}], 0.5),
        ([{"a": 1.0, "train_seconds": 2.0}], [{"a": 1.0, "train_seconds": 3.0}], 0.0),
        ([{"a": float("nan")}], [{"a": 1.0}], float("inf")),
        ([{"a": 1.0, "b": 1.0}], [{"a": 1.0}], float("inf")),
    ],
)
def test_the_gap_is_the_largest_relative_difference(ours: Any, theirs: Any, size: float) -> None:
    assert gpu_check.gap(ours, theirs) == size
