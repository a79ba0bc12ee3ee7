"""The four original files of MNIST: found, downloaded once, and read."""

import contextlib
import gzip
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

SIZE = 28
"""The side of an image, in pixels."""
WAYS_OUT = (
    "Name a folder with MNIST/raw/*.gz (--set data_root=FOLDER), or use digits that need no"
    " download (--set data=optdigits)."
)
# File name -> (md5 of the file, bytes before the first value).
MNIST_FILES: Mapping[str, tuple[str, int]] = {
    "train-images-idx3-ubyte.gz": ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 16),
    "train-labels-idx1-ubyte.gz": ("d53e105ee54ea40749a09fcbcd1e9432", 8),
    "t10k-images-idx3-ubyte.gz": ("9fb629c4189551a2d022fa330f9573f3", 16),
    "t10k-labels-idx1-ubyte.gz": ("ec29112dd5afa0611ce80d1b7f02629c", 8),
}


def find_mnist(root: str) -> Path:
    """The folder that holds ``MNIST/raw/*.gz``: ``root``, or for "" the user's cache folder, to
    which MNIST is downloaded once.

    Raises:
        ValueError: the download failed.
    """
    return Path(root) if root else _download_mnist()


def read_mnist(root: Path) -> list[Tensor]:
    """Images (n, 28, 28) and labels (n,) for training, then those for the test, uint8.

    Raises:
        ValueError: a file is missing or damaged.
    """
    files = [root / "MNIST" / "raw" / name for name in MNIST_FILES]
    if problems := [problem for file in files if (problem := _file_problem(file))]:
        raise ValueError(" ".join([*problems, WAYS_OUT]))
    return [_read_idx(file) for file in files]


def _file_problem(file: Path) -> str | None:
    if not file.is_file():
        return f"{file} is missing."
    expected, found = MNIST_FILES[file.name][0], hashlib.md5(file.read_bytes()).hexdigest()
    return (
        None
        if found == expected
        else f"{file} is damaged: its md5 is {found}, it must be {expected}."
    )


def _read_idx(file: Path) -> Tensor:
    """Images (n, 28, 28) or labels (n,), uint8."""
    start = MNIST_FILES[file.name][1]
    values = np.frombuffer(bytearray(gzip.decompress(file.read_bytes())), np.uint8, offset=start)
    return torch.from_numpy(values.reshape(-1, SIZE, SIZE) if "images" in file.name else values)


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tune-studies"


def _download_mnist() -> Path:
    """The user's cache folder, with MNIST in it.

    Downloaded aside and moved file by file, so that an interrupted download, or two at a time,
    leave nothing half-written.
    """
    root = _cache_folder()
    folder = root / "MNIST" / "raw"
    if any(_file_problem(folder / name) for name in MNIST_FILES):
        # Takes a second to import, and only a download needs it.
        from torchvision.datasets import MNIST

        made = [each for each in (folder, *folder.parents) if not each.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=root) as aside:
                MNIST(aside, download=True)
                for name in MNIST_FILES:
                    os.replace(Path(aside, "MNIST", "raw", name), folder / name)
        except (OSError, RuntimeError) as error:
            for each in made:
                with contextlib.suppress(OSError):
                    each.rmdir()
            reason = " ".join(str(error).split())
            raise ValueError(
                f"MNIST is not in {folder} and cannot be downloaded ({reason}). {WAYS_OUT}"
            ) from error
    return root
