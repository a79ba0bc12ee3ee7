"""What is removed when a folder of our own is made: what a dead process of ours left, and nothing
of anybody else.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.own_folders import OWNER, own_folder
from cluster.processes import us


def dead() -> dict[str, Any]:
    """A process of this machine that has ended."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    return us() | {"pid": gone.pid}


def made(folder: Path, mark: Any) -> Path:
    folder.mkdir()
    (folder / "results.csv").write_text("precious")
    if mark is not None:
        (folder / OWNER).write_text(mark if isinstance(mark, str) else json.dumps(mark))
    return folder


def leave(parent: Path) -> None:
    with own_folder(str(parent)):
        pass


def test_a_folder_of_ours_is_marked_and_gone_after_its_block(tmp_path: Path) -> None:
    with own_folder(str(tmp_path)) as folder:
        assert json.loads(Path(folder, OWNER).read_bytes()) == us()
        assert Path(folder).stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    left = made(tmp_path / "study-x", dead())
    later = made(tmp_path / "study-y", us() | {"began": "1"})
    leave(tmp_path)
    assert not left.exists()
    assert not later.exists(), "its number belongs to a later process"


@pytest.mark.parametrize("name", ["study-2026-results", "study-1-x", "study-999999-x", "study-"])
def test_a_folder_without_our_mark_is_not_touched_whatever_it_is_called(
    name: str, tmp_path: Path
) -> None:
    folder = made(tmp_path / name, None)
    leave(tmp_path)
    assert (folder / "results.csv").read_text() == "precious"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"host": "another"},
        {"space": "another container"},
        {"space": None},
        {"began": None},
        {"pid": None},
    ],
)
def test_a_folder_whose_owner_is_not_surely_dead_is_not_touched(
    change: dict[str, Any], tmp_path: Path
) -> None:
    owner = (us() if not change else dead()) | change
    folder = made(tmp_path / "study-x", owner)
    leave(tmp_path)
    assert folder.exists()


@pytest.mark.parametrize("mark", ["", "{", "[]", "3", "null", '"text"', "{}", '{"pid": 1}'])
def test_a_mark_that_says_nothing_protects_its_folder(mark: str, tmp_path: Path) -> None:
    folder = made(tmp_path / "study-x", mark)
    leave(tmp_path)
    assert folder.exists()


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    theirs = made(tmp_path / "theirs", dead())
    (tmp_path / "here" / "study-x").symlink_to(theirs)
    own = made(tmp_path / "here" / "study-y", None)
    (own / OWNER).symlink_to(theirs / OWNER)
    leave(tmp_path / "here")
    assert theirs.exists()
    assert own.exists()


@pytest.fixture
def others(tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Processes that have to do with a folder: one writes in it, one reads in it, one has it on its
    command line; so has one that Ray's raylet started and that has opened nothing yet.
    """
    folder = made(tmp_path / "study-x", dead())
    opened = {
        "writes": f"open({str(folder / 'log')!r}, 'w')",
        "reads": f"open({str(folder / 'results.csv')!r})",
        "names": "None",
        "agent": "None",
    }
    started = {
        what: subprocess.Popen(
            [sys.executable, "-c", f"file = {code}; print(flush=True); input()", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | ({"RAY_RAYLET_PID": "1"} if what == "agent" else {}),
        )
        for what, code in opened.items()
    }
    for process in started.values():
        assert process.stdout is not None
        process.stdout.readline()
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


def test_only_the_processes_of_the_ray_in_a_leftover_are_ended(
    others: dict[str, subprocess.Popen[str]], tmp_path: Path
) -> None:
    leave(tmp_path)
    assert others["writes"].wait(240) == -9
    assert others["agent"].wait(240) == -9
    assert others["reads"].poll() is None
    assert others["names"].poll() is None
