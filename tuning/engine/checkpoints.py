"""Where trials can go on from: one file per checkpoint, whole or not there, and none left that
nobody needs.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.records.schema import Phase
from tuning.runs.history import History
from tuning.runs.store import Folder
from tuning.spec.study import Study, StudyError, Trial

KEPT = 2
"""Checkpoints per live trial: the last, and the one before in case the last is damaged."""
MOST_KEPT = 10
"""Settings of a grid with a checkpoint: as a rule more than are trained at a time."""
_TRIAL = re.compile(r"c?\d{4,}")


@dataclass(frozen=True)
class Checkpoint:
    """``state`` as the trainable yielded it after ``epoch``; ``rows``, the epochs that were
    reported together with it.
    """

    epoch: int
    state: Any
    rows: list[dict[str, Any]]


def save(
    folder: Folder,
    epoch: int,
    state: Any,
    rows: Sequence[Mapping[str, Any]],
    final: bool = False,
) -> int:
    """Write a checkpoint and remove older ones than the last two; returns its size in bytes.
    ``final``: it is of the last epoch of the trial, which does not go on from it.

    Named ``<epoch>-<start of its SHA-256>.pt``, so that a file is what its name says or is not read
    at all. It carries the rows it is reported with: should the driver never get them, they come
    again with the checkpoint.
    """
    content = _content({"epoch": epoch, "state": state, "rows": json.dumps(rows), "final": final})
    name = f"{epoch:06}-{_digest(content)}.pt"
    folder.write(name, content)
    same = [each for each in _files(folder) if final and each[:7] == name[:7] and each != name]
    for old in [*same, *_files(folder)[KEPT:]]:
        folder.remove(old)
    return len(content)


def newest(folder: Folder, before: int | None = None) -> Checkpoint | None:
    """The last whole checkpoint of a trial (that is not final and after an epoch below ``before``,
    if given); damaged files are passed over.
    """
    for name in _files(folder):
        epoch, _, digest = name.removesuffix(".pt").partition("-")
        if before is None or int(epoch) < before:
            content = folder.read(name)
            if _digest(content) == digest:
                found = _read(content)
                if before is None or not found.get("final"):
                    return Checkpoint(found["epoch"], found["state"], json.loads(found["rows"]))
    return None


def clear_unknown(folder: Folder, known: Iterable[str]) -> None:
    """Remove checkpoints of trials whose records were lost: the next trial of such a name may be
    another one.

    Raises:
        StudyError: there is a link in the way, to where others keep their files.
    """
    if folder.files.type_name == "local":
        here = Path(folder.path)
        for path in [here, *(here.iterdir() if here.is_dir() else ())]:
            if path.is_symlink():
                raise StudyError(
                    f"{path} is a link: checkpoints are neither written nor removed through one."
                    " Put a folder in its place."
                )
    for name in set(folder.names(folders=True)).difference(known):
        if _TRIAL.fullmatch(name):
            (folder / name).clear()


def state_problem(state: Any) -> str | None:
    """One sentence if a state could not be read back."""
    try:
        _read(_content(state))
    except Exception as error:
        return (
            f"the state it yields cannot be kept ({_plainly(error)}); a state holds dicts, lists,"
            " numbers, text and tensors, or is None"
        )
    return None


def _plainly(error: Exception) -> str:
    """What torch says of a state, without its colours and without its advice on files of others."""
    text = re.sub(r"\x1b\[[0-9;]*m| at 0x[0-9a-f]+", "", str(error)).strip()
    if foreign := re.search(r"\bGLOBAL (\S+)", text):
        return f"it holds {foreign[1]}"
    inner = re.search(r"WeightsUnpickler error: (.+)", text)
    first = (inner[1] if inner else text).splitlines() or [type(error).__name__]
    return first[0].split(". ")[0].rstrip(".")


def size_of_state(state: Any) -> int:
    """Bytes of a checkpoint with that state."""
    return len(_content({"epoch": 0, "state": state, "rows": "[]", "final": False}))


class BestCheckpoints:
    """Keeps, of a search, the checkpoints of live trials and, of each setting that may still prove
    the best, that of its best trial; a listener of the recorder.
    """

    def __init__(self, history: History, folder: Folder) -> None:
        self._ranking, self._folder = history.rankings[Phase.SEARCH], folder
        self._most = kept_settings(history.study)
        self._kept = self._best()

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None: ...

    def pause(self, trial: Trial) -> None:
        """One checkpoint is enough of a trial that waits: the last."""
        folder = self._folder / trial.id
        for old in _files(folder)[1:]:
            folder.remove(old)

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        if trial.phase != Phase.SEARCH:  # all are kept until it is known which setting is the best
            return
        held, self._kept = {*self._kept, trial.id}, self._best()
        for dropped in held - self._kept:
            (self._folder / dropped).clear()

    def _best(self) -> set[str]:
        """The best trial of each setting that is kept, as ``best.ranking`` will judge it."""
        return {*self._ranking.best_trials(self._most)}


def kept_settings(study: Study) -> int:
    """Of how many settings of a search a checkpoint is kept: which one proves the best is not known
    before all its trials have ended.
    """
    return 1 if study.planned == study.planned_settings and not study.settles else MOST_KEPT


def _content(value: Any) -> bytes:
    # Takes seconds to import, and a trainable without torch and without a state never needs it
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _read(content: bytes) -> Any:
    """What ``_content`` was given. Nothing in it is ever run: tensors, numbers, text, lists and
    dicts alone are read.
    """
    import torch

    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _files(folder: Folder) -> list[str]:
    """Checkpoints of a trial, the last first."""
    return [name for name in reversed(folder.names()) if name.endswith(".pt")]
