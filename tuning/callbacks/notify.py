"""A word to whoever is not there: that a run ended, broke off, or lost its first trial."""

import json
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from analysis.records.paths import RunPaths
from analysis.records.schema import Status
from tuning.process.terminal import say
from tuning.spec.errors import StudyError
from tuning.spec.study import Trial

SECONDS_TO_ANSWER = 10.0
SECONDS_AT_END = 5.0
"""What a run that has ended waits for its last word to be sent."""


class Notifier:
    """Sends words to ``url`` from a thread of its own, as a ``Callback`` of the recorder. It delays
    nothing and raises nothing: what cannot be sent is said in a line when the run ends, without the
    address, which is a secret.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._texts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._waiting = 0
        self._problem: str | None = None
        self._has_failed = False
        self._sent = threading.Condition()
        threading.Thread(target=self._work, daemon=True).start()

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        """Nothing is said of it."""

    def pause(self, trial: Trial) -> None: ...

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        """The first trial that fails is worth a word. Of its error only the kind is sent: a message
        may hold anything.
        """
        if status == Status.FAILED and not self._has_failed:
            self._has_failed = True
            self.post(f"trial {trial.id} failed ({_kind(error)}), the first one to do so")

    def post(self, text: str) -> None:
        with self._sent:
            self._waiting += 1
        self._texts.put(f"{self._name}: {text}")

    def close(self) -> None:
        """Wait a moment for what is on its way."""
        with self._sent:
            done = self._sent.wait_for(lambda: not self._waiting, SECONDS_AT_END)
        problem = self._problem if done else "it does not answer"
        if problem:
            say(f"note: {urlsplit(self._url).hostname} was not notified: {problem}.")

    def _work(self) -> None:
        while True:
            text = self._texts.get()
            try:
                send(self._url, text)
                self._problem = None
            except Exception as error:  # of the network, of a proxy, of a server: a dozen kinds
                self._problem = str(getattr(error, "reason", None) or type(error).__name__)
            with self._sent:
                self._waiting -= 1
                self._sent.notify_all()


@contextmanager
def notified(url: str | None, name: str) -> Iterator[Notifier | None]:
    """A ``Notifier`` for the time of the block; None without a ``url``."""
    if url is None:
        yield None
        return
    notifier = Notifier(url, name)
    try:
        yield notifier
    finally:
        notifier.close()


@contextmanager
def told_of(notifier: Notifier | None, paths: RunPaths) -> Iterator[None]:
    """Say how the block ended, in which the run at ``paths`` is trained and its report written."""
    try:
        yield
    except BaseException as error:
        if notifier:
            notifier.post(f"broke off ({type(error).__name__})")
        raise
    if notifier:
        notifier.post(_last_word(paths))


def _last_word(paths: RunPaths) -> str:
    """How a run ended and what it found, in a line; that it ended alone where its records cannot be
    read any more: the run has succeeded all the same.
    """
    from analysis.home.row import row_of

    try:
        row = row_of(paths.root)
    except Exception as error:  # a disk, a folder that was moved, another process in it
        return f"ended; it cannot be read any more ({type(error).__name__}): {paths.root}"
    ends = [f"{row[status]} {status}" for status in map(str, Status) if row[status]]
    best = f"; best {row['metric']} {row['best_text']}" if row["best_text"] else ""
    return f"{', '.join(ends)} of {row['planned']} trials{best}; report: {paths.index}"


def checked_url(url: str) -> str:
    """``url``, if words can be sent there.

    Raises:
        StudyError: it is no address of the web; it is not repeated, for it is a secret.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StudyError(
            "notify must be an http or https address that takes a POST: an incoming webhook of"
            " Slack, Discord or Mattermost, or a topic of ntfy, https://ntfy.sh/TOPIC say."
        )
    return url


def send(url: str, text: str) -> None:
    """POST ``text`` to ``url`` as JSON of the form that the service there takes.

    Raises:
        OSError: it did not arrive.
    """
    import urllib.request

    place, content = _form(url, text)
    request = urllib.request.Request(
        place, json.dumps(content).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=SECONDS_TO_ANSWER) as answer:
        answer.read(1)


def _form(url: str, text: str) -> tuple[str, dict[str, str]]:
    """Where to send it, and as what. ntfy takes JSON at its root alone."""
    parts = urlsplit(url)
    host = str(parts.hostname)
    if "ntfy" in host:
        return urlunsplit(parts._replace(path="/")), {
            "topic": parts.path.strip("/"),
            "message": text,
        }
    return url, {"content" if host.endswith(("discord.com", "discordapp.com")) else "text": text}


def _kind(error: str | None) -> str:
    """The type of an error, the first word of the last line of its traceback."""
    lines = [line for line in (error or "").splitlines() if line and not line.startswith(" ")]
    name = lines[-1].partition(":")[0] if lines else ""
    return name if name.replace(".", "").isidentifier() else "see its log"
