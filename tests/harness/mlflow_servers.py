"""A real MLflow server on loopback, with a database and a folder for artifacts of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from mirror_processes import wait_for

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Its queue of jobs wants a package that nothing here needs.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


@contextmanager
def mlflow_served(folder: Path) -> Iterator[str]:
    """The address of a server for the time of the block, which needs some ten seconds to start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "host": "127.0.0.1",
        "port": str(port),
        "backend-store-uri": f"sqlite:///{folder}/mlflow.db",
        "artifacts-destination": str(folder / "artifacts"),
        "workers": "1",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *words],
            env=os.environ | ENVIRONMENT,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            with urlopen(f"{address}/health", timeout=5) as answer:
                return answer.status == 200
        except (URLError, OSError):
            return False

    try:
        wait_for(answers, seconds=180.0)
        yield address
    finally:
        process.terminate()
        process.wait()


def shown(address: str, run: str) -> dict[str, dict[str, Any]]:
    """What a server shows of the run of that name, by trial: state, params, tags, the history of
    each metric, and the files.
    """
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=address)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments, f"tags.`study.run` = '{run}'")
    names = {each.info.run_id: each.data.tags["study.trial"] for each in found}
    assert len(set(names.values())) == len(names), "one run of each"
    return {
        names[each.info.run_id]: {
            "state": each.info.status,
            "params": each.data.params,
            "tags": {key: names.get(value, value) for key, value in each.data.tags.items()},
            "numbers": {
                key: [
                    (point.step, point.value)
                    for point in client.get_metric_history(each.info.run_id, key)
                ]
                for key in each.data.metrics
            },
            "files": sorted(
                file.path
                for place in ("", "report", "report/best")
                for file in client.list_artifacts(each.info.run_id, place or None)
                if not file.is_dir
            ),
        }
        for each in found
    }
