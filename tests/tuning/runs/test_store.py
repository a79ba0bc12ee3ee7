"""Stores: folders, URLs, an S3 server; slow, full and gone."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import ENVIRONMENT, STUDY, invoke
from fault_runs import FAULT_STUDY, is_sound, until
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import fs

from analysis import load_run
from benchmarks.chaos import rows
from tuning import StudyError
from tuning.engine import checkpoints
from tuning.runs import fetching, store_lock
from tuning.runs import store as storage
from tuning.runs import sync as copies
from tuning.runs.lock import changes
from tuning.runs.store import Folder, joined
from tuning.runs.store_urls import url_problem

KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The URL of a bucket on a server of this process."""
    moto = pytest.importorskip(
        "moto.server", reason="needs an S3 server: pip install moto flask flask-cors"
    )
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ.update(KEYS)
    url = (
        f"s3://bucket?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
        "&allow_bucket_creation=true"
    )
    Folder.at(url).files.create_dir("bucket")
    yield url
    server.stop()
    for key in KEYS:
        del os.environ[key]


@pytest.fixture(params=["folder", "file", "memory", pytest.param("s3", marks=pytest.mark.slow)])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    if request.param == "s3":
        return Folder.at(joined(request.getfixturevalue("s3"), tmp_path.name))
    return Folder.at(
        {"folder": tmp_path, "file": f"file://{tmp_path}", "memory": f"memory://{tmp_path.name}"}[
            request.param
        ]
    )


def test_a_store_keeps_what_it_is_given(folder: Folder) -> None:
    assert folder.names() == (folder / "nowhere").names() == folder.everything() == []
    folder.write("a", b"1")
    folder.write("a", b"22")
    (folder / "b" / "c").write("d", b"3")
    assert (folder.read("a"), (folder / "b").read("c/d")) == (b"22", b"3")
    assert folder.names() == ["a"]
    assert folder.names(folders=True) == ["b"]
    assert folder.everything() == ["a", "b/c/d"]
    folder.remove("a")
    folder.remove("a")
    (folder / "b").clear()
    (folder / "b").clear()
    assert folder.everything() == []


def test_checkpoints_are_kept_in_any_store(folder: Folder) -> None:
    for epoch in range(1, 5):
        checkpoints.save(folder / "0001", epoch, {"epoch": epoch}, [])
    assert [name[:6] for name in (folder / "0001").names()] == ["000003", "000004"]
    name = (folder / "0001").names()[-1]
    (folder / "0001").write(name, b"damaged")
    found = checkpoints.newest(folder / "0001")
    assert found is not None
    assert found.state == {"epoch": 3}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://key:secret@bucket/x", "a URL with a password in it would stand in the records"),
        (
            "abfs://:secret@account.dfs.core.windows.net/x",
            "a URL with a password in it would stand in the records",
        ),
        ("nothing://bucket/x", "nothing://bucket/x cannot be used: Protocol not known: nothing"),
    ],
)
def test_what_is_no_store_is_said(url: str, said: str) -> None:
    with pytest.raises(StudyError) as raised:
        Folder.at(url)
    assert str(raised.value).startswith(said)
    assert "secret" not in str(raised.value)


def test_a_user_without_a_password_may_stand_in_a_url() -> None:
    """Where Azure has the name of the container."""
    assert Folder.at("abfss://container@account.dfs.core.windows.net/x").path == "container/x"


def test_a_run_with_a_password_in_its_url_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = "abfs://:secret@account.dfs.core.windows.net/x"
    result = invoke("run", "xor_width_depth", "--smoke", "--results", place)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: a URL with a password in it")
    assert list(tmp_path.iterdir()) == []


def test_places_below_a_url_keep_its_options() -> None:
    assert joined("s3://b/x/?region=y", "s", "r") == "s3://b/x/s/r?region=y"
    assert joined("s3://b?region=y", "s") == "s3://b/s?region=y"
    assert joined("/results", "s", "r") == "/results/s/r"


def test_a_full_store_is_waited_for_as_long_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "SECONDS_BETWEEN_TRIES", 0.01)
    tries, said = [], []

    def write(errors: int, number: int | None) -> str:
        tries.append(number)
        if len(tries) <= errors:
            raise (
                OSError(number, "No space left on device")
                if number
                else OSError("AWS Error NETWORK_CONNECTION")
            )
        return "written"

    for number in (28, None):
        tries.clear()
        assert (
            storage.retry_while_full(
                lambda number=number: write(3, number), said.append, for_seconds=60
            )
            == "written"
        )
    assert [text.split(":")[0] for text in said] == [
        "No space left on device",
        "AWS Error NETWORK_CONNECTION",
    ], "said once"
    tries.clear()
    with pytest.raises(OSError, match="No space left"):
        storage.retry_while_full(lambda: write(10**9, 28), said.append, for_seconds=0.05)
    tries.clear()
    with pytest.raises(PermissionError):
        storage.retry_while_full(lambda: write(1, 13), said.append, for_seconds=60)
    assert len(tries) == 1, "what does not pass is not waited for"


class Slow(MemoryFileSystem):
    """A store that lets everybody wait for its large files until it may answer, or fails."""

    answers, works = threading.Event(), True
    cachable = False

    def _open(self, path: str, *given: Any, **named: Any) -> Any:
        if "/writers/" not in path:
            self.answers.wait()
        if not self.works:
            raise OSError("the store is gone")
        return super()._open(path, *given, **named)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    files = Slow()
    files.answers.set()
    monkeypatch.setattr(
        storage,
        "_reached",
        lambda url: (fs.PyFileSystem(fs.FSSpecHandler(files)), url.removeprefix("slow://")),
    )
    monkeypatch.setattr(copies, "SECONDS_BETWEEN_COPIES", 0.05)
    monkeypatch.setattr(store_lock, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(store_lock, "SILENT_SECONDS", 1.0)
    yield files
    files.answers.set()
    files.works = True


def run_with(root: Path) -> Path:
    for name in ("study.json", "epochs.jsonl", "lock", "arrays/0001.npz", "checkpoints/0001/x.pt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}\n")
    return root


def records_in(store: Folder) -> list[str]:
    return [name for name in store.everything() if not name.startswith("writers/")]


def eventually(folder: Folder, name: str, content: bytes) -> None:
    until = time.monotonic() + 240
    while folder.read(name) != content:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_records_are_copied_as_they_grow_and_a_slow_store_holds_nobody_up(
    slow: Slow, tmp_path: Path
) -> None:
    root, store = run_with(tmp_path / "run"), Folder.at("slow://runs/a")
    with copies.copied(root, "slow://runs/a", print):
        assert records_in(store) == ["arrays/0001.npz", "epochs.jsonl", "study.json"]
        (root / "epochs.jsonl").write_text("{}\n{}\n")
        eventually(store, "epochs.jsonl", b"{}\n{}\n")
        slow.answers.clear()
        (root / "epochs.jsonl").write_text("{}\n{}\n{}\n")
        time.sleep(0.2)
        slow.answers.set()
        (root / "trials.jsonl").write_text("{}\n")
    assert store.everything() == [
        "arrays/0001.npz",
        "epochs.jsonl",
        "study.json",
        "trials.jsonl",
    ], "whole at the end, and let go"
    assert store.read("epochs.jsonl") == b"{}\n{}\n{}\n"


def test_a_store_that_is_gone_costs_nothing_but_a_sentence(slow: Slow, tmp_path: Path) -> None:
    root, said = run_with(tmp_path / "run"), []
    with copies.copied(root, "slow://runs/b", said.append):
        slow.works = False
        while not said:
            time.sleep(0.01)
    assert (
        said[0]
        == f"slow://runs/b cannot be written: the store is gone. The records are safe in {root}; it"
        " is tried again."
    )
    assert (
        said[-1]
        == f"slow://runs/b lacks the last records (the store is gone); they are in {root}, and"
        " `study resume` copies them."
    )
    with (
        pytest.raises(
            StudyError, match=r"slow://runs/c cannot be written: the store is gone\. Give another"
        ),
        copies.copied(root, "slow://runs/c", said.append),
    ):
        pass


def claim(store: Folder, name: str = "000001-00000000000000aa", **holder: Any) -> None:
    """Another writer's claim of a run."""
    content = {"host": "elsewhere", "space": None, "pid": 1, "began": "1", **holder}
    store.write(f"writers/{name}", json.dumps(content).encode())


def test_a_silent_writer_is_followed(slow: Slow, tmp_path: Path) -> None:
    root, store = run_with(tmp_path / "run"), Folder.at("slow://runs/d")
    claim(store)
    with copies.copied(root, "slow://runs/d", print):
        assert [
            json.loads(store.read(f"writers/{name}"))["pid"] for name in (store / "writers").names()
        ] == [os.getpid()]


@pytest.mark.parametrize("pid", [1, os.getpid()], ids=["of another", "ours"])
def test_another_writer_is_refused_while_it_lives(
    slow: Slow, tmp_path: Path, pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one of our own number: in containers, each is the first process of its machine."""
    root, store = run_with(tmp_path / "run"), Folder.at("slow://runs/e")
    claim(store, pid=pid)

    def watch(what: Callable[[], Any], seconds: float) -> bool:
        before = what()
        claim(store, pid=pid, beat=1)
        return what() != before

    monkeypatch.setattr(store_lock, "changes", watch)
    with (
        pytest.raises(StudyError, match=f"is being written by process {pid} on elsewhere"),
        copies.copied(root, "slow://runs/e", print),
    ):
        pass
    assert store.everything() == ["writers/000001-00000000000000aa"], "nothing of ours is left"


def test_a_writer_whose_copies_take_long_shows_that_it_lives(slow: Slow, tmp_path: Path) -> None:
    root, store = run_with(tmp_path / "run"), Folder.at("slow://runs/f")
    with copies.copied(root, "slow://runs/f", print):
        slow.answers.clear()
        (root / "epochs.jsonl").write_text("{}\n{}\n")
        time.sleep(0.3)
        (name,) = (store / "writers").names()
        assert changes(lambda: store.read(f"writers/{name}"), 60.0)
        slow.answers.set()


def run_in(folder: Folder, epochs: bytes, *sessions: str) -> None:
    content = {"sessions": [{"command": "study run", "started": started} for started in sessions]}
    for name, text in {
        "study.json": json.dumps(content).encode(),
        "epochs.jsonl": epochs,
        "arrays/0001.npz": b"a",
    }.items():
        folder.write(name, text)


def test_records_that_lack_what_the_store_has_are_not_written_over_it(
    slow: Slow, tmp_path: Path
) -> None:
    store = Folder.at("slow://runs/mine/i")
    run_in(store, b"1\n2\n", "monday", "tuesday")
    run_in(Folder.at(tmp_path / "i"), b"1\n", "monday", "wednesday")
    said = (
        "has records of this run that .* lacks: `study resume slow://runs/mine/i` goes on with"
        " those"
    )
    with (
        pytest.raises(StudyError, match=said),
        copies.copied(tmp_path / "i", "slow://runs/mine/i", print),
    ):
        pass
    assert store.read("epochs.jsonl") == b"1\n2\n"
    assert "lock" not in store.names()


def study(url: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = ENVIRONMENT | KEYS
    return subprocess.Popen(
        [*STUDY, *arguments], cwd=folder, env=environment, stdout=-1, stderr=-1, text=True
    )


@pytest.mark.slow
def test_a_run_in_s3_is_resumed_by_a_machine_that_has_nothing_of_it(
    s3: str, tmp_path: Path
) -> None:
    first, second, place = tmp_path / "first", tmp_path / "second", joined(s3, "runs")
    first.mkdir(), second.mkdir()
    process = study(s3, first, "run", str(FAULT_STUDY), "--results", place)
    until(lambda: len(rows(first)) > 12, process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 143, err
    assert not (first / out.splitlines()[-1] / "checkpoints").exists(), (
        "they are in the store alone"
    )
    run = joined(place, *Path(out.splitlines()[-1]).parts[-2:])
    assert (Folder.at(run) / "checkpoints").names(folders=True)
    again = study(s3, second, "resume", run)
    out, err = again.communicate(timeout=240)
    assert again.returncode == 0, err
    is_sound(load_run(second / out.splitlines()[-1]))
    assert (
        Folder.at(run).read("epochs.jsonl")
        == (second / out.splitlines()[-1] / "epochs.jsonl").read_bytes()
    )
    assert "report/index.html" in Folder.at(run).everything()
    assert "lock" not in Folder.at(run).names()


@pytest.mark.parametrize(
    "query",
    [
        "sig=abc",
        "client_secret=abc",
        "X-Amz-Signature=abc",
        "access_key=abc",
        "sas_token=abc",
        "region=eu&secret_key=abc",
        "token",
    ],
)
def test_a_url_with_what_may_be_a_secret_is_refused_without_repeating_it(query: str) -> None:
    with pytest.raises(StudyError, match="would stand in the records") as error:
        Folder.at(f"s3://bucket/folder?{query}")
    assert "abc" not in str(error.value)
    with pytest.raises(StudyError, match="would stand in the records"):
        Folder.at("s3://bucket/folder#abc")


@pytest.mark.parametrize(
    "url",
    [
        "s3://b/f",
        "s3://b/f?region=eu-west-1&scheme=http&endpoint_override=localhost:9000",
        "gs://anonymous@b/f",
    ],
)
def test_a_url_that_says_nothing_secret(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.slow
def test_an_object_with_dots_in_its_key_is_refused(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3 = pytest.importorskip("boto3")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    url = joined(s3, "hostile", "mine", "run")
    run_in(Folder.at(url), b"1\n", "monday")
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{s3.split('endpoint_override=')[1].split('&')[0]}",
        region_name="us-east-1",
    )
    client.put_object(
        Bucket="bucket", Key="hostile/mine/run/logs/../../../../planted.txt", Body=b"planted"
    )
    for read in (fetching.fetched, fetching.cached):
        with pytest.raises(StudyError, match="whose name no run writes"):
            read(url, print)
    assert list(tmp_path.rglob("*.txt")) == []
