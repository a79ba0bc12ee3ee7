"""What Ray does to the process that starts it, to its own and to those of trials, unless it is kept
from it.
"""

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any


@contextmanager
def signals_kept() -> Iterator[None]:
    """Let Ray start without a hold on signals: its processes get sessions of their own, and our
    handlers stay.

    A terminal, ``timeout`` and batch systems signal a whole process group. Ray's processes would
    end by that signal at once, and this one would wait a minute for them. Ray's own handlers of
    SIGTERM save nothing, and print a stack of C functions.
    """
    from ray._private import services, utils

    ours = signal.getsignal(signal.SIGTERM)
    # Ray has no option for either.
    before: tuple[Any, Any] = services.ConsolePopen, utils.set_sigterm_handler
    services.ConsolePopen = partial(services.ConsolePopen, start_new_session=True)
    utils.set_sigterm_handler = lambda handler: None
    try:
        yield
    finally:
        services.ConsolePopen, utils.set_sigterm_handler = before
        signal.signal(signal.SIGTERM, ours)


class _Settled(list[str]):
    def extend(self, more: object) -> None:
        """Nothing: Ray would add the working folder, and workers put all of this before their
        libraries.
        """


def own_job(about: Mapping[str, str]) -> Any:
    """The job of this process, in whose workers no file of the working folder, a json.py say,
    stands in for a library; ``about``: what Ray's dashboard says of it, ``job_name`` in its list.
    """
    from ray.job_config import JobConfig

    root = Path(__file__).parent.parent
    job = JobConfig(metadata=dict(about))
    # Workers need the folder of this package where it is not installed.
    found_there = not root.is_relative_to(sys.prefix) and any(
        Path(place).resolve() == root for place in sys.path
    )
    job._py_driver_sys_path = _Settled([str(root)] if found_there else [])
    return job


def titled(words: str) -> None:
    """Show ``words`` behind the name that Ray gives this process while it runs a task, which is
    where its dashboard and ``ps`` show a command line.
    """
    from ray import _raylet

    core: Any = _raylet
    core.setproctitle(f"{core.getproctitle()} {words}")


@contextmanager
def processes_left_to(leaving: ExitStack) -> Iterator[None]:
    """Leave the end of the processes of the private Ray that was started to ``leaving``.
    ``ray.shutdown`` would wait for them; after the block it only takes leave of them.
    """
    from ray._private import worker

    node: Any = worker._global_node
    leaving.callback(_end_processes, node)
    try:
        yield
    finally:
        worker._global_node = None


def _end_processes(node: Any) -> None:
    """As ``ray.shutdown`` does it."""
    node.destroy_external_storage()
    node.kill_all_processes(check_alive=False, allow_graceful=True)


def settings_read_again() -> None:
    """Let a Ray that has been imported, but not joined, take its settings from the environment as
    it is now.
    """
    from ray import _raylet
    from ray._private import ray_constants

    core: Any = _raylet
    # Ray does both itself where ``ray.init`` turns tokens on.
    core.Config.initialize("")
    core.AuthenticationTokenLoader.instance().reset_cache()
    ray_constants.ENABLE_RAY_CLUSTER = ray_constants.env_bool(
        ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR, not ray_constants.IS_WINDOWS_OR_OSX
    )
