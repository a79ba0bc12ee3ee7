"""`study try` and `study show` refuse what `study run` would refuse before its first trial, or at
its first epoch.
"""

from pathlib import Path
from typing import Any

import pytest
from ray import tune
from searched_studies import keeps_what_cannot_be_read, searched_study
from small_studies import small_study

from tuning import StudyError
from tuning.cli.session import find
from tuning.engine.one_trial import try_first
from tuning.runs.prepare import prepare_run

FILE = """
import functools, threading
import numpy as np
from ray import tune
from tuning import Optuna, Report, Study

def train(config, seeds, resume=None, *, log=None):
    yield {"epoch": 1, "score": [1.0] * len(seeds)}, None

about = {"name": "mine", "question": "?", "trainable": train, "space": {"a": [1]}}
about |= {"metric": "score", "epochs": 1}
study = Study(**about | CHANGES)
"""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            '{"report": Report(tables={"Costs": [{"seconds": float("nan")}]})}',
            "report: tables cannot be recorded",
        ),
        (
            '{"report": Report(tables={"Files": [{"name": "caf\\udce9"}]})}',
            "report: tables cannot be recorded .*; give UTF-8 text",
        ),
        (
            '{"space": {"a": tune.choice([{1, 2}, {3}])}, "search": Optuna(trials=3)}',
            r"a=\{1, 2\}; values are written",
        ),
        (
            '{"space": {"a": tune.choice([tune.uniform(0, 1)])}, "search": Optuna(trials=3)}',
            "a=<ray.tune.* values are written",
        ),
        ('{"space": {"a": [np.arange(3)]}}', "a=array.* values are written"),
        (
            '{"space": {"a": {"b": tune.uniform(0, 1)}}}',
            "a: 'b'=.* must map the names of the parameters of this branch to lists or ranges",
        ),
        ('{"fixed": {"b": 10**400}}', "b=1000.*; values are written"),
        (
            '{"trainable": functools.partial(train, log=threading.Lock())}',
            r"trainable.keywords\['log'\] is a _thread.lock, which cannot",
        ),
    ],
)
def test_what_no_run_could_record_is_refused_whatever_is_done_with_the_study(
    changes: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE.replace("CHANGES", changes))
    with pytest.raises(StudyError, match=message):
        find(str(path), None, None, None, False)


def test_try_refuses_a_state_that_a_run_could_not_keep(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StudyError, match="Study 'searched': the state it yields cannot be kept"):
        try_first(searched_study(keeps_what_cannot_be_read))
    assert capsys.readouterr().out.count("\n") == 2, "the trial and its first epoch"


def test_try_takes_a_state_that_can_be_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        try_first(searched_study(space={"x": tune.uniform(0.0, 0.4), "kind": ["a"]}, confirm=None))
        == 0
    )
    assert capsys.readouterr().out.count("\n") == 9


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"classes": {1, 2}}, "data cannot be recorded"),
        (3, "describe returned 3; it must return a mapping"),
    ],
)
def test_try_refuses_what_the_data_say_as_a_run_does(
    said: Any, message: str, tmp_path: Path
) -> None:
    study = small_study(describe=lambda config: said)
    for refuse in (
        try_first,
        lambda study: prepare_run(study, tmp_path, overrides={}, command=["study"]),
    ):
        with pytest.raises(StudyError, match=message):
            refuse(study)
