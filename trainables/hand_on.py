"""A trained network for others to use: its weights, the network itself where it can be traced, and
how to call it with torch alone.
"""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

PREDICT = '''"""Call the network with torch alone. ``python predict.py INPUT.pt OUTPUT.pt`` reads
and writes tensors of ``torch.save``; the first dimension of the input is the batch.
"""

import sys
from pathlib import Path

import torch


def load():
    return torch.export.load(Path(__file__).parent / "network.pt2").module()


def predict(network, x):
    with torch.no_grad():
        return network(x)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    x = torch.load(sys.argv[1], weights_only=True)
    torch.save(predict(load(), x), sys.argv[2])
'''
TOLERANCE = 1e-5
"""Between outputs before and after, of the order of the outputs themselves."""


def hand_on(network: nn.Module, example: Tensor, folder: Path) -> list[str]:
    """Write ``network``, in evaluation mode and on the CPU, into ``folder``; returns the names of
    the files.

    ``weights.safetensors``; where the network can be traced with ``example`` (batch, *features;
    other batches may be of any size) ``network.pt2`` (``torch.export``) and ``predict.py``; where
    ``onnxscript`` is installed too, ``network.onnx``. A file whose network gives other outputs for
    ``example`` than ``network`` itself is not written.
    """
    from safetensors.torch import save_file

    network = network.eval().cpu()
    weights = {name: value.detach().contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / "weights.safetensors")
    written = ["weights.safetensors"]
    if (traced := _traced(network, example)) is None:
        return written
    torch.export.save(traced, folder / "network.pt2")
    (folder / "predict.py").write_text(PREDICT, encoding="utf-8")
    return [*written, "network.pt2", "predict.py", *_onnx(traced, folder)]


def load_network(folder: Path) -> nn.Module:
    """The network that ``hand_on`` wrote into ``folder``, in evaluation mode.

    Raises:
        FileNotFoundError: there is none, or it could not be traced.
    """
    file = folder / "network.pt2"
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} is not there: the study hands on no network, or one that cannot be traced."
        )
    return torch.export.load(file).module()


def _traced(network: nn.Module, example: Tensor) -> Any:
    """The network as a program; None where it cannot be one, or gives other outputs."""
    batches = {0: torch.export.Dim.AUTO}
    # Two of a kind: a batch of one would be taken for a constant.
    two = torch.cat([example[:1], example[:1]])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = torch.export.export(network, (two,), dynamic_shapes=(batches,))
        with torch.no_grad():
            expected, found = network(example), traced.module()(example)
    except Exception:  # whatever torch cannot trace: it raises many kinds
        return None
    scale = max(1.0, float(expected.abs().max()))
    return traced if torch.allclose(expected, found, rtol=0, atol=TOLERANCE * scale) else None


def _onnx(traced: Any, folder: Path) -> list[str]:
    try:
        import onnxscript  # noqa: F401
    except ImportError:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(traced, f=folder / "network.onnx", dynamo=True, verbose=False)
    except Exception:  # an operation that ONNX lacks
        return []
    return ["network.onnx"]
