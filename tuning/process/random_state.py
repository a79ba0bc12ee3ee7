"""The global random generators of Python, numpy and torch: seeded, kept, put back."""

import random
import sys
from typing import Any

import numpy as np


class RandomState:
    """The generators as the training of one seed has them, while those of others run in between."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._kept: tuple[Any, ...] | None = None
        self._of_torch: tuple[Any, ...] | None = None

    def set(self) -> None:
        """Put the generators where this seed left them; seed them at first, those of torch once it
        has been imported.
        """
        if self._kept is None:
            random.seed(self._seed)
            np.random.seed(self._seed % 2**32)
        else:
            random.setstate(self._kept[0])
            np.random.set_state(self._kept[1])
        if (torch := sys.modules.get("torch")) is None:
            return
        if self._of_torch is None:
            torch.manual_seed(self._seed)
        else:
            torch.set_rng_state(self._of_torch[0])
            if self._of_torch[1]:
                torch.cuda.set_rng_state_all(self._of_torch[1])

    def keep(self) -> None:
        """Remember where they are now."""
        self._kept = random.getstate(), np.random.get_state()
        if torch := sys.modules.get("torch"):
            on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
            self._of_torch = torch.get_rng_state(), on_gpus
