"""Trainables that were written for Ray Tune, as they are: functions that call ``tune.report``, and
classes with ``setup`` and ``step``.
"""

import inspect
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from numbers import Number, Real
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tuning.engine.pushed import Report, StopTrial, pushed
from tuning.engine.yielded import NotReported, kinds, plain

FILES, SAVED, REPORTS = "files", "saved", "reports"
"""The keys of a state: a checkpoint as a folder, or what ``save_checkpoint`` returned, and how many
reports there were.
"""


@dataclass(frozen=True)
class TrialNames:
    """What ``tune.get_context()`` says of a trial."""

    trial_id: str = "default"
    experiment_name: str = "default"
    resources: Mapping[str, float] = field(default_factory=lambda: {"CPU": 1.0})


def function_epochs(
    function: Callable[[dict[str, Any]], Any],
    names: TrialNames,
    config: Mapping[str, Any],
    seed: int,
    resume: Any,
) -> Generator[Any, None, str | None]:
    """The reports of a function of Ray Tune, each as an epoch, counted from 1: what it calls
    ``epoch`` itself is left out. A return before ``config["epochs"]`` reports is the reason why it
    ended.
    """
    from tuning.engine.ray_reporting import session_as  # brings Ray

    before = resume[REPORTS] if resume else 0
    with tempfile.TemporaryDirectory() as folder:
        session = _Session(names, folder, before, resume)

        def run(report: Report) -> None:
            session.hand_over = report
            _reported(session, function({**config, "seed": seed}))

        with closing(pushed(run, partial(session_as, session))) as epochs:
            end = yield from epochs
    return end or _end(session.reports, config["epochs"])


def class_epochs(
    kind: Any, names: TrialNames, config: Mapping[str, Any], seed: int, resume: Any
) -> Generator[Any, None, str | None]:
    """The steps of a class trainable of Ray Tune, each as an epoch. It is saved after every step
    where it can be, and goes on from there.
    """
    from ray.tune.result import TRIAL_INFO

    name = f"{names.experiment_name}_{names.trial_id}"
    about = SimpleNamespace(
        trial_id=names.trial_id, trial_name=name, trial_resources=_resources(names)
    )
    with tempfile.TemporaryDirectory() as folder:
        trainable = _made(kind, {**config, "seed": seed, TRIAL_INFO: about}, folder)
        try:
            steps = resume[REPORTS] if resume else 0
            if resume:
                trainable.load_checkpoint(_opened(resume, folder))
            trainable._iteration = steps
            while True:
                result = trainable.step()
                steps += 1
                trainable._iteration = steps
                state = _saved(trainable, steps)
                yield _metrics(result, steps), state
                if result.get("done"):
                    return _end(steps, config["epochs"], "reported that it is done")
        finally:
            trainable.cleanup()


class _Session:
    """What Ray's functions ask within a trainable, in the place of Ray's own session; all else that
    it might say is None.
    """

    def __init__(self, names: TrialNames, folder: str, reports: int, resume: Any) -> None:
        self.trial_id, self.experiment_name = names.trial_id, names.experiment_name
        self.trial_name = f"{names.experiment_name}_{names.trial_id}"
        self.trial_dir, self.trial_resources = folder, _resources(names)
        self.reports = reports
        self.hand_over: Report
        self.loaded_checkpoint = None
        if resume:
            from ray.tune import Checkpoint

            self.loaded_checkpoint = Checkpoint.from_directory(_opened(resume, folder))

    def report(self, metrics: Mapping[str, Any], checkpoint: Any = None) -> None:
        if not isinstance(metrics, Mapping):
            raise NotReported(f"tune.report was given {type(metrics).__name__}, not a mapping.")
        self.reports += 1
        state = None
        if checkpoint is not None:
            with checkpoint.as_directory() as folder:
                state = {FILES: _files(Path(folder)), REPORTS: self.reports}
        self.hand_over(**_metrics(metrics, self.reports), state=state)
        if metrics.get("done"):
            raise StopTrial(f"the trainable reported that it is done after report {self.reports}")

    def __getattr__(self, name: str) -> None:
        return None


def _reported(session: _Session, returned: Any) -> None:
    """Report what a function of Ray Tune returned, or yields."""
    outputs = returned if inspect.isgenerator(returned) else [returned]
    for output in outputs:
        if isinstance(output, Number):
            session.report({"_metric": output})
        elif isinstance(output, Mapping):
            session.report(output)
        elif output is not None:
            raise NotReported(
                f"the trainable gave {kinds(output)}. A function of Ray Tune, train(config), gives"
                " a mapping, a number or nothing; one that yields (metrics, state) takes (config,"
                " seeds, resume=None)."
            )


def _end(reports: int, epochs: int, why: str = "returned") -> str | None:
    return f"the trainable {why} after {reports} of {epochs} reports" if reports else None


def _metrics(reported: Mapping[str, Any], epoch: int) -> dict[str, Any]:
    """The numbers of a report, those within mappings under ``outer/inner``."""
    return {**dict(_numbers(reported)), "epoch": epoch}


def _numbers(reported: Mapping[str, Any], within: str = "") -> Generator[tuple[str, Any]]:
    for name, value in reported.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{within}{name}/")
        elif isinstance(plain(value), Real) and f"{within}{name}" not in _OF_RAY:
            yield f"{within}{name}", value


_OF_RAY = ("done", "should_checkpoint", "training_iteration")


def _files(folder: Path) -> dict[str, Any]:
    """The files below a folder, by their paths in it, as tensors of bytes."""
    import torch

    return {
        file.relative_to(folder).as_posix(): (
            torch.frombuffer(bytearray(content), dtype=torch.uint8)
            if (content := file.read_bytes())
            else torch.zeros(0, dtype=torch.uint8)
        )
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _opened(state: Mapping[str, Any], folder: str) -> Any:
    """A state as ``load_checkpoint`` takes it: a folder below ``folder``, or what was returned."""
    if FILES not in state:
        return state[SAVED]
    root = Path(tempfile.mkdtemp(dir=folder))
    for name, content in state[FILES].items():
        file = root / name
        if not file.resolve().is_relative_to(root.resolve()):
            raise ValueError(f"the checkpoint has a file {name!r}, which is not in its folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.numpy().tobytes())
    return str(root)


def _made(kind: Any, config: dict[str, Any], folder: str) -> Any:
    from ray.tune.trainable import trainable

    before, trainable.DEFAULT_STORAGE_PATH = trainable.DEFAULT_STORAGE_PATH, folder
    try:
        return kind(config=config)
    finally:
        trainable.DEFAULT_STORAGE_PATH = before


def _saved(trainable: Any, steps: int) -> dict[str, Any] | None:
    """None where it does not save itself."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            returned = trainable.save_checkpoint(folder)
        except NotImplementedError:
            return None
        if isinstance(returned, Mapping):
            return {SAVED: dict(returned), REPORTS: steps}
        return {FILES: _files(Path(folder)), REPORTS: steps}


def _resources(names: TrialNames) -> Any:
    from ray.tune import PlacementGroupFactory

    return PlacementGroupFactory([dict(names.resources)])
