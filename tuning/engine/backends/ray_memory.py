"""The peaks of trials, kept by Ray while they run: a process that is killed for its memory cannot
report any more.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import ray
from ray.experimental.internal_kv import (
    _internal_kv_del,
    _internal_kv_get,
    _internal_kv_put,
)

from analysis.text.memory import memory_words


def tell(trial: str, peaks: Mapping[str, Any]) -> None:
    """Called on the node of a trial."""
    _internal_kv_put(_key(trial), json.dumps(dict(peaks)).encode(), overwrite=True)


def told_words(trial: str) -> str:
    """What the process of a trial that failed had used, as an end of its error; empty where it told
    nothing. Asked once: the next attempt tells of itself.
    """
    with suppress(Exception):  # Ray's own store, which may be gone with its head
        if told := _internal_kv_get(_key(trial)):
            _internal_kv_del(_key(trial))
            return f"\n{memory_words(json.loads(told))}"
    return ""


def forget() -> None:
    """To be called once no trial runs any more."""
    with suppress(Exception):
        _internal_kv_del(_key(""), del_by_prefix=True)


def _key(trial: str) -> bytes:
    job = ray.get_runtime_context().get_job_id()
    return f"study-memory:{job}:{trial}".encode()
