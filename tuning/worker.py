"""One trial on a node: report its rows to the driver, several short epochs at a time, and how it ended."""

import os
import time
import traceback
from collections.abc import Mapping
from typing import Any

import ray
from ray import tune

from tuning.rows import NotReported, iterate
from tuning.study import Study, Trial

# A report costs the driver some milliseconds: epochs that are shorter than this share one.
SECONDS_BETWEEN_REPORTS = 0.25


def run_trial(config: Mapping[str, Any], *, study: Study, trials: Mapping[str, Trial], data: Mapping[str, Any]) -> None:
    """The function that Ray Tune calls on a node, with the id of one of ``trials`` in ``config["trial"]``.

    It reports ``rows`` (epochs), and with the last of them ``end``: how the trial ended. What the trainable raises is part of the record
    and not Ray's business, so the process stays alive for the next trial.
    """
    trial = trials[config["trial"]]
    place = {"node": ray.get_runtime_context().get_node_id(), "ip": ray.util.get_node_ip_address(), "pid": os.getpid()}
    rows: list[dict[str, Any]] = []
    reported = started = time.monotonic()
    end: dict[str, Any] = {"status": "completed"}
    try:
        for row in iterate(study, trial, data):
            rows.append(row | place)
            if time.monotonic() - reported > SECONDS_BETWEEN_REPORTS:
                tune.report({"rows": rows})
                rows, reported = [], time.monotonic()
            if row["diverged"]:
                end = {"status": "diverged", "error": f"{', '.join(row['diverged'])} became non-finite at epoch {row['epoch']}"}
                break
    except NotReported as error:
        end = {"status": "failed", "error": str(error), "stops_study": True}
    except Exception:
        end = {"status": "failed", "error": traceback.format_exc()}
    tune.report({"rows": rows, "end": end | {"seconds": time.monotonic() - started, "node": place["node"]}})
