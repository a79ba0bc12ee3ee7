"""Kills at random moments on a cluster: the benchmark's own machinery, in short."""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis import load_run
from benchmarks.chaos import KINDS, Killer, differences, lost_and_doubled
from benchmarks.raylets import Cluster, cluster

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def one_worker() -> Iterator[Cluster]:
    with cluster([os.cpu_count() or 1]) as made:
        yield made


@pytest.fixture(scope="module")
def killer(one_worker: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Killer:
    """One that has run the study once without a kill."""
    made = Killer(one_worker, tmp_path_factory.mktemp("chaos"), KINDS, random.Random(1))
    made.run(0)
    return made


def test_a_run_that_was_killed_often_ends_as_an_uninterrupted_one(killer: Killer) -> None:
    read = killer.run(6)
    assert killer.kills > 0
    assert differences(read, killer.runs[0]) == []
    assert lost_and_doubled(read) == (0, 0)


def test_what_differs_is_found(killer: Killer, tmp_path: Path) -> None:
    whole = killer.runs[0]
    other = load_run(shutil.copytree(whole.paths.root, tmp_path / "other"))
    lines = other.paths.epochs.read_text().splitlines(keepends=True)
    other.paths.epochs.write_text("".join(lines[:3] + lines[4:] + lines[4:5]))
    assert lost_and_doubled(other) == (1, 1)
    assert differences(load_run(other.paths.root), whole) == ["epochs"]
