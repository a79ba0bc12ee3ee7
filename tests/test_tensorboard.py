"""Event files, read back with TensorBoard's own reader."""

import math
from pathlib import Path
from typing import Any

import pytest
from small_studies import small_study
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from tuning.launch import run_study
from tuning.prepare import prepare_run
from tuning.study import Trial
from tuning.tensorboard import EventFiles


def row(epoch: int, score: Any) -> dict[str, Any]:
    return {"epoch": epoch, "metrics": {"score": score}, "at": 1_700_000_000.0 + epoch, "seconds": 0.1}


def read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def points(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(folder).Scalars(tag)]


def hparams(folder: Path) -> dict[str, Any]:
    """What the HParams page knows of a trial: its setting and how it ended."""
    contents = read(folder).summary_metadata
    start = plugin_data_pb2.HParamsPluginData.FromString(contents["_hparams_/session_start_info"].plugin_data.content)
    end = plugin_data_pb2.HParamsPluginData.FromString(contents["_hparams_/session_end_info"].plugin_data.content)
    setting = {key: value.string_value or value.number_value for key, value in start.session_start_info.hparams.items()}
    return {"setting": setting, "end": end.session_end_info.status}


@pytest.mark.usefixtures("private_ray")
def test_every_trial_of_a_study_has_one_event_file(tmp_path: Path) -> None:
    study = small_study(fixed={"kind": "plain"})
    paths = prepare_run(study, tmp_path, overrides={}, command=["study"])
    run_study(study, paths, EventFiles(study, paths.tensorboard, pytest.fail))
    folders = sorted(paths.tensorboard.iterdir())
    assert [folder.name for folder in folders] == ["0001", "0002", "0003"]
    assert [len(list(folder.iterdir())) for folder in folders] == [1, 1, 1]
    # score = slope * epoch + seed / 100, over the seeds 0 and 1
    assert points(folders[1], "score") == [(1, pytest.approx(2.005)), (2, pytest.approx(4.005)), (3, pytest.approx(6.005))]
    assert points(folders[1], "std/score") == [(epoch, pytest.approx(0.0070711, abs=1e-6)) for epoch in (1, 2, 3)]
    assert hparams(folders[1]) == {"setting": {"slope": 2.0, "kind": "plain"}, "end": 1}


def test_a_trial_that_starts_again_goes_on_in_its_file(tmp_path: Path) -> None:
    trial = Trial(id="0001", config={"slope": 1}, seeds=[0])
    first = EventFiles(small_study(), tmp_path, pytest.fail)
    for epoch in (1, 2, 3):
        first.epoch(trial, row(epoch, epoch / 10))
    later = EventFiles(small_study(), tmp_path, pytest.fail)
    for epoch in (3, 4):
        later.epoch(trial, row(epoch, epoch / 2))
    later.end(trial, "failed", "no")
    assert len(list((tmp_path / "0001").iterdir())) == 1
    assert points(tmp_path / "0001", "score") == [(1, pytest.approx(0.1)), (2, pytest.approx(0.2)), (3, 1.5), (4, 2.0)]
    assert hparams(tmp_path / "0001")["end"] == 2


def test_an_event_that_was_torn_hides_none_of_the_later_ones(tmp_path: Path) -> None:
    trial, file = Trial(id="0001", config={"slope": 1}, seeds=[0]), tmp_path / "0001" / "events.out.tfevents.1.study"
    EventFiles(small_study(), tmp_path, pytest.fail).epoch(trial, row(1, 0.5))
    whole = file.read_bytes()
    for torn in (whole + whole[-40:-20], whole + b"\0" * 40, whole[:-1], whole[:9]):
        file.write_bytes(torn)
        later = EventFiles(small_study(), tmp_path, pytest.fail)
        later.epoch(trial, row(2, 0.75))
        later.end(trial, "completed", None)
        assert points(tmp_path / "0001", "score") == [(1, 0.5), (2, 0.75)][0 if torn.startswith(whole) else 1 :]
        assert hparams(tmp_path / "0001")["end"] == 1


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    said: list[str] = []
    files = EventFiles(small_study(), tmp_path / "taken", said.append)
    trial = Trial(id="0001", config={"slope": 1}, seeds=[0])
    files.epoch(trial, row(1, 0.5))
    files.epoch(trial, row(2, 0.5))
    files.end(trial, "completed", None)
    assert said == [f"TensorBoard: {tmp_path / 'taken'} cannot be written: Not a directory. The study goes on without event files."]


def test_numbers_that_are_not_finite_end_nothing(tmp_path: Path) -> None:
    files = EventFiles(small_study(), tmp_path, pytest.fail)
    trial = Trial(id="0001", config={"slope": 1}, seeds=[0, 1])
    for epoch, score in enumerate([[float("inf"), 1.0], [float("inf"), -float("inf")], [1e308, 1.5e308]], start=1):
        files.epoch(trial, row(epoch, score))
    files.end(trial, "diverged", "score became non-finite")
    assert [step for step, _ in points(tmp_path / "0001", "score")] == [1, 2, 3]
    assert [math.isfinite(value) for _, value in points(tmp_path / "0001", "std/score")] == [False, False, False]
