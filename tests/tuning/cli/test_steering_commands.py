"""The commands that steer a run, while it goes on and when nobody trains it."""

import json
from pathlib import Path

import pytest
from commands import invoke, study, train_here
from driving import start, wait_until
from run_folders import Trial, scores, write_run

from analysis import load_run
from analysis.records.orders import Inbox
from analysis.records.paths import RunPaths

SLOW_SEARCH = """
import time
from ray import tune
from tuning import Confirm, Random, Resources, Study

def train(config, seeds, resume=None):
    for epoch in range(1, config["epochs"] + 1):
        time.sleep(0.2)
        yield {"epoch": epoch, "score": [config["lr"] + seed for seed in seeds]}, {"epoch": epoch}

study = Study(name="steered", question="?", trainable=train, metric="score", epochs=40, seeds=1,
    space={"lr": tune.uniform(0.1, 1.0), "width": [32, 64]}, search=Random(trials=40),
    scheduler=None, confirm=None, resources=Resources(cpus=1))
"""


def a_run(folder: Path) -> Path:
    trials = [
        Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7])),
        Trial(params={"width": 2}, epochs=scores([0.5, 0.6, 0.7]), status="running"),
    ]
    return write_run(folder / "run", trials)


def test_orders_to_a_run_that_nobody_trains_are_kept_or_refused_and_that_is_said(
    tmp_path: Path,
) -> None:
    run = str(a_run(tmp_path))
    kept = invoke("stop-trial", run, "t0001")
    assert kept.exit_code == 0
    assert "is not running: the order is kept, and the next session" in kept.stdout
    for arguments, why in (
        (("stop-trial", run, "t0000"), "trial t0000 has ended: completed."),
        (("stop-trial", run, "t0007"), "no trial t0007 has begun in"),
        (("pause", run), "is not running, so there is nothing to pause."),
        (("end", str(tmp_path)), "is no run folder"),
        (("end", "s3://bucket/run"), "is a URL"),
        (("add", run, "--set", "width"), "must read KEY=VALUE"),
    ):
        refused = invoke(*arguments)
        assert refused.exit_code == 2, arguments
        assert why in refused.stderr, arguments
    assert invoke("end", run).exit_code == 0
    assert [order.words for order in Inbox(RunPaths(Path(run))).new()] == [
        "stop-trial t0001",
        "end",
    ]


def test_a_setting_is_held_against_the_space_before_it_is_ordered(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SLOW_SEARCH.replace("epochs=40", "epochs=1"))
    results = ("--trials", "1", "--results", str(tmp_path))
    made = train_here("run", str(tmp_path / "mine.py"), *results)
    assert made.exit_code == 0, made.stderr
    run = made.stdout.splitlines()[-1]
    wrong = invoke("add", run, "--set", "lr=7", "--set", "width=48")
    assert wrong.exit_code == 2
    assert "lr=7 is not in the space: 0.1 to 1" in wrong.stderr
    assert "width=48 is not in the space: 32, 64" in wrong.stderr
    assert not (Path(run) / "orders.jsonl").exists()


@pytest.mark.slow
def test_a_run_on_ray_is_steered_from_beside_it_and_is_finished_then(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SLOW_SEARCH)
    session = start(tmp_path, "run", "mine.py")
    try:
        wait_until(lambda: len(_trained(tmp_path)) > 1, session)
        (folder,) = tmp_path.glob("results/*/*")
        run = str(folder.relative_to(tmp_path))
        assert study("stop-trial", run, "0001", cwd=tmp_path).returncode == 0
        wait_until(lambda: '"stopped by hand"' in (folder / "trials.jsonl").read_text(), session)
        added = study("add", run, "--set", "lr=0.5", "--set", "width=64", cwd=tmp_path)
        assert "carried out: trial a0001" in added.stdout, added.stderr
        wait_until(lambda: "a0001" in _trained(tmp_path), session)
        paused = study("pause", run, cwd=tmp_path)
        assert "carried out" in paused.stdout, paused.stderr
        _, err = session.communicate(timeout=300)
        assert "paused: `study resume" in err
        epochs = (folder / "epochs.jsonl").read_bytes()
        session = start(tmp_path, "resume", run)
        wait_until(lambda: (folder / "epochs.jsonl").read_bytes() != epochs, session)
        assert "carried out" in study("end", run, cwd=tmp_path).stdout
        session.communicate(timeout=300)
    finally:
        session.kill()
        session.communicate()
    trials = load_run(folder).trials.set_index("trial")
    assert set(trials["status"]) <= {"completed", "stopped by hand"}
    assert trials.loc[["0001", "a0001"], "status"].tolist() == ["stopped by hand"] * 2
    assert len(trials) < 40
    rows = (folder / "trials.jsonl").read_text()
    again = study("resume", run, cwd=tmp_path)
    assert (folder / "trials.jsonl").read_text() == rows
    assert "Interventions" in (folder / "report" / "index.html").read_text()
    assert again.stdout.splitlines()[-1] == run


def _trained(folder: Path) -> dict[str, int]:
    """The last epoch of each trial that has one."""
    files = folder.glob("results/*/*/epochs.jsonl")
    lines = [line for path in files for line in path.read_text().splitlines(keepends=True)]
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return {row["trial"]: row["epoch"] for row in rows}
