"""How many trials fit on the nodes of a cluster."""

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cluster import nodes, preflight
from tuning.engine.disk import disk_problem
from tuning.engine.shipping import Sent
from tuning.process.torch_state import gpu_here
from tuning.spec.data import data_description
from tuning.spec.study import Study, StudyError

SECONDS_BETWEEN_COUNTS = 5.0


class Capacity:
    """How many trials can be trained at the same time; asked again every few seconds, for nodes
    come and go.
    """

    def __init__(self, study: Study) -> None:
        self._wanted = _wanted(study)
        self._asked, self._count = -math.inf, 0

    def __call__(self) -> int:
        if time.monotonic() - self._asked > SECONDS_BETWEEN_COUNTS:
            self._asked, self._count = time.monotonic(), nodes.slots(self._wanted)
        return max(1, self._count)


def check_nodes(study: Study, sent: Sent, results: Path | None, *, cluster: bool) -> None:
    """Refuse what would fail hours later: a request that no node can meet, checkpoints that do not
    fit the disk, nodes that cannot train.

    ``sent``: the study as nodes get it; ``results``: the folder that all nodes keep their
    checkpoints in, if it is one; ``cluster``: whether there are other nodes than this.

    Raises:
        StudyError: with every problem found.
    """
    wanted = _wanted(study)
    found = (
        preflight.problems(wanted, results, _data_there(study, sent))
        if cluster
        else [each for each in [nodes.unsatisfiable(wanted)] if each]
    )
    if results and (problem := disk_problem(study, results, nodes.slots(wanted))):
        found.append(problem)
    if found:
        raise StudyError([f"Study {study.name!r}: {problem}" for problem in found])


def _data_there(study: Study, sent: Sent) -> Callable[[], Mapping[str, Any]] | None:
    """Says, on a node, what the data are there; None for a study whose trials get them from the
    driver, or need none.
    """
    return partial(_described, sent) if study.task.describe and not study.task.load else None


def _described(sent: Sent) -> Mapping[str, Any]:
    study = sent.opened()
    try:
        return data_description(study)
    except StudyError as error:
        raise ValueError(
            "; ".join(line.removeprefix(f"Study {study.name!r}: ") for line in error.problems)
        ) from None


def gpus_here(study: Study) -> int | None:
    """How many GPUs a Ray on this machine is told of: one where it is Apple's, which Ray does not
    find; None lets it count.
    """
    return 1 if study.resources.gpus and gpu_here() == "mps" else None


def _wanted(study: Study) -> dict[str, float]:
    return {"CPU": study.resources.cpus, "GPU": study.resources.gpus}
