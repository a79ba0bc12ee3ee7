"""Studies run in this process, and crashes of them."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from analysis import Run, load_run
from analysis.records.load import RunPaths
from tuning.engine.backends.inline import run_inline
from tuning.runs.prepare import prepare_run
from tuning.runs.records import Records
from tuning.spec.study import Study


class Crash(BaseException):
    """What a process that is killed does: it stops, and cleans nothing up."""


def prepared(study: Study, results: Path) -> RunPaths:
    return prepare_run(study, results, overrides={}, command=["study", "run", "a b"])


def run(study: Study, results: Path, *callbacks: Any) -> Run:
    paths = prepared(study, results)
    run_inline(study, paths, *callbacks)
    return load_run(paths.root)


def crash_after(count: int, study: Study, paths: RunPaths, *callbacks: Any) -> bool:
    """Train until ``count`` rows, of epochs, trials and answers, were recorded, then crash; returns
    whether that came before the end.
    """
    append, left = Records.append, [count]

    def counted(records: Records, name: str, row: Mapping[str, Any]) -> None:
        if not left[0]:
            raise Crash
        left[0] -= 1
        append(records, name, row)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Records, "append", counted)
        try:
            run_inline(study, paths, *callbacks)
        except Crash:
            return True
    return False


def left_by_kills(study: Study, tmp_path: Path) -> tuple[Run, list[RunPaths]]:
    """A run, and what is there of it before each row: what a process leaves that is killed then."""
    paths, left, append = prepared(study, tmp_path / "whole"), [], Records.append

    def kept(records: Records, name: str, row: Mapping[str, Any]) -> None:
        then, lock = tmp_path / str(len(left)), shutil.ignore_patterns(paths.lock.name)
        left.append(RunPaths(Path(shutil.copytree(paths.root, then, ignore=lock))))
        append(records, name, row)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Records, "append", kept)
        run_inline(study, paths)
    return load_run(paths.root), left
