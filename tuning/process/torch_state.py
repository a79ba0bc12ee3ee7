"""What torch keeps for the whole process, of a process that has imported it."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tuning.process.kept import Setting, Undo, attribute, kept

# Of torch.backends, by where they lie; those that this torch lacks are passed over. Precisions that
# are set in the new way come last and the general ones first: each sets those after it as well.
_FLAGS = (
    *(("cudnn", name) for name in ("enabled", "benchmark", "deterministic", "allow_tf32")),
    *(
        ("cuda.matmul", name)
        for name in (
            "allow_tf32",
            "allow_fp16_reduced_precision_reduction",
            "allow_bf16_reduced_precision_reduction",
            "allow_fp16_accumulation",
        )
    ),
    ("mkldnn", "enabled"),
    ("mkldnn", "deterministic"),
    ("quantized", "engine"),
    ("opt_einsum", "enabled"),
    ("opt_einsum", "strategy"),
    *(
        (place, "fp32_precision")
        for place in ("", "cuda.matmul", "cudnn", "cudnn.conv", "cudnn.rnn")
        + ("mkldnn", "mkldnn.matmul", "mkldnn.conv", "mkldnn.rnn")
    ),
)
_ATTENTION = ("flash", "mem_efficient", "math", "cudnn")
_MODES = {
    "grad": True,
    "autocast cpu": False,
    "autocast cuda": False,
    "autocast depth": 0,
    "autocast cache": True,
}
"""What blocks of torch switch, by the names in ``_settings``, and how it is outside of them."""


def torch_state() -> Undo:
    """Puts back what torch keeps now; nothing where it has not been imported."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return lambda: None
    settings = kept(
        [*_settings(torch).values(), *_flags(torch), *_attention(torch), *_stacks(torch)]
    )
    tables = [vars(torch._tensor_str.PRINT_OPTS), *_hooks(torch)]
    contents = [table.copy() for table in tables]
    threads = torch.get_num_threads()

    def undo() -> None:
        settings()
        # Not one of the settings above: where another thread set it, that of a function that
        # reports, it holds for those that start later, and this one reads its own.
        torch.set_num_threads(threads)
        torch.clear_autocast_cache()  # torch does where the outermost block is left
        for table, content in zip(tables, contents, strict=True):
            table.clear()
            table.update(content)

    return undo


def torch_defaults() -> None:
    """Of a process in which a trial was the first to import torch: what it is after the import, but
    for the number of threads.
    """
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return
    defaults = {"dtype": torch.float32, "device": None, "deterministic": (False, False)}
    defaults |= {"precision": "highest", "anomaly": (False, True), "flush": False}
    _set_all(torch, defaults | _MODES)
    for _, leave_all_but in _stacks(torch):
        leave_all_but(0)
    torch.clear_autocast_cache()


def torch_modes() -> Undo:
    """Puts back what blocks such as ``with torch.autocast(...)`` have switched now: after it a part
    of a trial that stands within a block goes on in it, and others do not.
    """
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return _leave_modes
    dtypes = ("autocast dtype cpu", "autocast dtype cuda")
    settings = _settings(torch)
    return kept(settings[name] for name in (*_MODES, *dtypes))


def _leave_modes() -> None:
    if torch := sys.modules.get("torch"):
        _set_all(torch, _MODES)


def _set_all(torch: Any, values: Mapping[str, Any]) -> None:
    settings = _settings(torch)
    for name, value in values.items():
        settings[name][1](value)


def gpu_here() -> str | None:
    """What torch finds on this machine: "cuda", "mps", or "" for no GPU; None in a process that has
    not imported torch.
    """
    if "torch" not in sys.modules:
        return None
    from trainables.loop import best_gpu

    found = best_gpu()
    return found.type if found else ""


def _settings(torch: Any) -> dict[str, Setting]:
    """By the names that ``torch_defaults`` and ``torch_modes`` know."""
    settings: dict[str, Setting] = {
        "dtype": (torch.get_default_dtype, torch.set_default_dtype),
        "device": (lambda: _device(torch), torch.set_default_device),
        "deterministic": (
            lambda: _deterministic(torch),
            lambda value: torch.use_deterministic_algorithms(value[0], warn_only=value[1]),
        ),
        "precision": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        "grad": (torch.is_grad_enabled, torch.set_grad_enabled),
        "anomaly": (
            lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
            lambda value: torch.autograd.set_detect_anomaly(*value),
        ),
        "flush": (_flushes_denormals, torch.set_flush_denormal),
        "autocast depth": (lambda: _autocast_depth(torch), partial(_set_autocast_depth, torch)),
        "autocast cache": (torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled),
    }
    for kind in ("cpu", "cuda"):
        settings[f"autocast {kind}"] = (
            partial(torch.is_autocast_enabled, kind),
            partial(torch.set_autocast_enabled, kind),
        )
        settings[f"autocast dtype {kind}"] = (
            partial(torch.get_autocast_dtype, kind),
            partial(torch.set_autocast_dtype, kind),
        )
    return settings


def _autocast_depth(torch: Any) -> int:
    torch.autocast_increment_nesting()
    depth: int = torch.autocast_decrement_nesting()
    return depth


def _set_autocast_depth(torch: Any, depth: int) -> None:
    while _autocast_depth(torch) > depth:
        torch.autocast_decrement_nesting()
    while _autocast_depth(torch) < depth:
        torch.autocast_increment_nesting()


def _flushes_denormals() -> bool:
    """torch sets it for this processor, and has no function that reads it."""
    smallest = sys.float_info.min
    return smallest / 2 == 0


def _deterministic(torch: Any) -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _device(torch: Any) -> Any:
    """The default device that was set; None where none was, for which torch takes another way."""
    mode = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return None if mode is None else mode.device


def _flags(torch: Any) -> list[Setting]:
    found = []
    for place, name in _FLAGS:
        owner = torch.backends
        for part in filter(None, place.split(".")):
            owner = getattr(owner, part, None)
        found.append(attribute(owner, name))
    return found


def _attention(torch: Any) -> list[Setting]:
    """Which kernels of attention may be used."""
    cuda = torch.backends.cuda
    return [
        (getattr(cuda, f"{kernel}_sdp_enabled"), getattr(cuda, f"enable_{kernel}_sdp"))
        for kernel in _ATTENTION
    ]


def _stacks(torch: Any) -> list[Setting]:
    """Modes that were entered, such as that of ``with torch.device(...)``, and never left."""
    found: list[Setting] = []
    for kind in ("function", "dispatch"):
        length = getattr(torch._C, f"_len_torch_{kind}_stack")
        pop = getattr(torch._C, f"_pop_torch_{kind}_stack")
        key = (None,) if kind == "dispatch" else ()  # of a mode of torch's own; None: of any other
        found.append((length, partial(_leave, length, partial(pop, *key))))
    return found


def _leave(length: Callable[[], int], pop: Callable[[], Any], outer: int) -> None:
    while length() > outer:
        pop()


def _hooks(torch: Any) -> list[dict[Any, Any]]:
    """Those that every module calls."""
    known = vars(torch.nn.modules.module)
    return [
        known[name]
        for name in known
        if name.startswith("_global") and isinstance(known[name], dict)
    ]
