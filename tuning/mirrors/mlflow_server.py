"""An MLflow server, as far as a mirror needs it: each call is a request or two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Number = tuple[str, float, float, int]
"""Of a metric: its name and value, when (unix time), at which epoch."""
METRICS_AT_ONCE, PARAMS_AT_ONCE = 800, 100
"""How many a request may hold, beside 100 tags."""


@dataclass
class Run:
    """A run on the server, as it was when it was asked for, and as it was tagged since."""

    id: str
    tags: dict[str, str]
    params: Mapping[str, str] = field(default_factory=dict)


class Server:
    """Raises:
    MlflowException: in any call, that the server does not answer, or refuses.
    """

    LONGEST_PARAM = 6000
    """Characters of the value of a parameter; MLflow cuts off what is beyond."""

    def __init__(self, uri: str) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=uri)

    def experiment(self, name: str) -> str:
        """The id of an experiment, which is made where there is none."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            return self._client.create_experiment(name)
        if found.lifecycle_stage != "active":
            raise OSError(f"the experiment {name!r} is deleted on the server: restore it there")
        return found.experiment_id

    def runs(self, experiment: str, tags: Mapping[str, str]) -> list[Run]:
        """The runs of an experiment with these tags, the oldest first."""
        wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        found = self._client.search_runs([experiment], wanted, order_by=["attribute.start_time"])
        return [Run(run.info.run_id, dict(run.data.tags), dict(run.data.params)) for run in found]

    def create(self, experiment: str, title: str, tags: Mapping[str, str], began: float) -> str:
        """The id of a new run. ``began``: unix time."""
        run = self._client.create_run(experiment, _ms(began), dict(tags), title)
        return run.info.run_id

    def go_on(self, run: str) -> None:
        """A run that had ended goes on."""
        self._client.update_run(run, "RUNNING")

    def log(
        self,
        run: str,
        metrics: Sequence[Number] = (),
        params: Mapping[str, str] = {},
        tags: Mapping[str, str] = {},
    ) -> None:
        """Add to a run: its tags last, with the last of its numbers."""
        from mlflow.entities import Metric, Param, RunTag

        for some in _parts([Param(*pair) for pair in params.items()], PARAMS_AT_ONCE):
            self._client.log_batch(run, params=some)
        made = [Metric(name, value, _ms(at), epoch) for name, value, at, epoch in metrics]
        *before, last = _parts(made, METRICS_AT_ONCE) or [[]]
        for some in before:
            self._client.log_batch(run, metrics=some)
        self._client.log_batch(run, metrics=last, tags=[RunTag(*pair) for pair in tags.items()])

    def untag(self, run: str, key: str) -> None:
        self._client.delete_tag(run, key)

    def write(self, run: str, name: str, text: str) -> None:
        """Add a file to a run."""
        self._client.log_text(run, text, name)

    def upload(self, run: str, folder: Path, name: str) -> None:
        """Add a folder to a run, under that name."""
        self._client.log_artifacts(run, str(folder), name)

    def end(self, run: str, state: str, at: float) -> None:
        """``state``: FINISHED, FAILED or KILLED; ``at``: unix time."""
        self._client.set_terminated(run, state, _ms(at))

    def delete(self, run: str) -> None:
        self._client.delete_run(run)


def _parts(these: list[Any], size: int) -> list[list[Any]]:
    return [these[first : first + size] for first in range(0, len(these), size)]


def _ms(at: float) -> int:
    return round(1000 * at)
