"""``python -m benchmarks.chaos --kills N``: kill -9 at random moments of the driver, a trial's
process or the node, during a search.

A cluster with one worker and one trial at a time, so that every decision of the search can be
compared with an uninterrupted run of the same study: its epochs, ends, tables, and what Optuna was
told. A killed node is replaced by a new one, as spot machines are; a killed driver is answered with
``study resume``. Time to resume is from the kill to the next epoch that is written.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from analysis import Run, load_run, summary_table
from benchmarks.machine import machine_line
from benchmarks.raylets import ROOT, Cluster, cluster

STUDY = ROOT / "tests" / "harness" / "crash_study.py"
KINDS = ("driver", "worker", "node")
SECONDS_AT_MOST = 300.0
EPOCHS = ("trial", "epoch", "seed", "score", "test_score")


@dataclass
class Killer:
    """One run after the other, killed at random moments, until enough were killed."""

    cluster: Cluster
    folder: Path
    kinds: Sequence[str]
    moment: random.Random
    study: Path = STUDY
    resumed_after: dict[str, list[float]] = field(
        default_factory=lambda: {kind: [] for kind in KINDS}
    )
    runs: list[Run] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(map(len, self.resumed_after.values()))

    def run(self, kills: int) -> Run:
        """One run to its end, with at most so many kills."""
        folder = self.folder / str(len(self.runs))
        folder.mkdir()
        self.cluster.wait_for(2)  # A node may have died at the end of the run before.
        process = self.cluster.study(self.cluster.head, folder, "run", str(self.study))
        kind = ""
        for _ in range(kills):
            goal = len(rows(folder)) + self.moment.randint(1, 12)
            if not _reaches(folder, goal, process):
                break
            if kind == "node":
                # Rows that were on their way when it died may be those that were waited for, and a
                # driver that is resumed before the next node is there is refused.
                self.cluster.wait_for(2)
            time.sleep(self.moment.random() * 0.5)
            before, began, kind = (
                len(rows(folder)),
                time.monotonic(),
                self.moment.choice(self.kinds),
            )
            if process.poll() is not None or not (process := self._kill(kind, process, folder)):
                break
            if _reaches(folder, before + 1, process):
                self.resumed_after[kind].append(time.monotonic() - began)
        _, err = process.communicate(timeout=300)
        if process.returncode:
            raise RuntimeError(f"the run ended with {process.returncode}: {err}")
        self.runs.append(load_run(run_folder(folder)))
        return self.runs[-1]

    def _kill(
        self, kind: str, process: subprocess.Popen[str], folder: Path
    ) -> subprocess.Popen[str]:
        if kind == "driver":
            process.kill()
            process.communicate()
            return self.cluster.study(self.cluster.head, folder, "resume", str(run_folder(folder)))
        if kind == "worker":
            with contextlib.suppress(ProcessLookupError):
                os.kill(rows(folder)[-1]["pid"], signal.SIGKILL)
        else:
            self.cluster.nodes.pop().kill()
            # With both there a second trial would begin beside the first, and be asked for without
            # knowing how that ends.
            self.cluster.wait_for(1)
            self.cluster.add(os.cpu_count() or 1)
        return process


def differences(read: Run, expected: Run) -> list[str]:
    """In what two runs of one study differ, of all that they must agree in: everything but times,
    processes and attempts.
    """
    trials = ["trial", "phase", "status", "rung", "seeds", "epochs", *read.parameters]
    epochs = [name for name in EPOCHS if name in expected.epochs]
    pairs = {
        "trials": [run.trials[trials].to_json() for run in (read, expected)],
        "epochs": [run.epochs[epochs].to_json() for run in (read, expected)],
        "what Optuna knows": [
            str([(one.state, one.values, one.params) for one in told(run)])
            for run in (read, expected)
        ],
        **{
            f"table of the {phase}": [
                summary_table(run.phase(phase)).to_csv() for run in (read, expected)
            ]
            for phase in ("search", "confirm")
        },
    }
    return [name for name, (ours, theirs) in pairs.items() if ours != theirs]


def told(read: Run) -> list[Any]:
    """What Optuna's journal knows, in the order of the trials; nothing where there is none."""
    if not read.paths.optuna.exists():
        return []
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(read.paths.optuna)))
    return optuna.load_study(study_name=read.paths.root.name, storage=storage).trials


def trained_again(read: Run) -> int:
    """Epochs that more than one attempt trained: at most one of each kill, the one after the last
    checkpoint.
    """
    attempts = {(row["trial"], row["epoch"], row["attempt"]) for row in _lines(read.paths.epochs)}
    return len(attempts) - len({(trial, epoch) for trial, epoch, _ in attempts})


def lost_and_doubled(read: Run) -> tuple[int, int]:
    """Epochs that a trial went on from and that are not in the records, and rows that one attempt
    wrote twice.
    """
    seen = Counter(
        (row["trial"], row["epoch"], row["attempt"]) for row in _lines(read.paths.epochs)
    )
    there = {(trial, epoch) for trial, epoch, _ in seen}
    last = Counter[str]()
    for trial, epoch in there:
        last[trial] = max(last[trial], epoch)
    return sum(last.values()) - len(there), sum(seen.values()) - len(seen)


def run_folder(folder: Path) -> Path:
    return next(folder.glob("results/*/*"))


def rows(folder: Path) -> list[dict[str, Any]]:
    """The epochs that a run below ``folder`` has written, whole lines alone."""
    return [row for file in folder.glob("results/*/*/epochs.jsonl") for row in _lines(file)]


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]]


def _reaches(folder: Path, goal: int, process: subprocess.Popen[str]) -> bool:
    """Whether so many rows are there before the process ends."""
    until = time.monotonic() + SECONDS_AT_MOST
    while len(rows(folder)) < goal:
        if process.poll() is not None:
            return False
        if time.monotonic() > until:
            raise TimeoutError(f"no epoch was written for {SECONDS_AT_MOST:g} s")
        time.sleep(0.01)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--study", type=Path, default=STUDY, help="such as tests/harness/crash_gp.py"
    )
    options = parser.parse_args()
    folder, study = Path(tempfile.mkdtemp(prefix="chaos-")), options.study.resolve()
    print(machine_line(), flush=True)
    with cluster([os.cpu_count() or 1]) as made:
        expected = Killer(made, folder / "uninterrupted", KINDS, random.Random(), study)
        expected.folder.mkdir()
        whole = expected.run(0)
        killer = Killer(made, folder, KINDS, random.Random(options.seed), study)
        failures = 0
        while killer.kills < options.kills:
            read = killer.run(min(8, options.kills - killer.kills))
            again = trained_again(read)
            wrong, (lost, doubled) = differences(read, whole), lost_and_doubled(read)
            failures += bool(wrong or lost or doubled)
            print(
                f"{killer.kills} kills, {len(killer.runs)} runs: {lost} lost, {doubled} doubled,"
                f" {again} epochs trained again, differ in: {wrong or 'nothing'}",
                flush=True,
            )
    for kind, seconds in killer.resumed_after.items():
        if seconds:
            print(
                f"{kind:8} n = {len(seconds):3}  to the next epoch: median {median(seconds):.1f} s,"
                f" at most {max(seconds):.1f} s (aim: 15)"
            )
    print(f"{failures} of {len(killer.runs)} runs differ from the uninterrupted one")
    shutil.rmtree(folder)
    raise SystemExit(failures > 0)


if __name__ == "__main__":
    main()
