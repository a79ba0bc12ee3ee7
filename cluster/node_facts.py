"""What each node of a cluster says of itself, asked of all at once."""

import hashlib
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from cluster import nodes

Data = Mapping[str, Any]
SECONDS_TO_ANSWER = 30.0
"""A node that has not answered by then is unfit. It takes 2 to 4 s to start the process that
answers.
"""


OURS = ("tuning", "trainables", "analysis", "cluster")


@dataclass(frozen=True)
class Facts:
    """What a node, or the driver, found where it is."""

    clock: float
    """When, in seconds of its own clock."""
    versions: Mapping[str, str | None] = field(default_factory=dict)
    """Of Python and of the packages that must agree; None for one that is not there."""
    code: str | None = None
    """A digest of the code of this package; None where it is not there."""
    mark: str | None = None
    """What stands in the file that the driver wrote into the storage; None where there is no such
    file.
    """
    storage_error: str = ""
    """Why the storage cannot be read or written there."""
    data: Data | None = None
    data_error: str = ""


def look(mark: Path | None, name: str | None, data: Callable[[], Data] | None) -> Facts:
    """Find the facts of this process; a node leaves an answer beside ``mark`` under its
    ``name``.
    """
    versions = {
        "Python": platform.python_version(),
        "Ray": _version("ray"),
        "torch": _version("torch"),
    }
    seen, storage_error = None, ""
    try:
        seen = mark.read_text() if mark else None
        if mark and name:
            _answer(mark, name).write_text(name)
    except OSError as error:
        storage_error = error.strerror or str(error)
    said, data_error = None, ""
    try:
        said = data() if data else None
    except (
        Exception
    ) as error:  # the study's own function: whatever it raises, the data are not there
        data_error = (str(error).splitlines() or [type(error).__name__])[0]
    return Facts(time.time(), versions, _code(), seen, storage_error, said, data_error)


def _look_remotely(mark: str | None, name: str, pickled: bytes) -> Facts:
    try:
        data = ray.cloudpickle.loads(pickled)
    except Exception as error:  # code that is not there
        reason = f"{type(error).__name__}: {error}"
        data = _raiser(reason)
    return look(Path(mark) if mark else None, name, data)


def _raiser(reason: str) -> Callable[[], Data]:
    def raises() -> Data:
        raise OSError(reason)

    return raises


def ask_all(
    wanted: Mapping[str, float], mark: Path | None, data: bytes
) -> dict[str, tuple[float, Facts | None, float]]:
    """The answer of every node that may train, by its name, with when it was asked and when it had
    answered.
    """
    task = ray.remote(_look_remotely)
    asked, answers = {}, {}
    for node in nodes.alive():
        if nodes.fitting(node["Resources"], wanted):
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            name = nodes.name_of(node)
            asked[
                task.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(
                    mark and str(mark), name, data
                )
            ] = (
                name,
                time.time(),
            )
    open_, deadline = list(asked), time.monotonic() + SECONDS_TO_ANSWER
    while open_:
        done, open_ = ray.wait(open_, timeout=max(0.0, deadline - time.monotonic()))
        name, sent = asked[(done or open_)[0]]
        answers[name] = sent, facts_of(done[0]) if done else None, time.time()
        open_ = open_ if done else open_[1:]
    return answers


def facts_of(answer: Any) -> Facts | None:
    """None where the node was lost while it was asked."""
    try:
        return ray.get(answer)
    except ray.exceptions.RayError:
        return None


@contextmanager
def marked(mark: Path | None) -> Iterator[None]:
    """A file with its own name in it, for the time of the block; what nodes wrote beside it goes
    with it.
    """
    if not mark:
        yield
        return
    mark.write_text(mark.name)
    try:
        yield
    finally:
        for file in mark.parent.glob(f"{mark.name}*"):
            file.unlink(missing_ok=True)


def _answer(mark: Path, name: str) -> Path:
    return mark.with_name(f"{mark.name}-{name}")


@contextmanager
def _travels() -> Iterator[None]:
    """Send this module by value: a node that lacks the package must be able to say so."""
    module = sys.modules[__name__]
    ray.cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        ray.cloudpickle.unregister_pickle_by_value(module)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _code() -> str | None:
    """A digest of this package's files where this process finds them."""
    digest = hashlib.sha256()
    for package in OURS:
        spec = util.find_spec(package)
        if not spec or not spec.origin:
            return None
        folder = Path(spec.origin).parent
        for file in sorted(folder.rglob("*.py")):
            digest.update(os.fsencode(file.relative_to(folder)) + file.read_bytes())
    return digest.hexdigest()
