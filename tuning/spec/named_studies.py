"""The studies that this user has run or named: nothing else is executed because the folder of a run
says so.

Run folders travel: one that a colleague sends names a study file too.
"""

import contextlib
import json
import os
from pathlib import Path


def remember(reference: str, folder: Path) -> None:
    """Note a study, as ``prepare.found_again`` names it, that the user has named in ``folder``."""
    if is_known(reference, folder):
        return
    # Where it cannot be noted, a later session asks for it.
    with contextlib.suppress(OSError):
        _file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(
            _file(), "a", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)
        ) as file:
            file.write(_line(reference, folder) + "\n")


def is_known(reference: str, folder: Path) -> bool:
    """Whether the user has named that study in ``folder`` before; built-in studies are known."""
    if not reference.endswith(".py") and ":" not in reference:
        return True
    try:
        return _line(reference, folder) in _file().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError):
        return False


def _line(reference: str, folder: Path) -> str:
    """A file is found from anywhere, a module from its folder."""
    return json.dumps([reference] if reference.endswith(".py") else [reference, str(folder)])


def _file() -> Path:
    return Path(
        os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state",
        "tune-studies",
        "studies.jsonl",
    )
