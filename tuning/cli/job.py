"""A study that goes on by itself: run it, and resume it as often as its driver is killed.

    python -m tuning.cli.job --results DIR [--address ADDRESS] NAME run STUDY [OPTION OF study
    run]... python -m tuning.cli.job --results DIR [--address ADDRESS] NAME resume RUN

For whoever starts a study and leaves: a Ray job, a batch system. ``NAME`` stands in the record of
the run, so that the same command given again, because the whole cluster was lost or the batch
system started the job anew, goes on with the same run.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from analysis.live.own_process import environment, module_command
from analysis.records.lines import DamagedRun, read_spec
from analysis.records.load import RunPaths
from tuning.process.signals import handled
from tuning.runs.append import size_of
from tuning.runs.prepare import JOB, found_again
from tuning.spec.named_studies import remember

DEATHS = 3
"""A driver that is killed so often in a row, with no epoch recorded in between, gets no further."""


def run_job(
    name: str, command: Sequence[str], results: Path, address: str, code: Path | None = None
) -> int:
    """Run ``study <command>`` until it ends by itself, and return its exit code; a driver that was
    killed is followed by one that resumes.

    ``code``: a folder with the study's own files. It is kept below ``results``, where a later
    session finds them again.
    """
    os.environ[JOB] = name
    here = _place(name, command, results, code)
    barren = 0
    while barren < DEATHS:
        paths = _paths(name, command, results, here)
        before = _size(paths)
        options = ["--address", address]
        if paths and command[0] == "run":  # it is this job's own, so what it says is ours
            spec = _spec(paths.study)
            remember(str(spec.get("reference")), here)
            options += ["--mlflow", str(spec.get("mirrors", {}).get("mlflow", "off"))]
        arguments = (
            ["resume", str(paths.root), *options]
            if paths
            else [*command, "--results", str(results), *options]
        )
        ended = _forwarding(module_command("tuning.cli.app", *arguments), here)
        if ended >= 0:
            return ended
        _say(f"the driver was killed ({signal.Signals(-ended).name}); its run goes on")
        barren = 0 if _size(_paths(name, command, results, here)) > before else barren + 1
    _say(
        f"error: the driver was killed {DEATHS} times in a row without an epoch in between. The run"
        " stays as it is."
    )
    return 1


def _place(name: str, command: Sequence[str], results: Path, code: Path | None) -> Path:
    """The folder to run in: with the study's own files, where there are some. Of a run that goes
    on, they lie where its job kept them.
    """
    if code:
        kept = Path(shutil.copytree(code, _kept(results, name), dirs_exist_ok=True))
        kept.chmod(0o700)
        return kept
    if command[0] == "resume":
        run = Path(command[1]).resolve()
        spec = _spec(run / "study.json")
        kept, reference = (
            _kept(run.parent.parent, Path(str(spec.get("job"))).name),
            str(spec.get("reference")),
        )
        if (
            kept.is_dir()
            and kept.stat().st_uid == os.getuid()
            and (":" in reference or Path(reference).is_relative_to(kept))
        ):
            _say(f"the run goes on with the code that its job was sent: {reference}")
            remember(reference, kept)
        return kept if kept.is_dir() else Path.cwd()
    return Path.cwd()


def _kept(results: Path, name: str) -> Path:
    return results / ".code" / name


def _paths(name: str, command: Sequence[str], results: Path, here: Path) -> RunPaths | None:
    """The run of a job, once it has begun. Jobs of other studies may have the same name."""
    if command[0] == "resume":
        return RunPaths(Path(command[1]).resolve())
    references = [found_again(word, here) for word in command[1:]]
    for file in sorted(results.glob("*/*/study.json"), reverse=True):
        spec = _spec(file)
        if spec.get("job") == name and spec.get("reference") in references:
            return RunPaths(file.parent)
    return None


def _spec(file: Path) -> dict[str, Any]:
    """What the study.json of a run says; empty where that cannot be read: another's damage is not
    in the way of this job.
    """
    try:
        return read_spec(file)
    except (DamagedRun, OSError):
        return {}


def _size(paths: RunPaths | None) -> int:
    """Of the records of epochs, in bytes."""
    return size_of(paths.epochs) if paths else 0


def _forwarding(command: Sequence[str], folder: Path) -> int:
    """Run a command in ``folder``, with the signals that this process gets; returns its exit code,
    or minus the signal that killed it.
    """
    stopped = False

    def forward(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        # The handle stays with this very process, also in the moment when it was waited for and its
        # number is free.
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)

    process = subprocess.Popen(command, cwd=folder, env=environment() | {"PYTHONUNBUFFERED": "1"})
    handle = os.pidfd_open(process.pid)
    try:
        with handled(forward):
            code = process.wait()
    finally:
        os.close(handle)
    return 128 - code if stopped and code < 0 else code


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tuning.cli.job",
        description="Run a study; resume it as often as its driver is killed.",
    )
    parser.add_argument(
        "--results",
        type=Path,
        required=True,
        help="where run folders go: a folder that all nodes share",
    )
    parser.add_argument("--address", default="auto", help="of the Ray cluster")
    parser.add_argument("--code", type=Path, help="folder with the study's own files")
    parser.add_argument("name", help="of the job: given again, its run goes on")
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, help="run STUDY [OPTION]... or resume RUN"
    )
    given = parser.parse_args()
    if given.command[:1] not in (["run"], ["resume"]) or len(given.command) < 2:
        parser.error("the command is run STUDY [OPTION]... or resume RUN")
    try:
        raise SystemExit(
            run_job(given.name, given.command, given.results.resolve(), given.address, given.code)
        )
    except OSError as error:
        _say(f"error: {error.filename or given.results}: {error.strerror}.")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
