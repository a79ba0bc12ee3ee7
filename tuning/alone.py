"""One trial in this process, without Ray: the first of a study, or a recorded one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis import load_run
from tuning.asking import first_trial
from tuning.plan import setting_text
from tuning.prepare import source_of
from tuning.replay import changed_since, replay, verdict
from tuning.resume import continued, unchanged
from tuning.rows import Exited, NotReported, iterate
from tuning.study import Study, StudyError
from tuning.terminal import say


def try_first(study: Study) -> int:
    """Train the first trial and print its epochs; returns 1 if it diverged, else 0.

    Raises:
        StudyError: the trainable yields what cannot be recorded. What else it raises is raised as it is, for a debugger to stop there.
    """
    trial = first_trial(study)
    if noted := study.describe_data().get("note"):
        say(f"data: {noted}")
    print(f"trial {trial.id}: {setting_text(trial.config)}; seeds {_range(trial.seeds)}")
    try:
        for row, _ in iterate(study, trial, study.read_data()):
            print(f"epoch {row['epoch']}  {_metrics(row['metrics'])}  {row['seconds']:.3f} s", flush=True)
            if row["diverged"]:
                say(f"trial {trial.id} diverged: {', '.join(row['diverged'])} became non-finite at epoch {row['epoch']}")
                return 1
    except (NotReported, Exited) as error:
        raise StudyError(f"Study {study.name!r}: {error}") from None
    return 0


def replay_recorded(folder: Path, name: str) -> int:
    """Train a recorded trial again and print how its epochs compare with the record; returns 0 if every number is equal, else 1.

    Raises:
        StudyError: there is no such trial, or the study or its data are not what they were.
    """
    run = load_run(folder)
    study, _ = continued(run, unchanged)
    for line in changed_since(run, source_of(study)):
        say(f"note: {line}")
    epochs = []
    for epoch in replay(study, run, name):
        print(epoch.line(), flush=True)
        epochs.append(epoch)
    print(verdict(name, epochs))
    return 1 if any(epoch.differences for epoch in epochs) else 0


def _range(seeds: Sequence[int]) -> str:
    return f"{seeds[0]} to {seeds[-1]} ({len(seeds)})" if len(seeds) > 1 else str(seeds[0])


def _metrics(metrics: Mapping[str, Any]) -> str:
    """A metric with one value per seed as its mean."""
    flat = {name: sum(value) / len(value) if isinstance(value, list) else value for name, value in metrics.items()}
    return "  ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value:.5g}" for name, value in flat.items())
