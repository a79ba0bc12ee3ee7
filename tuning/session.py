"""One session of a run as the command has it: train what is lacking, with progress and mirrors, write the report, say where it is."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import typer

from analysis.runs import Run, RunPaths
from cluster.connect import prepare_environment
from tuning.mirrors import Mirrors, chosen_mirrors
from tuning.study import Study, WandbMode
from tuning.terminal import say, shown


def go_on(
    folder: Path,
    address: str | None,
    change: Callable[[Study, Study, Run], dict[str, Any]],
    wandb: WandbMode | None,
    tensorboard: bool | None,
) -> int:
    """Train what a run lacks, once ``change`` has said which overrides it is to have."""
    prepare_environment(address)
    from analysis import load_run
    from tuning.lock import locked
    from tuning.prepare import add_session
    from tuning.resume import continued

    records = load_run(folder)
    study, overrides = continued(records, change)
    mirrors = chosen_mirrors(study, wandb, tensorboard, records.spec)
    with locked(records.paths.lock):
        add_session(records.paths, records.spec, study, overrides, command_line(), mirrors)
        return train(study, records.paths, address, mirrors)


def train(study: Study, paths: RunPaths, address: str | None, mirrors: Mirrors) -> int:
    """Train what the run lacks, write its report and print its folder; returns the exit code."""
    from analysis import load_run
    from tuning.launch import run_study
    from tuning.progress import progress_shown
    from tuning.tracking import mirrored

    trials = load_run(paths.root).trials
    ended = trials[trials["status"] != "unfinished"]
    already = dict(zip(ended["trial"], ended["status"], strict=True))
    with mirrored(paths, mirrors.wandb, say) as finish_mirror:
        with progress_shown(study, already) as listener:
            outcome = run_study(study, paths, listener, *_watchers(study, paths, already, mirrors), address=address)
        if outcome.interrupted_by:
            say(f"Interrupted. `study resume {shown(paths.root)}` goes on; `study report {shown(paths.root)}` reads what is there.")
            typer.echo(shown(paths.root))
            return 128 + outcome.interrupted_by
        write_report_of(paths.root)
        finish_mirror()
    typer.echo(shown(paths.root))
    ends = set(outcome.statuses.values())
    return 1 if "failed" in ends or not ends & {"completed", "pruned"} else 0


def _watchers(study: Study, paths: RunPaths, already: Mapping[str, str], mirrors: Mirrors) -> list[Any]:
    """Listeners that show the study elsewhere."""
    from tuning.metrics import StudyMetrics

    watchers: list[Any] = [StudyMetrics(study, paths.root.name, already)]
    if mirrors.tensorboard:
        from tuning.tensorboard import EventFiles

        watchers.append(EventFiles(study, paths.tensorboard, say))
    return watchers


def command_line() -> list[str]:
    return ["study", *sys.argv[1:]]


def write_report_of(folder: Path) -> RunPaths:
    """Write the report of a run, and say where it is."""
    from analysis import load_run, write_report

    run = load_run(folder)
    typer.echo(f"report: {shown(write_report(run))}")
    return run.paths
