"""One trial in this process, without Ray: the first of a study, or a recorded one."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis import load_run
from analysis.rounding import LARGE, mean_text, number
from tuning.asking import first_trial
from tuning.checkpoints import state_problem
from tuning.prepare import describe_data, source_of
from tuning.process_state import process_restored
from tuning.progress import setting_words, space_labels
from tuning.replay import changed_since, replay, verdict
from tuning.resume import continued, unchanged
from tuning.rows import Exited, NotKept, NotReported, iterate
from tuning.sendable import unsendable
from tuning.study import Study, StudyError, Trial
from tuning.terminal import say


def try_first(study: Study) -> int:
    """Train the first trial and print its epochs; returns 1 if it diverged, else 0.

    Raises:
        StudyError: a run would refuse the study or its data, or what the trainable yields. What else it raises is raised as it is, for a
            debugger to stop there.
    """
    if noted := describe_data(study)["data"].get("note"):
        say(f"data: {noted}")
    if problem := unsendable(study):
        raise StudyError(f"Study {study.name!r}: {problem}")
    trial = first_trial(study)
    print(f"trial {trial.id}: {setting_words(trial.config, space_labels(study))}; seeds {_range(trial.seeds)}")
    try:
        for row, state in _trained(study, trial):
            print(f"epoch {row['epoch']}  {_metrics(row['metrics'])}  {row['seconds']:.3f} s", flush=True)
            if row["diverged"]:
                say(f"trial {trial.id} diverged: {', '.join(row['diverged'])} became non-finite at epoch {row['epoch']}")
                return 1
            if state is not None and (problem := state_problem(state)):
                raise NotKept(problem)
    except (NotReported, NotKept, Exited) as error:
        raise StudyError(f"Study {study.name!r}: {error}") from None
    return 0


def _trained(study: Study, trial: Trial) -> Iterator[tuple[dict[str, Any], Any]]:
    with process_restored(trial.seeds):
        yield from iterate(study, trial, study.read_data())


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
    return "  ".join(f"{name} {_metric(value)}" for name, value in metrics.items())


def _metric(value: Any) -> str:
    if isinstance(value, list):
        return mean_text(value, 5)
    return f"{value:,}" if isinstance(value, int) and abs(value) < LARGE else number(value, 5)
