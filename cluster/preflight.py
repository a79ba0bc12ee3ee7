"""What must hold on the nodes before the first trial: asked of all at once, said in one sentence per problem."""

import hashlib
import os
import platform
import secrets
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

SECONDS_TO_ANSWER = 30.0
"""A node that has not answered by then is unfit. It takes 2 to 4 s to start the process that answers."""
SECONDS_OF_SKEW = 5.0
"""Clocks may differ by so much: the lock of a run and the times in its records rest on them."""
OURS = ("tuning", "trainables", "analysis", "cluster")

Data = Mapping[str, Any]


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
    """What stands in the file that the driver wrote into the storage; None where there is no such file."""
    storage_error: str = ""
    """Why the storage cannot be read or written there."""
    data: Data | None = None
    data_error: str = ""


def problems(wanted: Mapping[str, float], storage: Path | None, data: Callable[[], Data] | None = None) -> list[str]:
    """What speaks against running trials that take ``wanted`` ("CPU", "GPU") and keep their state in ``storage``: one sentence each.
    ``storage`` is None where that is no folder, but a store that is reached otherwise.

    Nodes too small for a trial are not asked. ``data`` says what the data are, and raises where they are not there: asked on every node,
    for trials that read them themselves; None where trials get them from the driver.
    """
    if problem := nodes.misfit(wanted):
        return [problem]
    mark = storage and storage / f".preflight-{secrets.token_hex(8)}"
    with _marked(mark), _travels():
        ours = look(mark, None, data)
        answers = _ask_all(wanted, mark, ray.cloudpickle.dumps(data))
        arrived = {name for name, (_, facts, _) in answers.items() if facts and mark and _answer(mark, name).exists()}
    found: dict[str, list[str]] = {}
    for name, (sent, facts, received) in answers.items():
        for line in _against(ours, facts, storage, sent, received, arrived=name in arrived):
            found.setdefault(line, []).append(name)
    return [f"node {_listed(names)} {line}" for line, names in found.items()]


def _against(ours: Facts, theirs: Facts | None, storage: Path | None, sent: float, received: float, *, arrived: bool) -> list[str]:
    if theirs is None:
        return [f"did not answer within {SECONDS_TO_ANSWER:.0f} s."]
    return differences(ours, theirs, storage, arrived=arrived) + _skew_problem(skew(sent, theirs.clock, received))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} (as {len(names) - 1} more: {', '.join(names[1:4])}{', ...' * (len(names) > 4)})"


def differences(ours: Facts, theirs: Facts, storage: Path | None, *, arrived: bool) -> list[str]:
    """What the facts of a node say against it, held against those of the driver. ``arrived``: whether what it wrote was seen."""
    found = [
        f"has {name} {theirs.versions[name] or 'not at all'}, the driver has {version}: install the same on both."
        for name, version in ours.versions.items()
        if theirs.versions[name] != version
    ]
    if theirs.code is None:
        found.append("lacks tune-studies: install it there, or send it along with `study submit`.")
    elif theirs.code != ours.code:
        found.append("has other code of tune-studies than the driver: install the same on both, or send it along with `study submit`.")
    if storage and (theirs.mark != ours.mark or not (arrived or theirs.storage_error)):
        why = theirs.storage_error or "it has another folder of this name"
        found.append(f"does not see {storage} of the driver ({why}): give a folder that all nodes share with --results.")
    elif theirs.storage_error:
        found.append(f"cannot write to {storage} ({theirs.storage_error}): trials keep their state there.")
    if theirs.data_error:
        found.append(f"lacks the data: {theirs.data_error}")
    elif theirs.data != ours.data:
        found.append(f"has other data than the driver: {theirs.data}, not {ours.data}.")
    return found


def skew(sent: float, clock: float, received: float) -> float:
    """By how many seconds a clock is surely ahead (behind where negative) that was read between ``sent`` and ``received`` of ours."""
    return max(0.0, clock - received) - max(0.0, sent - clock)


def _skew_problem(seconds: float) -> list[str]:
    if abs(seconds) <= SECONDS_OF_SKEW:
        return []
    return [f"has a clock that is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}: let all nodes keep time by NTP."]


def look(mark: Path | None, name: str | None, data: Callable[[], Data] | None) -> Facts:
    """Find the facts of this process; a node leaves an answer beside ``mark`` under its ``name``."""
    versions = {"Python": platform.python_version(), "Ray": _version("ray"), "torch": _version("torch")}
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
    except Exception as error:  # the study's own function: whatever it raises, the data are not there
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


def _ask_all(wanted: Mapping[str, float], mark: Path | None, data: bytes) -> dict[str, tuple[float, Facts | None, float]]:
    """The answer of every node that may train, by its name, with when it was asked and when it had answered."""
    task = ray.remote(_look_remotely)
    asked, answers = {}, {}
    for node in nodes.alive():
        if nodes.fitting(node["Resources"], wanted):
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            name = nodes.name_of(node)
            asked[task.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(mark and str(mark), name, data)] = (
                name,
                time.time(),
            )
    open_, deadline = list(asked), time.monotonic() + SECONDS_TO_ANSWER
    while open_:
        done, open_ = ray.wait(open_, timeout=max(0.0, deadline - time.monotonic()))
        name, sent = asked[(done or open_)[0]]
        answers[name] = sent, _facts(done[0]) if done else None, time.time()
        open_ = open_ if done else open_[1:]
    return answers


def _facts(answer: Any) -> Facts | None:
    """None where the node was lost while it was asked."""
    try:
        return ray.get(answer)
    except ray.exceptions.RayError:
        return None


@contextmanager
def _marked(mark: Path | None) -> Iterator[None]:
    """A file with its own name in it, for the time of the block; what nodes wrote beside it goes with it."""
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
