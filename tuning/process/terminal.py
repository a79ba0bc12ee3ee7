"""How the command speaks and ends: a mistake is one line, a path is as the user would type it,
nothing is left behind without content.
"""

import atexit
import contextlib
import errno
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO

import typer
from typer.core import TyperGroup

from analysis.records.lines import DamagedRun
from analysis.records.paths import RunPaths
from tuning.process.signals import Interrupted, handled, interrupt
from tuning.process.start_folder import stands_in
from tuning.process.streams import json_stream, lasting_streams
from tuning.runs.store import Folder
from tuning.runs.two_copies import sessions_of, spec_in
from tuning.spec.errors import StudyError

MISTAKES = (StudyError, DamagedRun, ConnectionError)
"""What is said in one line per problem, with exit code 2."""
_ADVICE = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT),
        "Free some space; `study resume RUN` goes on, `study report RUN` writes a report again.",
    ),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS),
        "Give a folder that you may read and write: a copy of the run, say.",
    ),
}
# Typer does not export the base of its usage errors by name.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]


class OneLineErrors(TyperGroup):
    """The group of commands, whose usage errors are one line as all errors are."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        with lasting_streams():
            return super().main(*arguments, **options)

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        if not args:  # the help
            return super().make_context(info_name, args, *rest, **extra)
        with _one_line():
            return super().make_context(info_name, args, *rest, **extra)

    def invoke(self, ctx: Any) -> Any:
        try:
            Path.cwd()
        except OSError as error:
            say(
                f"error: the working folder is gone, or cannot be read ({error.strerror}): go to"
                " another one with cd."
            )
            raise typer.Exit(2) from None
        with _one_line():
            return super().invoke(ctx)


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        say(f"error: {' '.join(error.format_message().split())}")  # type: ignore[attr-defined]
        raise typer.Exit(2) from None


def whole(text: str) -> int:
    """A whole number from the command line."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} must be a whole number.") from None


@contextmanager
def plain_errors(json: bool = False) -> Iterator[TextIO | None]:
    """A user's mistake, a full disk and a folder that may not be written are a line per problem and
    exit code 2.

    Ctrl-C is 130, SIGTERM 143, a terminal that is closed 129. With ``json`` the block is given the
    stream that JSON lines go to.
    """
    try:
        with handled(interrupt):
            yield json_stream() if json else None
    except MISTAKES as error:
        for line in str(error).splitlines():
            say(f"error: {line}")
        raise typer.Exit(2) from None
    except OSError as error:
        if error.errno not in _ADVICE:
            raise
        where = f" ({error.filename})" if error.filename else ""
        say(f"error: {error.strerror}{where}. {_ADVICE[error.errno]}")
        raise typer.Exit(2) from None
    except KeyboardInterrupt as error:
        say("Interrupted.")
        leave(error.code if isinstance(error, Interrupted) else 130)


@contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Ctrl-C is the usual end of the block."""
    try:
        yield
    except Interrupted as error:
        if error.by != signal.SIGINT:
            raise


@contextmanager
def removed_if_empty(paths: RunPaths) -> Iterator[None]:
    """A run folder that is left by an error or a signal before its first record is taken away
    again.
    """
    try:
        yield
    except BaseException:
        with handled(signal.SIG_IGN):
            remove_if_empty(paths)
        raise


def remove_if_empty(paths: RunPaths) -> None:
    """Take a run folder without a record away that this session has made."""
    if not paths.trials.exists() and len(sessions_of(spec_in(Folder.at(paths.root)))) < 2:
        shutil.rmtree(paths.root, ignore_errors=True)
        with contextlib.suppress(OSError):  # other runs are there
            paths.root.parent.rmdir()


def end(code: int) -> None:
    """End the command. After an interruption soon: what is written is written, and libraries may
    take long to say goodbye.
    """
    if code > 128:
        leave(code)
    raise typer.Exit(code)


def leave(code: int) -> NoReturn:
    """End this process within a second, whatever its libraries do meanwhile."""
    goodbye = threading.Thread(target=atexit._run_exitfuncs, daemon=True)
    goodbye.start()
    goodbye.join(1.0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def shown(path: Path) -> str:
    """Relative to where the user stands, where that is shorter."""
    relative = os.path.relpath(path, stands_in())
    return str(path) if relative.startswith("..") else relative


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
