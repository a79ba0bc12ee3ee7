"""Shared by all tests: a private Ray for the session, small studies on it."""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from cluster.connect import connected, prepare_environment

prepare_environment(None)
# Which studies the tests run is none of the user's business.
STATE = tempfile.TemporaryDirectory(prefix="study-tests-")
os.environ["XDG_STATE_HOME"] = STATE.name
torch.set_num_threads(1)
logging.getLogger("ray").setLevel(logging.ERROR)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(scope="session")
def private_ray() -> Iterator[None]:
    """Ray with two logical cores, ended with the session."""
    with connected(None, cpus=2):
        yield


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short path: the sockets of Ray may not have more than 107 characters."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
