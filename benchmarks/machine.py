"""What a measurement was made on."""

import os
from importlib import metadata
from pathlib import Path

from tuning.runs.provenance import provenance


def machine_line() -> str:
    """Processor, cores and versions in one line."""
    hardware = provenance(Path(__file__), {})["hardware"]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "ray", "numpy"))
    return f"{hardware['processor']}, {os.cpu_count()} cores; {versions}"
