"""What it costs to watch: ``python -m benchmarks.live``. Takes about two minutes; needs Chromium for the first part.

First a run of 5,000 trials with 20 epochs each, in a real browser: the time from asking for the page to its trials being in view, and from
a row being written to it being counted there, while the sections of the report are computed anew; and the memory of the server and of the
process that computes them. Then a study of 200 short trials with and without a page that somebody looks at, in turns.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from analysis.runs import RunPaths
from benchmarks.analysis import write_folder
from benchmarks.browser import CHROMIUM, Tab, browser
from benchmarks.machine import machine_line

TRIALS, UPDATES, ROUNDS, SHORT_TRIALS = 5_000, 20, 3, 200
SHORT_STUDY = """
import time
from tuning.study import Study

def train(config, seeds, resume=None):
    for epoch in range(1, config["epochs"] + 1):
        time.sleep(0.02)
        yield {"epoch": epoch, "score": config["a"] / epoch}, None

study = Study(name="short", question="?", trainable=train, space={"a": list(range(TRIALS))}, metric="score", epochs=3, seeds=1)
"""
STUDY = [sys.executable, "-c", "import sys; sys.argv[0] = 'study'; from tuning.cli import app; app()"]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--trials", type=int, default=TRIALS)
    arguments.add_argument("--rounds", type=int, default=ROUNDS, help="of the short study with and without a page; 0 leaves it out")
    asked = arguments.parse_args()
    print(machine_line())
    with tempfile.TemporaryDirectory() as folder:
        if CHROMIUM:
            asyncio.run(large(write_folder(Path(folder) / "large", asked.trials), asked.trials))
        else:
            print("no chromium on this machine: the page was not measured")
        if asked.rounds:
            short(Path(folder), asked.rounds)


async def large(folder: Path, trials: int) -> None:
    """A run of many trials, looked at in a browser."""
    began = time.monotonic()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "analysis.live", str(folder), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    address = (await server.stdout.readline()).decode().strip()
    print(f"n = {trials} trials of 20 epochs; `study watch` answers {time.monotonic() - began:.2f} s after its start")
    try:
        async with browser() as tab:
            views = [await first_view(tab, address) for _ in range(5)]
            print(f"first view, trials in sight: median {statistics.median(views):.2f} s of {len(views)} (aim: below 1 s)")
            await tab.until("!!document.querySelector('#pictures .chart svg')", seconds=300)
            quiet = [await update(tab, RunPaths(folder), place) for place in range(UPDATES)]
            told = f"median {statistics.median(quiet) * 1000:.0f} ms, worst {max(quiet) * 1000:.0f} ms of {len(quiet)} (aim: below 200 ms)"
            print(f"a row written until it is in sight, sections being computed meanwhile: {told}")
            print(f"memory: server {resident(server.pid)} MB, process of the sections {sum(map(resident, children(server.pid)))} MB")
    finally:
        server.terminate()
        await server.wait()


async def first_view(tab: Tab, address: str) -> float:
    await tab.open("about:blank")
    began = time.monotonic()
    await tab.open(address)
    await tab.until("document.querySelectorAll('#rows tr[data-trial]').length > 10")
    return time.monotonic() - began


async def update(tab: Tab, paths: RunPaths, place: int) -> float:
    """Seconds from a new trial's row to its being counted on the page; what asking the browser takes is part of it."""
    before = await tab.run("Number(document.getElementById('shown').textContent.split(' ')[0])")
    line = paths.trials.read_text().split("\n", 1)[0]
    row = json.loads(line) | {"trial": f"new{place:04d}"}
    began = time.monotonic()
    with paths.trials.open("a") as file:
        file.write(json.dumps(row) + "\n")
    await tab.until(f"Number(document.getElementById('shown').textContent.split(' ')[0]) === {before + 1}")
    return time.monotonic() - began


def short(folder: Path, rounds: int) -> None:
    """A study of short trials, with a page that is looked at and without one."""
    (folder / "short.py").write_text(SHORT_STUDY.replace("TRIALS", str(SHORT_TRIALS)))
    plain, watched = [], []
    for _ in range(rounds):
        plain.append(run_short(folder))
        watched.append(run_short(folder, "--watch"))
    ratio = statistics.median(watched) / statistics.median(plain)
    seconds = f"{statistics.median(plain):.1f} s without, {statistics.median(watched):.1f} s with a page"
    print(f"n = {SHORT_TRIALS} trials of 3 epochs, medians of {rounds}: {seconds}: {ratio - 1:+.1%} (aim: below 5 %)")
    print(f"  all: {', '.join(f'{one:.1f} and {other:.1f}' for one, other in zip(plain, watched, strict=True))} s")


def run_short(folder: Path, *options: str) -> float:
    """Seconds from the first epoch to the end of the last trial; a page is listened to as a browser does."""
    process = subprocess.Popen(
        [*STUDY, "run", "short.py", *options], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stderr is not None
    assert process.stdout is not None
    listener = None
    for line in process.stderr:
        if line.startswith("live page: "):
            listener = subprocess.Popen(["curl", "-sN", f"{line.split()[-1]}events"], stdout=subprocess.DEVNULL)
    run = RunPaths(folder / process.stdout.read().splitlines()[-1])
    process.wait()
    if listener:
        listener.kill()
        listener.wait()
    rows = [json.loads(line) for line in run.epochs.read_text().splitlines()]
    return max(row["at"] for row in rows) - min(row["at"] - row["seconds"] for row in rows)


def resident(pid: int) -> int:
    """Megabytes of memory that a process holds; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")), 0)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


if __name__ == "__main__":
    main()
