import subprocess
import sys
from pathlib import Path

import pytest

from tuning import StudyError
from tuning.spec.catalog import built_in_names, questions
from tuning.spec.loading import find_study

GOOD = """
from tuning import Study

def train(config, seeds, resume=None):
    yield {"epoch": 1, "score": 1.0}, None

study = Study(name="mine", question="?", trainable=train, space={"a": [1]}, metric="score",
    epochs=1)
"""


def write(folder: Path, text: str, name: str = "my_study.py") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


@pytest.mark.parametrize("name", built_in_names())
def test_every_built_in_study_is_found_under_its_own_name(name: str) -> None:
    assert find_study(name).name == name


@pytest.mark.parametrize("name", built_in_names())
def test_the_question_in_the_list_is_that_of_the_study(name: str) -> None:
    assert questions()[name] == find_study(name).question


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        StudyError, match=r"unknown study 'xor_width_dept'; did you mean 'xor_width_depth'\?"
    ):
        find_study("xor_width_dept")


def test_a_file_and_a_module_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_study(write(tmp_path, GOOD)).name == "mine"
    monkeypatch.syspath_prepend(tmp_path)
    assert find_study("my_study:study").name == "mine"


def test_a_path_with_a_name_behind_it_is_told_the_two_ways() -> None:
    with pytest.raises(
        StudyError, match=r"write mine\.py, for its `study`, or mine:wide where the"
    ):
        find_study("mine.py:wide")


def test_a_module_of_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "path", [entry for entry in sys.path if entry not in ("", str(tmp_path))]
    )
    write(tmp_path, GOOD, "study_of_this_folder.py")
    assert find_study("study_of_this_folder:study").name == "mine"


def test_a_file_named_like_a_library_does_not_stand_in_for_it_and_its_neighbours_are_found(
    tmp_path: Path,
) -> None:
    """In a process of its own: in this one torch has been imported already."""
    write(tmp_path, "WORD = 'found'\n", "neighbour_of_torch.py")
    study = write(
        tmp_path, "from neighbour_of_torch import WORD\n" + GOOD.replace('"?"', "WORD"), "torch.py"
    )
    program = (
        f"from tuning.spec.loading import find_study; word = find_study({study!r}).question; import"
        " torch; print(word, hasattr(torch, 'Tensor'))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ran.stdout == "found True\n", ran.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "x = 1\ny = x / 0\n",
            r"my_study.py cannot be read: line 2, `y = x / 0`: ZeroDivisionError: division by zero",
        ),
        ("def broken(:\n", r"my_study.py cannot be read: SyntaxError: "),
        ("import no_such_module\n", r"line 1, `import no_such_module`: ModuleNotFoundError"),
        (
            "import sys\nsys.exit('no data')\n",
            r"line 2, `sys.exit\('no data'\)`: SystemExit: no data",
        ),
        ("raise OSError('one\\ntwo')\n", r"ntwo'\)`: OSError: one$"),
        ("x = 1\n", r"my_study.py defines no `study`. Write"),
        (GOOD.replace("study =", "mine ="), r"my_study.py defines no `study`, but mine. Write"),
        ("study = 3\n", r"my_study.py has int, not a Study, as `study`"),
        (
            GOOD.replace("epochs=1", "epochs=0"),
            r"Study 'mine': epochs=0 must be a whole number, 1 or more",
        ),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        find_study(write(tmp_path, text))
    assert len(caught.value.problems) == 1


def test_missing_files_and_modules(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no study file"):
        find_study(str(tmp_path / "none.py"))
    with pytest.raises(StudyError, match=r"module 'no\.such' cannot be imported"):
        find_study("no.such:study")
