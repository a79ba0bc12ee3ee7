"""Where a run is shown besides its own records, and what shows it there."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning.spec.errors import StudyError
from tuning.spec.mirroring import Mirrors
from tuning.spec.part_validation import mlflow_problem

if TYPE_CHECKING:  # one brings numpy; the process that mirrors needs no study, nor pandas
    from tuning.mirrors.trial import MirroredTrial
    from tuning.spec.study import Study

SECRETS = ("USERNAME", "PASSWORD", "TOKEN")


def chosen_mirrors(
    study: "Study", asked: Mapping[str, Any], spec: Mapping[str, Any] | None = None
) -> Mirrors:
    """What the options say (``asked``: by mirror, None where they say nothing); else as in the
    session before (``spec``: its ``study.json``), else as the study says.

    Raises:
        StudyError: that is no address of a server, what sends it there is not installed here, or
            the records alone name a server that would be sent this user's credentials.
    """
    before = (spec or {}).get("mirrors", asdict(study.mirrors))
    said = {name: mode for name, mode in asked.items() if mode is not None}
    mirrors = checked(Mirrors(**{**before, **said}))
    if "mlflow" not in said and spec and _gets_credentials(mirrors.mlflow, study.mirrors.mlflow):
        raise StudyError(
            f"study.json names the MLflow server {mirrors.mlflow}, and a run folder may be of"
            f" anybody: give --mlflow {mirrors.mlflow} to send your credentials"
            " (MLFLOW_TRACKING_...) there, or leave it out with --mlflow off."
        )
    return mirrors


def _gets_credentials(address: str, of_study: str) -> bool:
    """Whether a server that neither the study nor the environment names is sent credentials."""
    known = ("off", of_study, os.environ.get("MLFLOW_TRACKING_URI"))
    return address not in known and any(f"MLFLOW_TRACKING_{name}" in os.environ for name in SECRETS)


def checked(mirrors: Mirrors) -> Mirrors:
    """The mirrors, if they can be made.

    Raises:
        StudyError: what is wrong with one.
    """
    if problem := mlflow_problem(mirrors.mlflow):
        raise StudyError(problem)
    if "mlflow" in mirrors.modes and find_spec("mlflow") is None:
        raise StudyError(
            'mirroring to MLflow needs its client: pip install "tune-studies[mlflow]", or leave it'
            " out with mlflow `off`."
        )
    return mirrors


class Sink:
    """Shows a run somewhere, trial by trial; it is told what the records say, in their order.

    Whatever it raises is said once, and tried again later: its trial begins anew then, with
    ``start``. Trials may be sent from several threads at once, each trial from one at a time.
    """

    folder: Path
    """What it keeps in the run folder; without it, all is sent anew."""
    place: str = ""
    """What tells its destination from others: a server, say."""
    streams: bool = True
    """Whether epochs are sent as they come in, or a trial as a whole once it has ended."""
    note: str = ""
    """What is to be known of it from the beginning."""
    only_summary: bool = False
    """Whether the study alone is shown, not its trials."""

    def start(self, trial: "MirroredTrial") -> None:
        """A trial begins, or is sent again as a whole."""

    def epochs(self, trial: "MirroredTrial", new: Sequence[int]) -> None:
        """These epochs are new, or were trained again."""

    def trial_end(self, trial: "MirroredTrial") -> None:
        """The trial has ended, or nothing more of it comes in this session; all that was sent of
        it is safe when this returns.
        """

    def abandon(self, trial: str) -> None:
        """Let a trial go as it is."""

    def version(self, trials: Sequence["MirroredTrial"]) -> str:
        """Differs between any two states of the study that ``finish`` shows differently; empty
        where it shows nothing.
        """
        return ""

    def finish(self, trials: Sequence["MirroredTrial"]) -> None:
        """The session is over and the report is written: show the study itself."""

    def reason(self, error: Exception) -> str:
        """What went wrong, in one line."""
        lines = [line for line in str(error).splitlines() if line.strip()]
        return (lines or [type(error).__name__])[-1].strip()[:300]
