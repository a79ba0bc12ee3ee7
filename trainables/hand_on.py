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
    return [*written, "network.pt2", "predict.py", *_onnx(traced, example, folder)]


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
    return traced if _agree(expected, found) else None


def _agree(expected: Tensor, found: Tensor) -> bool:
    scale = max(1.0, float(expected.abs().max()))
    return torch.allclose(expected, found, rtol=0, atol=TOLERANCE * scale)


def _onnx(traced: Any, example: Tensor, folder: Path) -> list[str]:
    try:
        import onnxscript  # noqa: F401
    except ImportError:
        return []
    file = folder / "network.onnx"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The weights in the file itself: nobody misses a second one that was left behind.
            torch.onnx.export(traced, f=file, dynamo=True, verbose=False, external_data=False)
            agree = _agree(traced.module()(example).detach(), _called(file, example))
    except Exception:  # an operation that ONNX lacks
        agree = False
    if not agree:
        file.unlink(missing_ok=True)
    return [file.name] if agree else []


def _called(file: Path, example: Tensor) -> Tensor:
    """What the network in an ONNX file gives for ``example``."""
    from onnx.reference import ReferenceEvaluator

    network = ReferenceEvaluator(str(file))
    (output,) = network.run(None, {network.input_names[0]: example.numpy()})
    return torch.from_numpy(output)
