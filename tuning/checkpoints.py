"""Where trials can go on from: one file per checkpoint, whole or not there, and none left that nobody needs."""

import hashlib
import io
import itertools
import json
import math
import random
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.ranking import best_first
from tuning.storage import Folder
from tuning.study import Study, StudyError, Trial

KEPT = 2
"""Checkpoints per live trial: the last, and the one before in case the last is damaged."""
_TRIAL = re.compile(r"c?\d{4,}")
ASKED = 1000
"""For so many settings a study is asked how large their states are."""


@dataclass(frozen=True)
class Checkpoint:
    """``state`` as the trainable yielded it after ``epoch``; ``rows``, the epochs that were reported together with it."""

    epoch: int
    state: Any
    rows: list[dict[str, Any]]


def save(folder: Folder, epoch: int, state: Any, rows: Sequence[Mapping[str, Any]]) -> int:
    """Write a checkpoint and remove older ones than the last two; returns its size in bytes.

    Named ``<epoch>-<start of its SHA-256>.pt``, so that a file is what its name says or is not read at all. It carries the rows it is
    reported with: should the driver never get them, they come again with the checkpoint.
    """
    content = _content({"epoch": epoch, "state": state, "rows": json.dumps(rows)})
    folder.write(f"{epoch:06}-{_digest(content)}.pt", content)
    for old in _files(folder)[KEPT:]:
        folder.remove(old)
    return len(content)


def newest(folder: Folder, before: int | None = None) -> Checkpoint | None:
    """The last whole checkpoint of a trial (after an epoch below ``before``, if given); damaged files are passed over."""
    for name in _files(folder):
        epoch, _, digest = name.removesuffix(".pt").partition("-")
        if before is None or int(epoch) < before:
            content = folder.read(name)
            if _digest(content) == digest:
                found = _read(content)
                return Checkpoint(found["epoch"], found["state"], json.loads(found["rows"]))
    return None


def clear_unknown(folder: Folder, known: Iterable[str]) -> None:
    """Remove checkpoints of trials whose records were lost: the next trial of such a name may be another one.

    Raises:
        StudyError: there is a link in the way, to where others keep their files.
    """
    if folder.files.type_name == "local":
        here = Path(folder.path)
        for path in [here, *(here.iterdir() if here.is_dir() else ())]:
            if path.is_symlink():
                raise StudyError(f"{path} is a link: checkpoints are neither written nor removed through one. Put a folder in its place.")
    for name in set(folder.names(folders=True)).difference(known):
        if _TRIAL.fullmatch(name):
            (folder / name).clear()


def state_problem(state: Any) -> str | None:
    """One sentence if a state could not be read back."""
    try:
        _read(_content(state))
    except Exception as error:
        return f"the state it yields cannot be kept ({_plainly(error)}); a state holds dicts, lists, numbers, text and tensors, or is None"
    return None


def _plainly(error: Exception) -> str:
    """What torch says of a state, without its colours and without its advice on files of others."""
    text = re.sub(r"\x1b\[[0-9;]*m| at 0x[0-9a-f]+", "", str(error)).strip()
    if foreign := re.search(r"\bGLOBAL (\S+)", text):
        return f"it holds {foreign[1]}"
    inner = re.search(r"WeightsUnpickler error: (.+)", text)
    first = (inner[1] if inner else text).splitlines() or [type(error).__name__]
    return first[0].split(". ")[0].rstrip(".")


def disk_problem(study: Study, results: Path, slots: int) -> str | None:
    """One sentence if the checkpoints of ``study`` would not fit the disk that ``results`` lies on; ``slots`` trials at a time."""
    state_bytes = study.state_bytes
    if state_bytes is None:
        return None
    seeds = max([study.seed_list, *study.parts(study.fresh_seeds, study.seeds_per_trial)], key=len)
    largest = _largest(lambda setting: state_bytes(study.config(setting), seeds), study.space)
    # While one is written beside, a live trial has one more than it keeps. The best of the search is kept, and all confirmed ones are until
    # it is known which setting is the best.
    needed = largest * (slots * (KEPT + 1) + KEPT * (1 + study.planned_confirmations))
    free = shutil.disk_usage(results).free
    if needed < free:
        return None
    return (
        f"checkpoints would take up to {needed / 1e9:.1f} GB ({slots} trials at a time, {largest / 1e6:.0f} MB each), and "
        f"{results} has {free / 1e9:.1f} GB free. Free some, give another place with --results, or run fewer at a time."
    )


def _largest(size: Callable[[Mapping[str, Any]], int], space: Mapping[str, Any]) -> int:
    """How large ``size`` gets over the settings of a space, judged by the values of lists and the ends of ranges.

    An estimate where there are too many settings to ask for each: of a sample of them the largest is taken, and one key after the other
    moved to where it is larger still, until no key makes it larger.
    """
    from tuning.space import ends

    values = {key: ends(listed) for key, listed in space.items()}
    if math.prod(map(len, values.values())) <= ASKED:
        return max(size(dict(zip(values, setting, strict=True))) for setting in itertools.product(*values.values()))
    draw = random.Random(0)
    best = max(({key: draw.choice(listed) for key, listed in values.items()} for _ in range(ASKED)), key=size)
    while True:
        before = size(best)
        for key, listed in values.items():
            best = max(({**best, key: value} for value in listed), key=size)
        if size(best) <= before:
            return before


class Keeper:
    """Keeps, of a search, the checkpoints of live trials and of the best one that completed; a listener of the recorder."""

    def __init__(self, study: Study, folder: Folder, best: tuple[str, float] | None = None) -> None:
        self._study = study
        self._folder = folder
        self._values: dict[str, float] = {}
        self.best = best
        """The id of the best trial that has ended complete, and its metric."""

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        self._values[trial.id] = self._study.score(row["metrics"])

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        value = self._values.pop(trial.id, None)
        dropped = trial.id
        if status == "completed" and value is not None and self._is_better(trial.id, value):
            dropped = self.best[0] if self.best else ""
            self.best = trial.id, value
        if dropped and dropped != (self.best or ("",))[0]:
            (self._folder / dropped).clear()

    def _is_better(self, trial: str, value: float) -> bool:
        """As ``best.ranking`` will judge it: of equals the first is the better one, whichever ends first."""
        values = {trial: value, **dict([self.best] if self.best else [])}
        return best_first(values, {name: name for name in values}, self._study.mode)[:1] == [trial]


def _content(value: Any) -> bytes:
    import torch  # takes seconds to import, and a trainable without torch and without a state never needs it

    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _read(content: bytes) -> Any:
    """What ``_content`` was given. Nothing in it is ever run: tensors, numbers, text, lists and dicts alone are read."""
    import torch

    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _files(folder: Folder) -> list[str]:
    """Checkpoints of a trial, the last first."""
    return [name for name in reversed(folder.names()) if name.endswith(".pt")]
