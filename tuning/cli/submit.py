"""A study as a job on a Ray cluster: what is sent, the command that runs there, and how to come
back to it.
"""

import secrets
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cluster.submit import STUDY_CODE, code_to_send, follow, submit
from tuning.cli.sent_files import SentFiles
from tuning.process.signals import Interrupted
from tuning.process.terminal import say
from tuning.spec.errors import StudyError
from tuning.spec.part_validation import mlflow_problem


@dataclass(frozen=True)
class Submission:
    """A job that can be sent."""

    name: str
    """The id of the job on the cluster."""
    command: Sequence[str]
    """``run STUDY ...`` or ``resume RUN``, as it is given to the command ``study`` on the cluster.
    """
    results: str
    has_code: bool
    """Whether files of its own go with it."""

    @property
    def resumes(self) -> bool:
        return self.command[0] == "resume"

    def entrypoint(self) -> str:
        code = ["--code", STUDY_CODE] if self.has_code else []
        return shlex.join(
            [
                "python",
                "-u",
                "-m",
                "tuning.cli.job",
                "--results",
                self.results,
                *code,
                self.name,
                *self.command,
            ]
        )

    def about(self) -> dict[str, str]:
        """What the dashboard of the cluster says of it."""
        return {
            "job_name": " ".join(self.command[:2]),
            "command": shlex.join(["study", *self.command]),
            "results": self.results,
        }

    def send_and_follow(self, url: str, files: SentFiles) -> int:
        """Start the job with these files and show what it prints; returns its exit code, or 130
        where Ctrl-C left it to itself, 143 where SIGTERM did.

        Raises:
            StudyError: more would be sent than code.
            ConnectionError: the cluster cannot be reached, or refuses.
        """
        if note := _clear_text(url):
            say(note)
        try:
            with code_to_send(files.content) as code:
                submit(url, self.name, code, self.entrypoint(), self.about())
        except ValueError as error:
            raise StudyError(str(error)) from None
        _tell(files)
        say(f"job {self.name} is on the cluster. Ctrl-C leaves it running.")
        try:
            return follow(url, self.name, sys.stdout.write)
        except Interrupted as interrupted:
            say(f"\nThe job goes on.\n{_ways(url, self.name)}")
            return interrupted.code
        except ConnectionError as error:
            raise ConnectionError(f"{error}\nThe job may go on.\n{_ways(url, self.name)}") from None


def submission(
    study: str, results: str, overrides: Sequence[str], options: Mapping[str, Any]
) -> Submission:
    """The job for ``study run`` with these options, or for ``study resume`` where ``study`` is the
    folder of a run on the cluster.

    Raises:
        StudyError: ``results`` is no whole path, or ``--mlflow`` no address; or a run that goes on
            is to be another.
    """
    mlflow = options.get("--mlflow")
    if problem := None if mlflow is None else mlflow_problem(mlflow):
        raise StudyError(problem)
    given = [part for pair in overrides for part in ("--set", pair)]
    given += [part for option, value in options.items() for part in _as_typed(option, value)]
    if not Path(results).is_absolute():
        raise StudyError(
            f"--results {results} must be a whole path, /shared/results say: a folder that every"
            " node of the cluster sees."
        )
    resumes = Path(study).is_absolute() and not study.endswith(".py")
    if resumes and given:
        raise StudyError(f"{study} is a run that goes on as it began: leave {' '.join(given)} out.")
    started = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    reference = Path(study).name if study.endswith(".py") else study
    command = ["resume", study] if resumes else ["run", reference, *given]
    return Submission(
        f"{Path(study).stem.replace(':', '.')}-{started}",
        command,
        results,
        study.endswith(".py") or ":" in study,
    )


def _as_typed(option: str, value: Any) -> list[str]:
    if value is None or (value is False and option in ("--smoke", "--dashboard")):
        return []
    if isinstance(value, bool):
        return [option if value else option.replace("--", "--no-", 1)]
    return [option, str(value)]


def _tell(files: SentFiles) -> None:
    if files.content:
        say(f"sent with this program: {', '.join(sorted(files.content))}")
    for place, reason in files.left_out.items():
        say(f"not sent: {place}; {reason}")


def _ways(url: str, name: str) -> str:
    lines = [
        f"ray job {verb} {name} --address {url}" for verb in ("logs --follow", "status", "stop")
    ]
    return "\n".join(f"  RAY_AUTH_MODE=token {line}" for line in lines)


def _clear_text(url: str) -> str | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http" or host == "localhost" or host.startswith("127.") or host == "::1":
        return None
    return (
        f"note: the token travels to {host} in clear text. Where others can listen, go through ssh:"
        " see cluster/README.md."
    )
