"""How many trials fit on the nodes of a cluster."""

import math
import time
from collections.abc import Mapping
from pathlib import Path

import ray

from tuning.checkpoints import disk_problem
from tuning.study import Optuna, Study, StudyError

SECONDS_BETWEEN_COUNTS = 5.0


class Slots:
    """How many trials may be under way; asked again every few seconds, for nodes come and go.

    As many as fit, where a setting is chosen by what earlier ones gave. Where they are fixed beforehand, one more waits: it starts the
    moment a slot is free, and an autoscaler sees that there is more to do. More would start in no fixed order.
    """

    def __init__(self, study: Study, phase: str) -> None:
        self._wanted = _wanted(study)
        self._waiting = 0 if phase == "search" and isinstance(study.search, Optuna) else 1
        self._asked, self._count = -math.inf, 0

    def __call__(self) -> int:
        if time.monotonic() - self._asked > SECONDS_BETWEEN_COUNTS:
            self._asked, self._count = time.monotonic(), sum(_fitting(node, self._wanted) for node in _nodes())
        return max(1, self._count) + self._waiting


def refuse_what_never_fits(study: Study, results: Path | None) -> None:
    """A request that no node can meet would leave every trial pending for ever; checkpoints that do not fit the disk lose hours.
    ``results``: the folder on a disk that these lie in, if they do.

    Raises:
        StudyError: with the numbers.
    """
    wanted, nodes = _wanted(study), _nodes()
    slots = sum(_fitting(node, wanted) for node in nodes)
    if not slots:
        there = "; ".join(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes)
        asked = f"{wanted['CPU']:g} CPUs and {wanted['GPU']:g} GPUs"
        raise StudyError(f"Study {study.name!r}: a trial asks for {asked}, and no node has that; there is: {there}.")
    if results and (problem := disk_problem(study, results, slots)):
        raise StudyError(f"Study {study.name!r}: {problem}")


def _wanted(study: Study) -> dict[str, float]:
    return {"CPU": study.resources.cpus, "GPU": study.resources.gpus}


def _nodes() -> list[dict[str, float]]:
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _fitting(node: Mapping[str, float], wanted: Mapping[str, float]) -> int:
    """How many trials fit on a node at the same time."""
    return min(math.floor(node.get(kind, 0) / amount + 1e-9) for kind, amount in wanted.items() if amount)
