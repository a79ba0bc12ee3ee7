"""Settings of a process that have a function to read them and one to set them."""

from collections.abc import Callable, Iterable
from typing import Any

Undo = Callable[[], object]
Setting = tuple[Callable[[], Any], Callable[[Any], object]]
"""What reads it, what sets it."""
_UNREADABLE = object()


def kept(settings: Iterable[Setting]) -> Undo:
    """Remembers them as they are now. What it returns sets those that have changed, in this order,
    and those that cannot be read any more; one that cannot be read now is left alone.
    """
    known = [(read, write, _read(read)) for read, write in settings]

    def undo() -> None:
        for read, write, value in known:
            if value is not _UNREADABLE and _read(read) != value:
                write(value)

    return undo


def attribute(owner: Any, name: str) -> Setting:
    return lambda: getattr(owner, name), lambda value: setattr(owner, name, value)


def _read(read: Callable[[], Any]) -> Any:
    """torch raises where a precision was set in its new way and is asked for in its old one; flags
    may be missing in another version.
    """
    try:
        return read()
    except (RuntimeError, AttributeError):
        return _UNREADABLE
