"""Lines that are appended: what a file system loses, refuses late or forgets is written again, and
nothing twice.
"""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.records.load import RunPaths
from analysis.report.export import write_aside
from tuning import StudyError
from tuning.runs import append as lines
from tuning.runs import store as storage
from tuning.runs.append import Lines
from tuning.runs.records import Records
from tuning.runs.store import Folder


class Disk:
    """Stands in for ``os.fsync``: fails as often as it is told, and may lose what was not safe
    yet.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.synced, self.safe = path, 0, 0
        self.errors: list[tuple[int, float]] = []
        """The number of the error, and the share of what was not safe that it loses."""

    def fsync(self, number: int) -> None:
        size = self.path.stat().st_size
        if self.errors:
            error, share = self.errors.pop(0)
            os.truncate(self.path, self.safe + round((1 - share) * (size - self.safe)))
            raise OSError(error, os.strerror(error))
        self.synced, self.safe = self.synced + 1, size


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(tmp_path / "rows")
    monkeypatch.setattr(lines.os, "fsync", disk.fsync)
    return disk


def write(file: Lines, sync: bool) -> None:
    for _ in range(100):
        with suppress(OSError):
            return file.write(sync=sync)
    raise AssertionError("it can be written by now")


ERRORS = st.lists(
    st.tuples(
        st.sampled_from([errno.EDQUOT, errno.ENOSPC, errno.EIO, errno.ESTALE]),
        st.sampled_from([0, 0.5, 1]),
    ),
    max_size=3,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.booleans(), ERRORS), min_size=1, max_size=8),
    before=st.sampled_from([b"", b"old\n", b"old\ntorn"]),
)
def test_what_a_disk_loses_or_refuses_late_is_written_again_and_nothing_twice(
    steps: list[tuple[bool, list[tuple[int, float]]]], before: bytes, disk: Disk
) -> None:
    disk.path.write_bytes(before)
    disk.safe = len(before.replace(b"torn", b""))
    file, expected = Lines(disk.path), before.replace(b"torn", b"")
    for number, (sync, errors) in enumerate(steps):
        disk.errors = list(errors)
        line = b"row %d %s\n" % (number, b"x" * number)
        expected += line
        file.add(line)
        write(file, sync)
        assert disk.path.read_bytes() == expected
    disk.errors = []
    file.close()
    assert disk.path.read_bytes() == expected
    assert disk.safe == len(expected)


def test_rows_are_made_safe_in_batches_and_at_once_where_asked(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(lines.time, "monotonic", lambda: now[0])
    file = Lines(disk.path)
    for _ in range(50):
        file.add(b"row\n")
        file.write(sync=False)
        now[0] += 0.1
    assert disk.synced in (5, 6)
    file.add(b"end\n")
    file.write(sync=True)
    assert disk.safe == disk.path.stat().st_size


class Stale:
    """A handle whose file the server does not know any more."""

    def fileno(self) -> int:
        raise OSError(errno.ESTALE, "Stale file handle")

    def close(self) -> None:
        raise OSError(errno.ESTALE, "Stale file handle")


def test_a_stale_handle_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "SECONDS_BETWEEN_TRIES", 0.0)
    paths, waited = RunPaths(tmp_path), []
    records = Records(paths, lambda: waited.append(1))
    records.append("epochs", {"epoch": 1})
    records._files["epochs"]._file = Stale()  # type: ignore[assignment]
    records.append("epochs", {"epoch": 2})
    records.close()
    assert paths.epochs.read_text() == '{"epoch":1}\n{"epoch":2}\n'
    assert waited == [1]


@pytest.mark.parametrize("lost", [b"", b"row 1\n", None])
def test_safe_rows_that_are_gone_are_not_passed_over(lost: bytes | None, tmp_path: Path) -> None:
    """Another folder mounted in the place of ours, say: the study waits, and says so."""
    file = Lines(tmp_path / "rows")
    for number in (1, 2):
        file.add(b"row %d\n" % number)
        file.write(sync=True)
    file._file = Stale()  # type: ignore[assignment]
    if lost is None:
        (tmp_path / "rows").unlink()
    else:
        (tmp_path / "rows").write_bytes(lost)
    file.add(b"row 3\n")
    for _ in range(3):
        with pytest.raises(OSError, match=r"Stale|gone"):
            file.write(sync=False)
    (tmp_path / "rows").write_bytes(b"row 1\nrow 2\n")
    file.write(sync=True)
    assert (tmp_path / "rows").read_bytes() == b"row 1\nrow 2\nrow 3\n"


@pytest.mark.parametrize("stale", [False, True])
def test_a_writer_that_was_taken_over_cuts_nothing_and_adds_nothing(
    stale: bool, disk: Disk
) -> None:
    """Before it has looked at its lock."""
    file = Lines(disk.path)
    file.add(b"ours\n")
    file.write(sync=True)
    other = Lines(disk.path)
    other.add(b"theirs\n")
    other.write(sync=True)
    if stale:
        file._file = Stale()  # type: ignore[assignment]
    file.add(b"late\n")
    for _ in range(3):
        with pytest.raises(
            (StudyError, OSError), match=r"grows by the hand of another process|Stale"
        ):
            file.write(sync=True)
    assert disk.path.read_bytes() == b"ours\ntheirs\n"


def test_what_cannot_be_made_safe_at_the_end_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = Records(RunPaths(tmp_path))
    records.append("epochs", {"epoch": 1})
    records.append("epochs", {"epoch": 2})

    def full(number: int) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(lines.os, "fsync", full)
    records.close()
    assert capsys.readouterr().err.startswith(
        "The last rows could not be written (Disk quota exceeded): `study resume` trains"
    )


def _aside(path: Path) -> Any:
    return lambda: write_aside(path, "x" * 1000)


def _stored(path: Path) -> Any:
    return lambda: Folder.at(path.parent).write(path.name, b"x" * 1000)


def _arrays(path: Path) -> Any:
    records = Records(RunPaths(path.parent))
    return lambda: records.write_arrays("0001", {"a": np.zeros(10)})


@pytest.mark.parametrize("writes", [_aside, _stored, _arrays])
def test_writers_of_one_number_do_not_take_each_others_file(writes: Any, tmp_path: Path) -> None:
    """Two hosts, and processes of one number on each; threads here, which all have ours."""
    write = writes(tmp_path / "file")
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(write) for _ in range(300)]:
            done.result()
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)


@pytest.mark.parametrize("writes", [_aside, _stored, _arrays])
def test_an_interrupted_write_leaves_nothing_behind(
    writes: Any, interrupted: None, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        writes(tmp_path / "file")()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
