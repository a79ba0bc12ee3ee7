"""What is said should this process die without a word: killed, or ended by Ray, which ends a driver
at once when the head or the driver's own node is gone.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SAYS_IT_AT_THE_END_OF_FILE = 'read -r over || printf "%s\\n" "$1" >&2'


@contextmanager
def last_word(text: str) -> Iterator[None]:
    """Have ``text`` written to standard error should this process die within the block."""
    command = ["sh", "-c", _SAYS_IT_AT_THE_END_OF_FILE, "sh", text]
    # A session of its own: signals to the process group are answered by this process.
    watcher = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        with suppress(BrokenPipeError):
            watcher.communicate(b"over\n")
