"""An MLflow server of this process that keeps what it is told. Its client can be killed."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.records.lines import read_spec
from analysis.records.paths import RunPaths
from tuning.mirrors.delivery import Delivery
from tuning.mirrors.mlflow import MlflowRuns
from tuning.mirrors.mlflow_server import Number, Run, Server

PLACE = "http://127.0.0.1:1"


class Killed(BaseException):
    """The mirror is gone, and nothing in it may catch that."""


@dataclass
class Kept:
    """What the server has of a run. Of equal numbers of an epoch it has one, as the real one."""

    title: str
    tags: dict[str, str]
    began: float
    state: str = "RUNNING"
    params: dict[str, str] = field(default_factory=dict)
    numbers: set[Number] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)


class FakeServer(Server):
    """``left``: after so many messages the mirror is killed."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.deleted: list[str] = []
        self.messages: list[tuple[Any, ...]] = []
        self.left: int | None = None
        self.errors: list[Exception] = []
        self._turn = threading.Lock()

    @contextmanager
    def _message(self, *what: Any) -> Iterator[None]:
        with self._turn:
            if self.left == 0:
                raise Killed
            if self.errors:
                raise self.errors.pop()
            self.messages.append(what)
            yield
            if self.left is not None:
                self.left -= 1
                if self.left == 0:
                    raise Killed

    def experiment(self, name: str) -> str:
        with self._message("experiment", name):
            return name

    def runs(self, experiment: str, tags: Mapping[str, str]) -> list[Run]:
        return [
            Run(name, dict(run.tags), dict(run.params))
            for name, run in self.kept.items()
            if run.tags.items() >= tags.items()
        ]

    def create(self, experiment: str, title: str, tags: Mapping[str, str], began: float) -> str:
        name = f"id{len(self.kept) + len(self.deleted)}"
        with self._message("create", tags["study.trial"]):
            self.kept[name] = Kept(title, dict(tags), began)
        return name

    def go_on(self, run: str) -> None:
        with self._message("go on", run):
            self.kept[run].state = "RUNNING"

    def log(
        self,
        run: str,
        metrics: Sequence[Number] = (),
        params: Mapping[str, str] = {},
        tags: Mapping[str, str] = {},
    ) -> None:
        with self._message("log", run, [number[3] for number in metrics]):
            kept = self.kept[run]
            assert all(kept.params.get(key, value) == value for key, value in params.items())
            kept.params |= params
            kept.numbers |= {(name, repr(value), at, step) for name, value, at, step in metrics}
            kept.tags |= tags

    def untag(self, run: str, key: str) -> None:
        with self._message("untag", run, key):
            del self.kept[run].tags[key]

    def write(self, run: str, name: str, text: str) -> None:
        with self._message("write", run, name):
            self.kept[run].files[name] = text

    def upload(self, run: str, folder: Path, name: str) -> None:
        with self._message("upload", run, name):
            for file in folder.rglob("*.*"):
                self.kept[run].files[f"{name}/{file.relative_to(folder)}"] = file.read_text()

    def end(self, run: str, state: str, at: float) -> None:
        with self._message("end", run, state):
            self.kept[run].state = state

    def delete(self, run: str) -> None:
        with self._message("delete", run):
            del self.kept[run]
            self.deleted.append(run)

    def shown(self) -> dict[str, dict[str, Any]]:
        """What people see there, by trial; ids and times of ends are left out."""
        names = {name: run.tags["study.trial"] for name, run in self.kept.items()}
        assert len(set(names.values())) == len(names), "one run of each"
        return {
            names[name]: {
                "title": run.title,
                "state": run.state,
                "tags": {
                    key: names.get(value, value) if key == "mlflow.parentRunId" else value
                    for key, value in run.tags.items()
                },
                "params": run.params,
                "numbers": sorted(run.numbers, key=lambda number: (number[3], number[0])),
                "files": run.files,
            }
            for name, run in self.kept.items()
        }


def mirror(paths: RunPaths, server: FakeServer, said: list[Any] | None = None) -> Delivery:
    """The mirror of a new process."""
    sink = MlflowRuns(paths.root, read_spec(paths.study), PLACE, server)

    def say(**facts: Any) -> None:
        assert said is not None or "problem" not in facts, facts
        if said is not None:
            said.append(facts)

    return Delivery(paths, sink, say)


def whole(paths: RunPaths, server: FakeServer) -> dict[str, dict[str, Any]]:
    """All there is is mirrored by a new process; what the server shows then."""
    process = mirror(paths, server)
    process.look(all_of_them=True)
    process.finish()
    assert process.missing == 0
    return server.shown()
