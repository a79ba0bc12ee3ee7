"""What heavy layers calculate in, and the memory format in which they are fast."""

from functools import cache

import torch
from torch import Tensor

PRECISIONS = ("auto", "float32", "bfloat16")


def pick_precision(device: torch.device, wanted: str = "auto") -> torch.dtype:
    """What the heavy layers calculate in: as ``wanted``, one of PRECISIONS. "auto" is bfloat16 on
    processors that have it (faster, as accurate within sampling error), else float32.
    """
    if wanted != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[wanted]
    return torch.bfloat16 if device.type == "cpu" and _has_bfloat16() else torch.float32


@cache
def _has_bfloat16() -> bool:
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def channels_last(x: Tensor) -> Tensor:
    """(batch, 1, height, width), the same values in the memory format in which convolutions are
    fast.

    With one channel the strides of both formats are the same to PyTorch, and it takes the slow one
    unless they are spelled out.
    """
    _, _, height, width = x.shape
    return x.contiguous().as_strided(x.shape, (height * width, 1, width, 1))
