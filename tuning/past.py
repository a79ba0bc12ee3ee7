"""What the records of a run already hold: the trials of earlier sessions, to go on from."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.means import epoch_means
from analysis.runs import Run
from analysis.tables import identity
from tuning.study import Trial, trial_id


@dataclass(frozen=True, kw_only=True)
class Past:
    """A trial that an earlier session began."""

    trial: Trial
    status: str
    attempt: int
    scores: Mapping[int, float] = field(default_factory=dict)
    """Epoch -> the study's metric, mean over the seeds of the trial; of epochs at which it was finite."""
    last_epoch: int = 0
    """0 before the first."""
    ends: Mapping[int, float] = field(default_factory=dict)
    """Seed -> the study's metric after the last epoch."""

    @property
    def score(self) -> float | None:
        """The metric after the last epoch; None before the first."""
        return self.scores[max(self.scores)] if self.scores else None

    @property
    def ended(self) -> bool:
        return self.status != "unfinished"


def past_trials(run: Run, phase: str = "search") -> list[Past]:
    """The trials of one phase, in the order of their ids."""
    part = run.phase(phase)
    scores = _scores(part)
    last = {} if part.epochs.empty else part.epochs.groupby("trial")["epoch"].max().to_dict()
    ends = _ends(part)
    return [
        replace(_past(part, row, scores.get(row["trial"], {}), int(last.get(row["trial"], 0))), ends=ends.get(row["trial"], {}))
        for row in part.trials.to_dict("records")
    ]


def trials_left(planned: Sequence[Trial], past: Sequence[Past]) -> list[Trial]:
    """What is still to be trained: cut-off trials, to go on with, then the planned ones whose seeds no trial of the setting had yet.

    Where a study was extended, a planned trial may have the id of another one that is there: then it gets the next free one.
    """
    seen = {(setting_key(one.trial.config), seed) for one in past for seed in one.trial.seeds}
    taken = {one.trial.id for one in past}
    prefix = "c" if any(trial.phase == "confirm" for trial in planned) else ""
    free = itertools.count(max([int(name.removeprefix(prefix)) for name in taken] + [len(planned)]) + 1)
    left = [one.trial for one in past if not one.ended]
    for trial in planned:
        seeds = [seed for seed in trial.seeds if (setting_key(trial.config), seed) not in seen]
        if seeds:
            name = trial.id if trial.id not in taken else trial_id(next(free), prefix=prefix)
            left.append(replace(trial, id=name, seeds=seeds))
    return left


def setting_key(setting: Mapping[str, Any]) -> str:
    """One text per setting, whether a number in it is written 0 or 0.0."""
    return json.dumps({key: identity(value) for key, value in setting.items()}, sort_keys=True)


def _past(run: Run, row: Mapping[Any, Any], scores: Mapping[int, float], last_epoch: int) -> Past:
    setting = {key: _own(domain, row[run.columns.parameters[key]]) for key, domain in run.recorded["space"].items()}
    trial = Trial(id=row["trial"], config=setting, seeds=row["seeds"], phase=row["phase"])
    return Past(trial=trial, status=row["status"], attempt=int(row["attempt"]), scores=scores, last_epoch=last_epoch)


def _scores(run: Run) -> dict[str, dict[int, float]]:
    if run.epochs.empty or run.metric not in run.epochs:
        return {}
    means = epoch_means(run.epochs, run.metric).dropna()
    found: dict[str, dict[int, float]] = {}
    for (trial, epoch), value in means.items():
        found.setdefault(trial, {})[int(epoch)] = float(value)
    return found


def _ends(run: Run) -> dict[str, dict[int, float]]:
    if run.metric not in run.epochs:
        return {}
    last = run.epochs[run.epochs["epoch"] == run.epochs.groupby("trial")["epoch"].transform("max")]
    return {str(trial): dict(zip(rows["seed"].tolist(), rows[run.metric].tolist(), strict=True)) for trial, rows in last.groupby("trial")}


def _own(domain: Mapping[str, Any], value: Any) -> Any:
    """A recorded value as the study has it, 1 or 1.0."""
    listed = next((each for each in domain.get("values", ()) if identity(each) == identity(value)), value)
    return int(listed) if domain.get("kind") == "int" else listed
