"""The checkpoints of trials that end although nobody trains them."""

from collections.abc import Sequence
from typing import cast

from tuning.engine.checkpoints import BestCheckpoints, save
from tuning.engine.recorder import Recorder
from tuning.engine.untrained import NoRecords
from tuning.runs.history import History
from tuning.runs.records import Records
from tuning.runs.store import Folder
from tuning.spec.study import Study, Trial


class EndedTrials:
    """Of ``study``, their checkpoints below ``folder``."""

    def __init__(self, study: Study, folder: Folder) -> None:
        history = History(study)
        best = BestCheckpoints(history, folder)
        self._recorder = Recorder(history, cast(Records, NoRecords()), [best])
        self._folder = folder

    def end(self, trial: Trial, scores: Sequence[float], status: str = "completed") -> None:
        """``scores``: of each of its seeds, after its only epoch."""
        save(self._folder / trial.id, 1, {}, [])
        row = {"trial": trial.id, "epoch": 1, "metrics": {"score": list(scores)}, "seconds": 0.1}
        self._recorder.begin(trial)
        self._recorder.epoch(trial, row | {"arrays": {}, "diverged": []})
        self._recorder.end(trial, status)

    @property
    def kept(self) -> set[str]:
        """The trials that have a checkpoint."""
        return set(self._folder.names(folders=True))
