"""Studies run on the Ray of the tests."""

from pathlib import Path
from typing import Any

from analysis import Run, load_run
from tuning import Study
from tuning.engine.launch import run_study
from tuning.runs.prepare import prepare_run


def run(study: Study, results: Path, *callbacks: Any) -> Run:
    paths = prepare_run(study, results, overrides={}, command=["study", "run", "a b"])
    run_study(study, paths, *callbacks)
    return load_run(paths.root)
