"""Where a run is shown besides its own records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuning.study import Study, WandbMode


@dataclass(frozen=True, kw_only=True)
class Mirrors:
    """What a session of a run mirrors to."""

    wandb: WandbMode
    tensorboard: bool


NO_MIRRORS = Mirrors(wandb="off", tensorboard=False)


def chosen_mirrors(study: Study, wandb: WandbMode | None, tensorboard: bool | None, spec: Mapping[str, Any] | None = None) -> Mirrors:
    """What the options say; where they say nothing, as in the session before (``spec``: its ``study.json``), else as the study says."""
    before = (spec or {}).get("mirrors", {"wandb": study.wandb, "tensorboard": study.tensorboard})
    return Mirrors(wandb=wandb or before["wandb"], tensorboard=before["tensorboard"] if tensorboard is None else tensorboard)
