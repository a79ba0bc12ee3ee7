"""One trial in this process, without Ray: the first of a study, or a recorded one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from analysis import Run, load_run
from analysis.text.rounding import LARGE, mean_text, number
from tuning.callbacks.progress import setting_words, space_labels
from tuning.engine.backends.inline import trained
from tuning.engine.checkpoints import state_problem
from tuning.engine.replay import find_trial, replay, verdict
from tuning.engine.trial import Exited, NotKept, Returning
from tuning.engine.yielded import NotReported
from tuning.process.signals import Interrupted
from tuning.process.start_folder import as_started
from tuning.process.terminal import say
from tuning.process.torch_state import gpu_here
from tuning.runs.changes import resumed
from tuning.runs.code import Code
from tuning.runs.prepare import describe_data, found_again, source_of
from tuning.runs.provenance import changed_since
from tuning.runs.reopen import changes_since, continued
from tuning.search.base import first_trial
from tuning.spec.plan import gpu_warning
from tuning.spec.study import Study, StudyError


def try_first(study: Study) -> int:
    """Train the first trial and print its epochs; returns 1 if it diverged, else 0.

    Raises:
        StudyError: a run would refuse the study or its data, or what the trainable yields. What
            else it raises is raised as it is, for a debugger to stop there.
    """
    if noted := describe_data(study)["data"].get("note"):
        say(f"data: {noted}")
    if study.resources.gpus and gpu_here() == "":
        raise StudyError(
            f"Study {study.name!r}: {gpu_warning(study)} Give --set gpus=0 to train on the CPU."
        )
    trial = first_trial(study)
    print(
        f"trial {trial.id}: {setting_words(trial.params, space_labels(study))}; seeds"
        f" {_range(trial.seeds)}"
    )
    try:
        rows = Returning(trained(study, trial))
        for row, state in rows:
            print(
                f"epoch {row['epoch']}  {_metrics(row['metrics'])}  {row['seconds']:.3f} s",
                flush=True,
            )
            if row["diverged"]:
                say(
                    f"trial {trial.id} diverged: {', '.join(row['diverged'])} became non-finite at"
                    f" epoch {row['epoch']}"
                )
                return 1
            if state is not None and (problem := state_problem(state)):
                raise NotKept(problem)
        if rows.returned:
            say(f"trial {trial.id} ended by itself before epoch {study.epochs}: {rows.returned}")
    except (NotReported, NotKept, Exited) as error:
        raise StudyError(f"Study {study.name!r}: {error}") from None
    except KeyboardInterrupt as error:
        if isinstance(error, Interrupted):
            raise
        raise StudyError(
            f"Study {study.name!r}: the trainable raised"
            f" KeyboardInterrupt{f': {error}' if str(error) else ''}."
        ) from None
    return 0


def replay_recorded(folder: Path, name: str, file: str | None = None) -> int:
    """Train a recorded trial again and print how its epochs compare with the record; returns 0 if
    every number is equal, else 1. ``file``: where the study is to be found, if not where it was.

    Raises:
        StudyError: there is no such trial, or the study or its data are not what they were.
    """
    run = load_run(folder)
    moved = found_again(file, Path.cwd()) if file else None
    with as_started(run.spec, say):
        going = continued(run, resumed, study=moved, accept=True)
        find_trial(run, name)
        for line in [
            _version_line(run, name, going.code),
            *changed_since(_provenance_of(run, name), source_of(going.study)),
        ]:
            say(f"note: {line}")
        epochs = []
        # A trial of a GPU can be trained again without one, though not bit for bit.
        study = going.study
        if study.resources.gpus and gpu_here() == "":
            study = study.override({"gpus": 0})
        for epoch in replay(study, run, name):
            print(epoch.line(), flush=True)
            epochs.append(epoch)
    print(verdict(name, epochs, run.devices.get(name)))
    return 1 if any(epoch.differences for epoch in epochs) else 0


def _provenance_of(run: Run, name: str) -> Mapping[str, Any]:
    """That of the session which recorded the trial's last epoch."""
    ended = run.epochs.loc[run.epochs["trial"] == name, "at"].max()
    begun = [
        one
        for one in run.spec.get("sessions", [])
        if datetime.fromisoformat(one["started"]).timestamp() <= ended
    ]
    return (begun[-1].get("provenance") if begun else None) or run.spec.get("provenance", {})


def _version_line(run: Run, name: str, code: Code) -> str:
    """Which code the trial ran, and how today's differs."""
    version = run.versions.get(name)
    if not version:
        return f"it is not recorded which code trial {name} ran"
    changed = changes_since(run.paths, version, code)
    copy = run.paths.code / version
    if not changed:
        return f"trial {name} ran version {version} of the code, which is unchanged"
    return (
        f"trial {name} ran version {version} of the code ({copy}), and today's code is another:"
        f" {'; '.join(changed)}"
    )


def _range(seeds: Sequence[int]) -> str:
    return f"{seeds[0]} to {seeds[-1]} ({len(seeds)})" if len(seeds) > 1 else str(seeds[0])


def _metrics(metrics: Mapping[str, Any]) -> str:
    """A metric with one value per seed as its mean."""
    return "  ".join(f"{name} {_metric(value)}" for name, value in metrics.items())


def _metric(value: Any) -> str:
    if isinstance(value, list):
        return mean_text(value, 5)
    return f"{value:,}" if isinstance(value, int) and abs(value) < LARGE else number(value, 5)
