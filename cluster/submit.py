"""A job on a Ray cluster: send the code, start it, show what it prints."""

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from cluster.connect import refuse_silence
from cluster.node_facts import OURS

STUDY_CODE = "study_code"
"""Below what is sent: the study's own files."""
LARGEST_SUM = 20_000_000
"""In bytes. Ray itself takes 100 MB; code is never so large."""
FORM = (
    "Give the address of the cluster's dashboard, http://127.0.0.1:8265 where an ssh tunnel ends"
    " here."
)


@contextmanager
def code_to_send(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder for the time of the block with what a job needs: this package, and the study's own
    ``files``, each by its place, below ``STUDY_CODE``.

    Raises:
        ValueError: they are more than 20 MB.
    """
    if (size := sum(map(len, files.values()))) > LARGEST_SUM:
        raise ValueError(
            f"the study imports and names {len(files)} files with {size / 1e6:.0f} MB: code is"
            " never so large."
        )
    with TemporaryDirectory(prefix="study-submit-") as folder:
        root = Path(__file__).parent.parent
        for package in OURS:
            shutil.copytree(
                root / package, Path(folder, package), ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(root / "study_command.py", folder)
        for place, content in files.items():
            target = Path(folder, STUDY_CODE, place)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield Path(folder)


def submit(url: str, name: str, code: Path, command: str, about: Mapping[str, str]) -> None:
    """Start ``command`` as the job ``name`` on the cluster whose dashboard is at ``url``, in a copy
    of the folder ``code``. ``about``: what the dashboard says of it, ``job_name`` in its list.

    Raises:
        ConnectionError: nobody answers there, the token is missing or wrong, or the cluster
        refuses. One line.
    """
    with _one_line(url):
        _client(url).submit_job(
            entrypoint=command,
            submission_id=name,
            runtime_env={"working_dir": str(code)},
            metadata=dict(about),
        )


def follow(url: str, name: str, write: Callable[[str], Any]) -> int:
    """Pass on what a job prints until it ends, and return its exit code.

    Raises:
        ConnectionError: the cluster is gone.
    """
    with _one_line(url):
        client = _client(url)
        asyncio.run(_tail(client, name, write))
        # The log ends a moment before the job is known to have ended.
        while not (job := client.get_job_info(name)).status.is_terminal():
            time.sleep(0.2)
    if job.driver_exit_code is None:
        write(f"job {name} {job.status.lower()}: {job.message}\n")
        return 143 if job.status == "STOPPED" else 1
    return job.driver_exit_code


async def _tail(client: Any, name: str, write: Callable[[str], Any]) -> None:
    async for text in client.tail_job_logs(name):
        write(text)


def _client(url: str) -> Any:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConnectionError(f"--address {url!r} cannot be used. {FORM}")
    refuse_silence(
        url, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), FORM
    )
    # Ray would take these instead of the address that is given.
    for variable in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        os.environ.pop(variable, None)
    from ray.job_submission import JobSubmissionClient

    for module in (
        "dashboard.modules.job.sdk",
        "dashboard.modules.dashboard_sdk",
        "_private.runtime_env.packaging",
    ):
        logging.getLogger(f"ray.{module}").setLevel(logging.ERROR)
    return JobSubmissionClient(url)


@contextmanager
def _one_line(url: str) -> Iterator[None]:
    """Errors of Ray's client and of what it stands on, as one line."""
    import aiohttp
    import requests
    from ray.exceptions import AuthenticationError

    try:
        yield
    except AuthenticationError:
        ways = (
            "set RAY_AUTH_TOKEN_PATH to the file with its token (or copy it to ~/.ray/auth_token)"
        )
        raise ConnectionError(
            f"the cluster at {url} lets nobody in without its token: {ways}."
        ) from None
    except (requests.RequestException, aiohttp.ClientError, RuntimeError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ConnectionError(f"the cluster at {url} does not do as asked: {line}.") from None
