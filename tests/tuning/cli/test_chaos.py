"""Kills at random moments on a cluster: the benchmark's own machinery, in short."""

import os
import random
from collections.abc import Iterator

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


def is_as_uninterrupted(killer: Killer, kills: int) -> None:
    before = killer.kills
    read = killer.run(kills)
    assert killer.kills > before
    assert differences(read, killer.runs[0]) == []
    assert lost_and_doubled(read) == (0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_was_killed_ends_as_an_uninterrupted_one(kind: str, killer: Killer) -> None:
    killer.kinds = [kind]
    is_as_uninterrupted(killer, 1)


def test_many_kills_of_all_kinds(killer: Killer) -> None:
    killer.kinds = KINDS
    is_as_uninterrupted(killer, 3)


def test_what_differs_is_found(killer: Killer) -> None:
    whole = killer.runs[0]
    other = killer.run(0)
    lines = other.paths.epochs.read_text().splitlines(keepends=True)
    other.paths.epochs.write_text("".join(lines[:3] + lines[4:] + lines[4:5]))
    assert lost_and_doubled(other) == (1, 1)
    assert differences(load_run(other.paths.root), whole) == ["epochs"]
