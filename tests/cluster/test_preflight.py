"""What is said about a node: the words for literals. Real nodes are in ``test_cluster_runs``."""

from dataclasses import replace
from pathlib import Path

import pytest

from cluster.node_facts import Facts
from cluster.nodes import fitting
from cluster.preflight import differences, skew

OURS = Facts(
    clock=0,
    versions={"Python": "3.11.7", "Ray": "2.60.0", "torch": "2.15.0"},
    code="c",
    mark="m",
    data={"name": "digits"},
)
STORAGE = Path("/results/mine/x")


def said(arrived: bool = True, **theirs: object) -> list[str]:
    return differences(OURS, replace(OURS, **theirs), STORAGE, arrived=arrived)


def test_each_fault_has_its_sentence() -> None:
    assert said() == []
    assert said(versions={"Python": "3.11.7", "Ray": "2.60.0", "torch": "2.6.0"}) == [
        "has torch 2.6.0, the driver has 2.15.0: install the same on both."
    ]
    assert said(versions={"Python": "3.11.7", "Ray": "2.60.0", "torch": None})[0].startswith(
        "has torch not at all, the driver has 2.15.0"
    )
    assert said(code=None) == [
        "lacks tune-studies: install it there, or send it along with `study submit`."
    ]
    assert said(code="d")[0].startswith("has other code of tune-studies than the driver")
    shared = "give a folder that all nodes share with --results."
    missing = "No such file or directory"
    assert said(mark=None, storage_error=missing) == [
        f"does not see /results/mine/x of the driver ({missing}): {shared}"
    ]
    assert said(arrived=False) == [
        f"does not see /results/mine/x of the driver (it has another folder of this name): {shared}"
    ]
    assert said(storage_error="Read-only file system") == [
        "cannot write to /results/mine/x (Read-only file system): trials keep their state there."
    ]
    assert said(data=None, data_error="no digits in /data") == [
        "lacks the data: no digits in /data"
    ]
    assert said(data={"name": "letters"}) == [
        "has other data than the driver: {'name': 'letters'}, not {'name': 'digits'}."
    ]
    assert len(said(code="d", mark=None, data_error="x")) == 3


@pytest.mark.parametrize(
    ("clock", "expected"),
    [(9.0, -1.0), (10.0, 0.0), (12.5, 0.0), (13.0, 0.0), (20.0, 7.0), (0.0, -10.0)],
)
def test_a_clock_is_wrong_only_by_what_is_certain(clock: float, expected: float) -> None:
    assert skew(10.0, clock, 13.0) == expected


@pytest.mark.parametrize(
    ("has", "wants", "count"),
    [
        ({"CPU": 4}, {"CPU": 1, "GPU": 0}, 4),
        ({"CPU": 4, "GPU": 1}, {"CPU": 1, "GPU": 0.25}, 4),
        ({"CPU": 4, "GPU": 1}, {"CPU": 1, "GPU": 0.3}, 3),
        ({"CPU": 0.3}, {"CPU": 0.1, "GPU": 0}, 3),
        ({"CPU": 4}, {"CPU": 1, "GPU": 1}, 0),
    ],
)
def test_how_many_trials_fit_on_a_node(
    has: dict[str, float], wants: dict[str, float], count: int
) -> None:
    assert fitting(has, wants) == count
