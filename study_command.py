"""The command ``study``. It lies outside of our packages, so that it can say what stands in the way
of them.

It may import nothing of ours before that is known.
"""

import atexit
import importlib.util
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parent
PACKAGES = ("tuning", "trainables", "analysis", "cluster")
OURS = (*PACKAGES, "study_command")
"""The names that are imported from where this program lies."""
NOT_ON_WINDOWS = (
    "tune-studies runs on Linux and macOS, not on Windows, whose Python lacks signals and modules"
    " that it needs: install it in WSL, the Windows Subsystem for Linux."
)
begun: float | None = None
"""When the command began, as ``time.time``; None where there is no command."""


def main() -> None:
    """Run the command; a file of the user's that stands in for one of our packages ends it in one
    line.
    """
    global begun
    begun = time.time()
    try:
        if problems := in_the_way():
            print("\n".join(f"error: {problem}" for problem in problems), file=sys.stderr)
            raise SystemExit(2)
        from tuning.cli.app import app
    except KeyboardInterrupt:  # while Python still imports
        raise SystemExit(130) from None
    with ending_soon():
        app()


@contextmanager
def ending_soon() -> Iterator[None]:
    """What the block does is the end of this process, which then does not take large libraries
    apart: of Ray, PyTorch and pandas that takes seconds. Threads end as ever, and what they and
    libraries registered for the end is done.
    """
    code: int | None = None

    def leave() -> None:
        if code is None:  # the process is being ended from within the block
            return
        with suppress(OSError):  # a pipe that nobody reads: Python's own end says so
            for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed from the start
                stream.flush()
            os._exit(code)

    atexit.register(leave)  # the first that is registered is the last that is called
    try:
        yield
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise
    except BaseException as error:
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
        raise


def in_the_way(names: Iterable[str] = PACKAGES) -> list[str]:
    """A sentence for each of our packages that Python would find elsewhere, and one for Windows."""
    found = [NOT_ON_WINDOWS] if sys.platform == "win32" else []
    for name in names:
        try:
            spec = importlib.util.find_spec(name)
        except ValueError:  # it was imported already, by other means
            spec = None
        place = (
            Path(spec.origin or next(iter(spec.submodule_search_locations or []), ""))
            if spec
            else ROOT / name
        )
        if not place.is_relative_to(ROOT / name):
            found.append(
                f"{place} stands in the way of the package `{name}` of this program: rename it, or"
                f" {_path_advice(place)}."
            )
    return found


def _path_advice(place: Path) -> str:
    folder = place.parent.parent if place.name == "__init__.py" else place.parent
    if folder != Path.cwd():
        return f"take {folder} out of PYTHONPATH"
    return "work in another folder"


if __name__ == "__main__":
    import study_command  # not this module, whose own copy nobody asks when it began

    study_command.main()
