"""How fast the live page is: ``python -m benchmarks.live``. Takes half a minute; needs Chromium.

A run of 5,000 trials with 20 epochs each, in a real browser: the time from asking for the page to
its trials being in view, and from a row being written to it being counted there, while the sections
of the report are computed anew; and the memory of the server and of the process that computes them.
What a page costs the study is in ``benchmarks.mirror``.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from analysis.records.load import RunPaths
from benchmarks.analysis import write_folder
from benchmarks.browser import CHROMIUM, Tab, browser
from benchmarks.machine import machine_line

TRIALS, UPDATES = 5_000, 20


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--trials", type=int, default=TRIALS)
    asked = arguments.parse_args()
    if not CHROMIUM:
        raise SystemExit("no chromium on this machine: the page cannot be measured")
    print(machine_line())
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(large(write_folder(Path(folder) / "large", asked.trials), asked.trials))


async def large(folder: Path, trials: int) -> None:
    """A run of many trials, looked at in a browser."""
    began = time.monotonic()
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tuning.runs.page",
        str(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    address = (await server.stdout.readline()).decode().strip()
    print(
        f"n = {trials} trials of 20 epochs; `study watch` answers {time.monotonic() - began:.2f} s"
        " after its start"
    )
    try:
        async with browser() as tab:
            views = [await first_view(tab, address) for _ in range(5)]
            print(
                f"first view, trials in sight: median {statistics.median(views):.2f} s of"
                f" {len(views)} (aim: below 1 s)"
            )
            await tab.until("!!document.querySelector('#pictures .chart svg')", seconds=300)
            quiet = [await update(tab, RunPaths(folder), place) for place in range(UPDATES)]
            told = (
                f"median {statistics.median(quiet) * 1000:.0f} ms, worst {max(quiet) * 1000:.0f} ms"
                f" of {len(quiet)} (aim: below 200 ms)"
            )
            print(f"a row written until it is in sight, sections being computed meanwhile: {told}")
            print(
                f"memory: server {resident(server.pid)} MB, process of the sections"
                f" {sum(map(resident, children(server.pid)))} MB"
            )
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
    """Seconds from a new trial's row to its being counted on the page; what asking the browser
    takes is part of it.
    """
    before = await tab.run("Number(document.getElementById('shown').textContent.split(' ')[0])")
    line = paths.trials.read_text().split("\n", 1)[0]
    row = json.loads(line) | {"trial": f"new{place:04d}"}
    began = time.monotonic()
    with paths.trials.open("a") as file:
        file.write(json.dumps(row) + "\n")
    await tab.until(
        f"Number(document.getElementById('shown').textContent.split(' ')[0]) === {before + 1}"
    )
    return time.monotonic() - began


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
