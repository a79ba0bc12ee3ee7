"""Runs in stores: what is fetched, what is refused, and that no writer overwrites another's
records.
"""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs
from run_folders import SPEC

from analysis.records.lines import DamagedRun
from tuning import StudyError
from tuning.engine.checkpoints import clear_unknown
from tuning.runs import store as storage
from tuning.runs import store_lock
from tuning.runs import sync as copies
from tuning.runs.fetching import cached, fetched
from tuning.runs.store import Folder, is_safe
from tuning.runs.store_lock import StoreLock, current
from tuning.runs.two_copies import bind, is_bound

URL = "memory://bucket/mine/run"


class Store(MemoryFileSystem):
    """A store of its own; ``before`` is called ahead of every read, write, removal and listing."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}
        self.pseudo_dirs = [""]
        self.before: Callable[[], None] = lambda: None

    def _open(self, *given: Any, **named: Any) -> Any:
        self.before()
        return super()._open(*given, **named)

    def find(self, *given: Any, **named: Any) -> Any:
        self.before()
        return super().find(*given, **named)

    def rm(self, *given: Any, **named: Any) -> Any:
        self.before()
        return super().rm(*given, **named)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    files = Store()
    monkeypatch.setattr(
        storage,
        "_reached",
        lambda url: (fs.PyFileSystem(fs.FSSpecHandler(files)), url.removeprefix("memory://")),
    )
    monkeypatch.setattr(store_lock, "SILENT_SECONDS", 0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return files


def rows(*epochs: int, trial: str = "0001") -> bytes:
    return b"".join(
        json.dumps({"trial": trial, "epoch": epoch, "at": 1.7e9 + epoch}).encode() + b"\n"
        for epoch in epochs
    )


def spec(*sessions: str, started: str = "monday", url: str = URL) -> bytes:
    listed = [{"command": "study run", "started": day} for day in (started, *sessions)]
    return json.dumps({**SPEC, "started": started, "storage": url, "sessions": listed}).encode()


def put(folder: Folder, epochs: bytes, study: bytes) -> None:
    folder.write("epochs.jsonl", epochs)
    folder.write("study.json", study)


def said(error: pytest.ExceptionInfo[StudyError]) -> str:
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


# Names of objects

NAMES = st.lists(
    st.sampled_from(
        ["..", ".", "", "a", "logs", "lock", "study.json", "\\", "a\\b", "\0", "\n", "/etc"]
    ),
    min_size=1,
    max_size=4,
)


@given(NAMES.map("/".join))
def test_a_safe_name_lies_below_its_folder(name: str) -> None:
    below = Path(os.path.normpath(f"/root/{name}"))
    if is_safe(name):
        assert below.is_relative_to("/root/")
        assert str(below) == f"/root/{name}"
    assert not {"..", ".", ""}.intersection(name.split("/")) or not is_safe(name)


@pytest.mark.parametrize(
    "name",
    [
        "logs/../../../../planted.txt",
        "logs//x",
        "a/./b",
        "a\\..\\b",
        "a\0b",
        "a\nb",
        "epochs.jsonl/x",
        "study.json/x/y",
    ]
    + ["logs/..", "\u202etxt"],
)
@pytest.mark.parametrize("read", [fetched, cached])
def test_an_object_whose_name_no_run_writes_is_refused_and_nothing_is_written(
    name: str,
    read: Callable[..., Path],
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    put(Folder.at(URL), rows(1), spec())
    real = Folder.everything
    monkeypatch.setattr(Folder, "everything", lambda self: [*real(self), name])
    with pytest.raises(StudyError) as error:
        read(URL, print)
    assert "whose name no run writes" in said(error)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "name",
    [
        "lock",
        "lock/x",
        "session.json",
        "wandb/lock",
        ".store",
        ".x/y",
        "../x",
        "writers/x",
        "turns/x",
        "checkpoints/0001/x",
    ],
)
def test_what_belongs_to_a_place_does_not_travel(
    name: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(Folder.at(URL), rows(1), spec())
    real = Folder.everything
    monkeypatch.setattr(Folder, "everything", lambda self: [*real(self), name])
    root = fetched(URL, print)
    assert sorted(path.name for path in root.iterdir()) == [".store", "epochs.jsonl", "study.json"]
    assert is_bound(root)


@pytest.mark.parametrize("from_store", [None, True, False])
def test_a_url_without_a_run_leaves_nothing_behind(
    from_store: bool | None, store: Store, tmp_path: Path
) -> None:
    with pytest.raises((StudyError, DamagedRun, FileNotFoundError), match=r"run"):
        fetched(URL, print, from_store)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "memory://bucket/mine/..",
        "memory://bucket/../..",
        "memory://bucket/mine\\x/run",
        "memory://b/./run",
    ],
)
def test_a_url_names_a_study_and_a_run(url: str, store: Store, tmp_path: Path) -> None:
    for read in (fetched, cached):
        with pytest.raises(StudyError):
            read(url, print)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nothing_is_written_through_a_link(store: Store, tmp_path: Path) -> None:
    put(Folder.at(URL), rows(1), spec())
    root = fetched(URL, print)
    (tmp_path / "theirs").mkdir()
    (root / "logs").symlink_to(tmp_path / "theirs")
    Folder.at(URL).write("logs/0001.log", b"planted")
    put(Folder.at(URL), rows(1, 2), spec())
    with pytest.raises(StudyError, match="is a link"):
        fetched(URL, print)
    assert list((tmp_path / "theirs").iterdir()) == []


def test_nothing_that_a_link_points_to_is_copied(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("key")
    root = tmp_path / "run"
    put(Folder.at(root), rows(1), spec())
    (root / "report").mkdir()
    (root / "report" / "a").symlink_to(tmp_path / "secret" / "key")
    (root / "logs").symlink_to(tmp_path / "secret")
    os.mkfifo(root / "pipe")
    with copies.copied(root, URL, print):
        pass
    assert Folder.at(URL).everything() == ["epochs.jsonl", "study.json"]


# Which records count


def test_a_copy_is_brought_up_to_date_and_loses_nothing(store: Store, tmp_path: Path) -> None:
    there, here, told = Folder.at(URL), Folder.at("results/mine/run"), []

    def epochs() -> bytes:
        assert fetched(URL, told.append) == Path("results/mine/run")
        return here.read("epochs.jsonl")

    put(there, rows(1), spec())
    assert epochs() == rows(1)
    put(there, rows(1, 2), spec())
    assert epochs() == rows(1, 2), "the same session, later"
    put(here, rows(1, 2, 3), spec())
    assert epochs() == rows(1, 2, 3), "written here, and not copied yet"
    put(there, rows(1, 2, 3, 4)[:-3], spec("tuesday"))
    assert epochs() == rows(1, 2, 3, 4)[:-3], "another machine went on, and its last line is torn"
    Path("results/mine/run/study.json").unlink()
    assert epochs() == rows(1, 2, 3, 4)[:-3], "fetching it was interrupted"
    assert told == [f"{URL} is copied to results/mine/run"] * 4


CONFLICTS = {
    "both went on": (
        rows(1, 3),
        spec("here"),
        rows(1, 2),
        spec("there"),
        "each have records that the other lacks",
    ),
    "both trained": (
        rows(1, 3),
        spec(),
        rows(1, 2),
        spec(),
        "each have records that the other lacks",
    ),
    "fewer sessions": (
        rows(1, 2),
        spec(),
        rows(1),
        spec("there"),
        "each have records that the other lacks",
    ),
    "another run": (rows(1), spec(started="friday"), rows(1, 2), spec(), "are not the same run"),
    "another store": (
        rows(1),
        spec(url="memory://other/mine/run"),
        rows(1, 2),
        spec(),
        "are not the same run",
    ),
    "no study.json": (
        rows(1, 3),
        b"",
        rows(1, 2),
        spec(),
        "each have records that the other lacks",
    ),
}


@pytest.mark.parametrize("case", CONFLICTS)
def test_records_that_the_store_lacks_are_not_overwritten(case: str, store: Store) -> None:
    here, study, there, studied, what = CONFLICTS[case]
    root = Folder.at("results/mine/run")
    put(root, here, study)
    bind(Path(root.path))
    put(Folder.at(URL), there, studied)
    with pytest.raises(StudyError) as error:
        fetched(URL, print)
    last, theirs = (
        f"trial 0001, epoch {json.loads(rows.splitlines()[-1])['epoch']}, at 2023-11-14 22:13:2"
        for rows in (here, there)
    )
    assert what in said(error)
    assert all(
        words in said(error)
        for words in (f"here: {last}", f"there: {theirs}", "--from-store", "--keep-local")
    )
    assert (root.read("epochs.jsonl"), root.read("study.json")) == (here, study)
    told: list[str] = []
    path = fetched(URL, told.append, from_store=True)
    assert (path / "epochs.jsonl").read_bytes() == there
    (aside,) = (path.parent / ".aside").iterdir()
    assert ((aside / "epochs.jsonl").read_bytes(), (aside / "study.json").read_bytes()) == (
        here,
        study,
    )
    assert str(aside) in told[-1]
    assert not list(aside.glob("lock")) + list(path.glob("lock"))
    fetched(str(path), print)


def test_the_folder_can_go_on_in_a_place_of_its_own(store: Store) -> None:
    here, study, there, studied, _ = CONFLICTS["both went on"]
    root = Path("results/mine/run")
    put(Folder.at(root), here, study)
    put(Folder.at(URL), there, studied)
    assert fetched(URL, print, from_store=False) == root
    own = json.loads((root / "study.json").read_bytes())["storage"]
    assert own.startswith(f"{URL}-")
    with copies.copied(root, own, print):
        pass
    assert Folder.at(own).read("epochs.jsonl") == here
    assert (Folder.at(URL).read("epochs.jsonl"), Folder.at(URL).read("study.json")) == (
        there,
        studied,
    )


@pytest.mark.parametrize(
    "hostile",
    [b"", b"[]", b"{", b'"x"', b'{"sessions": 3}', b'{"sessions": [[]], "storage": 7}', b"\xff"],
)
def test_records_that_say_nothing_are_refused_in_one_line(hostile: bytes, store: Store) -> None:
    put(Folder.at("results/mine/run"), b'{"at": "x"}\n', hostile)
    put(Folder.at(URL), b"{}\n", spec())
    with pytest.raises(StudyError) as error:
        fetched(URL, print)
    assert "here: one that cannot be read" in said(error)


def test_a_run_that_is_being_written_is_not_fetched_into(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(Folder.at(URL), rows(1), spec())
    root = fetched(URL, print)
    put(Folder.at(URL), rows(1, 2), spec())
    (root / "lock").write_text(json.dumps({"host": "elsewhere", "pid": 1}))
    monkeypatch.setattr("tuning.runs.lock.changes", lambda what, seconds: True)
    for choice in (None, True, False):
        with pytest.raises(StudyError, match="is being written by process 1 on elsewhere"):
            fetched(URL, print, choice)
    assert (root / "epochs.jsonl").read_bytes() == rows(1)


def test_reading_a_run_in_a_store_touches_no_run_folder(store: Store, tmp_path: Path) -> None:
    put(Folder.at("results/mine/run"), rows(1, 3), spec("here"))
    there, told = Folder.at(URL), []
    for epochs in (rows(1), rows(1), rows(1, 2), rows(2)):
        put(there, epochs, spec())
        folder = cached(URL, told.append)
        assert folder.is_relative_to(tmp_path / "cache")
        assert folder.parts[-2:] == ("mine", "run")
        assert (folder / "epochs.jsonl").read_bytes() == epochs
    assert len(told) == 3
    other = (
        cached(URL.replace("bucket", "other"), print)
        if put(Folder.at(URL.replace("bucket", "other")), rows(9), spec())
        else None
    )
    assert other is None or other != folder
    put(there, rows(7), spec(started="friday"))
    assert cached(URL, print) != folder, "another run in its place"
    assert Folder.at("results/mine/run").read("epochs.jsonl") == rows(1, 3)
    assert (tmp_path / "cache" / "tune-studies").stat().st_mode & 0o077 == 0
    assert cached("anywhere", print) == Path("anywhere")


# Copies of run folders


@pytest.fixture
def original(store: Store, tmp_path: Path) -> Path:
    root = tmp_path / "original"
    put(Folder.at(root), rows(1), spec())
    with copies.copied(root, URL, print):
        (Folder.at(URL) / "checkpoints" / "0002").write("000001-aa.pt", b"state")
    return root


COPIERS = {
    "cp -r": lambda one, other: shutil.copytree(one, other),
    "cp -a": lambda one, other: shutil.copytree(one, other, copy_function=shutil.copy2),
    "cp -al": lambda one, other: shutil.copytree(one, other, copy_function=os.link),
}


@pytest.mark.parametrize("copier", COPIERS)
def test_a_copy_of_a_run_folder_does_not_write_to_its_store(
    copier: str, original: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    COPIERS[copier](original, copy)
    before = {name: Folder.at(URL).read(name) for name in Folder.at(URL).everything()}
    with pytest.raises(StudyError) as error:
        fetched(str(copy), print)
    assert all(words in said(error) for words in ("is a copy", "--from-store", "--keep-local", URL))
    with pytest.raises(StudyError, match="is a copy"), copies.copied(copy, URL, print):
        pass
    fetched(str(copy), print, from_store=False)
    own = json.loads((copy / "study.json").read_bytes())["storage"]
    with copies.copied(copy, own, print):
        clear_unknown(current(Folder.at(own)) / "checkpoints", [])
    assert before == {name: Folder.at(URL).read(name) for name in Folder.at(URL).everything()}
    assert fetched(str(original), print) == original


def test_a_folder_that_was_moved_still_writes_to_its_store(original: Path, tmp_path: Path) -> None:
    original.rename(tmp_path / "moved")
    assert fetched(str(tmp_path / "moved"), print) == tmp_path / "moved"


@pytest.mark.parametrize("storage", ["/home/me", 7, ["memory://x"], ""])
def test_a_store_that_is_no_url_is_refused(storage: object, store: Store) -> None:
    put(Folder.at("run"), rows(1), json.dumps({**json.loads(spec()), "storage": storage}).encode())
    with pytest.raises(StudyError, match="which is no URL"):
        fetched("run", print)


def test_checkpoints_of_trials_without_records_are_not_gone_on_from(tmp_path: Path) -> None:
    """Another trial gets the name."""
    folder = Folder.at(tmp_path)
    for name in ("0001", "0002", "c0001"):
        (folder / name).write("000001-aa.pt", b"state")
    clear_unknown(folder, ["0001"])
    (tmp_path / "notes").mkdir()
    clear_unknown(folder, [])
    assert folder.names(folders=True) == ["notes"], "no trial is called so"


@pytest.mark.parametrize("link", ["checkpoints", "checkpoints/0001"])
def test_no_checkpoint_is_removed_through_a_link(link: str, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs" / "0001"
    theirs.mkdir(parents=True)
    (theirs / "000001-aa.pt").write_text("theirs")
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(theirs.parent if link == "checkpoints" else theirs)
    with pytest.raises(StudyError, match="is a link"):
        clear_unknown(Folder.at(tmp_path / "checkpoints"), [])
    assert (theirs / "000001-aa.pt").exists()


# Two writers of one run


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """All writers are on machines that cannot see each other, and one that does not write at once
    is silent.
    """
    monkeypatch.setattr(store_lock, "lives_here", lambda holder: None)
    monkeypatch.setattr(store_lock, "is_us", lambda holder: False)


def writer(root: Path, epochs: bytes, *sessions: str) -> "copies._Copy":
    """A writer that has got the run; raises StudyError if it does not."""
    put(Folder.at(root), epochs, spec(*sessions))
    lock = StoreLock(Folder.at(URL), URL)
    lock.take(lambda text: None)
    copy = copies._Copy(root, lock)
    copy.begin()
    return copy


def steps_of(store: Store, act: Callable[[], None]) -> int:
    count = [0]
    store.before = lambda: count.__setitem__(0, count[0] + 1)
    act()
    store.before = lambda: None
    return count[0]


def at_step(store: Store, step: int, happen: Callable[[], None]) -> None:
    """Let something happen ahead of the one of the next operations."""
    left = [step]

    def before() -> None:
        left[0] -= 1
        if left[0] == 0:
            store.before = lambda: None
            happen()

    store.before = before


def test_a_writer_whose_run_was_taken_over_stops_and_overwrites_nothing(
    store: Store, apart: None, tmp_path: Path
) -> None:
    """Another takes the run over ahead of every single thing that the first one asks of the store
    while it copies.
    """

    def stale(number: int) -> "copies._Copy":
        store.store.clear()
        first = writer(tmp_path / f"first{number}", rows(1))
        (tmp_path / f"first{number}" / "epochs.jsonl").write_bytes(rows(1, 2, trial="mine"))
        return first

    steps = steps_of(store, stale(0).now)
    assert steps == 3, "who else, our claim, the records"
    for step in range(1, steps + 1):
        first = stale(step)
        at_step(
            store,
            step,
            lambda step=step: writer(
                tmp_path / f"other{step}", rows(1, 2, trial="theirs"), "tuesday"
            ),
        )
        with suppress(StudyError):
            first.now()
        with pytest.raises(StudyError, match="It took this run over"):
            first.now()
        first._lock.release()
        counts = current(Folder.at(URL))
        assert counts.read("epochs.jsonl") == rows(1, 2, trial="theirs"), step
        assert counts.read("study.json") == spec("tuesday")
        assert (cached(URL, print) / "epochs.jsonl").read_bytes() == rows(1, 2, trial="theirs")


@pytest.mark.parametrize("former", [[], ["former"]])
def test_of_two_writers_that_take_a_run_at_once_at_most_one_holds_it(
    former: list[str], store: Store, apart: None, tmp_path: Path
) -> None:
    """One takes it ahead of every single thing that another asks of the store to take it."""
    held: dict[str, copies._Copy] = {}

    def begin(name: str) -> None:
        with suppress(StudyError):
            held[name] = writer(tmp_path / name, rows(1, trial=name), *former)

    def prepare() -> None:
        store.store.clear()
        for name in former:
            writer(tmp_path / name, rows(1, trial=name))
        held.clear()

    def writes(name: str) -> bool:
        with suppress(StudyError):
            held[name].now()
            return True
        return False

    prepare()
    for step in range(1, steps_of(store, lambda: begin("one")) + 1):
        prepare()
        at_step(store, step, lambda: begin("other"))
        begin("one")
        writing = [name for name in held if writes(name)]
        assert len(writing) <= 1, step
        if writing:
            assert current(Folder.at(URL)).read("epochs.jsonl") == rows(1, trial=writing[0]), step


def test_who_takes_over_takes_the_checkpoints_along_and_the_next_one_finds_them(
    store: Store, apart: None, tmp_path: Path
) -> None:
    first = writer(tmp_path / "first", rows(1))
    (first._store / "checkpoints" / "0001").write("000001-aa.pt", b"state")
    second = writer(tmp_path / "second", rows(1), "tuesday")
    assert current(Folder.at(URL)).path.startswith("bucket/mine/run/turns/000002-")
    (first._store / "checkpoints" / "0001").write("000001-aa.pt", b"late")
    assert (current(Folder.at(URL)) / "checkpoints/0001").read("000001-aa.pt") == b"state"
    second._lock.release()
    third = writer(tmp_path / "third", rows(1), "tuesday", "wednesday")
    assert third._store == second._store, "the one before has let go: nothing comes late"
    third._lock.release()
    assert cached(URL, print).joinpath("study.json").read_bytes() == spec("tuesday", "wednesday")


def test_who_is_refused_after_all_leaves_the_claim_of_the_silent_one(
    store: Store, apart: None, tmp_path: Path
) -> None:
    """It may still write: the next one must see that, and write elsewhere."""
    first = writer(tmp_path / "first", rows(1, 2))
    second = StoreLock(Folder.at(URL), URL)
    second.take(lambda text: None)
    with suppress(StudyError):
        second.show()
    second.withdraw()
    assert (Folder.at(URL) / "writers").names() == [first._lock._name]


def test_a_writer_that_lets_go_leaves_no_claim_and_the_next_one_writes_to_the_same_place(
    store: Store, tmp_path: Path
) -> None:
    put(Folder.at(tmp_path / "run"), rows(1), spec())
    for _ in range(2):
        with copies.copied(tmp_path / "run", URL, print):
            assert len((Folder.at(URL) / "writers").names()) == 1
        assert Folder.at(URL).everything() == ["epochs.jsonl", "study.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"turn": "../../x"}', b'{"turn": 3}', b'{"turn": "000009-zz"}', b"\xff"],
)
def test_a_claim_that_says_nothing_leads_nowhere(content: bytes, store: Store) -> None:
    put(Folder.at(URL), rows(1), spec())
    Folder.at(URL).write("writers/000009-00000000000000aa", content)
    Folder.at(URL).write("writers/../x", content)
    assert current(Folder.at(URL)) == Folder.at(URL)
