"""Event files, read back with TensorBoard's own reader."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from live_runs import begin, epoch
from places import ROOT
from run_folders import Trial, write_run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from analysis.records.labels import add_note, set_tags
from analysis.records.paths import RunPaths
from tuning.mirrors.delivery import Delivery
from tuning.mirrors.tensorboard import EventFiles


def mirrored(paths: RunPaths, said: list[Any] | None = None) -> Delivery:
    """The mirror of a new process."""
    heard: list[Any] = [] if said is None else said

    def say(**facts: Any) -> None:
        assert said is not None or "problem" not in facts, facts
        heard.append(facts)

    return Delivery(paths, EventFiles(paths.tensorboard, {"kind": "plain"}), say)


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    return RunPaths(write_run(tmp_path / "r1", []))


def read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def points(paths: RunPaths, trial: str, tag: str = "accuracy") -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(paths.tensorboard / trial).Scalars(tag)]


def hparams(paths: RunPaths, trial: str) -> dict[str, Any]:
    """What the HParams page knows of a trial: its params and how it ended."""
    contents = read(paths.tensorboard / trial).summary_metadata
    start = plugin_data_pb2.HParamsPluginData.FromString(
        contents["_hparams_/session_start_info"].plugin_data.content
    )
    end = plugin_data_pb2.HParamsPluginData.FromString(
        contents["_hparams_/session_end_info"].plugin_data.content
    )
    params = {
        key: value.string_value or value.number_value
        for key, value in start.session_start_info.hparams.items()
    }
    return {"params": params, "end": end.session_end_info.status}


def test_every_trial_of_a_run_has_one_event_file(tmp_path: Path) -> None:
    trials = [
        Trial(
            params={"width": width, "layers": [64, 32]},
            epochs=[{"accuracy": [width * epoch, width * epoch + 0.01]} for epoch in (1, 2, 3)],
            seeds=[0, 1],
            began=1.7e9,
        )
        for width in (1, 2)
    ]
    paths = RunPaths(write_run(tmp_path / "r1", trials, fixed={}))
    mirrored(paths).look()
    folders = sorted(paths.tensorboard.glob("*/"))
    assert [folder.name for folder in folders] == ["t0000", "t0001"]
    assert [len(list(folder.iterdir())) for folder in folders] == [1, 1]
    means = [(epoch, pytest.approx(2 * epoch + 0.005)) for epoch in (1, 2, 3)]
    assert points(paths, "t0001") == means
    assert points(paths, "t0001", "std/accuracy") == [
        (epoch, pytest.approx(0.0070711, abs=1e-6)) for epoch in (1, 2, 3)
    ]
    params = {"width": 2.0, "layers": "[64, 32]", "kind": "plain"}
    assert hparams(paths, "t0001") == {"params": params, "end": 1}
    times = [event.wall_time for event in read(folders[1]).Scalars("accuracy")]
    assert times == [pytest.approx(1.7e9 + epoch / 10) for epoch in (1, 2, 3)]


def test_epochs_can_be_read_while_the_trial_runs(paths: RunPaths) -> None:
    mirror = mirrored(paths)
    begin(paths, "0001")
    epoch(paths, "0001", 1, 0.25)
    mirror.look()
    assert points(paths, "0001") == [(1, 0.25)]
    mirror.leave()


@pytest.mark.parametrize("killed", [False, True])
def test_a_trial_that_starts_again_has_each_epoch_once(paths: RunPaths, killed: bool) -> None:
    """In one session, or in a later one."""
    mirror = mirrored(paths)
    begin(paths, "0001")
    for number in (1, 2, 3):
        epoch(paths, "0001", number, number / 10)
    mirror.look()
    begin(paths, "0001", attempt=2)
    for number in (3, 4):
        epoch(paths, "0001", number, number / 2)
    begin(paths, "0001", attempt=2, status="failed", error="no", epochs=4)
    (mirrored(paths) if killed else mirror).look()
    assert len(list((paths.tensorboard / "0001").iterdir())) == 1
    first = [(1, pytest.approx(0.1)), (2, pytest.approx(0.2))]
    assert points(paths, "0001") == [*first, (3, 1.5), (4, 2.0)]
    assert hparams(paths, "0001")["end"] == 2


def test_an_event_that_was_torn_hides_none(paths: RunPaths) -> None:
    begin(paths, "0001")
    epoch(paths, "0001", 1, 0.5)
    mirrored(paths).look()
    (file,) = (paths.tensorboard / "0001").iterdir()
    whole = file.read_bytes()
    epoch(paths, "0001", 2, 0.75)
    for torn in (whole + whole[-40:-20], whole + b"\0" * 40, whole[:-1], whole[:9]):
        (file,) = (paths.tensorboard / "0001").iterdir()
        file.write_bytes(torn)
        mirror = mirrored(paths)
        mirror.look()
        assert points(paths, "0001") == [(1, 0.5), (2, 0.75)]
        mirror.leave()
    begin(paths, "0001", status="completed", epochs=2)
    mirrored(paths).look()
    assert hparams(paths, "0001")["end"] == 1


def test_a_folder_that_cannot_be_written_is_said_once(paths: RunPaths) -> None:
    paths.tensorboard.write_text("")
    said: list[Any] = []
    mirror = mirrored(paths, said)
    begin(paths, "0001")
    for number in (1, 2):
        epoch(paths, "0001", number, 0.5)
        mirror.look()
    assert said == [{"problem": f"{paths.tensorboard} cannot be written: Not a directory"}]
    assert mirror.missing == 1


def test_numbers_that_are_not_finite_end_nothing(paths: RunPaths) -> None:
    begin(paths, "0001", seeds=[0, 1])
    for number, values in enumerate([[None, 1.0], [None, None], [1e308, 1.5e308]], start=1):
        epoch(paths, "0001", number, *values)
    begin(paths, "0001", seeds=[0, 1], status="diverged", epochs=3)
    mirrored(paths).look()
    assert [step for step, _ in points(paths, "0001")] == [1, 2, 3]
    spreads = [value for _, value in points(paths, "0001", "std/accuracy")]
    assert [math.isfinite(value) for value in spreads] == [False, False, False]


def test_a_trial_without_an_epoch_has_no_file(paths: RunPaths) -> None:
    begin(paths, "0001", status="failed", error="no", epochs=0)
    mirror = mirrored(paths)
    mirror.look()
    assert (list(paths.tensorboard.glob("*/")), mirror.missing) == ([], 0)


def test_tags_and_notes_are_texts_once(paths: RunPaths) -> None:
    mirror = mirrored(paths)
    begin(paths, "0001", status="failed", error="no", epochs=0)
    mirror.look()
    mirror.finish()
    assert not (paths.tensorboard / "labels").exists(), "nobody gave it any"
    set_tags(paths, ["quick", "baseline"])
    add_note(paths, "the one for the paper")
    for _ in range(2):
        again = mirrored(paths)
        again.look()
        again.finish()
        assert again.missing == 0
    assert texts(paths, "tags") == ["quick, baseline"]
    assert texts(paths, "notes")[0].endswith(": the one for the paper")
    set_tags(paths, ["quick", "baseline"], remove=True)
    mirror.finish()
    assert texts(paths, "tags") == [""]


def texts(paths: RunPaths, name: str) -> list[str]:
    events = read(paths.tensorboard / "labels").Tensors(f"{name}/text_summary")
    return [value.decode() for event in events for value in event.tensor_proto.string_val]


def test_torch_is_not_brought_and_can_be_imported_afterwards() -> None:
    """It would take half a gigabyte."""
    program = (
        "import sys, tuning.mirrors.tensorboard; print('torch' in sys.modules); import torch;"
        " print(torch.tensor(1).item())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "False\n1\n"
