"""``python -m benchmarks.nodes``: what it costs to spread a study over nodes, and how soon the loss
of one is answered.

(a) one study on 1, 2 and 4 nodes of one slot each, its epochs only waiting: ideal time (all epochs,
    over the slots) over the time from the first epoch to the end of the last trial;
(b) 2,000 trials of 2 s on 64 slots that only wait: how busy these are, from when the process of
    each has begun its first trial to when the last trial is handed out. The start of 64 processes
    is shown apart;
(c) from cutting a node off to its trial training on another that has a slot free, with Ray's own
health checks and with ours. Needs root.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from analysis import Run, load_run
from benchmarks.chaos import rows, run_folder
from benchmarks.hosts import why_not
from benchmarks.machine import machine_line
from benchmarks.raylets import FAST_HEALTH, Cluster, cluster

STUDY = str(Path(__file__).with_name("waiting_study.py"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default="abc", help="which of the three, for example bc")
    parts = parser.parse_args().parts
    print(machine_line(), flush=True)
    folder = Path(tempfile.mkdtemp(prefix="nodes-"))
    try:
        if "a" in parts:
            spread(folder)
        if "b" in parts:
            busy(folder)
        if "c" in parts and (problem := why_not()):
            print(f"(c) left out: {problem}")
        elif "c" in parts:
            cut_off(folder / "default", {}, "Ray's own health checks")
            cut_off(folder / "fast", FAST_HEALTH, "ours")
    finally:
        shutil.rmtree(folder)


def spread(folder: Path) -> None:
    """Part (a)."""
    for nodes in (1, 2, 4):
        with cluster([1] * nodes) as made:
            run = _finished(
                made, folder / f"{nodes}", "--set", f"number=[{','.join(map(str, range(24)))}]"
            )
        times = _times(run)
        ideal, wall = times["seconds"].sum() / nodes, times["to"].max() - times["from"].min()
        print(
            f"(a) {nodes} nodes, 24 trials of 2 s: ideal {ideal:.1f} s, took {wall:.1f} s, ratio"
            f" {ideal / wall:.3f}",
            flush=True,
        )


def busy(folder: Path, trials: int = 2000, slots: int = 64) -> None:
    """Part (b)."""
    with cluster([slots]) as made:
        run = _finished(made, folder / "busy")
    times = _times(run)
    assert len(times) == trials
    first_of_processes = times.groupby("pid")["from"].min()
    assert len(first_of_processes) == slots
    begun, all_begun, last_begun = (
        times["from"].min(),
        first_of_processes.max(),
        times["from"].max(),
    )
    inside = times["to"].clip(upper=last_begun) - times["from"].clip(lower=all_begun)
    share = inside.clip(lower=0).sum() / (slots * (last_begun - all_begun))
    whole = times["seconds"].sum() / (slots * (times["to"].max() - begun))
    print(
        f"(b) {trials} trials of 2 s on {slots} slots: {share:.1%} busy over"
        f" {last_begun - all_begun:.0f} s (aim: 90 %)"
    )
    print(
        f"    with the start of {slots} processes ({all_begun - begun:.0f} s) and the last trials:"
        f" {whole:.1%}",
        flush=True,
    )


def cut_off(folder: Path, settings: Mapping[str, str], name: str) -> None:
    """Part (c)."""
    folder.mkdir(parents=True)
    with cluster([1, 1], settings, hosts=True) as made:
        process = made.study(
            made.head, folder, "run", STUDY, "--set", "number=[1]", "--set", "epochs=600"
        )
        while not rows(folder):
            time.sleep(0.1)
        lost = next(node for node in made.nodes if node.ip == rows(folder)[0]["ip"])
        assert lost.host
        began = time.monotonic()
        lost.host.cut()
        while (row := rows(folder)[-1])["attempt"] == 1:
            if process.poll() is not None:
                raise RuntimeError(f"the run ended: {process.communicate()}")
            time.sleep(0.1)
        seconds = time.monotonic() - began - row["seconds"]
        print(
            f"(c) a cut-off trial trained on another node after {seconds:.1f} s with {name}",
            flush=True,
        )
        process.kill()


def _finished(made: Cluster, folder: Path, *arguments: str) -> Run:
    folder.mkdir(parents=True)
    process = made.study(made.head, folder, "run", STUDY, *arguments)
    _, err = process.communicate()
    if process.returncode:
        raise RuntimeError(err)
    return load_run(run_folder(folder))


def _times(run: Run) -> pd.DataFrame:
    """When each trial trained, in seconds, and where: columns from, to, seconds, pid."""
    lines = pd.read_json(run.paths.epochs, lines=True, dtype={"trial": str})
    ends = lines.groupby("trial").agg(
        to=("at", "max"), seconds=("seconds", "sum"), pid=("pid", "first")
    )
    return ends.assign(**{"from": ends["to"] - ends["seconds"]})


if __name__ == "__main__":
    main()
