"""Where checkpoints and copies of records lie: a folder that all nodes see, or any store that
pyarrow or fsspec reaches by a URL.
"""

import contextlib
import errno
import json
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit, urlunsplit

from analysis.records.write import write_aside
from tuning.runs.store_urls import url_problem
from tuning.spec.errors import StudyError

if TYPE_CHECKING:
    from pyarrow import fs

Answer = TypeVar("Answer")
SECONDS_BETWEEN_TRIES = 2.0
# What may pass by itself, or once somebody has made room. Object stores say what is wrong without a
# number.
_PASSING = (
    None,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
    errno.ENETUNREACH,
)


def is_url(place: str) -> bool:
    return "://" in place


def joined(place: str, *names: str) -> str:
    """A place below another; what a URL says behind a question mark stays at its end."""
    if not is_url(place):
        return str(Path(place, *names))
    parts = urlsplit(place)
    return urlunsplit(parts._replace(path="/".join([parts.path.rstrip("/"), *names])))


def is_safe(name: str) -> bool:
    """Whether the name of an object is that of a file below the folder that it is copied to."""
    return (
        name.isprintable()
        and "\\" not in name
        and not {"", ".", ".."}.intersection(name.split("/"))
    )


@dataclass(frozen=True)
class Folder:
    """A folder in a store; it travels to the nodes. A file in it is whole or not there."""

    files: "fs.FileSystem"
    path: str

    @classmethod
    def at(cls, place: str | Path) -> "Folder":
        """The folder at a path or a URL.

        Raises:
            StudyError: no such store, or the URL may hold a secret, which would stand in the
            records.
        """
        from pyarrow import fs

        if not is_url(str(place)):
            return cls(fs.LocalFileSystem(), str(place))
        if problem := url_problem(str(place)):
            raise StudyError(problem)
        try:
            return cls(*_reached(str(place)))
        except (ValueError, OSError, ImportError) as error:
            raise StudyError(
                f"{place} cannot be used: {first_line(error)}. Give a folder, or a URL such as"
                " s3://bucket/folder."
            ) from None

    def __truediv__(self, name: str) -> "Folder":
        return Folder(self.files, f"{self.path}/{name}")

    def names(self, folders: bool = False) -> list[str]:
        """Its files, or its folders, in order; none where it does not exist."""
        from pyarrow import fs

        wanted = fs.FileType.Directory if folders else fs.FileType.File
        found = self.files.get_file_info(fs.FileSelector(self.path, allow_not_found=True))
        return sorted(one.base_name for one in found if one.type == wanted)

    def everything(self) -> list[str]:
        """The paths of all files below it, relative to it."""
        from pyarrow import fs

        found = self.files.get_file_info(
            fs.FileSelector(self.path, allow_not_found=True, recursive=True)
        )
        ours = self.path.strip("/")
        return sorted(
            one.path.strip("/").removeprefix(f"{ours}/")
            for one in found
            if one.type == fs.FileType.File
        )

    def read(self, name: str) -> bytes:
        with self.files.open_input_stream(f"{self.path}/{name}") as file:
            return bytes(file.readall())

    def read_if_there(self, name: str) -> bytes:
        """Empty where there is no such file."""
        try:
            return self.read(name)
        except FileNotFoundError:
            return b""

    def read_mapping(self, name: str) -> dict[str, Any]:
        """What a JSON file says; empty where there is none, or where it says no mapping."""
        try:
            said = json.loads(self.read_if_there(name) or b"{}")
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}

    def write(self, name: str, content: bytes) -> None:
        """Object stores show a file once it is whole; on a disk it is written beside, and moved
        when it is safe there.
        """
        path = f"{self.path}/{name}"
        if self.files.type_name != "local":
            self.files.create_dir(path.rpartition("/")[0], recursive=True)
            with self.files.open_output_stream(path) as file:
                file.write(content)
            return
        write_aside(Path(path), content, sync=True)

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.files.delete_file(f"{self.path}/{name}")

    def clear(self) -> None:
        """Remove it with all that is in it; what cannot be removed stays."""
        with contextlib.suppress(OSError):
            self.files.delete_dir(self.path)


def retry_while_full(
    action: Callable[[], Answer],
    tell: Callable[[str], None],
    *,
    for_seconds: float,
    between: Callable[[], None] | None = None,
) -> Answer:
    """``action``, tried again for as long as its store is full or does not answer; ``tell`` is
    given one sentence when that begins, and ``between`` is called before each new try.

    Raises:
        OSError: of another kind, or it has been so ``for_seconds``.
    """
    tries = tried_again(action, for_seconds=for_seconds)
    try:
        tell(next(tries))
        while True:
            if between:
                between()
            next(tries)
    except StopIteration as done:
        return cast(Answer, done.value)


def tried_again(
    action: Callable[[], Answer], *, for_seconds: float
) -> Generator[str, None, Answer]:
    """As ``retry_while_full``, for a caller that has something to do before each new try: yields
    what is in the way.

    Raises:
        OSError: of another kind, or it has been so ``for_seconds``.
    """
    began = time.monotonic()
    while True:
        try:
            return action()
        except OSError as error:
            if error.errno not in _PASSING or time.monotonic() - began > for_seconds:
                raise
            yield (
                f"{first_line(error)}: waiting until it can be written; nothing is lost. Free some"
                " space, or interrupt and resume."
            )
        time.sleep(SECONDS_BETWEEN_TRIES)


def _reached(url: str) -> tuple["fs.FileSystem", str]:
    from pyarrow import fs, lib

    try:
        return fs.FileSystem.from_uri(url)
    except lib.ArrowInvalid as error:
        if "Unrecognized filesystem" not in str(error):
            raise
    import fsspec

    # What others have written is to be seen at once.
    files, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    return fs.PyFileSystem(fs.FSSpecHandler(files)), path


def first_line(error: BaseException) -> str:
    """What an error says, without what surrounds it."""
    name = getattr(error, "filename", None)
    text = (
        getattr(error, "strerror", None)
        or (str(error).strip().splitlines() or [type(error).__name__])[0]
    )
    return f"{text.rstrip('.')} ({name})" if name else text.rstrip(".")
