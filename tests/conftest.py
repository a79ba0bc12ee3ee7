"""Shared by all tests: a private Ray for the session, small studies on it."""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

sys.path.insert(0, str(Path(__file__).parent))

from cluster.connect import connected, prepare_environment

# What tests share: the processes of trials import it as well.
HARNESS = str(Path(__file__).parent / "harness")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [HARNESS, os.environ.get("PYTHONPATH")]))
prepare_environment(None)
# Which studies the tests run is none of the user's business.
STATE = tempfile.TemporaryDirectory(prefix="study-tests-")
os.environ["XDG_STATE_HOME"] = STATE.name
torch.set_num_threads(1)
MEMORY = Path("/dev/shm")
# A machine that is busy is no fault of an example.
BUSY: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("fast", max_examples=20, **BUSY)
settings.register_profile("slow", max_examples=100, **BUSY)
logging.getLogger("ray").setLevel(logging.ERROR)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("slow" if _is_slow_stage(config) else "fast")
    # An inline run mostly waits for the disk. Not in the slow stage: machines of
    # `benchmarks.hosts` do not see this memory.
    if (
        config.option.markexpr == "not slow"
        and MEMORY.exists()
        and disk_usage(MEMORY).free > 4 * 2**30
    ):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def _is_slow_stage(config: pytest.Config) -> bool:
    return bool(config.option.markexpr == "slow")


@pytest.hookimpl(tryfirst=True)  # before the marks are read
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    """Properties that hypothesis tests are in both stages: in the slow one with more examples."""
    for item in items:
        if _is_slow_stage(config) and getattr(item.obj, "is_hypothesis_test", False):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(3600))


class Groups(LoadScopeScheduling):
    """What runs in one worker, after each other: files with tests on the Ray of the session, those
    whose clusters use the same addresses and ports, and the tests of a file; slow ones, which take
    long, only where they share fixtures.

    Groups of xdist's own are ignored with pytest 9.2, in silence.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        text = (self.config.rootpath / file).read_text()
        if "private_ray" in text:
            return "ray"
        if file.startswith("tests/cluster/"):
            return "clusters"
        alone = _is_slow_stage(self.config) and 'scope="module"' not in text
        return nodeid if alone else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    return Groups(config, log)


@pytest.fixture(scope="session")
def private_ray(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[None]:
    """Ray with two logical cores, ended with the session: of one worker, or groups are ignored."""
    if worker_id != "master":
        (tmp_path_factory.getbasetemp().parent / "private-ray").touch(exist_ok=False)
    with connected(None, cpus=2):
        yield


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short path: the sockets of Ray may not have more than 107 characters."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
