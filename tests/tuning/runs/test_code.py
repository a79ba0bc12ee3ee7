"""What counts as the code of a study, and what changes its version."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from places import HARNESS
from small_studies import scores

from analysis.records.load import RunPaths
from tuning.runs.code import Code, changes, code_of, keep, kept
from tuning.runs.held import Held
from tuning.spec.imports import is_own
from tuning.spec.loading import find_study

STUDY = """
from tuning import Study

RATE = 0.5

def train(config, seeds, resume=None):
    for epoch in range(1, config["epochs"] + 1):
        loss = RATE / epoch
        yield {"epoch": epoch, "loss": loss}, None

question = "Why?"
space = {"a": [1, 2]}
study = Study(name="mine", question=question, trainable=train, space=space, metric="loss", epochs=2)
"""


def version(text: str) -> str:
    return Code("mine.py", {"mine.py": text.encode()}, {}).version


def code_in(folder: Path, name: str = "mine.py") -> Code:
    return code_of(find_study(str(folder / name)), str(folder / name))


@pytest.fixture(autouse=True)
def modules_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - before:
        if not str(getattr(sys.modules[name], "__file__", "")).startswith(sys.prefix):
            del sys.modules[name]
    importlib.invalidate_caches()


@given(
    st.lists(
        st.tuples(
            st.integers(0, STUDY.count("\n")),
            st.sampled_from(
                ["", "# a comment", "    # deeper", '"a text that stands alone"', "   "]
            ),
        )
    )
)
def test_comments_blank_lines_and_texts_that_stand_alone_change_nothing(
    inserted: list[tuple[int, str]],
) -> None:
    lines = STUDY.split("\n")
    for place, text in inserted:
        # A text has to be indented as what follows it, so it stands before a line of the module.
        if not text.startswith('"') or (place < len(lines) and lines[place][:1] not in (" ", ")")):
            lines.insert(place, text)
    edited = "\n".join(lines)
    try:
        compile(edited, "mine.py", "exec")
    except (
        SyntaxError
    ):  # an indented comment is none, but a text between a head and its body is one
        return
    assert version(edited) == version(STUDY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "def train(config, seeds, resume=None):\n",
            'def train(config, seeds, resume=None):\n    """Trains."""\n',
        ),
        ("RATE = 0.5", "RATE = (  # how fast\n    0.5\n)"),
        ("RATE / epoch", "RATE/epoch"),
        ('config["epochs"]', "config['epochs']"),
        ("    ", "\t"),
        ("\n", "\r\n"),
        ('question = "Why?"', 'question = "Why indeed?"'),
        ("epochs=2)", "epochs=2, recovery=Recovery(max_failures=5, stall_timeout=60))"),
    ],
)
def test_what_says_the_same_has_the_same_version(old: str, new: str) -> None:
    assert old in STUDY
    assert version(STUDY.replace(old, new)) == version(STUDY)


def test_a_name_of_tuning_that_only_the_study_uses_is_no_code() -> None:
    longer = STUDY.replace("epochs=2)", "epochs=2, recovery=Recovery(max_failures=5))")
    for line in ("import Recovery, Study", "import Study\nfrom tuning import Recovery"):
        assert version(longer.replace("import Study", line)) == version(STUDY)
    used = "import Recovery, Study\nagain = [Recovery]"
    assert version(longer.replace("import Study", used)) != version(STUDY)


CHANGES = [
    ("RATE = 0.5", "RATE = 0.25"),
    ("RATE = 0.5", "RATE = 5e-1 + 0.0"),
    ("RATE / epoch", "RATE * epoch"),
    ("RATE / epoch", "RATE / (epoch + 1)"),
    ("range(1,", "range(1.0,"),
    ('"loss": loss', '"loss": RATE'),
    ("seeds, resume=None", "seeds, resume=0"),
    ("trainable=train,", "trainable=other,"),
    ("trainable=train,", "trainable=partial(train, rate=2),"),
    ("RATE = 0.5", "RATE = 0.5\nRATE = 0.5"),
]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_what_says_something_else_has_another_version(old: str, new: str) -> None:
    assert old in STUDY
    assert version(STUDY.replace(old, new)) != version(STUDY)


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none()))
def test_every_other_constant_is_another_version(value: Any) -> None:
    try:
        text = STUDY.replace("RATE = 0.5", f"RATE = {value!r}")
        compile(text, "mine.py", "exec")
    except (SyntaxError, ValueError, UnicodeEncodeError):
        return
    assert (version(text) == version(STUDY)) == (type(value) is float and value == 0.5)


def test_a_class_of_the_user_that_is_called_study_is_code() -> None:
    text = "class Study:\n    pass\nx = Study(rate=1)\n"
    assert version(text) != version(text.replace("rate=1", "rate=2"))


def test_what_is_imported_from_the_folder_is_code_also_lazily_and_through_others(
    tmp_path: Path,
) -> None:
    files = {
        "mine.py": STUDY.replace("        loss", "        from lazy import rate\n        loss"),
        "lazy.py": "import package.inner.deep\nimport json, torch.nn\nrate = 1\n",
        "package/__init__.py": "from . import beside\n",
        "package/beside.py": "x = 1\n",
        "package/inner/__init__.py": "",
        "package/inner/deep.py": "from ..above import y\nfrom ...outside import z\n",
        "package/above.py": "y = 1\n",
        "namespace/leaf.py": "w = 1\n",
        "unused.py": "never = 1\n",
        "torch.py": "raise RuntimeError('the library is meant')\n",
    }
    files["package/above.py"] = "y = 1\nfrom namespace import leaf\n"
    for place, text in files.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    assert sorted(code_in(tmp_path).files) == sorted(set(files) - {"unused.py", "torch.py"})


def test_a_module_that_was_imported_by_its_name_as_text_is_code_once_it_is_loaded(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(
        STUDY + "import importlib\nimportlib.import_module('plug' + 'in')\n"
    )
    (tmp_path / "plugin.py").write_text("x = 1\n")
    assert set(code_in(tmp_path).files) == {"mine.py", "plugin.py"}


def test_the_script_that_runs_a_study_is_no_code_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(STUDY)
    (tmp_path / "door.py").write_text("from mine import study\n")
    script = ModuleType("__main__")
    script.__file__ = str(tmp_path / "door.py")
    monkeypatch.setitem(sys.modules, "__main__", script)
    assert set(code_in(tmp_path).files) == {"mine.py"}
    (tmp_path / "mine.py").write_text(
        STUDY.replace("RATE = 0.5", "RATE = 0.5\nif RATE > 1:\n    import door")
    )
    assert set(code_in(tmp_path).files) == {"mine.py", "door.py"}, "unless the study imports it"


def test_a_study_is_the_same_code_from_its_script_from_another_and_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "from_a_script.py").write_text(STUDY)
    script = ModuleType("__main__")
    script.__file__ = str(tmp_path / "from_a_script.py")
    exec(STUDY, script.__dict__)
    with monkeypatch.context() as while_it_runs:
        while_it_runs.setitem(sys.modules, "__main__", script)
        begun = code_of(script.study)
    monkeypatch.syspath_prepend(str(tmp_path))
    imported = code_of(importlib.import_module("from_a_script").study)
    assert begun == imported == code_in(tmp_path, "from_a_script.py")


def test_code_that_lies_elsewhere_and_is_not_installed_is_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "shared.py").write_text("x = 1\n")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.py").write_text(STUDY + "import shared\n")
    monkeypatch.syspath_prepend(str(tmp_path / "library"))
    assert set(code_in(tmp_path / "study").files) == {"mine.py", "shared.py"}


def test_a_study_in_an_installed_package_brings_that_package_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "site-packages" / "lab"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("")
    (place / "one.py").write_text(STUDY + "from lab import model\nimport other\n")
    (place / "model.py").write_text("x = 1\n")
    (place.parent / "other.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(place.parent))
    found = code_of(find_study("lab.one:study"), "lab.one:study")
    assert set(found.files) == {"lab/__init__.py", "lab/one.py", "lab/model.py"}
    assert found.study == "lab/one.py"


def test_the_code_of_a_built_in_study_is_its_file_and_its_trainables() -> None:
    files = code_of(find_study("xor_width_depth"), "xor_width_depth").files
    assert {
        "tuning/studies/xor_width_depth.py",
        "trainables/xor/training.py",
        "trainables/loop.py",
    } <= set(files)
    assert not any(place.startswith(("analysis", "tuning/spec/study.py")) for place in files)


def test_what_is_installed_is_not_own() -> None:
    assert not is_own(Path(torch.__file__))
    assert not is_own(Path(importlib.__file__))
    assert is_own(Path(__file__))


def held(function: Any) -> dict[str, str]:
    return Held({"trainable": function}).values


def closure(value: Any) -> Any:
    def train(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        yield value, None

    return train


class Trainer:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        yield self.value, None

    def train(self, config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        yield self.value, None


class Broken:
    """Raises at whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


HOLDERS = [
    closure,
    Trainer,
    lambda value: Trainer(value).train,
    lambda value: partial(scores, value),
    lambda value: closure([{"x": value}]),
]
PLAIN = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()
    ),
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(st.text(), inner), st.tuples(inner, inner)
    ),
    max_leaves=5,
)


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


@given(st.sampled_from(HOLDERS), PLAIN, PLAIN)
def test_what_a_trainable_holds_counts_by_value(holder: Any, one: Any, other: Any) -> None:
    assert (held(holder(one)) == held(holder(other))) == same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.arange(3), np.arange(3) + 1),
        (np.arange(3), np.arange(3.0)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.float64(0.1), np.float64(0.2)),
        (torch.ones(2), torch.zeros(2)),
        (torch.ones(2, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.bfloat16)),
        (torch.nn.Linear(2, 3), torch.nn.Linear(2, 4)),
        ({1, 2}, {1, 3}),
        (Path("a"), Path("b")),
        (np.sin, np.cos),
        (Trainer, dict),
        (np.ndarray, torch.Tensor),
        ([np.ones(1), Broken()], [np.zeros(1), Broken()]),
        (Trainer(Trainer(1)), Trainer(Trainer(2))),
        (lambda: scores, lambda: held),
    ],
)
def test_values_of_many_kinds_are_told_apart(one: Any, other: Any) -> None:
    assert held(closure(one)) == held(closure(one))
    if "<lambda>" not in repr(one):
        assert held(closure(one)) != held(closure(other))


def test_what_cannot_be_told_counts_by_its_kind() -> None:
    import threading

    assert held(closure(threading.Lock())) == held(closure(threading.Lock()))
    assert held(closure(object())) == held(closure(object())) != held(closure(threading.Lock()))
    ring: list[Any] = [1]
    ring.append(ring)
    assert held(closure(ring)) == held(closure(ring)) != held(closure([1]))
    doubled: list[Any] = []
    for _ in range(200):
        doubled = [doubled, doubled]
    assert held(closure(doubled)) == held(closure(doubled))


def test_paths_in_the_folder_of_the_study_may_move_with_it() -> None:
    def told(folder: Path, value: Any) -> dict[str, str]:
        return Held({"trainable": closure(value)}, folder / "mine.py").values

    for kind in (str, Path):
        assert told(Path("/a"), kind("/a/data/x.npz")) == told(
            Path("/b/c"), kind("/b/c/data/x.npz")
        )
        assert told(Path("/a"), kind("/a/data/x.npz")) != told(Path("/a"), kind("/ab/data/x.npz"))
    assert told(Path("/a"), "x") != told(Path("/a"), Path("x"))


def test_values_are_told_alike_in_every_process() -> None:
    """Sets of text come in another order in each."""
    program = (
        "from functools import partial; from tuning.runs.held import Held; from small_studies"
        " import scores\nvalues = {'b', 'a', 'c', ('x', 1)}, {1: {'z', 'y'}}, open,"
        " object()\nprint(sorted(Held({'trainable': partial(scores, *values)}).values.items()))"
    )
    run = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=HARNESS
        )
        for _ in "ab"
    ]
    assert run[0].stdout == run[1].stdout != ""


def test_functions_without_a_file_count_by_their_source_or_bytecode() -> None:
    def typed(text: str) -> Any:
        space: dict[str, Any] = {"__name__": "typed_in"}
        exec(compile(text, "<typed in>", "exec"), space)
        return space["train"]

    text = (
        "def train(config, seeds, resume=None):\n    for epoch in range(2):\n        yield"
        " {'epoch': epoch + 1, 'loss': 0.5}, None\n"
    )
    assert held(typed(text)) == held(typed(text + "\n# no more\n"))
    assert held(typed(text)) != held(typed(text.replace("0.5", "0.25")))
    assert held(typed(text)) != held(typed(text.replace("+", "-")))


def test_the_file_of_a_closure_is_code(tmp_path: Path) -> None:
    (tmp_path / "maker.py").write_text(
        "def make(rate):\n    def train(config, seeds, resume=None):\n        yield {}, None\n   "
        " return train\n"
    )
    text = STUDY.replace(
        "\nquestion",
        "\nimport importlib, os\ntrain ="
        " importlib.import_module('maker').make(float(os.environ.get('RATE', '1')))\n\nquestion",
    )
    (tmp_path / "mine.py").write_text(text)
    assert set(code_in(tmp_path).files) == {"mine.py", "maker.py"}


def test_values_that_files_do_not_show_are_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = (
        "import os\n\ndef make(rate):\n    def train(config, seeds, resume=None):\n        yield"
        " rate, None\n    return train\n"
    )
    (tmp_path / "mine.py").write_text(
        STUDY.replace("\nquestion", f"\n{maker}\ntrain = make(os.environ['RATE'])\nquestion")
    )
    found = []
    for rate in ("1", "2", "1"):
        monkeypatch.setenv("RATE", rate)
        found.append(code_in(tmp_path))
    assert found[0].version == found[2].version != found[1].version
    assert changes(found[0], found[1]) == ["trainable: rate: another value"]


def test_changes_name_each_file_with_the_size_of_its_difference() -> None:
    was = Code(
        "mine.py",
        {"mine.py": STUDY.encode(), "model.py": b"a = 1\nb = 2\n", "gone.py": b"x = 1\n"},
        {"trainable: rate": "1"},
    )
    files = {
        "renamed.py": STUDY.encode() + b"# more\n",
        "model.py": b"a = 3\nb = 2\nc = 4\nd = 5\n",
        "new.py": b"y = 1\n",
    }
    now = Code("renamed.py", files, {"trainable: rate": "2"})
    assert changes(was, was) == []
    assert changes(was, now) == [
        "gone.py: not part of it any more",
        "model.py: 3 lines added, 1 removed",
        "new.py: new, 1 lines",
        "trainable: rate: another value",
    ]


def test_the_study_file_may_be_called_otherwise() -> None:
    was, now = (Code(name, {name: STUDY.encode()}, {}) for name in ("mine.py", "renamed.py"))
    assert was.version == now.version
    assert changes(was, now) == []
    assert changes(was, Code("renamed.py", {"renamed.py": b"other = 1\n"}, {})) == [
        "renamed.py: 1 line added, 13 removed"
    ]


def test_a_copy_is_kept_whole_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "mine.py": STUDY.encode(),
        "package/model.py": "# Größe\n".encode("latin-1"),
        "broken.py": b"\xff\x00 = (",
    }
    code, paths = Code("mine.py", files, {"trainable": "1"}), RunPaths(tmp_path)
    keep(paths, code, code.version)
    assert kept(paths, code.version) == code
    assert (tmp_path / "code" / code.version / "package" / "model.py").read_bytes() == files[
        "package/model.py"
    ]
    (tmp_path / "code" / code.version / "broken.py").unlink()
    assert kept(paths, code.version) is None
    assert kept(paths, "never") is None


def test_what_a_trainable_imports_later_is_sent_with_it(tmp_path: Path) -> None:
    """A trial that imports it after an edit has it as it was when the session began."""
    from tuning.engine.shipping import Sent

    (tmp_path / "mine.py").write_text(
        STUDY.replace("        loss", "        from lazy import rate\n        loss")
    )
    (tmp_path / "lazy.py").write_text("import trainables.xor.training, torch\nrate = 1\n")
    assert Sent.of(find_study(str(tmp_path / "mine.py"))).files == {
        name: (tmp_path / name).read_bytes() for name in ("mine.py", "lazy.py")
    }
