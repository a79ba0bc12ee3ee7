"""Join a Ray cluster, or start a private one on this machine that nobody else can reach."""

import contextlib
import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from cluster.own_folders import own_folder
from cluster.private import own_job, processes_left_to, settings_read_again, signals_kept

_QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_MAX_PENDING_TRIALS_PG": "64",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
FORMS = (
    "Give HOST:PORT of a running cluster, ray://HOST:PORT, or auto; leave --address out for a"
    " private Ray on this machine."
)
_TOKEN_WAYS = (
    "set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to its token, or RAY_AUTH_MODE=disabled where it"
    " asks for none"
)
SECONDS_TO_ANSWER = 10.0


def prepare_environment(address: str | None) -> None:
    """Set what Ray reads when it is imported; where it has been, have it read again.

    Without an ``address`` Ray will be a private one: every socket on loopback, and a token that no
    file holds.

    A Ray that this process has joined keeps its own.
    """
    for key, value in _QUIET.items():
        os.environ.setdefault(key, value)
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        return
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if address is None:
        # Undocumented on Linux, and the only way to keep every socket of Ray on loopback.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    if ray is not None:
        settings_read_again()


@contextmanager
def connected(
    address: str | None,
    cpus: int | None = None,
    *,
    gpus: int | None = None,
    dashboard: bool = False,
    about: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[contextlib.ExitStack]:
    """Ray, for the time of the block: on the cluster at ``address``, or a private one on this
    machine that ends with the block. The stack ends its processes: who takes that out closes it
    himself, once the block is left.

    A Ray that this process has already joined is used as it is and left running. ``cpus`` caps how
    many cores the private one uses, ``gpus`` says how many GPUs it has; None takes all, and all
    that Ray finds. ``dashboard``: with Ray's own dashboard, on loopback. ``about``: what the
    dashboard of either says of this job, see ``own_job``.

    Raises:
        ConnectionError: no cluster answers at ``address``, or it lets nobody in without a token, or
        this process has joined another; or no private Ray starts. One line.
    """
    prepare_environment(address)
    import ray

    if ray.is_initialized():
        _refuse_another(address)
        yield contextlib.ExitStack()
        return
    with contextlib.ExitStack() as leaving:
        # A short path, for those of Ray's sockets may not exceed 107 characters; removed here, for
        # Ray never tidies up.
        folder = None if address else leaving.enter_context(own_folder("/tmp"))
        private = {
            "num_cpus": cpus,
            "num_gpus": gpus,
            "include_dashboard": dashboard,
            "_temp_dir": folder,
        }
        try:
            _silence()
            # A client of Ray (ray://) can send no object along.
            job = {} if address and "://" in address else {"job_config": own_job(about)}
            _join(address, job if address else job | private)
            with contextlib.nullcontext() if address else processes_left_to(leaving):
                yield leaving
        finally:
            ray.shutdown()


def _refuse_another(address: str | None) -> None:
    """A process joins one Ray at a time.

    Raises:
        ConnectionError: this process has joined a Ray that is not the one at ``address``.
    """
    import ray

    host, _, port = (address or "").rpartition(":")
    if not host or "://" in host:  # "auto", or a client's address, which no Ray knows itself by
        return
    joined = ray.get_runtime_context().gcs_address
    with contextlib.suppress(OSError):
        host = socket.gethostbyname(host)
    if joined not in (address, f"{host}:{port}"):
        raise ConnectionError(
            f"--address {address} cannot be joined: this process has joined the Ray at {joined}"
            " already. Leave the address out, or call ray.shutdown() first."
        )


def whereabouts() -> dict[str, str | None]:
    """Where the Ray that this process has joined can be looked at: ``dashboard``, its address, if
    there is one; ``logs``, the folder of its logs, if that Ray was started by this process.
    """
    import ray

    node = ray._private.worker._global_node
    address = ray._private.worker.get_dashboard_url() if node else None
    own = node is not None and node.head
    return {
        "dashboard": f"http://{address}" if address else None,
        "logs": node.get_logs_dir_path() if own else None,
    }


def _silence() -> None:
    """What the records and the progress say better stays off the terminal: which trials failed,
    whose process died.
    """
    import ray

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    # Undocumented, and the only way: without it Ray prints on stdout, in colours, that a worker
    # died.
    ray._private.worker._worker_logs_enabled = False


def _join(address: str | None, options: Mapping[str, Any]) -> None:
    """``ray.init``, with its many errors as one line.

    Raises:
        ConnectionError: says what was given and what to do.
    """
    import ray

    if address:
        host, colon, port = address.removeprefix("ray://").rpartition(":")
        if host and colon and port.isdigit():
            refuse_silence(address, host.strip("[]"), int(port), FORMS)
    where = f"the Ray cluster at {address}" if address else "a private Ray on this machine"
    try:
        if address:
            _refuse_wrong_token(address)
        with signals_kept():
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                **options,
            )
    except ray.exceptions.AuthenticationError:
        raise ConnectionError(
            f"{where} cannot be joined without its token: {_TOKEN_WAYS}."
        ) from None
    except ValueError as error:
        raise ConnectionError(
            f"--address {address!r} cannot be used: {_first_line(error)}. {FORMS}"
        ) from None
    except (
        Exception
    ) as error:  # also plain ones: a machine that is too busy to start Ray in time, for one
        if str(error).startswith("Version mismatch"):
            raise ConnectionError(
                f"{where} cannot be joined: {' '.join(str(error).split())} Install the same here."
            ) from None
        raise ConnectionError(
            f"{where} does not answer: {_first_line(error)}.{f' {FORMS}' if address else ''}"
        ) from None


def refuse_silence(address: str, host: str, port: int, advice: str) -> None:
    """Ray itself would try for minutes to reach a place where nobody listens.

    Raises:
        ConnectionError: nobody answers there. Names ``address``, which was given, and ends with
        ``advice``.
    """
    try:
        socket.create_connection((host, port), timeout=SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or _first_line(error)
        raise ConnectionError(
            f"nobody answers at --address {address}: {reason}. {advice}"
        ) from None


def _refuse_wrong_token(address: str) -> None:
    """Ray itself would ask again for a minute, and print each refusal.

    Raises:
        AuthenticationError: the cluster at ``address`` does not know our token, or we have none.
    """
    import grpc
    import ray
    from ray._private.authentication.http_token_authentication import (
        get_auth_headers_if_auth_enabled,
    )

    if ":" not in address:  # auto
        return
    token = tuple(
        (key.lower(), value) for key, value in get_auth_headers_if_auth_enabled({}).items()
    )
    with grpc.insecure_channel(address.removeprefix("ray://")) as channel:
        try:
            channel.unary_unary("/ray.rpc.NodeInfoGcsService/GetClusterId")(
                b"", timeout=SECONDS_TO_ANSWER, metadata=token
            )
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                raise ray.exceptions.AuthenticationError("unknown token") from None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
