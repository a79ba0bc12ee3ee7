"""What lies inside a run folder stays there: names are no paths, and nothing is a link. Run folders
travel, and may be of anybody.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

OF_LIBRARIES = re.compile(
    r"optuna\.journal\.lock"
    r"|wandb/(latest-run|debug\.log|debug-internal\.log|(offline-)?run-[^/]+/.+)"
)
"""Where Optuna and wandb make links; nothing here follows them."""
SHOWN = 3


def is_name(text: object) -> bool:
    """Whether a text can be a part of a path and nothing else: letters, digits, ``_`` and ``-``, at
    most 100.
    """
    return isinstance(text, str) and bool(re.fullmatch(r"[A-Za-z0-9_-]{1,100}", text))


def is_below(place: str) -> bool:
    """Whether a path is relative and does not lead out of the folder that it is taken from."""
    return not Path(place).is_absolute() and ".." not in Path(place).parts


def link_problem(root: Path) -> str | None:
    """What in a run folder is neither a file nor a folder, in a sentence; None where there is
    nothing of the kind.
    """
    links = sorted(place for place in _neither(root, "") if not OF_LIBRARIES.fullmatch(place))
    if not links:
        return None
    more = f" and {len(links) - SHOWN} more" if len(links) > SHOWN else ""
    named = ", ".join(links[:SHOWN]) + more
    return (
        f"{root} holds {named}: links and special files may lead out of the folder, so nothing is"
        " read or written through them. Put a file or a folder in the place of each."
    )


def no_link(path: str | os.PathLike[str], flags: int) -> int:
    """An ``opener`` for ``open`` that refuses a link, for what that points to belongs to somebody
    else: OSError.
    """
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _neither(folder: Path, below: str) -> Iterator[str]:
    """The places of links and special files below a folder, relative to the first."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _neither(Path(entry.path), f"{below}{entry.name}/")
            elif not entry.is_file(follow_symlinks=False):
                yield f"{below}{entry.name}"
