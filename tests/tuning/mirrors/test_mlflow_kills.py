"""The mirror to MLflow, killed after every message in turn."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_mlflow import FakeServer, Killed, mirror
from live_runs import begin, epoch
from mirror_processes import FAILED, GOOD
from run_folders import write_run

from analysis.records.labels import add_note, set_tags
from analysis.records.paths import RunPaths
from tuning.mirrors import delivery
from tuning.mirrors.delivery import Delivery


def stages(paths: RunPaths) -> Iterator[Callable[[Delivery], Any]]:
    """The way of a run whose records grow between one look and the next: what the mirror does at
    each stage.
    """

    def to_the_end(process: Delivery) -> None:
        process.look(all_of_them=True)
        process.finish()

    yield Delivery.look
    begin(paths, "0001")
    for number in (1, 2):
        epoch(paths, "0001", number, 0.1 * number, 0.2, 0.3)
    yield Delivery.look
    begin(paths, "0001", status="failed", error="no", epochs=2)
    set_tags(paths, ["quick", "first"])
    add_note(paths, "first")
    yield to_the_end
    set_tags(paths, ["quick"], remove=True)
    add_note(paths, "second")
    begin(paths, "0001", attempt=2)
    for number in (2, 3):
        epoch(paths, "0001", number, 0.3 * number, 0.2, 0.3, at=1.8e9 + number)
    yield Delivery.look
    begin(paths, "0001", attempt=2, status="completed", epochs=3)
    paths.best.mkdir(parents=True)
    paths.index.write_text("page")
    (paths.best / "weights.txt").write_text("1 2 3")
    yield to_the_end


def walked(folder: Path, kill_after: int | None = None) -> FakeServer:
    """A server that was told all; the mirror is killed after so many messages, once, and another
    goes on.
    """
    paths, server = RunPaths(write_run(folder, [GOOD, FAILED])), FakeServer()
    server.left = kill_after
    process = mirror(paths, server)
    for act in stages(paths):
        try:
            act(process)
        except Killed:
            server.left = None
            process = mirror(paths, server)
            act(process)
        assert process.missing == 0
    return server


def test_a_mirror_that_is_killed_after_any_message_ends_with_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "AT_ONCE", 1)  # the same message each time
    server = walked(tmp_path / "whole" / "r1")
    expected, messages = server.shown(), len(server.messages)
    assert expected["summary"]["files"]["report/best/weights.txt"] == "1 2 3"
    assert expected["0001"]["tags"]["study.attempt"] == "2"
    assert [step for *_, step in expected["0001"]["numbers"]] == [1, 1, 2, 2, 3, 3]
    assert messages > 30
    for kill in range(1, messages + 1):
        assert walked(tmp_path / str(kill) / "r1", kill).shown() == expected, kill
