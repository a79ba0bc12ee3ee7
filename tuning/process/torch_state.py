"""What torch keeps for the whole process, of a process that has imported it."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

# Flags of torch.backends, by where they lie; those that this torch lacks are passed over.
_FLAGS = (
    *(("cudnn", name) for name in ("enabled", "benchmark", "deterministic", "allow_tf32")),
    *(
        ("cuda.matmul", name)
        for name in (
            "allow_tf32",
            "allow_fp16_reduced_precision_reduction",
            "allow_bf16_reduced_precision_reduction",
        )
    ),
    ("mkldnn", "enabled"),
    ("quantized", "engine"),
)


def torch_state() -> Callable[[], object]:
    """Puts back what torch keeps now; nothing where it has not been imported."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return lambda: None
    settings = _settings(torch)
    flags = [(owner, name, getattr(owner, name)) for owner, name in _flags(torch)]
    printing = vars(torch._tensor_str.PRINT_OPTS).copy()

    def undo() -> None:
        _set(torch, settings)
        for owner, name, value in flags:
            if getattr(owner, name) != value:
                setattr(owner, name, value)
        vars(torch._tensor_str.PRINT_OPTS).update(printing)

    return undo


def torch_defaults() -> None:
    """Of a process in which a trial was the first to import torch: what it is after the import, but
    for the number of threads.
    """
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        _set(
            torch,
            _settings(torch)
            | {
                "dtype": torch.float32,
                "device": None,
                "deterministic": (False, False),
                "grad": True,
            },
        )


def gpu_here() -> str | None:
    """What torch finds on this machine: "cuda", "mps", or "" for no GPU; None in a process that has
    not imported torch.
    """
    if "torch" not in sys.modules:
        return None
    from trainables.loop import best_gpu

    found = best_gpu()
    return found.type if found else ""


def seed_torch(seed: int) -> None:
    """Seed the generators of every device."""
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def _settings(torch: Any) -> dict[str, Any]:
    """What has a function to read it and one to set it, by the names that ``_set`` knows."""
    return {
        "dtype": torch.get_default_dtype(),
        "device": _device(torch),
        "threads": torch.get_num_threads(),
        "deterministic": _deterministic(torch),
        "precision": torch.get_float32_matmul_precision(),
        "grad": torch.is_grad_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
    }


def _set(torch: Any, settings: Mapping[str, Any]) -> None:
    torch.set_default_dtype(settings["dtype"])
    if _device(torch) != settings["device"]:
        torch.set_default_device(settings["device"])
    if torch.get_num_threads() != settings["threads"]:
        torch.set_num_threads(settings["threads"])
    if _deterministic(torch) != settings["deterministic"]:  # to set it imports torch's compiler
        enabled, warns = settings["deterministic"]
        torch.use_deterministic_algorithms(enabled, warn_only=warns)
    if torch.get_float32_matmul_precision() != settings["precision"]:
        torch.set_float32_matmul_precision(settings["precision"])
    torch.set_grad_enabled(settings["grad"])
    torch.autograd.set_detect_anomaly(settings["anomaly"])


def _deterministic(torch: Any) -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _device(torch: Any) -> Any:
    """The default device that was set; None where none was, for which torch takes another way."""
    mode = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return None if mode is None else mode.device


def _flags(torch: Any) -> list[tuple[Any, str]]:
    found = []
    for place, name in _FLAGS:
        owner = torch.backends
        for part in place.split("."):
            owner = getattr(owner, part, None)
        if owner is not None and hasattr(owner, name):
            found.append((owner, name))
    return found
