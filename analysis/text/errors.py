"""Errors for reading: what was raised, in one line, and long texts cut."""

import re
from collections.abc import Sequence
from itertools import dropwhile

LINE = 200
"""Characters of a headline at the most."""
SHOWN = 4_000
"""Characters of an error that a page shows."""

_CHAINED = re.compile(
    r"\n\n(?:During handling of the above exception, another exception occurred|"
    r"The above exception was the direct cause of the following exception):\n\n(?=Traceback|  \+"
    r" Exception Group Traceback)"
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FAILURE = re.compile(
    r"^Failure # \d+ \(occurred at [^\n]*\)\n", re.MULTILINE
)  # what Ray Tune writes before each
_GROUP = re.compile(r"^  [|+] ?")
_BARE = re.compile(r"[\w.<>]+:")
_MODULE = re.compile(r"^(?:[\w<>]+\.)+(?=\w)")


def headline(error: str | None, most: int = LINE) -> str:
    """Type and first line of the exception that a traceback ends with, as in ``ValueError: no such
    layer``; of a text that is no traceback its first line. Cut after ``most`` characters; empty
    where nothing is said.
    """
    text = _FAILURE.split(_COLOURS.sub("", error or ""))[-1]
    first, *chained = _CHAINED.split(text)
    lines = _lines(chained[-1] if chained else first)
    said = _raised(lines) if chained or _is_traceback(lines) else " ".join(lines[:1])
    printable = "".join(
        letter if letter.isprintable() else "\ufffd" if letter > " " else " " for letter in said
    )
    return cut(printable.strip(), most)


def cut(text: str, most: int) -> str:
    """A line of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}\u2026"


def shortened(text: str, most: int, where: str) -> str:
    """Beginning and end of a text that is longer than ``most`` characters, with how much is left
    out between them, and ``where`` the rest is. Its ``headline`` stays what it was.
    """
    if len(text) <= most:
        return text
    head, tail = text[: most // 2], text[len(text) - most // 2 :]
    # Indented, so as to be no line that a traceback could end with; whole lines, where there are
    # such.
    tail = tail[tail.find("\n") + 1 :] if "\n" in tail[: most // 4] else tail
    left = len(text) - len(head) - len(tail)
    short = f"{head}\n  [{left:,} characters left out; {where}]\n{tail}"
    said = headline(text)
    return short if headline(short) == said else f"{said}\n\n{short}"


def _is_traceback(lines: Sequence[str]) -> bool:
    """Whether it begins like one; or, without its beginning, has a frame near."""
    if not lines:
        return False
    if re.match(r"(?:Exception Group )?Traceback\b|ray::", lines[0]):
        return True
    return lines[0].startswith(" ") and _has_frame(lines[:4])


def _has_frame(lines: Sequence[str]) -> bool:
    return any(line.startswith('  File "') for line in lines)


def _lines(text: str) -> list[str]:
    """Its lines from the first that says something, those of a group without the bars before
    them.
    """
    lines = list(dropwhile(lambda line: not line, map(str.rstrip, text.split("\n"))))
    is_group = bool(lines) and lines[0].startswith("  + ")
    return [_GROUP.sub("", line) for line in lines] if is_group else lines


def _raised(lines: Sequence[str]) -> str:
    """The line that names the exception: the first one after the frames that is not indented; what
    Ray wraps is looked for inside.
    """
    for number, line in enumerate(lines[1:], start=1):
        if not line.strip() or line[0].isspace():
            continue
        later = lines[number + 1 :]
        if "RayTaskError(" in line and _has_frame(later):
            return _raised(lines[number:])
        named = _MODULE.sub("", line)
        if not _BARE.fullmatch(named):
            return named
        # The message begins on a later line.
        return f"{named} {next((text.strip() for text in later if text.strip()), '')}"
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
