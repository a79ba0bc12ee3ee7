"""Whoever is not there is told of the end, the first failure and the break of a run."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from commands import train_here, write_study
from small_studies import small_study

from tuning import Study, StudyError, run
from tuning.callbacks import notify
from tuning.callbacks.notify import _form, _kind, checked_url
from tuning.cli.session import command_line


class Server(ThreadingHTTPServer):
    """A webhook; ``heard`` holds what it was sent."""

    daemon_threads = True

    def __init__(self, status: int = 200, waits: threading.Event | None = None) -> None:
        heard: list[Any] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                heard.append(json.loads(self.rfile.read(size)))
                if waits:
                    waits.wait()
                self.send_response(status)
                self.end_headers()

            def log_message(self, *words: Any) -> None: ...

        self.heard = heard
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/secret-token"


@contextmanager
def webhook(*options: Any) -> Iterator[Server]:
    with Server(*options) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def trained(study: Study, folder: Path, url: str) -> Any:
    return run(study, backend="inline", results=folder, notify=url)


def failing(config: Any, seeds: Any, resume: Any = None) -> Any:
    yield {"epoch": 1, "score": [1.0] * len(seeds)}, None
    raise RuntimeError("token=hunter2")


def test_the_end_of_a_run_is_told(tmp_path: Path) -> None:
    with webhook() as server:
        done = trained(small_study(), tmp_path, server.url)
    (message,) = server.heard
    assert message["text"].startswith(f"small {done.paths.root.name}: ")
    assert "completed of" in message["text"]
    assert "best score" in message["text"]
    assert str(done.report) in message["text"]
    assert "secret-token" not in "".join(
        file.read_text(errors="replace") for file in done.paths.root.rglob("*") if file.is_file()
    )


def test_the_first_failure_alone_is_told_and_by_its_kind_alone(tmp_path: Path) -> None:
    study = small_study(trainable=failing, space={"slope": [1, 2, 3]})
    with webhook() as server:
        trained(study, tmp_path, server.url)
    texts = [message["text"] for message in server.heard]
    assert len(texts) == 2
    assert "failed (RuntimeError), the first one to do so" in texts[0]
    assert "3 failed of 3 trials" in texts[1]
    assert "hunter2" not in "".join(texts)


def test_a_break_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*given: Any, **named: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("tuning.engine.backends.inline.run_inline", breaks)
    with webhook() as server, pytest.raises(KeyboardInterrupt):
        trained(small_study(), tmp_path, server.url)
    assert [message["text"].partition(": ")[2] for message in server.heard] == [
        "broke off (KeyboardInterrupt)"
    ]


def test_a_run_that_cannot_be_read_any_more_has_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(folder: Path) -> Any:
        raise OSError("stale handle")

    monkeypatch.setattr("analysis.home.row.row_of", unreadable)
    with webhook() as server:
        done = trained(small_study(), tmp_path, server.url)
    (message,) = server.heard
    assert message["text"].endswith(
        f": ended; it cannot be read any more (OSError): {done.paths.root}"
    )


def test_a_server_that_refuses_changes_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with webhook(500) as server:
        done = trained(small_study(), tmp_path, server.url)
    assert set(done.trials["status"]) == {"completed"}
    said = capfd.readouterr().err
    assert "note: 127.0.0.1 was not notified: Internal Server Error." in said
    assert "secret-token" not in said


def test_a_server_that_is_gone_changes_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/secret-token"
        done = trained(small_study(), tmp_path, url)
    assert set(done.trials["status"]) == {"completed"}
    assert "was not notified: [Errno 111] Connection refused." in capfd.readouterr().err


def test_a_slow_server_holds_nothing_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "SECONDS_AT_END", 0.1)
    answers = threading.Event()
    with webhook(200, answers) as server:
        done = trained(small_study(trainable=failing), tmp_path, server.url)
        assert set(done.trials["status"]) == {"failed"}
        assert "was not notified: it does not answer." in capfd.readouterr().err
        answers.set()


@pytest.mark.parametrize(
    ("url", "place", "content"),
    [
        ("https://hooks.slack.com/services/T/B/x", None, {"text": "hi"}),
        ("https://mattermost.example.org/hooks/x", None, {"text": "hi"}),
        ("https://discord.com/api/webhooks/1/x", None, {"content": "hi"}),
        ("https://ntfy.sh/mine", "https://ntfy.sh/", {"topic": "mine", "message": "hi"}),
    ],
)
def test_each_service_gets_its_form(url: str, place: str | None, content: Any) -> None:
    assert _form(url, "hi") == (place or url, content)


@pytest.mark.parametrize("url", ["", "slack", "ftp://host/secret", "http://", "file:///secret"])
def test_what_is_no_webhook_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(StudyError, match="must be an http or https address") as raised:
        checked_url(url)
    assert "secret" not in str(raised.value)


def test_kinds_of_errors() -> None:
    assert (
        _kind('Traceback (most recent call last):\n  File "x"\nValueError: no: a\n') == "ValueError"
    )
    assert _kind("torch.OutOfMemoryError: CUDA") == "torch.OutOfMemoryError"
    assert _kind("it reported nothing for 3 s") == "see its log"
    assert _kind(None) == "see its log"


def test_the_address_is_in_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sys.argv", ["study", "run", "x", "--notify", "https://h/secret", "--watch"]
    )
    assert command_line() == ["study", "run", "x", "--notify", "...", "--watch"]
    monkeypatch.setattr("sys.argv", ["study", "run", "x", "--notify=https://h/secret"])
    assert command_line() == ["study", "run", "x", "--notify=..."]


def test_a_run_of_the_command_tells_its_end(tmp_path: Path) -> None:
    mine = str(tmp_path / write_study(tmp_path, "pass"))
    with webhook() as server:
        done = train_here("run", mine, "--results", str(tmp_path), "--notify", server.url)
    assert done.exit_code == 0, done.stderr
    assert "completed of" in server.heard[-1]["text"]
    folder = Path(done.stdout.splitlines()[-1])
    assert "secret-token" not in (folder / "study.json").read_text()
    assert "secret-token" not in done.stdout + done.stderr
