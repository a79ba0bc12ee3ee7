"""How a study says where it is shown besides its own records."""

from typing import Literal

from tuning.spec.components import spec

WandbMode = Literal["off", "offline", "online"]
TITLES = {"wandb": "Weights & Biases", "tensorboard": "TensorBoard", "mlflow": "MLflow"}
"""Each mirror by the name of its module in ``tuning.mirrors``, in which ``sink(root, spec, mode,
seconds)`` makes its ``Sink``, and by that of its field in ``Mirrors``.
"""


@spec
class Mirrors:
    """Where a run is shown besides its own records. What a study says holds where an
    option, ``--wandb`` say, says nothing.
    """

    wandb: WandbMode = "off"
    """Whether it is mirrored to Weights & Biases: as files in its folder, or on the server."""
    tensorboard: bool = False
    """Whether it writes event files for TensorBoard."""
    mlflow: str = "off"
    """The http or https address of an MLflow server that it is mirrored to."""

    @property
    def modes(self) -> dict[str, str]:
        """The mirrors that are wanted, each with its mode."""
        return {
            name: "files" if mode is True else mode
            for name in TITLES
            if (mode := getattr(self, name)) not in (False, "off")
        }
