"""Errors for reading: what was raised, in one line, and long texts cut."""

import re
from collections.abc import Sequence

LINE = 200
"""Characters of a headline at the most."""
SHOWN = 4_000
"""Characters of an error that a page shows."""

_CHAINED = re.compile(
    r"\n\n(?:During handling of the above exception, another exception occurred|"
    r"The above exception was the direct cause of the following exception):\n\n(?=Traceback|  \+ Exception Group Traceback)"
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FAILURE = re.compile(r"^Failure # \d+ \(occurred at [^\n]*\)\n", re.MULTILINE)  # what Ray Tune writes before each
_GROUP = re.compile(r"^  [|+] ?")
_BARE = re.compile(r"[\w.<>]+:")
_MODULE = re.compile(r"^(?:[\w<>]+\.)+(?=\w)")


def headline(error: str | None, most: int = LINE) -> str:
    """Type and first line of the exception that a traceback ends with, as in ``ValueError: no such layer``; of a text that is no traceback
    its first line. Cut after ``most`` characters; empty where nothing is said."""
    text = _FAILURE.split(_COLOURS.sub("", error or ""))[-1]
    first, *chained = _CHAINED.split(text)
    lines = _lines(chained[-1] if chained else first)
    found = _raised(lines) if chained or _is_traceback(lines) else " ".join(lines[:1])
    return cut(_printable(found).strip(), most)


def cut(text: str, most: int) -> str:
    """A line of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}\u2026"


def shortened(text: str, most: int, where: str) -> str:
    """Beginning and end of a text that is longer than ``most`` characters, with how much is left out between them, and ``where`` the rest
    is. Its ``headline`` stays what it was."""
    if len(text) <= most:
        return text
    head, tail = text[: most // 2], text[len(text) - most // 2 :]
    # Indented, so as to be no line that a traceback could end with; whole lines, where there are such.
    tail = tail[tail.find("\n") + 1 :] if "\n" in tail[: most // 4] else tail
    left = len(text) - len(head) - len(tail)
    short = f"{head}\n  [{left:,} characters left out; {where}]\n{tail}"
    said = headline(text)
    return short if headline(short) == said else f"{said}\n\n{short}"


def _is_traceback(lines: Sequence[str]) -> bool:
    """Whether it begins like one; or, without its beginning, has a frame near."""
    if not lines:
        return False
    lost_its_beginning = lines[0].startswith(" ") and any(line.startswith('  File "') for line in lines[:4])
    return lost_its_beginning or bool(re.match(r"(?:Exception Group )?Traceback\b|ray::", lines[0]))


def _lines(text: str) -> list[str]:
    """Its lines from the first that says something, those of a group without the bars before them."""
    lines = [line.rstrip() for line in text.split("\n")]
    lines = lines[next((place for place, line in enumerate(lines) if line), len(lines)) :]
    return [_GROUP.sub("", line) for line in lines] if lines and lines[0].startswith("  + ") else lines


def _raised(lines: Sequence[str]) -> str:
    """The line that names the exception: the first one after the frames that is not indented; what Ray wraps is looked for inside."""
    for place, line in enumerate(lines[1:], start=1):
        if not line.strip() or line[0].isspace():
            continue
        if "RayTaskError(" in line and any(later.startswith('  File "') for later in lines[place + 1 :]):
            return _raised(lines[place:])
        named = _MODULE.sub("", line)
        if _BARE.fullmatch(named):  # the message begins on a later line
            return f"{named} {next((later.strip() for later in lines[place + 1 :] if later.strip()), '')}"
        return named
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" if letter > " " else " " for letter in text)
