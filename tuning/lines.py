"""Files that are appended to, a line at a time."""

import os
from pathlib import Path
from typing import IO


def opened(path: Path) -> IO[bytes]:
    """``path`` to append to, unbuffered; cut off behind its last whole line, for its writer may have been stopped in the middle of one."""
    if path.exists():
        content = path.read_bytes()
        os.truncate(path, content.rfind(b"\n") + 1)
    return path.open("ab", buffering=0)
