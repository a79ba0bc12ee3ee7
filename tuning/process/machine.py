"""What of this machine may stand in the way of a study: `study doctor`."""

import os
import platform
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil

from tuning.process.installed import version

if TYPE_CHECKING:
    from packaging.requirements import Requirement

GIB = 2**30
LITTLE_MEMORY, LITTLE_DISK, LITTLE_SHARED = 4 * GIB, 5 * GIB, GIB
"""Bytes: less than that is worth a word. Ray and torch take about 2 GiB before the first trial."""
FEW_FILES = 4096
LOCAL = ("localhost", "127.0.0.1")
RAY_FOLDER = Path("/tmp")
"""Where a private Ray has its files: its sockets need a short path."""


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, how it stands, what was found and, if need be, what to do."""

    name: str
    state: Literal["ok", "note", "problem"]
    text: str


def checks(results: Path) -> Iterator[Check]:
    """Each check in turn. ``results``: where run folders go."""
    yield _system()
    yield _packages()
    yield _cores()
    yield _memory()
    yield from _disks(results)
    yield _shared_memory()
    yield _open_files()
    yield _loopback()
    yield _proxies(os.environ)
    yield _gpus()
    yield _wandb(os.environ)
    yield _mlflow()


def _system() -> Check:
    text = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("system", "ok", text)


def _packages() -> Check:
    """The packages that studies rest on, against what the distribution asks for."""
    from packaging.requirements import Requirement

    wanted = [Requirement(each) for each in metadata.requires("tune-studies") or []]
    here = {need.name: version(need.name) for need in wanted if _applies(need)}
    wrong = [
        f"{need.name} {here[need.name] or 'is missing'} (needed: {need.specifier})"
        for need in wanted
        if need.name in here and not need.specifier.contains(here[need.name] or "0")
    ]
    if wrong:
        return Check("packages", "problem", f"{', '.join(wrong)}: install tune-studies again")
    main = (f"{name} {here[name]}" for name in ("torch", "ray", "optuna", "wandb") if name in here)
    return Check("packages", "ok", ", ".join(main))


def _applies(need: "Requirement") -> bool:
    return need.marker is None or need.marker.evaluate({"extra": ""})


def _cores() -> Check:
    there = psutil.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else there
    text = f"{usable} of {there} usable here" if usable < there else str(there)
    return Check("cores", "ok", text)


def _memory() -> Check:
    memory = psutil.virtual_memory()
    free, text = memory.available, f"{_gib(memory.available)} free of {_gib(memory.total)}"
    if (limit := container_limit(memory.total)) is not None:
        free, text = min(free, limit), f"{text}; this container may use {_gib(limit)}"
    if free < LITTLE_MEMORY:
        return Check("memory", "note", f"{text}: close what is not needed, or run fewer trials")
    return Check("memory", "ok", text)


def container_limit(total: int) -> int | None:
    for file in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            limit = int(Path("/sys/fs/cgroup", file).read_text())
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
        return limit if limit < total else None
    return None


def _disks(results: Path) -> Iterator[Check]:
    for name, folder in (("results", results), ("Ray's folder", RAY_FOLDER)):
        there = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
        free = shutil.disk_usage(there).free
        text = f"{folder} has {_gib(free)} free"
        try:
            tempfile.TemporaryFile(dir=there).close()
        except OSError as error:
            yield Check(name, "problem", f"{folder} cannot be written ({error.strerror})")
            continue
        state: Literal["ok", "note"] = "note" if free < LITTLE_DISK else "ok"
        yield Check(name, state, f"{text}: make room" if state == "note" else text)


def _shared_memory() -> Check:
    folder = Path("/dev/shm")
    if not folder.is_dir():
        return Check("shared memory", "ok", "not used on this system")
    free = shutil.disk_usage(folder).free
    text = f"{_gib(free)} free in {folder}"
    if free < LITTLE_SHARED:
        return Check("shared memory", "note", f"{text}: in Docker, give --shm-size=2g")
    return Check("shared memory", "ok", text)


def _open_files() -> Check:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FEW_FILES:
        most = "65536" if hard == resource.RLIM_INFINITY else str(hard)
        return Check(
            "open files", "note", f"{soft} at most: `ulimit -n {most}` before long studies"
        )
    return Check("open files", "ok", f"{soft} at most")


def _loopback() -> Check:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=5).close()
    except OSError as error:
        return Check("ports", "problem", f"127.0.0.1 cannot be reached ({error.strerror})")
    return Check("ports", "ok", "127.0.0.1 can be served on")


def _proxies(environ: Mapping[str, str]) -> Check:
    lower = {name.lower(): value for name, value in environ.items() if value}
    proxies = sorted(name for name in ("http_proxy", "https_proxy", "all_proxy") if name in lower)
    spared = [each.strip() for each in lower.get("no_proxy", "").split(",")]
    if proxies and not {"*", *LOCAL} & set(spared):
        advice = f"set no_proxy={','.join(LOCAL)}, or Ray and the pages may be asked for in vain"
        return Check("proxy", "note", f"{', '.join(proxies)} set: {advice}")
    return Check(
        "proxy", "ok", f"{', '.join(proxies)}, not for this machine" if proxies else "none"
    )


def _gpus() -> Check:
    import torch

    if torch.cuda.is_available():
        names = [
            torch.cuda.get_device_properties(each) for each in range(torch.cuda.device_count())
        ]
        return Check("GPU", "ok", ", ".join(f"{x.name} ({_gib(x.total_memory)})" for x in names))
    if torch.backends.mps.is_available():
        return Check("GPU", "ok", "Apple's, as one GPU")
    if shutil.which("nvidia-smi"):
        built = (
            f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
        )
        text = f"a driver of NVIDIA is here, and torch ({built}) finds no card: see nvidia-smi"
        return Check("GPU", "note", text)
    return Check("GPU", "ok", "none; trials train on the CPU")


def _wandb(environ: Mapping[str, str]) -> Check:
    """Whether there is a key; the key itself is nobody's business."""
    from netrc import NetrcParseError, netrc
    from urllib.parse import urlsplit

    server = urlsplit(environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        known = bool(environ.get("WANDB_API_KEY")) or netrc().authenticators(server) is not None
    except (OSError, NetrcParseError):
        known = False
    text = f"a key for {server} is there" if known else "no key: `wandb login`, for --wandb online"
    return Check("W&B", "ok", text)


def _mlflow() -> Check:
    """Its client, which is asked for by an extra."""
    client = version("mlflow-skinny")
    missing = 'no client: pip install "tune-studies[mlflow]", for --mlflow'
    return Check("MLflow", "ok", f"client {client}" if client else missing)


def _gib(size: float) -> str:
    return f"{size / GIB:.1f} GiB"
