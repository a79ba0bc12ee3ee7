"""The folder of a run, read back into frames: every column name of it. ``run_paths`` says where
things lie in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.records.cache import once
from analysis.records.columns import Columns, columns_of
from analysis.records.costs import costs_frame, lost_seconds
from analysis.records.devices import trial_devices
from analysis.records.dropped import dropped_frame, dropped_note, dropped_of, no_trials
from analysis.records.frames import ends_of, epochs_frame, facts_of_draws, trials_frame
from analysis.records.gaps import within, without_gaps
from analysis.records.lines import (
    EPOCH_KEYS,
    TRIAL_KEYS,
    epoch_problem,
    missing_notes,
    no_collection,
    read_lines,
    read_spec,
    refuse_links,
    trial_problem,
    unreported_notes,
)
from analysis.records.lines import DamagedRun as DamagedRun
from analysis.records.merged import merged_note
from analysis.records.orders import Steering, ordered, planned_trials
from analysis.records.paths import RunPaths as RunPaths
from analysis.records.schema import REPEATED, Mode, Phase
from analysis.records.settled import settled_at
from analysis.records.space import declared
from analysis.records.versions import (
    Versions,
    trial_versions,
    versions_note,
    wanted_versions,
)


@dataclass(frozen=True, repr=False)
class Run:
    """A run, read back.

    ``spec``: the content of ``study.json``, parameters and metrics called as their columns are.
    ``trials``: one row per trial: ``trial, phase, status, rung, seeds, attempt, epochs, seconds,
    node, error, reason`` and one column per parameter, ``pd.NA`` where it is not active. ``phase``
    is "search", or "confirm" for settings that were trained again on fresh seeds; ``rung`` is the
    epoch at which a pruned trial was stopped, or a paused one waits; ``attempt`` counts the starts
    of the trial; ``reason``: why a completed one ended before the last epoch, None where it did
    not. ``epochs``: one row per trial, epoch and seed: ``trial, epoch, seed, seconds, at`` and one
    column per metric; ``seconds`` is what the epoch took for all seeds of its trial together.
    ``notes``: what was tolerated while reading. ``columns``: which column holds which parameter and
    which metric: that of its name, unless a column of ours is called so. ``recorded``: the content
    of ``study.json`` as it is. ``versions``: the version of the study's code that the numbers of
    each trial are of, None where it was not recorded. ``devices``: on what each trial was trained,
    and in which precision, where its trainable says so. ``refused``: the settings that were drawn
    before each trial and are not valid, where there were any. ``drawn``: by which sampler the
    params of a trial were drawn, and the seconds that it took, where it was chosen by its cost.
    ``repeated``: the rows of settings that were drawn again and answered from the trial
    ``same_as``, which ``spec`` does not plan, as it does plan those that a person added. ``lines``:
    the first and last line of each trial in ``trials.jsonl``. ``dropped``: the trials that were
    left out by hand, which neither ``trials`` nor ``epochs`` has and ``spec`` does not plan: see
    ``dropped_frame``. ``ordered``: the trials that each order of a person stopped or added, by its
    id. ``costs``: see ``costs_frame``; ``lost``: the seconds of attempts that failed, beyond what
    these told. ``settled``: as ``settled_at`` says, where its search ended itself. ``whole``: the
    run that this is a part of. ``known``: see ``once``.
    """

    paths: RunPaths
    spec: Mapping[str, Any]
    trials: pd.DataFrame
    epochs: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    columns: Columns = Columns({}, {})
    recorded: Mapping[str, Any] = field(default_factory=dict)
    versions: Versions = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    drawn: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    repeated: list[dict[str, Any]] = field(default_factory=list)
    lines: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    dropped: pd.DataFrame = field(default_factory=no_trials)
    ordered: Mapping[str, list[str]] = field(default_factory=dict)
    costs: pd.DataFrame = field(default_factory=lambda: costs_frame([]))
    lost: float = 0.0
    settled: Mapping[str, Any] | None = None
    whole: "Run | None" = None
    known: dict[Any, Any] = field(default_factory=dict, init=False)

    @property
    def report(self) -> Path:
        """The page of its report, as it was written last."""
        return self.paths.index

    def __repr__(self) -> str:
        return f"<Run {self.paths.root}: {ends_of(self.trials) or 'no trials'}>"

    def _repr_html_(self) -> str:
        """What a notebook shows of it: its question, how its trials ended, where its report is."""
        page = self.report.resolve()
        title = f"<b>{escape(str(self.spec['name']))}</b>: {escape(str(self.spec['question']))}"
        link = f'report: <a href="{escape(page.as_uri())}">{escape(str(page))}</a>'
        return "<br>".join(filter(None, [title, ends_of(self.trials), link]))

    @property
    def metric(self) -> str:
        return self.spec["metric"]

    @property
    def folds(self) -> int:
        """How many folds the study's cross-validation has; 1 where it is none."""
        return int(self.spec.get("folds") or 1)

    @property
    def mode(self) -> Mode:
        return Mode(self.spec["mode"])

    @property
    def higher_is_better(self) -> bool:
        return self.mode is Mode.MAX

    @property
    def parameters(self) -> list[str]:
        """The keys that the space varies, in the order of the study."""
        return list(self.spec["space"])

    @property
    def baselines(self) -> list[Mapping[str, Any]]:
        """The settings that the confirmation names, each with its ``name`` and ``setting``."""
        named = (self.spec.get("confirm") or {}).get("baselines") or []
        return [
            {**each, "setting": declared(self.spec["space"], each["setting"])} for each in named
        ]

    @property
    def rungs(self) -> list[int]:
        """The epochs at which the study stops trials; empty where it stops none."""
        return (self.spec.get("scheduler") or {}).get("rungs") or []

    @property
    def judged_anywhere(self) -> bool:
        """Whether trials are stopped at any epoch, and rungs are where they are compared."""
        return "anywhere" in (self.spec.get("scheduler") or {})

    @once
    def phase(self, name: str) -> "Run":
        """The trials of one phase alone, "search" or "confirm", with their epochs;
        ``spec`` has the ``until_settled`` of that phase.
        """
        rule = (self.spec.get("confirm") or {}).get("until_settled")
        own = {"until_settled": rule} if rule and name == Phase.CONFIRM else {}
        trials = self.trials[self.trials["phase"] == name]
        epochs = self.epochs[self.epochs["trial"].isin(trials["trial"])]
        return replace(
            self,
            spec={**self.spec, **own},
            trials=trials.reset_index(drop=True),
            epochs=epochs.reset_index(drop=True),
            dropped=self.dropped[self.dropped["phase"] == name].reset_index(drop=True),
            whole=self.whole or self,
        )

    def arrays(self, trial: str) -> dict[str, np.ndarray]:
        """What ``trial`` recorded besides numbers, by name; empty where it recorded nothing.

        Raises:
            DamagedRun: its file cannot be read.
        """
        path = self.paths.arrays(trial)
        if not path.exists():
            return {}
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except Exception as error:  # numpy and zipfile raise a dozen kinds
            raise DamagedRun(
                f"{path} is damaged: {str(error).splitlines()[0]}. Take it out to do without it."
            ) from None


def load_run(folder: str | Path) -> Run:
    """Read a run folder, finished or not.

    A torn last line (the writer died in the middle of it) is left out and noted. Where a trial and
    epoch stand twice, the last row counts. Epochs that a trial left behind before it was trained
    anew with other code are left out, and so are those that an earlier attempt of a completed trial
    reached beyond its end. A trial that ended as completed, but lacks the epoch it ended at, counts
    as unfinished, with a note.

    Raises:
        DamagedRun: no run folder, an unknown schema, a line that no run writes, or a link in the
            folder.
    """
    paths = RunPaths(Path(folder).resolve())
    notes: list[str] = []
    recorded = read_spec(paths.study)
    refuse_links(paths.root)
    finite = recorded.get("must_be_finite", [])
    with no_collection():
        trial_rows = read_lines(paths.trials, TRIAL_KEYS, trial_problem, notes)
        epoch_rows = read_lines(paths.epochs, EPOCH_KEYS, epoch_problem, notes)
        lines = _lines_of(trial_rows)
        repeated = [row for row in trial_rows if row["status"] == REPEATED]
        trial_rows = [row for row in trial_rows if row["status"] != REPEATED]
        seeds = {row["trial"]: row["seeds"] for row in trial_rows}
        reported = dict.fromkeys(chain.from_iterable(row["metrics"] for row in epoch_rows))
        columns = columns_of(recorded, reported)
        epochs = epochs_frame(
            paths, epoch_rows, seeds, columns, wanted_versions(recorded, trial_rows)
        )
        notes += missing_notes(epoch_rows, {recorded["metric"], "loss", *finite})
        notes += unreported_notes(finite, reported)
    dropped = dropped_frame(recorded, trial_rows, columns)
    left_out = dropped_of(trial_rows)
    if left_out:
        epochs = epochs[~epochs["trial"].isin(left_out)]
    counted = [row for row in trial_rows if row["trial"] not in left_out]
    trials = trials_frame(recorded, counted, columns)
    epochs = within(trials, epochs)
    trials = without_gaps(trials, epochs, notes)
    refused, drawn = (facts_of_draws(trial_rows, name) for name in ("refused", "drawn"))
    of_trials = trial_versions(trial_rows), trial_devices(trial_rows), refused, drawn
    spec = columns.renamed(recorded)
    of_run = repeated, lines, dropped, ordered(trial_rows)
    costs = costs_frame(epoch_rows), lost_seconds(trial_rows)
    run = Run(paths, spec, trials, epochs, notes, columns, recorded, *of_trials, *of_run, *costs)
    notes += filter(None, [versions_note(run), dropped_note(run), merged_note(run)])
    if recorded.get("trials") is not None:
        search, answers = run.phase(Phase.SEARCH), Steering(paths).refresh().answers
        again = dict(zip(search.dropped["trial"], search.dropped["retrain"], strict=True))
        planned = recorded["trials"], answers, list(search.trials["trial"]), again, len(repeated)
        at = settled_at(answers.values(), recorded["trials"])
        run = replace(run, spec={**spec, "trials": planned_trials(*planned)}, settled=at)
    return run


def _lines_of(rows: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    lines: dict[str, tuple[int, int]] = {}
    for number, row in enumerate(rows):
        lines[row["trial"]] = lines.get(row["trial"], (number,))[0], number
    return lines
