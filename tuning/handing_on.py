"""The best network of a run, from Python."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning.spec.study import Study

if TYPE_CHECKING:  # it brings pandas
    from analysis.records.load import Run


def load_best(run: "str | Path | Run", study: Study | None = None) -> Any:
    """The best network of a run, a ``torch.nn.Module`` in evaluation mode on the CPU: of the best
    confirmed setting, or of the best of all where nothing was confirmed; of several seeds that of
    the best. ``run`` and ``study`` as for ``resume``.

    Raises:
        StudyError: the study's ``Task`` does not say how its network is built, or no checkpoint of
            it is there.
    """
    from tuning.engine.exported import network_of

    return network_of(run, study)[0]


def export(run: "str | Path | Run", folder: str | Path, study: Study | None = None) -> "list[Path]":
    """Write that network into a new or an empty folder for others to use: ``weights.safetensors``;
    where it can be traced ``network.pt2`` and ``predict.py``, which needs torch alone, and, with
    ``onnxscript`` installed, ``network.onnx``; ``README.md`` says what it is of and how good.
    Returns the paths. ``run`` and ``study`` as for ``resume``.

    Raises:
        StudyError: as ``load_best``, or the folder is not empty.
    """
    from tuning.engine.exported import export as write

    return write(run, Path(folder), study)
