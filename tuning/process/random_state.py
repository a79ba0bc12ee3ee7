"""The global random generators of Python, numpy and torch, and the modes of torch, as parts of a
trial that take turns have them.
"""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tuning.process.torch_state import torch_modes


def seed_all(seed: int) -> None:
    """Seed the generators; those of torch, on every device, where it has been imported."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


class OwnState:
    """The generators and modes of one part of a trial, while others run in between."""

    def __init__(self, seed: int) -> None:
        self._seed, self._modes = seed, torch_modes()
        self._generators: tuple[Any, ...] | None = None
        self._of_torch: tuple[Any, ...] | None = None

    @contextmanager
    def set(self) -> Iterator[None]:
        """With the generators and the modes as this part left them; a block in which it leaves off
        is not one of the others.
        """
        outside = torch_modes()
        self._set_generators()
        self._modes()
        try:
            yield
        finally:
            self._keep_generators()
            self._modes = torch_modes()
            outside()

    def _set_generators(self) -> None:
        if self._generators is None:
            seed_all(self._seed)
            return
        random.setstate(self._generators[0])
        np.random.set_state(self._generators[1])
        if (torch := sys.modules.get("torch")) is None:
            return
        if self._of_torch is None:  # another part has imported it
            torch.manual_seed(self._seed)
        else:
            torch.set_rng_state(self._of_torch[0])
            if self._of_torch[1]:
                torch.cuda.set_rng_state_all(self._of_torch[1])

    def _keep_generators(self) -> None:
        self._generators = random.getstate(), np.random.get_state()
        if torch := sys.modules.get("torch"):
            on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
            self._of_torch = torch.get_rng_state(), on_gpus
