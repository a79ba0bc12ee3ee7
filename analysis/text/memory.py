"""Amounts of memory in words."""

from collections.abc import Mapping
from typing import Any


def bytes_text(amount: float) -> str:
    """``312 MB``, ``1.25 GB``: powers of ten, three figures."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if amount >= 0.9995 * size:
            return f"{amount / size:#.3g}".rstrip(".") + f" {unit}"
    return f"{amount / 1e6:.2g} MB"


def memory_words(cost: Mapping[str, Any]) -> str:
    """What a trial used at most of memory and GPU, and what there is, as far as ``cost`` (of a row
    of ``epochs.jsonl``) says; empty where it says nothing.
    """
    words = [
        _words("Memory", cost.get("memory"), cost.get("memory_total"), cost.get("memory_free")),
        _words("GPU memory", cost.get("gpu_memory"), cost.get("gpu_total")),
    ]
    return " ".join(filter(None, words))


def _words(what: str, used: Any, total: Any, free: Any = None) -> str:
    if used is None or total is None:
        return ""
    left = f"; {bytes_text(free)} of it were free at the least" if free is not None else ""
    used, total = bytes_text(used), bytes_text(total)
    return f"{what}: the trial used {used} at most when sampled, and there are {total}{left}."
