"""What a report leaves of an earlier one in the same folder: nothing that it does not write."""

import json
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import fs
from report_pages import files_of
from run_folders import digits_like

from analysis import load_run, write_report
from analysis.report.written import LIST, begin, listed
from tuning.runs import store as storage
from tuning.runs import sync as copies
from tuning.runs.fetching import cached
from tuning.runs.store import Folder

URL = "memory://bucket/mine/run"
STALE = {"tables/arms.csv", "tables/costs.csv", "charts/parts.svg", "charts/parts.png"}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose report shows arms, with a file of somebody's own beside its tables."""
    root = digits_like(tmp_path_factory.mktemp("compared"), seeds=3, epochs=2)
    write_report(load_run(root))
    (root / "report/tables/mine.csv").write_text("1\n")
    return root


def without_arms(root: Path) -> None:
    spec = json.loads((root / "study.json").read_text())
    (root / "study.json").write_text(json.dumps({**spec, "compare": None}))
    write_report(load_run(root))


def test_a_report_that_is_broken_off_leaves_no_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    run = load_run(digits_like(tmp_path, seeds=2, epochs=1))
    monkeypatch.setattr("analysis.report.build.sections", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_report(run)
    assert not run.paths.report.exists()


def test_of_an_earlier_report_nothing_stays_in_the_folder_or_in_a_store(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = fs.PyFileSystem(fs.FSSpecHandler(MemoryFileSystem(skip_instance_cache=True)))
    monkeypatch.setattr(storage, "_reached", lambda url: (files, url.removeprefix("memory://")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def in_store() -> set[str]:
        return set((Folder.at(URL) / "report").everything())

    with copies.copied(compared, URL, print):
        pass
    assert set(files_of(compared / "report")) == in_store() > {*STALE, "tables/mine.csv"}
    copy = cached(URL, print) / "report"
    (copy / "charts/mine.png").write_text("1")

    (copy.parent / "study.json").unlink()  # so that it is copied again
    without_arms(compared)
    left = set(files_of(compared / "report"))
    assert not STALE & left
    assert {"index.html", "tables/mine.csv", "tables/summary.csv"} < left
    with copies.copied(compared, URL, print):
        pass
    assert in_store() == left
    assert set(files_of(cached(URL, print) / "report")) == left | {"charts/mine.png"}


@pytest.mark.parametrize(
    "hostile", [b"", b"{", b"1", b'[1, "../study.json", "tables/../x.csv", "index.html", "best/a"]']
)
def test_a_list_of_anybody_removes_nothing_else(hostile: bytes, tmp_path: Path) -> None:
    (tmp_path / LIST).write_bytes(hostile)
    assert listed(hostile) == set()
    begin(tmp_path, ["tables/a.csv"])
    assert listed((tmp_path / LIST).read_bytes()) == {"tables/a.csv"}
