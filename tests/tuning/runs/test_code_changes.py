"""A run whose code changed between its sessions, or whose study is read from another folder."""

import importlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from commands import invoke
from run_folders import Trial, scores, write_run
from small_studies import small_study
from typer.testing import Result

import tuning
import tuning.cli.session
from analysis import load_run, summary_table, write_report
from analysis.live.state import Watched
from analysis.records.load import RunPaths
from analysis.stats.runs import compare_runs
from tuning import StudyError
from tuning.engine import checkpoints
from tuning.engine.backends.inline import run_inline
from tuning.runs.prepare import prepare_run
from tuning.runs.reopen import continued
from tuning.runs.store import Folder
from tuning.spec.loading import find_study

STUDY = """
from tuning import Study, Task
from model import loss

def read(config):
    return open(config["file"]).read()

def train(config, seeds, resume=None):
    for epoch in range(1, config["epochs"] + 1):
        yield {"epoch": epoch, "loss": [loss(epoch) + seed for seed in seeds]}, None

task = Task(train=train, describe=lambda config: {"said": read(config)})
study = Study(name="mine", question="?", trainable=task, space={"a": [1, 2]},
              fixed={"file": "numbers.txt"}, metric="loss", mode="min", epochs=2, seeds=3,
              seeds_per_trial=3)
"""
MODEL = "def loss(epoch):\n    return 1 / epoch\n"
OTHER = MODEL.replace("1 /", "2 /")
SEEDS = [0, 1, 2]


@pytest.fixture(autouse=True)
def fresh_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each command finds its modules anew, as in a process of its own."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    forget_modules()


def forget_modules() -> None:
    for name in ("model", "mine", "moved", "study_file_mine", "study_file_moved"):
        sys.modules.pop(name, None)
    sys.path[:] = [place for place in sys.path if "pytest-" not in place]
    importlib.invalidate_caches()


def rows(
    trial: str, value: float, version: str | None, status: str = "completed", epochs: int = 2
) -> tuple[list[Any], list[Any]]:
    """A trial over seeds 0 to 2, as it is recorded."""
    code = {"code": version} if version else {}
    about = {"trial": trial, "params": {"a": 1}, "seeds": SEEDS, "attempt": 1, **code}
    ended = (
        {**about, "status": status, "epochs": epochs}
        if status != "running"
        else {**about, "status": "running"}
    )
    told = {"trial": trial, "metrics": {"loss": [value] * 3}, "seconds": 0.1, "at": 1e9, **code}
    return [{**about, "status": "running"}, ended], [
        {**told, "epoch": epoch} for epoch in range(1, epochs + 1)
    ]


def record(paths: RunPaths, *trials: tuple[list[Any], list[Any]]) -> None:
    for path, part in ((paths.trials, 0), (paths.epochs, 1)):
        with path.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for trial in trials for row in trial[part])


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    """A run that was started in the folder ``home``, with one trial; the user stands in the folder
    ``elsewhere`` now.
    """
    home = tmp_path / "home"
    home.mkdir()
    for name, text in (("mine.py", STUDY), ("model.py", MODEL), ("numbers.txt", "1 2 3")):
        (home / name).write_text(text)
    monkeypatch.chdir(home)
    paths = prepare_run(
        find_study("mine.py"),
        "results",
        overrides={},
        command=["study", "run", "mine.py"],
        reference="mine.py",
    )
    forget_modules()
    record(paths, rows("0001", 0.5, version_of(paths)))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return paths


def version_of(paths: RunPaths) -> str:
    return json.loads(paths.study.read_text())["sessions"][-1]["code"]


def study(monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> tuple[Result, list[Any]]:
    """The command, up to the training; and what would have been trained: the study, and the folder
    it would be in.
    """
    trained: list[Any] = []

    def train(study: Any, *rest: Any) -> int:
        trained.append((study, os.getcwd()))
        return 0

    monkeypatch.setattr(tuning.cli.session, "train", train)
    result = invoke(*map(str, arguments))
    forget_modules()
    return result, trained


def lines(result: Result) -> Sequence[str]:
    return result.stderr.splitlines()


def home(paths: RunPaths) -> Path:
    return paths.root.parents[2]


@pytest.mark.parametrize("command", [["resume"], ["extend", "--seeds", "2"], ["confirm"]])
def test_changed_code_is_refused_in_one_line_with_the_ways_out(
    command: list[str], begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, before = version_of(begun), begun.study.read_bytes()
    (home(begun) / "model.py").write_text(OTHER + "\n\nprint\n")
    result, trained = study(monkeypatch, *command, begun.root)
    assert (result.exit_code, trained) == (2, [])
    assert lines(result) == [
        "error: the code is not that of this run any more: model.py: 4 lines added, 1 removed. Its"
        " numbers would be pooled with those of before. Put the code back as it was (a copy is in"
        f" {begun.code / version}), start a new run with `study run`, or give --accept-code-change"
        " (in Python accept_code_change=True): then every record says which code it is of, and the"
        " report that they are pooled."
    ]
    assert begun.study.read_bytes() == before
    # The copy is what is to be put back.
    shutil.copy(begun.code / version / "model.py", home(begun) / "model.py")
    assert study(monkeypatch, *command, begun.root)[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["extend", "RUN"], "say by how much"),
        (["extend", "RUN", "--trials", "0"], "must be 1 or more"),
        (["resume", "nowhere"], "is no run folder"),
    ],
)
def test_what_cannot_go_on_is_refused_in_one_line(
    arguments: list[str], said: str, begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, trained = study(
        monkeypatch, *(begun.root if each == "RUN" else each for each in arguments)
    )
    assert result.exit_code == 2
    assert trained == []
    (line,) = lines(result)
    assert said in line


@pytest.mark.parametrize("command", [["resume"], ["extend", "--seeds", "1"], ["confirm"]])
def test_a_session_that_cannot_start_changes_nothing(
    command: list[str], begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = begun.study.read_bytes()
    monkeypatch.chdir(home(begun))
    name, *options = command
    result = invoke(name, str(begun.root), *options, "--address", "127.0.0.1:1")
    forget_modules()
    assert result.exit_code == 2
    assert "127.0.0.1:1" in lines(result)[-1]
    assert begun.study.read_bytes() == before


def test_what_another_writer_noted_is_not_taken_back(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken_over(*arguments: Any, **options: Any) -> None:
        spec = json.loads(begun.study.read_text())
        begun.study.write_text(json.dumps({**spec, "question": "theirs"}))
        raise StudyError("another process writes to this run")

    monkeypatch.chdir(home(begun))
    monkeypatch.setattr("tuning.engine.launch.run_study", taken_over)
    assert invoke("extend", str(begun.root), "--seeds", "1").exit_code == 2
    forget_modules()
    assert load_run(begun.root).spec["question"] == "theirs"


def test_a_session_that_has_begun_is_kept_when_it_fails(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trains_and_fails(*arguments: Any, **options: Any) -> None:
        record(begun, rows("0002", 0.5, version_of(begun)))
        raise StudyError("no trial of it can be recorded")

    monkeypatch.chdir(home(begun))
    monkeypatch.setattr("tuning.engine.launch.run_study", trains_and_fails)
    assert invoke("extend", str(begun.root), "--seeds", "1").exit_code == 2
    forget_modules()
    assert len(load_run(begun.root).spec["sessions"]) == 2


def test_a_comment_or_another_question_is_no_change(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = version_of(begun)
    (home(begun) / "model.py").write_text('"""A model."""\n\n' + MODEL.replace("\n", "  # so\n"))
    (home(begun) / "mine.py").write_text(
        STUDY.replace('question="?"', 'question="Why?", recovery=Recovery(max_failures=3)').replace(
            "import Study", "import Recovery, Study"
        )
    )
    result, trained = study(monkeypatch, "resume", begun.root)
    assert (result.exit_code, len(trained), lines(result)) == (0, 1, [])
    assert version_of(begun) == version


def test_accepted_code_is_kept_and_said(begun: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    first = version_of(begun)
    (home(begun) / "model.py").write_text(OTHER)
    result, trained = study(
        monkeypatch, "extend", begun.root, "--seeds", "2", "--accept-code-change"
    )
    assert (result.exit_code, len(trained)) == (0, 1)
    assert lines(result) == [
        "note: the code has changed (model.py: 1 line added, 1 removed). The run pools numbers of"
        " both versions, and its report says so."
    ]
    second = version_of(begun)
    assert second != first
    assert (begun.code / second / "model.py").read_text() == OTHER
    assert (begun.code / first / "model.py").read_text() == MODEL
    # Once it is accepted, and in the records, it needs no second word.
    record(begun, rows("0003", 0.9, second))
    result, trained = study(monkeypatch, "resume", begun.root)
    assert (len(trained), lines(result)) == (1, [])


def test_numbers_of_accepted_code_are_pooled_and_it_is_said(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home(begun) / "model.py").write_text(OTHER)
    more = tuning.extend(begun.root, seeds=1, backend="inline", accept_code_change=True)
    last = more.epochs[more.epochs["epoch"] == 2].merge(more.trials[["trial", "a"]])
    assert last.groupby(["a", "seed"])["loss"].first().tolist() == [
        *(0.5, 0.5, 0.5, 4.0),
        *(1.0, 2.0, 3.0, 4.0),
    ]
    (note,) = more.notes
    assert note.startswith("Numbers of 2 versions of the code are pooled in this run: ")
    assert note in capsys.readouterr().err
    assert note in more.paths.index.read_text()


def test_a_study_that_is_not_what_it_was_is_refused(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home(begun) / "mine.py").write_text(STUDY.replace('fixed={"', 'fixed={"pause": 0.04, "'))
    result, trained = study(monkeypatch, "resume", begun.root)
    assert (result.exit_code, trained) == (2, [])
    assert "is not the study of this run any more: fixed was {" in result.stderr
    assert sys.executable not in result.stderr


def test_code_that_nothing_was_trained_with_is_not_in_the_way(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home(begun) / "model.py").write_text(OTHER)
    study(monkeypatch, "resume", begun.root, "--accept-code-change")
    (home(begun) / "model.py").write_text(MODEL)
    result, trained = study(monkeypatch, "resume", begun.root)
    assert (len(trained), lines(result)) == (1, [])
    begun.trials.write_text("")
    begun.epochs.write_text("")
    (home(begun) / "model.py").write_text(OTHER)
    assert study(monkeypatch, "resume", begun.root)[1]


def test_a_lost_copy_is_said(begun: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(begun.code)
    assert study(monkeypatch, "resume", begun.root)[1], "the same code needs no copy"
    shutil.rmtree(begun.code)
    (home(begun) / "model.py").write_text(OTHER)
    result, trained = study(monkeypatch, "resume", begun.root)
    assert not trained
    assert f"{begun.code} has no whole copy of it" in result.stderr


def test_a_run_without_versions_goes_on_with_a_note(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = json.loads(begun.study.read_text())
    spec["sessions"] = [{key: spec["sessions"][0][key] for key in ("command", "started")}]
    del spec["must_be_finite"]
    begun.study.write_text(json.dumps(spec))
    for path in (begun.trials, begun.epochs):
        path.write_text(
            "".join(
                json.dumps({**json.loads(line), "code": None}) + "\n"
                for line in path.read_text().splitlines()
            )
        )
    monkeypatch.chdir(home(begun))
    result, trained = study(monkeypatch, "resume", begun.root)
    assert len(trained) == 1
    assert lines(result) == [
        "note: this run did not record its code: whether that has changed since is not known."
    ]
    record(begun, rows("0002", 0.5, version_of(begun)))
    assert load_run(begun.root).notes == [
        "Numbers of several versions of the code may be pooled in this run: 1 trial (0001; seeds 0"
        " to 2) of code that was not recorded and 1 trial (0002; seeds 0 to 2) of version"
        f" {version_of(begun)}. The folder code/ of the run holds the code."
    ]


def test_other_packages_are_a_note(begun: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = json.loads(begun.study.read_text())
    spec["provenance"]["packages"]["torch"] = "1.0"
    spec["sessions"][0]["package"] = "another"
    begun.study.write_text(json.dumps(spec))
    result, trained = study(monkeypatch, "resume", begun.root)
    assert len(trained) == 1
    first, second = lines(result)
    assert first.startswith("note: torch was 1.0, now it is ")
    assert second == "note: the files of tune-studies itself have changed since the last session."
    # That session had these packages already.
    assert lines(study(monkeypatch, "resume", begun.root)[0]) == []
    assert json.loads(begun.study.read_text())["provenance"]["packages"]["torch"] == "1.0"


def pooled(folder: Path) -> Path:
    trials = [
        Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7])),
        Trial(params={"width": 2}, epochs=scores([0.5, 0.6, 0.7])),
        Trial(params={"width": 1}, epochs=scores([0.8, 0.9]), seeds=[3, 4]),
        Trial(params={"width": 2}, epochs=scores([0.8, 0.9]), seeds=[3, 4]),
    ]
    paths = RunPaths(write_run(folder, trials))
    for path in (paths.trials, paths.epochs):
        told = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text(
            "".join(
                json.dumps({**row, "code": "old" if row["trial"] < "t0002" else "new"}) + "\n"
                for row in told
            )
        )
    return folder


NOTE = (
    "Numbers of 2 versions of the code are pooled in this run: 2 trials (t0000 to t0001; seeds 0 to"
    " 2) of version old and 2 trials (t0002 to t0003; seeds 3 and 4) of version new. The folder"
    " code/ of the run holds the code."
)


def test_pooled_numbers_are_said_wherever_they_are_shown(tmp_path: Path) -> None:
    read = load_run(pooled(tmp_path / "run"))
    assert summary_table(read)["n"].tolist() == [5, 5]
    assert read.notes == [NOTE]
    page = write_report(read).read_text()
    assert page.index(NOTE) < page.index("<nav")
    for name in ("summary.tex", "summary.md"):
        assert (
            "Numbers of 2 versions of the code are pooled in this run. "
            in (read.paths.tables / name).read_text()
        )
    other = load_run(
        write_run(tmp_path / "other", [Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7]))])
    )
    assert f"run: {NOTE}" in compare_runs([read, other]).notes
    assert other.notes == []


def test_epochs_of_other_code_do_not_count_for_a_trial_that_is_trained_anew(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = version_of(begun)
    record(begun, rows("0002", 0.5, first, status="running"))
    (home(begun) / "model.py").write_text(OTHER)
    study(monkeypatch, "resume", begun.root, "--accept-code-change")
    read = load_run(begun.root)
    assert set(read.epochs["trial"]) == {"0001"}, "0002 starts anew"
    watched = Watched(begun.root)
    watched.refresh()
    record(begun, rows("0002", 9.0, version_of(begun), status="diverged", epochs=1))
    read = load_run(begun.root)
    assert read.epochs.groupby("trial")["loss"].unique().apply(list).to_dict() == {
        "0001": [0.5],
        "0002": [9.0],
    }
    watched.refresh()
    assert watched.trials["0002"].curve == {1: 9.0}
    assert read.versions == {"0001": first, "0002": version_of(begun)}


@pytest.mark.parametrize("command", ["resume", "confirm"])
def test_a_run_goes_on_in_the_folder_it_was_started_in(
    command: str, begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, trained = study(monkeypatch, command, os.path.relpath(begun.root))
    assert (result.exit_code, lines(result)) == (0, [])
    assert trained[0][1] == str(home(begun))
    assert os.getcwd() != str(home(begun))
    assert json.loads(begun.study.read_text())["sessions"][-1]["folder"] == str(home(begun))


def test_paths_are_shown_as_seen_from_where_the_user_stands(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home(begun) / "results")
    done, _ = study(monkeypatch, "replay", f"mine/{begun.root.name}", "0001")
    assert done.exit_code == 1
    assert done.stdout.startswith("epoch 1: differs relatively: loss by up to ")
    from tuning.process.start_folder import as_started
    from tuning.process.terminal import shown

    with as_started(load_run(begun.root).spec, print):
        assert os.getcwd() == str(home(begun))
        assert shown(begun.root) == f"mine/{begun.root.name}"


def test_a_start_folder_that_is_gone_is_said(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    was = home(begun)
    moved = was.rename(tmp_path / "moved_home")
    root = moved / begun.root.relative_to(was)
    result, trained = study(monkeypatch, "resume", root)
    assert not trained
    version = version_of(RunPaths(root))
    note = (
        f"note: this run was started in {was} (No such file or directory): relative paths of the"
        f" study are taken from {os.getcwd()} now."
    )
    assert lines(result) == [
        note,
        (
            f"error: there is no study file {was / 'mine.py'} any more: say where it is with"
            " --study FILE, or give the study itself in Python, as in resume(RUN, study)."
            f" {root / 'code' / version} holds a copy of its code."
        ),
    ]
    result, trained = study(monkeypatch, "resume", root, "--study", "../moved_home/mine.py")
    assert not trained
    assert lines(result)[0] == note
    assert "numbers.txt" in result.stderr
    monkeypatch.chdir(moved)
    result, trained = study(monkeypatch, "resume", root, "--study", "mine.py")
    assert len(trained) == 1
    assert json.loads((root / "study.json").read_text())["reference"] == str(moved / "mine.py")
    monkeypatch.chdir(tmp_path)
    assert lines(study(monkeypatch, "resume", root)[0]) == [], (
        "the new places are known from then on"
    )


@pytest.mark.parametrize("moved", [shutil.move, shutil.copytree])
@pytest.mark.parametrize("script", [False, True])
def test_a_study_is_given_from_a_folder_that_has_moved_or_was_copied(
    moved: Callable[[Path, Path], Any],
    script: bool,
    begun: RunPaths,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    was, new = home(begun), tmp_path / "new"
    run = RunPaths(new / begun.root.relative_to(was)).root
    moved(was, new)
    monkeypatch.chdir(new)
    given = find_study("mine.py")
    if script:
        monkeypatch.setitem(sys.modules, "__main__", sys.modules["mine"])
    else:  # one that imports the study has it too
        monkeypatch.setattr(sys.modules["__main__"], "study", given, raising=False)
    going = continued(load_run(run), lambda *_: {}, study=given)
    assert going.changed == []
    assert going.reference == str((was if script else new) / "mine.py")


def test_a_study_file_that_has_moved_is_held_against_the_code_of_the_run(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = home(begun) / "new"
    new.mkdir()
    (home(begun) / "mine.py").rename(new / "moved.py")
    (home(begun) / "model.py").rename(new / "model.py")
    for command in ("resume", "confirm"):
        result, trained = study(monkeypatch, command, begun.root, "--study", "../home/new/moved.py")
        assert (len(trained), lines(result)) == (1, [])
    (new / "model.py").write_text(OTHER)
    result, trained = study(monkeypatch, "resume", begun.root)
    assert not trained
    assert "model.py: 1 line added, 1 removed" in result.stderr
    # The copy in the run folder is a study too.
    copy = begun.code / version_of(begun) / "mine.py"
    assert study(monkeypatch, "resume", begun.root, "--study", copy)[1]


def test_another_study_is_refused_with_all_that_differs(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home(begun) / "moved.py").write_text(
        STUDY.replace('name="mine"', 'name="other"').replace("+ seed", "- seed")
    )
    result, trained = study(monkeypatch, "resume", begun.root, "--study", "../home/moved.py")
    assert not trained
    first, second = lines(result)
    assert 'name was "mine", now it is "other".' in first
    assert "moved.py: 1 line added, 1 removed" not in first
    assert (
        "error: the code is not that of this run any more: moved.py: 2 lines added, 2 removed."
        in second
    )


def test_replay_says_which_code_it_compares_with(
    begun: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = version_of(begun)
    begun.trials.write_text("")
    begun.epochs.write_text("")
    for epoch, name in ((1, "0001"), (2, "0001")):
        told, epochs = rows(name, 0.0, version)
        epochs[epoch - 1]["metrics"] = {"loss": [1 / epoch + seed for seed in SEEDS]}
        record(begun, (told, [epochs[epoch - 1]]))
    result, _ = study(monkeypatch, "replay", begun.root, "0001")
    assert result.exit_code == 0
    assert lines(result)[:-1] == [
        f"note: trial 0001 ran version {version} of the code, which is unchanged"
    ]
    (home(begun) / "model.py").write_text(OTHER)
    result, _ = study(monkeypatch, "replay", begun.root, "0001")
    assert result.exit_code == 1
    assert lines(result)[:-1] == [
        f"note: trial 0001 ran version {version} of the code ({begun.code / version}), and today's"
        " code is another: model.py: 1 line added, 1 removed"
    ]
    copy = begun.code / version / "mine.py"
    result, _ = study(monkeypatch, "replay", begun.root, "0001", "--study", copy)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (
        0,
        "trial 0001: all 6 numbers of 2 epochs are equal to the record, bit for bit.",
    )


def goes_on(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """Says of each epoch after which one it went on."""
    done = resume["epoch"] if resume else 0
    for epoch in range(done + 1, config["epochs"] + 1):
        yield {"epoch": epoch, "score": [float(done)] * len(seeds)}, {"epoch": epoch}


def test_no_trial_goes_on_from_a_checkpoint_of_other_code(tmp_path: Path) -> None:
    small = small_study(goes_on, space={"slope": [1, 2]}, epochs=4)
    paths = prepare_run(small, tmp_path, overrides={}, command=["study"])
    ours = version_of(paths)
    for trial, slope, version in (("0001", 1, ours), ("0002", 2, "another")):
        about = {
            "trial": trial,
            "params": {"slope": slope},
            "seeds": [0, 1],
            "attempt": 1,
            "code": version,
        }
        told = [
            {
                "trial": trial,
                "epoch": epoch,
                "metrics": {"score": -1.0},
                "seconds": 1,
                "at": 1,
                "code": version,
            }
            for epoch in (1, 2)
        ]
        record(paths, ([{**about, "status": "running"}], told))
        checkpoints.save(Folder.at(paths.checkpoints) / trial, 2, {"epoch": 2}, [])
    run_inline(small, paths)
    read = load_run(paths.root)
    assert read.trials["status"].tolist() == ["completed", "completed"]
    assert set(read.versions.values()) == {ours}
    scores = read.epochs[read.epochs["seed"] == 0].groupby("trial")["score"].apply(list).to_dict()
    assert scores == {"0001": [-1.0, -1.0, 2.0, 2.0], "0002": [0.0] * 4}
    assert {json.loads(line)["code"] for line in paths.epochs.read_text().splitlines()[4:]} == {
        ours
    }
