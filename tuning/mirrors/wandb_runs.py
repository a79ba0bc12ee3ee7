"""One trial, or the summary of a study, as a run of Weights & Biases.

Runs have stable ids. Offline, a run is one file that is always written whole: wandb would send two
parts of a run one after the other, with their steps renumbered. Online, a run that the server knows
goes on behind the last step that it has.
"""

import glob
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb

from tuning.mirrors.trial import MirroredTrial, beside

SECONDS_TO_CONNECT = 60.0
"""At the most, and no longer than the end of a run may take. wandb itself would try for 101 s to
reach a server that does not answer.
"""

# wandb would import pandas (70 MB, half a second) to ask whether a table is a frame. Those here are
# lists.
wandb.util.pd_available = False

# No system metrics, host, command line, git state, console or packages: what is to be known of a
# run stands in its records.
_QUIET: dict[str, Any] = {
    "console": "off", "silent": True, "save_code": False, "disable_git": True, "disable_code": True,
    "disable_job_creation": True,
    "x_disable_stats": True, "x_disable_meta": True, "x_disable_machine_info": True,
    "x_save_requirements": False,
    "finish_timeout_raises": True,
}  # fmt: skip


class Place:
    """Where the runs of one study go: a project, a group in it, and a folder on this machine."""

    def __init__(self, project: str, group: str, folder: Path, mode: str, seconds: float) -> None:
        """``folder``: of the run; ``mode``: "offline" or "online"; ``seconds``: what the end of a
        run may take, which without this is for ever, and to connect at the most.
        """
        self._project, self._group, self._folder, self.mode = project, group, folder, mode
        connect = min(seconds, SECONDS_TO_CONNECT)
        self._settings = _QUIET | {
            "finish_timeout": seconds,
            "init_timeout": connect,
            "login_timeout": connect,
        }
        if mode == "online":
            self._settings |= {"x_skip_transaction_log": True, "resume": "allow"}
        if seconds < SECONDS_TO_CONNECT:
            self._settings |= {"x_graphql_retry_max": 2, "x_graphql_retry_wait_max_seconds": 1.0}

    def id(self, name: str) -> str:
        return f"{self._group}-{name}"

    def start(
        self,
        name: str,
        *,
        title: str,
        kind: str,
        config: Mapping[str, Any],
        tags: Sequence[str] = (),
        notes: str | None = None,
    ) -> Any:
        """A new run, in the place of an earlier one of this ``name``.

        Raises:
            wandb.Error: the server does not answer, or refuses the key.
            OSError: the folder cannot be written.
        """
        self.remove(name)
        return wandb.init(
            project=self._project,
            group=self._group,
            id=self.id(name),
            name=title,
            job_type=kind,
            config=dict(config),
            tags=list(tags),
            notes=notes,
            dir=str(self._folder),
            mode=self.mode,  # type: ignore[arg-type]
            reinit="create_new",
            settings=wandb.Settings(**self._settings),
        )

    def remove(self, name: str) -> None:
        """Take away what an earlier run of this ``name`` left in the folder: two parts of one run
        would be sent as one, renumbered.
        """
        prefix = "offline-run" if self.mode == "offline" else "run"
        for folder in (self._folder / "wandb").glob(
            f"{prefix}-????????_??????-{glob.escape(self.id(name))}"
        ):
            shutil.rmtree(folder, ignore_errors=True)


class TrialRun:
    """A trial as a run: metrics of every epoch against ``epoch``, and how it ended."""

    def __init__(self, place: Place, trial: MirroredTrial, spec: Mapping[str, Any]) -> None:
        phase = str(trial.phase)
        about = {"trial": trial.trial, "phase": phase, "seeds": trial.seeds}
        theirs = _sent({**spec["fixed"], **trial.row["params"]})
        self._run = place.start(
            trial.trial,
            title=trial.title(spec["space"]),
            kind=phase,
            config={**theirs, **beside(about, theirs)},
            tags=[phase],
        )
        self._logged = self._run.starting_step - 1 if self._run.resumed else 0
        self._run.define_metric("epoch", hidden=True)
        self._run.define_metric("*", step_metric="epoch")

    def log(self, trial: MirroredTrial, epochs: Sequence[int]) -> None:
        """Send these epochs, but for those that were sent already: wandb takes no step twice."""
        for epoch in sorted({epoch for epoch in epochs if epoch > self._logged}):
            when = {"_timestamp": trial.times[epoch]} if epoch in trial.times else {}
            self._run.log({"epoch": epoch, **_sent(trial.metrics[epoch]), **when}, step=epoch)
            self._logged = epoch

    def finish(self, trial: MirroredTrial) -> None:
        """Send the numbers of each seed and how the trial ended.

        Raises:
            TimeoutError: it could not be sent in time.
        """
        after = trial.last_epoch + 1
        if self._logged < after and (seeds := trial.seed_table()):
            self._run.log(
                {"epoch": trial.last_epoch, **beside({"seeds": table(*seeds)}, trial.last)},
                step=after,
            )
        self._run.summary.update(beside(trial.end, trial.last))
        self._run.finish(exit_code=int(trial.is_failure))

    def abandon(self) -> None:
        """Let the run go as it is: another takes its place."""
        self._run.finish(exit_code=1)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> wandb.Table:
    """A table of plain values, of any kind in each column."""
    names: list[str | int] = [
        name if name not in columns[:place] else f"{name} ({place + 1})"
        for place, name in enumerate(columns)
    ]
    made = wandb.Table(columns=names, allow_mixed_types=True)
    for row in rows:
        made.add_data(*row)
    return made


def _sent(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values under names that wandb does not take for its own."""
    return {f"study/{name}" if name in _OF_WANDB else name: value for name, value in values.items()}


_OF_WANDB = ("", "_step", "_timestamp", "_runtime", "_wandb")
