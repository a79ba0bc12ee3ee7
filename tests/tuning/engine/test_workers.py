"""A trainable in a worker of Ray: it finds what it finds in a plain process, and its module under
its own name.
"""

import dataclasses
import os
import pickle
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from launching import run
from places import ROOT

from analysis.records.load import Run
from tuning import Resources
from tuning.engine.shipping import Sent
from tuning.spec.loading import find_study

pytestmark = pytest.mark.usefixtures("private_ray")
SLOW = pytest.mark.slow

USES_OF_STREAMS = """
import faulthandler, io, logging, os, signal, subprocess, sys, warnings
from tuning import Recovery, Study

def fileno(): assert os.fstat(sys.stdout.fileno()) and os.fstat(sys.stderr.fileno())
def child_stdout(): subprocess.run(["echo", "hello from a child"], stdout=sys.stdout, check=True)
def child_stderr():
    subprocess.run(["sh", "-c", "echo an error of a child >&2"], stderr=sys.stderr, check=True)
def plain_child(): subprocess.run(["echo", "a child without redirection"], check=True)
def reconfigure(): sys.stdout.reconfigure(line_buffering=False); print("reconfigured")
def buffer(): sys.stdout.buffer.write(b"bytes as they are\\n")
def encoding(): assert sys.stdout.encoding.lower() == "utf-8"; print("\\u00e9t\\u00e9 \\udce9")
def names(): assert (sys.stdout.name, sys.stderr.name) == ("<stdout>", "<stderr>")
def faults(): faulthandler.enable(); faulthandler.dump_traceback()
def isatty(): assert not sys.stdout.isatty() and sys.stdout.writable()
def bar():
    from tqdm import tqdm
    for _ in tqdm(range(3), desc="a bar"): pass
def loggers():
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, force=True)
    logging.info("a logged line")
def raw(): os.write(1, b"written to 1\\n")
def handler(): signal.signal(signal.SIGUSR2, lambda *_: None)
def closed(): print("before it is closed"); sys.stdout.close()
def replaced(): sys.stdout = io.StringIO(); print("in another stream")
def wrapped():
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
    print("through a wrapper")
def warned(): warnings.warn("a warning of the trainable")
def recursion(): sys.setrecursionlimit(20_000); deep(5_000)
def deep(n): return n and deep(n - 1)

USES = [fileno, child_stdout, child_stderr, plain_child, reconfigure, buffer, encoding, names,
        faults, isatty, bar, loggers, raw, handler, closed, replaced, wrapped, warned, recursion]

def train(config, seeds, resume=None):
    print("begins with", config["use"])
    next(use for use in USES if use.__name__ == config["use"])()
    yield {"epoch": 1, "score": [1.0] * len(seeds)}, None

study = Study(name="streams", question="Which uses of standard output survive?", trainable=train,
    metric="score", epochs=1, seeds=1,
              space={"use": [use.__name__ for use in USES]}, recovery=Recovery(max_failures=0))
"""
SAID = {
    "child_stdout": "hello from a child",
    "child_stderr": "an error of a child",
    "plain_child": "a child without redirection",
    "reconfigure": "reconfigured",
    "buffer": "bytes as they are",
    "encoding": "\u00e9t\u00e9 \\udce9",
    "faults": "Current thread",
    "bar": "a bar: 100%",
    "loggers": "a logged line",
    "raw": "written to 1",
    "closed": "before it is closed",
    "wrapped": "through a wrapper",
    "warned": "a warning of the trainable",
}

USES_OF_MODULES = """
import collections, dataclasses, enum, functools, inspect, multiprocessing, pickle, sys
import threading, typing
from concurrent.futures import ProcessPoolExecutor
import torch
import helper_of_mine
from tuning import Recovery, Study, Task

lock = threading.Lock()
own_file = open(__file__)

@functools.lru_cache(maxsize=1)
def data(): return [1.0, 2.0, 3.0]

@dataclasses.dataclass
class Options: width: int = 3

class Colour(enum.Enum): RED = 1

Point = collections.namedtuple("Point", "x y")

class Net(torch.nn.Linear):
    def __init__(self): super().__init__(1, 1)

def square(x): return x * x

def cached(): assert sum(data()) == 6
def pickled():
    for value in (Options(), Colour.RED, Point(1, 2), square, Options):
        assert pickle.loads(pickle.dumps(value)) == value
def identity():
    assert isinstance(pickle.loads(pickle.dumps(Options())), Options) and Colour(1) is Colour.RED
def source():
    assert "return x * x" in inspect.getsource(square)
    assert inspect.getmodule(square) is sys.modules[__name__]
def module():
    assert sys.modules[__name__].square is square and __import__(__name__).square is square
def hints(): assert typing.get_type_hints(Options) == {"width": int}
def saved():
    torch.save(Net(), "/dev/null"); pickle.loads(pickle.dumps(Net()))
def forked():
    with multiprocessing.get_context("fork").Pool(1) as pool: assert pool.map(square, [2]) == [4]
def spawned():
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool: assert list(pool.map(square, [3])) == [9]
def locked():
    with lock: assert own_file.readable()
def helped():
    assert helper_of_mine.answer() == 42
    assert pickle.loads(pickle.dumps(helper_of_mine.Thing())).value == 7

USES = [cached, pickled, identity, source, module, hints, saved, forked, spawned, locked, helped]

def train(config, seeds, resume=None):
    assert config["loaded"][0] == Options(5), config["loaded"]
    next(use for use in USES if use.__name__ == config["use"])()
    yield {"epoch": 1, "score": [1.0] * len(seeds)}, None

def load(config): return [Options(5)]

study = Study(name="modules", question="Is the module there?", metric="score", epochs=1, seeds=1,
              trainable=Task(train=train, load=load),
              space={"use": [use.__name__ for use in USES]}, recovery=Recovery(max_failures=0))
"""
HELPER = """
class Thing:
    value = 7
def answer(): return 42
"""


def completed(read: Run) -> None:
    ends = read.trials.set_index("use")
    assert {use: row["error"] for use, row in ends.iterrows() if row["status"] != "completed"} == {}


def study_file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


@SLOW
def test_standard_streams_are_as_in_a_plain_process_and_in_the_log(tmp_path: Path) -> None:
    study = find_study(str(study_file(tmp_path, "streams_study.py", USES_OF_STREAMS)))
    read = run(study, tmp_path)
    completed(read)
    for trial, use in zip(read.trials["trial"], read.trials["use"], strict=True):
        log = read.paths.log(trial).read_text()
        assert log.startswith(f"begins with {use}\n"), log
        assert SAID.get(use, "") in log, log
        assert log.count("begins with") == 1, "nothing of another trial"


# The second name is that of a module of Python's own, the third is no name that code could import,
# the fourth has a full stop in it.
@SLOW
@pytest.mark.parametrize("name", ["modules_study.py", "queue.py", "35_modules.py"])
def test_the_module_of_the_study_is_there_under_its_name(name: str, tmp_path: Path) -> None:
    study_file(tmp_path, "helper_of_mine.py", HELPER)
    study = find_study(str(study_file(tmp_path, name, USES_OF_MODULES)))
    if name == "queue.py":  # its name is taken: processes that are spawned cannot import it
        study = study.override(
            {"use": [use for use in study.space["use"] if use not in ("spawned", "module")]}
        )
    read = run(study, tmp_path)
    completed(read)


OPENED = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    study = pickle.load(file).opened()
print(next(study.task.train({}, [0]))[0]["score"])
"""


@pytest.mark.parametrize("then", ["as it was", "edited", "removed"])
@pytest.mark.parametrize("name", ["edited_study.py", "random.py"])
def test_a_process_runs_the_code_that_the_session_began_with(
    name: str, then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is started, whatever became of the files meanwhile."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "helper_edited.py").write_text("VALUE = 1.0")
    text = """
    import helper_edited
    from tuning import Study
    def train(config, seeds, resume=None):
        yield {"epoch": 1, "score": helper_edited.VALUE}, None
    study = Study(name="edited", question="?", trainable=train, metric="score", epochs=1, seeds=1,
        space={"a": [1]})
    """
    sent = Sent.of(find_study(str(study_file(folder, name, text))))
    sys.modules.pop("helper_edited")
    (tmp_path / "sent").write_bytes(pickle.dumps(sent))
    if then == "edited":
        (folder / "helper_edited.py").write_text("VALUE = 2.0")
    if then == "removed":
        shutil.rmtree(folder)
    command = [sys.executable, "-c", OPENED, str(tmp_path / "sent")]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False
    )
    assert ran.stdout == "1.0\n", ran.stderr
    assert list(temporary.glob("study-*")) == []


def test_the_folder_of_a_script_comes_first_in_a_process_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else PYTHONPATH has of the same name."""
    for name, value in (("script", 1.0), ("stray", 2.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "helper_of_two.py").write_text(f"VALUE = {value}")
    text = """
    import helper_of_two
    from tuning import Study
    def train(config, seeds, resume=None):
        yield {"epoch": 1, "score": helper_of_two.VALUE}, None
    study = Study(name="two", question="?", trainable=train, metric="score", epochs=1, seeds=1,
        space={"a": [1]})
    """
    file = study_file(tmp_path / "script", "of_two.py", text)
    path = [str(tmp_path / name) for name in ("script", "stray")]
    monkeypatch.setattr(sys, "path", ["/nowhere", *path, *sys.path])
    monkeypatch.setenv("PYTHONPATH", f"{path[1]}:{os.environ.get('PYTHONPATH', '')}")
    (tmp_path / "sent").write_bytes(pickle.dumps(Sent.of(find_study(str(file)))))
    command = [sys.executable, "-c", OPENED, str(tmp_path / "sent")]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert ran.stdout == "1.0\n", ran.stderr


LEAKS = """
import os, torch
from tuning import Study
def train(config, seeds, resume=None):
    if config["dtype"] == "float64":
        torch.set_default_dtype(torch.float64)
        os.chdir("/"); os.environ["LEFT"] = "behind"; torch.set_num_threads(2)
    torch.rand(3)
    bits = torch.finfo(torch.get_default_dtype()).bits
    yield {"epoch": 1, "score": float(torch.ones(1) / 3), "bits": bits,
           "left": float("LEFT" in os.environ),
           "threads": torch.get_num_threads(), "drawn": float(torch.rand(())),
           "pid": os.getpid()}, None
study = Study(name="leak", question="?", trainable=train, metric="score", epochs=1, seeds=4,
              space={"dtype": ["float64", "float32"]})
"""


@SLOW
def test_a_setting_of_one_trial_does_not_reach_the_next(tmp_path: Path) -> None:
    read = run(find_study(str(study_file(tmp_path, "leak_study.py", LEAKS))), tmp_path)
    singles = read.trials.loc[read.trials["dtype"] == "float32", "trial"]
    single = read.epochs[read.epochs["trial"].isin(singles)]
    assert set(single["bits"]) == {32}
    assert set(single["left"]) == {0}
    assert set(single["threads"]) == {1}
    assert single["drawn"].nunique() == 4, "each seed draws its own numbers"
    assert read.epochs["pid"].nunique() <= 2, "processes are used again, or this shows nothing"


@SLOW
def test_each_trial_may_have_a_process_of_its_own(tmp_path: Path) -> None:
    study = find_study(str(study_file(tmp_path, "leak_study.py", LEAKS))).override({"seeds": 2})
    fresh = run(dataclasses.replace(study, resources=Resources(fresh_process=True)), tmp_path)
    assert fresh.epochs["pid"].nunique() == 4
