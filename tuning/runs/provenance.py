"""What a number depends on besides the study: code, packages, hardware."""

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tuning.process.installed import version
from tuning.runs.distributions import distributions

PACKAGES = ("tune-studies", "ray", "torch", "torchvision", "optuna", "numpy", "pandas", "scipy")


def provenance(source: Path, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Commit of the repository that ``source`` lies in (None outside one), versions of ``PACKAGES``
    and of those that the study's own ``files`` import, and the driver's hardware.
    """
    return _about(source, [*PACKAGES, *distributions(files)])


def changed_since(was: Mapping[str, Any], source: Path) -> list[str]:
    """What is not as an earlier ``provenance`` says, of what numbers can depend on: commit,
    packages that it names, processor.
    """
    named = was.get("packages")
    packages = {**dict.fromkeys(PACKAGES), **(named if isinstance(named, Mapping) else {})}
    then, now = _flat(was), _flat(_about(source, packages))
    keys = [
        key
        for key in then | now
        if key == "commit" or key == "python" or key.startswith(("packages.", "hardware.processor"))
    ]
    return [
        f"{key.partition('.')[2] or key} was {then.get(key)}, now it is {now.get(key)}"
        for key in keys
        if then.get(key) != now.get(key)
    ]


def _about(source: Path, packages: Iterable[str]) -> dict[str, Any]:
    return {
        "commit": _commit(source.parent if source.is_file() else source),
        "python": platform.python_version(),
        "packages": {name: found for name in packages if (found := version(name))},
        "hardware": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gib": _memory_gib(),
            "system": platform.platform(),
        },
    }


def _commit(folder: Path) -> str | None:
    """The commit, with ``+`` behind it where files differ from it."""
    head = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return head + ("+" if changed else "") if head else None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None


def _flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        flat |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
        )
    return flat
