"""Files that are whole or not there."""

import os
import secrets
from pathlib import Path


def write_aside(path: Path, content: str | bytes, *, sync: bool = False) -> Path:
    """Write a file so that nobody ever sees half of it: beside it first, then moved over it.
    ``sync``: once it is safe on the disk, so that it is whole after a power cut too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with aside.open("wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode(errors="replace"))
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path
