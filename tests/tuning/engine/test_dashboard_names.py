"""What Ray's own dashboard says of a study that runs."""

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from commands import ENVIRONMENT, STUDY
from mirror_processes import wait_for

from tuning.engine.backends.ray_worker import Named, Worker, _words

TOKEN = "a-token-of-this-test-alone-0123456789"
ONE_AFTER_THE_OTHER = """
import os, time
from tuning import Resources, Study

def train(config, seeds, resume=None):
    while not os.path.exists(f"end-{config['rate']}"):
        time.sleep(0.05)
    yield {"epoch": 1, "score": [config["rate"] for seed in seeds]}, None

study = Study(name="named", question="?", trainable=train, space={"rate": [0.25, 0.5]},
    metric="score", epochs=1, seeds=1, resources=Resources(cpus=os.cpu_count()))
"""


def ask(url: str, path: str) -> Any:
    asked = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)


def processes(url: str) -> dict[int, str]:
    """The command line of each worker, by its process."""
    (node,) = ask(url, "/nodes?view=summary")["data"]["summary"]
    found = ask(url, f"/nodes/{node['raylet']['nodeId']}")["data"]["detail"]["workers"]
    return {worker["pid"]: " ".join(worker["cmdline"]) for worker in found}


def trains(url: str, words: str) -> list[int]:
    return [pid for pid, line in processes(url).items() if f" {words}" in line]


def test_a_process_is_named_by_its_trial_where_that_is_its_only_one() -> None:
    worker = Worker.__new__(Worker)
    assert repr(worker) == "a study", "its setup failed"
    params = {"rate": 0.0038912, "text": "two\nlines", "width": 64}
    worker._trial = _words({"trial": "0003", "params": params})
    worker._named = Named("rates r1", trial_too=False)
    assert repr(worker) == "rates r1"
    worker._named = Named("rates r1", trial_too=True)
    assert repr(worker) == "rates r1 0003 rate=0.00389, text=two lines, width=64"


@pytest.mark.slow
def test_processes_are_named_by_their_run_and_by_the_trial_that_they_train(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(ONE_AFTER_THE_OTHER)
    session = subprocess.Popen(
        [*STUDY, "run", "mine.py", "--dashboard"],
        cwd=tmp_path,
        env={**ENVIRONMENT, "RAY_AUTH_TOKEN": TOKEN},
    )
    try:
        facts = wait_for(lambda: list(tmp_path.glob("results/*/*/session.json")))[0]
        url, run = json.loads(facts.read_bytes())["dashboard"], facts.parent.name
        (first,) = wait_for(lambda: trains(url, "0001 rate=0.25"))
        (job,) = ask(url, "/api/jobs/")
        assert job["metadata"] == {"job_name": f"named {run}", "study": "named", "run": run}
        (tmp_path / "end-0.25").touch()
        assert wait_for(lambda: trains(url, "0002 rate=0.5")) == [first]
        assert trains(url, "0001") == []
        actors = ask(url, "/logical/actors")["data"]["actors"].values()
        assert {each["reprName"] for each in actors if each["pid"] == first} == {f"named {run}"}
        (tmp_path / "end-0.5").touch()
        assert session.wait(timeout=240) == 0
    finally:
        session.kill()
        session.wait()
