"""Studies run from Python: the public names, a script, a Ray that is there, a notebook."""

import dataclasses
import inspect
import json
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import nbformat
import pytest
from commands import ENVIRONMENT, study
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from run_folders import xor_like
from small_studies import small_study

import tuning
import tuning.api
from analysis import load_run
from tuning import (
    Asha,
    Confirm,
    Optuna,
    Random,
    Recovery,
    Report,
    Study,
    StudyError,
    run,
)
from tuning.runs.prepare import prepare_run

ANSWERS = {
    "stopping": "it is called 'scheduler' now.",
    "retries": "it is called 'max_failures' now, in recovery=Recovery(...).",
    "stall_seconds": "it is called 'stall_timeout' now, in recovery=Recovery(...).",
    "solved": "it is called 'target' now, in report=Report(...).",
    "data": "it is called 'describe' now, in trainable=Task(train=..., ...).",
    "network": "it belongs in trainable=Task(train=..., network=...).",
    "limits": "it belongs in trainable=Task(train=..., limits=...).",
    "max_failures": "it belongs in recovery=Recovery(max_failures=...).",
    "fresh_process": "it belongs in resources=Resources(fresh_process=...).",
    "published": "it belongs in report=Report(published=...).",
    "wandb": "it belongs in mirrors=Mirrors(wandb=...).",
    "valid": "it belongs in search=Grid(valid=...).",
    "dashboard": "it belongs to a session, as --dashboard or as run(..., dashboard=True).",
}
"""Fields of earlier versions of a study, and of its parts: what is said of them."""
STUDY = """
import os, signal, threading, time
from pathlib import Path
from ray import tune
from tuning import Random, Study, StudyError, resume, run

SLOPE = 2

def scaled(config):
    return SLOPE * config["a"]

def train(config, seeds, resume=None):
    for epoch in range(1 + (resume or 0), config["epochs"] + 1):
        time.sleep(0.3 if config["until"] else 0)  # to be told of at once
        while epoch == 2 and config["until"] and not os.path.exists(config["until"]):
            time.sleep(0.05)
        yield {"epoch": epoch, "score": [scaled(config) + seed for seed in seeds]}, epoch

study = Study(name="door", question="Is 1 < 2?", trainable=train, search=Random(trials=2),
    space={"a": tune.uniform(0, 1)}, fixed={"until": ""}, metric="score", epochs=2, seeds=2)
"""


def python(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(text)
    return subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def test_the_public_names_are_there_and_import_nothing_heavy(tmp_path: Path) -> None:
    assert all(getattr(tuning, name).__name__ == name for name in tuning.__all__)
    assert {*tuning.__all__} <= {*dir(tuning)}
    heavy = "numpy pandas pyarrow ray torch scipy optuna"
    done = python(
        f"import sys, tuning\nfor name in tuning.__all__: getattr(tuning, name)\n"
        f"print([name for name in '{heavy}'.split() if name in sys.modules])",
        tmp_path,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(("before", "answer"), ANSWERS.items())
def test_a_field_of_an_earlier_version_is_answered_with_its_place(before: str, answer: str) -> None:
    with pytest.raises(StudyError) as error:
        Study(name="mine", **{before: 1})
    assert error.value.problems[0] == f"Study: unknown field '{before}': {answer}"


def test_so_are_those_of_the_parts_of_a_study_and_all_at_once() -> None:
    for kind, fields in (
        (Asha, {"min_epochs": "grace_period", "keep_one_in": "reduction_factor"}),
        (Optuna, {"startup": "n_startup_trials", "first": "points_to_evaluate"}),
        (Random, {"first": "points_to_evaluate"}),
        (Confirm, {"also": "baselines"}),
        (Recovery, {"retries": "max_failures", "stall_seconds": "stall_timeout"}),
        (Report, {"solved": "target"}),
    ):
        with pytest.raises(StudyError) as error:
            kind(**dict.fromkeys(fields, 1))
        assert [line for line in error.value.problems if "missing" not in line] == [
            f"{kind.__name__}: unknown field '{before}': it is called '{now}' now."
            for before, now in fields.items()
        ]


def test_other_unknown_fields_are_answered_with_the_nearest() -> None:
    with pytest.raises(StudyError, match=r"Study: unknown field 'seed'; did you mean 'seeds'\?"):
        Study(seed=1)


def test_the_module_of_earlier_versions_names_the_new_one() -> None:
    with pytest.raises(ImportError, match="write `from tuning import Study`"):
        __import__("tuning.study")


def test_a_notebook_shows_studies_and_runs_as_text(tmp_path: Path) -> None:
    shown = small_study(question="Is 1 < 2?")._repr_html_()
    assert "Is 1 &lt; 2?" in shown
    assert "<2" not in shown
    recorded = load_run(xor_like(tmp_path / "<run>", seeds=2, epochs=2, question="<b>Which?</b>"))
    html = recorded._repr_html_()
    assert "&lt;b&gt;Which?&lt;/b&gt;" in html
    assert "12 completed" in html
    assert repr(recorded) == f"<Run {tmp_path / '<run>'}: 12 completed>"
    assert recorded.report == tmp_path / "<run>" / "report" / "index.html"
    assert "<run>" not in html


def test_a_study_runs_in_the_main_thread_alone() -> None:
    errors: list[str] = []

    def call() -> None:
        try:
            run(small_study())
        except StudyError as error:
            errors.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert errors == ["a study runs in the main thread of Python: call it from there."]


def test_extend_and_confirm_say_what_is_to_be_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning.api, "_train", lambda study, *rest: study)
    mine = small_study()
    root = prepare_run(mine, tmp_path, overrides={}, command=["notebook"]).root
    assert tuning.extend(root, mine, seeds=3).seeds == 5
    assert tuning.resume(root, mine).seeds == 5, "what was added is there from then on"
    assert tuning.confirm(str(root), mine).confirm == Confirm(top=3, seeds=5)
    with pytest.raises(StudyError, match="small is a grid") as error:
        tuning.extend(root, mine, trials=1)
    frames = [Path(frame.filename).name for frame in traceback.extract_tb(error.tb)]
    assert frames == ["test_python_door.py", "api.py", "api.py"], "none of what was called inside"
    assert error.value.__suppress_context__


def test_a_ray_that_is_there_is_used_and_left(private_ray: None, tmp_path: Path) -> None:
    import ray

    result = run(small_study(), results=tmp_path, epochs=2)
    assert ray.is_initialized()
    assert result.trials["status"].tolist() == ["completed"] * 3
    assert result.spec["epochs"] == 2
    assert result.report.stat().st_size > 10_000
    assert result.paths.root.parent == tmp_path / "small"


INLINE = """
import os, signal, sys
from tuning import Study, resume, run

def train(config, seeds, resume=None):
    for epoch in range(1 + (resume or 0), config["epochs"] + 1):
        if config["a"] == 2 and epoch == 2 and not os.path.exists("once"):
            open("once", "w").close()
            os.kill(os.getpid(), signal.SIGINT)
        print("said by a trial")
        yield {"epoch": epoch, "score": [config["a"] + seed for seed in seeds]}, epoch

study = Study(name="door", question="Is 1 < 2?", trainable=train, space={"a": [1, 2, 3]},
    metric="score", epochs=3, seeds=2, seeds_per_trial=2)
try:
    run(study, backend="inline")
except KeyboardInterrupt as interrupted:
    root = str(interrupted).split("'")[1]
result = resume(root, study, backend="inline")
assert not (ray := sys.modules.get("ray")) or not ray.is_initialized()
print(result.paths.root)
"""


def test_without_ray_a_study_trains_in_this_process_and_goes_on(tmp_path: Path) -> None:
    done = python(INLINE, tmp_path)
    assert done.returncode == 0, done.stderr
    recorded = load_run(done.stdout.splitlines()[-1])
    assert done.stdout.count("\n") == 1, "what trials print is in their logs"
    assert recorded.trials["status"].tolist() == ["completed"] * 3
    assert recorded.trials["attempt"].tolist() == [1, 2, 1]
    assert recorded.epochs["epoch"].tolist() == [1, 1, 2, 2, 3, 3] * 3
    assert recorded.report.stat().st_size > 10_000
    assert (tmp_path / recorded.paths.log("0001")).read_text().count("said by a trial") == 3


def test_what_is_no_study_or_no_run_is_refused_with_what_is_one(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"^function is no Study: give Study\(name="):
        run(python)  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="function is no Study"):
        tuning.extend(tmp_path, python, seeds=1)  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="Study is no run: give its folder, its URL, or what"):
        tuning.resume(small_study())  # type: ignore[arg-type]


def test_help_says_what_each_field_is() -> None:
    said = inspect.getdoc(Study) or ""
    assert "\n\nepochs: Epochs of each trial, 1 or more.\n\n" in said
    told = {line.split(":")[0] for line in said.splitlines()}
    assert {each.name for each in dataclasses.fields(Study)} <= told
    assert small_study().__doc__ == said


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"backend": "slurm"}, "backend='slurm' is not one of 'ray', 'inline'."),
        (
            {"backend": "inline", "address": "10.0.0.1:6379"},
            'backend="inline" trains in this process: leave the address out.',
        ),
    ],
)
def test_a_backend_that_cannot_be_is_refused(options: dict[str, str], problem: str) -> None:
    with pytest.raises(StudyError) as error:
        run(small_study(), **options)
    assert str(error.value) == problem


def test_a_dashboard_is_asked_for_with_true_or_false() -> None:
    with pytest.raises(StudyError, match=r"^dashboard='no' must be True or False\.$"):
        run(small_study(), dashboard="no")  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [{}, {"dashboard": True}])
def test_a_session_starts_ray_with_the_dashboard_that_was_asked_for(
    given: dict[str, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*_: Any, dashboard: bool, **options: Any) -> None:
        raise StudyError(f"dashboard: {dashboard}")

    monkeypatch.setattr("tuning.engine.launch.run_study", train)
    root = prepare_run(small_study(), tmp_path, overrides={}, command=["notebook"]).root
    for start in (
        lambda: run(small_study(), results=tmp_path, **given),  # type: ignore[arg-type]
        lambda: tuning.resume(root, small_study(), **given),
    ):
        with pytest.raises(StudyError, match=f"^dashboard: {bool(given)}$"):
            start()


@pytest.mark.slow
def test_a_script_without_guard_runs_a_study_after_ray_was_imported(tmp_path: Path) -> None:
    """It is run once, for the processes of trials do not import it; and Ray is gone afterwards."""
    done = python(
        f"{STUDY}\n"
        "result = run(study)\n"
        "import ray\n"
        "assert not ray.is_initialized()\n"
        "try:\n    resume(result)\nexcept StudyError as error:\n    print(error)\n"
        "print(resume(result.paths.root, study).report)\n",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    refused, report = done.stdout.splitlines()
    root = Path(report).parents[1]
    assert refused == (
        f"{root} was started from Python (python {tmp_path / 'script.py'}), and no file is"
        " loaded for its study unasked: give the study itself in Python, as in resume(RUN, study)"
        " or extend(RUN, study, seeds=5), or name its file with --study FILE, which is to call"
        ' run() only below `if __name__ == "__main__":`.'
    )
    assert [path.name for path in (tmp_path / "results" / "door").iterdir()] == [root.name]
    recorded = load_run(root)
    assert recorded.trials["status"].tolist() == ["completed", "completed"]
    assert len(recorded.spec["sessions"]) == 2
    by_command = study("resume", str(root), cwd=tmp_path)
    assert (by_command.returncode, by_command.stderr) == (2, f"error: {refused}\n")


INTERRUPTED = """
def interrupt():
    while not any(file.stat().st_size for file in Path("results").glob("door/*/epochs.jsonl")):
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
run(study, until=os.path.abspath("go"))
"""
RESUMED = """
(root,) = Path("results/door").iterdir()
Path("go").touch()
stopped = len((root / "epochs.jsonl").read_text().splitlines())
CHANGED = "SLOPE = 3"
exec(CHANGED)
try:
    resume(root, study)
except StudyError as error:
    print(error)
SLOPE = 2
"""


@pytest.mark.slow
def test_a_notebook_runs_is_interrupted_and_goes_on(tmp_path: Path) -> None:
    cells = [
        STUDY,
        INTERRUPTED,
        RESUMED,
        "result = resume(root, study)\nassert len(result.epochs) > stopped\nresult",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.cells[1].metadata["tags"] = ["raises-exception"]
    client = NotebookClient(
        book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    try:
        client.execute(env=ENVIRONMENT)
    except CellExecutionError as error:
        raise AssertionError(error.traceback) from None
    errors = [each for each in book.cells[1].outputs if each.output_type == "error"]
    assert [each.ename for each in errors] == ["KeyboardInterrupt"]
    assert ", study) goes on." in errors[0].evalue
    assert "During handling" not in "\n".join(errors[0].traceback)
    bars = [each for each in book.cells[1].outputs if each.output_type == "display_data"]
    assert len(bars) == 1
    assert "0 of 2 trials" in bars[0].data["text/html"]
    assert "the code is not that of this run any more" in json.dumps(book.cells[2].outputs)
    (shown,) = (each for each in book.cells[3].outputs if each.output_type == "execute_result")
    assert "Is 1 &lt; 2?" in shown.data["text/html"]
    assert "2 completed" in shown.data["text/html"]
