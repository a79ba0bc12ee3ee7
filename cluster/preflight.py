"""What must hold on the nodes before the first trial: asked of all at once, said in one sentence
per problem.
"""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

import ray

from cluster import nodes
from cluster.node_facts import (
    SECONDS_TO_ANSWER,
    Data,
    Facts,
    _answer,
    _travels,
    ask_all,
    look,
    marked,
)

SECONDS_OF_SKEW = 5.0
"""Clocks may differ by so much: the lock of a run and the times in its records rest on them."""


def problems(
    wanted: Mapping[str, float], storage: Path | None, data: Callable[[], Data] | None = None
) -> list[str]:
    """What speaks against running trials that take ``wanted`` ("CPU", "GPU") and keep their state
    in ``storage``: one sentence each. ``storage`` is None where that is no folder, but a store that
    is reached otherwise.

    Nodes too small for a trial are not asked. ``data`` says what the data are, and raises where
    they are not there: asked on every node, for trials that read them themselves; None where trials
    get them from the driver.
    """
    if problem := nodes.unsatisfiable(wanted):
        return [problem]
    mark = storage and storage / f".preflight-{secrets.token_hex(8)}"
    with marked(mark), _travels():
        ours = look(mark, None, data)
        answers = ask_all(wanted, mark, ray.cloudpickle.dumps(data))
        arrived = {
            name
            for name, (_, facts, _) in answers.items()
            if facts and mark and _answer(mark, name).exists()
        }
    found: dict[str, list[str]] = {}
    for name, (sent, facts, received) in answers.items():
        for line in _against(ours, facts, storage, sent, received, arrived=name in arrived):
            found.setdefault(line, []).append(name)
    return [f"node {_listed(names)} {line}" for line, names in found.items()]


def _against(
    ours: Facts,
    theirs: Facts | None,
    storage: Path | None,
    sent: float,
    received: float,
    *,
    arrived: bool,
) -> list[str]:
    if theirs is None:
        return [f"did not answer within {SECONDS_TO_ANSWER:.0f} s."]
    return differences(ours, theirs, storage, arrived=arrived) + _skew_problem(
        skew(sent, theirs.clock, received)
    )


def _listed(names: list[str]) -> str:
    return (
        names[0]
        if len(names) == 1
        else (
            f"{names[0]} (as {len(names) - 1} more:"
            f" {', '.join(names[1:4])}{', ...' * (len(names) > 4)})"
        )
    )


def differences(ours: Facts, theirs: Facts, storage: Path | None, *, arrived: bool) -> list[str]:
    """What the facts of a node say against it, held against those of the driver. ``arrived``:
    whether what it wrote was seen.
    """
    found = [
        f"has {name} {theirs.versions[name] or 'not at all'}, the driver has {version}: install the"
        " same on both."
        for name, version in ours.versions.items()
        if theirs.versions[name] != version
    ]
    if theirs.code is None:
        found.append("lacks tune-studies: install it there, or send it along with `study submit`.")
    elif theirs.code != ours.code:
        found.append(
            "has other code of tune-studies than the driver: install the same on both, or send it"
            " along with `study submit`."
        )
    if storage and (theirs.mark != ours.mark or not (arrived or theirs.storage_error)):
        why = theirs.storage_error or "it has another folder of this name"
        found.append(
            f"does not see {storage} of the driver ({why}): give a folder that all nodes share with"
            " --results."
        )
    elif theirs.storage_error:
        found.append(
            f"cannot write to {storage} ({theirs.storage_error}): trials keep their state there."
        )
    if theirs.data_error:
        found.append(f"lacks the data: {theirs.data_error}")
    elif theirs.data != ours.data:
        found.append(f"has other data than the driver: {theirs.data}, not {ours.data}.")
    return found


def skew(sent: float, clock: float, received: float) -> float:
    """By how many seconds a clock is surely ahead (behind where negative) that was read between
    ``sent`` and ``received`` of ours.
    """
    return max(0.0, clock - received) - max(0.0, sent - clock)


def _skew_problem(seconds: float) -> list[str]:
    if abs(seconds) <= SECONDS_OF_SKEW:
        return []
    return [
        f"has a clock that is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}: let all"
        " nodes keep time by NTP."
    ]
