"""Runs whose parameters and metrics are called as a test says, recorded as a session records them,
but without Ray.
"""

import inspect
import io
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

import analysis
import tuning
from analysis.records.load import RunPaths
from tuning import Study
from tuning.callbacks.console import Json
from tuning.callbacks.progress import StudyProgress
from tuning.engine.recorder import Callback, Recorder
from tuning.engine.trial import iterate
from tuning.runs.history import History
from tuning.runs.prepare import prepare_run
from tuning.runs.records import Records
from tuning.spec.study import Trial
from tuning.spec.validation import REPORTED
from tuning.spec.value_validation import GIVEN, SET

PANDAS = [
    "index",
    "values",
    "size",
    "name",
    "columns",
    "T",
    "shape",
    "dtype",
    "count",
    "mean",
    "sum",
    "rank",
    "loc",
    "level_0",
    "get",
    "self",
]
STRANGE = [
    *(
        "a.b",
        "a[0]",
        "a:Q",
        "a:b:c",
        "it's",
        'say "so"',
        "back`tick",
        "a\\b",
        "<b>bold</b>",
        "a & b",
        "_",
        "_private",
        "=1+1",
        "+1",
        "@x",
    ),
    *(
        "Größe",
        "学习率",
        "🙂",
        "x y",
        " x ",
        "a\nb",
        "a\tb",
        "a/b",
        "std/score",
        "100 %",
        "{}",
        "${x}",
        "#",
        "",
        "nan",
        "None",
        "true",
        "0",
    ),
    *(
        "x" * 300,
        "__proto__",
        "constructor",
        "toString",
        "datum",
        "undefined",
        "_timestamp",
        "_step",
        "left_out (parameter)",
        "n (metric)",
    ),
]
ENDINGS = [
    "score_mean",
    "score_std",
    "score_median",
    "score_min",
    "score_low",
    "loss_mean",
    "test_loss",
    "test_loss_mean",
    "test_loss_min",
]


def argument_names() -> list[str]:
    """What the functions of the packages call their arguments."""
    found: set[str] = set()
    for package in (analysis, tuning):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name == "tuning.study":  # it says that it has moved
                continue
            if module.name.startswith("tuning.cli.templates."):
                continue  # studies, of packages that are not here
            members = vars(import_module(module.name)).values()
            functions = [
                each
                for member in members
                for each in (
                    [member, *vars(member).values()] if inspect.isclass(member) else [member]
                )
            ]
            own = [
                each
                for each in functions
                if inspect.isfunction(each) and each.__module__.startswith(package.__name__)
            ]
            found |= {name for function in own for name in inspect.signature(function).parameters}
    return sorted(found)


def allowed(names: Sequence[str]) -> list[str]:
    """Those that a study may use, each once."""
    return [
        name
        for name in dict.fromkeys(names)
        if name and name.isprintable() and name not in (*GIVEN, *SET, *REPORTED)
    ]


def trainable(
    metrics: Sequence[str], reported: Callable[[Any, int, int], float], **more: float
) -> Any:
    """One that reports these metrics, and ``more``; ``reported``: the number of the first of them,
    for a configuration, an epoch and a seed.
    """

    def train(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        for epoch in range(1, config["epochs"] + 1):
            first = [reported(config, epoch, seed) for seed in seeds]
            yield (
                {
                    "epoch": epoch,
                    **more,
                    **{
                        name: [value + place for value in first]
                        for place, name in enumerate(metrics)
                    },
                },
                None,
            )

    return train


def recorded(
    study: Study, folder: Path, *listeners: Callback, failed: Sequence[str] = ()
) -> tuple[RunPaths, list[dict[str, Any]]]:
    """The run of all trials of a grid, and of the confirmation of its first two settings where it
    has one; trials ``failed`` end after an epoch. With what ``--json`` says of it.
    """
    paths = prepare_run(study, folder, overrides={}, command=["study"])
    trials = study.trials()
    if study.confirm:
        settings = [trial.params for trial in trials[:2]]
        fresh = [
            Trial(id=f"c000{place}", params=each, seeds=study.fresh_seeds, phase="confirm")
            for place, each in enumerate(settings)
        ]
        trials = [*trials, *fresh]
    said = io.StringIO()
    history, records = History(study), Records(paths)
    display = Json(StudyProgress(study, history), paths, said)
    write_trials(study, Recorder(history, records, [display, *listeners]), trials, failed)
    records.close()
    display.show()
    return paths, [json.loads(line) for line in said.getvalue().splitlines()]


def write_trials(
    study: Study, recorder: Recorder, trials: Sequence[Trial], failed: Sequence[str] = ()
) -> None:
    """Train the trials in this process and record them as a session does."""
    for trial in trials:
        recorder.begin(trial)
        for row, _ in iterate(study, trial, {}):
            recorder.epoch(trial, row)
            if trial.id in failed:
                recorder.end(trial, "failed", "ValueError: no")
                break
        else:
            recorder.end(trial, "completed")


def frames_in(package: str, action: Callable[[], Any]) -> list[list[str]]:
    """The columns of every frame that a function below the folder ``package`` had in a variable, or
    returned, during ``action``.
    """
    found: set[tuple[str, ...]] = set()

    def watch(frame: Any, event: str, value: Any) -> None:
        if event == "return" and f"/{package}/" in frame.f_code.co_filename:
            for each in [*frame.f_locals.values(), value]:
                if isinstance(each, pd.DataFrame):
                    found.add(
                        (
                            *map(str, each.columns),
                            *[str(name) for name in each.index.names if name is not None],
                        )
                    )

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        action()
    finally:
        sys.setprofile(before)
    return [list(columns) for columns in found]
