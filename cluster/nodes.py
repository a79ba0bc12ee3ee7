"""What the nodes of the cluster that this process has joined have to give."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import ray

from cluster.amounts import slot


def alive() -> list[dict[str, Any]]:
    """The nodes that are there, as Ray lists them."""
    return [node for node in ray.nodes() if node["Alive"]]


def name_of(node: Mapping[str, Any]) -> str:
    """The address of a node, with its id behind it where another has the same."""
    address = node["NodeManagerAddress"]
    shared = Counter(other["NodeManagerAddress"] for other in alive())[address] > 1
    return f"{address} ({node['NodeID'][:8]})" if shared else address


def fitting(resources: Mapping[str, float], wanted: Mapping[str, float]) -> int:
    """How many requests of ``wanted`` (amount by kind: "CPU", "GPU") such resources meet at the
    same time.
    """
    return min(
        math.floor(resources.get(kind, 0) / amount + 1e-9)
        for kind, amount in wanted.items()
        if amount
    )


def slots(wanted: Mapping[str, float]) -> int:
    """How many requests all nodes together meet at the same time, whether they are busy or not."""
    return sum(fitting(node["Resources"], wanted) for node in alive())


def unsatisfiable(wanted: Mapping[str, float]) -> str | None:
    """One sentence if no node has what is wanted, so that it would wait for ever; None where one
    has, or the autoscaler may start one.
    """
    there = [node["Resources"] for node in alive()]
    if any(fitting(resources, wanted) for resources in [*there, *_may_be_started()]):
        return None
    listed = "; ".join(
        slot(resources.get("CPU", 0), resources.get("GPU", 0)) for resources in there
    )
    return (
        f"a trial asks for {slot(wanted['CPU'], wanted['GPU'])}, and no node has that; there is:"
        f" {listed}."
    )


def _may_be_started() -> list[Mapping[str, float]]:
    """What each kind of node has that the cluster's autoscaler may add."""
    # Undocumented, and the only place that says it.
    config = ray._private.state.state.get_cluster_config()
    return (
        [group.resources for group in config.node_group_configs if group.max_count]
        if config
        else []
    )
