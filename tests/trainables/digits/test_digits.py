"""The digits: read right, split right, and damaged or missing files said in one line."""

import functools
import gzip
import hashlib
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from trainables.digits import data as digits_module
from trainables.digits.data import Digits, describe, load
from trainables.digits.mnist import MNIST_FILES

TRAINING_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]

needs_mnist = pytest.mark.skipif(
    not os.environ.get("STUDY_DATA"), reason="STUDY_DATA does not say where MNIST/raw/*.gz lies"
)


def _config(data: str = "mnist", data_root: str = "", data_seed: int = 0) -> dict[str, Any]:
    return {"data": data, "data_root": data_root, "data_seed": data_seed}


def _counts(part: tuple[Tensor, Tensor]) -> list[int]:
    return part[1].bincount(minlength=10).tolist()


def _copy_mnist(root: Path) -> Path:
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name in MNIST_FILES:
        shutil.copy(Path(os.environ["STUDY_DATA"], "MNIST", "raw", name), folder)
    return folder


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def mnist_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[http.server.HTTPServer]:
    """A mirror of MNIST on this machine, neither STUDY_DATA nor a cached copy."""
    handler = functools.partial(
        _Quiet, directory=str(Path(os.environ["STUDY_DATA"], "MNIST", "raw"))
    )
    digits_module._load.cache_clear()
    monkeypatch.delenv("STUDY_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(
            "torchvision.datasets.MNIST.mirrors", [f"http://127.0.0.1:{server.server_port}/"]
        )
        yield server
        server.shutdown()
    digits_module._load.cache_clear()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Neither STUDY_DATA nor a cached copy, and every download fails."""
    digits_module._load.cache_clear()
    monkeypatch.delenv("STUDY_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", ["http://127.0.0.1:9/"])
    yield tmp_path / "cache"
    digits_module._load.cache_clear()


@needs_mnist
def test_mnist_has_the_published_numbers_of_each_digit() -> None:
    digits = load(_config())
    assert digits.name == "MNIST"
    assert [
        a + b for a, b in zip(_counts(digits.training), _counts(digits.validation), strict=True)
    ] == TRAINING_COUNTS
    assert _counts(digits.test) == TEST_COUNTS


@needs_mnist
def test_mnist_images_are_the_original_bytes() -> None:
    digits = load(_config())
    test_images, test_labels = digits.test
    assert test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert (test_images.shape, test_images.dtype) == ((10_000, 28, 28), torch.uint8)
    pixels = torch.cat([digits.training[0], digits.validation[0]]).double() / 255
    # Mean and standard deviation that the literature gives for the 60,000 training images.
    assert (round(pixels.mean().item(), 4), round(pixels.std().item(), 4)) == (0.1307, 0.3081)


@needs_mnist
def test_validation_is_split_off_the_training_images_and_holds_each_digit_in_proportion() -> None:
    digits = load(_config())
    assert (len(digits.training[1]), len(digits.validation[1])) == (55_000, 5_000)
    expected = [count / 12 for count in TRAINING_COUNTS]
    assert all(
        abs(found - share) <= 1
        for found, share in zip(_counts(digits.validation), expected, strict=True)
    )


@needs_mnist
def test_the_split_depends_on_the_data_seed_alone() -> None:
    first, other = load(_config()), load(_config(data_seed=1))
    digits_module._load.cache_clear()
    assert torch.equal(load(_config()).validation[0], first.validation[0])
    assert not torch.equal(other.validation[0], first.validation[0])
    assert torch.equal(other.test[0], first.test[0])
    assert other.sha256 == first.sha256


def test_no_image_is_in_two_parts_of_optdigits() -> None:
    digits = load(_config("optdigits"))
    parts = [digits.training, digits.validation, digits.test]
    assert [len(labels) for _, labels in parts] == [1257, 180, 360]
    assert [sum(counts) for counts in zip(*map(_counts, parts), strict=True)] == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]
    hashes = [
        {hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in images}
        for images, _ in parts
    ]
    assert sum(map(len, hashes)) == len(set.union(*hashes)) == 1797


def test_optdigits_are_enlarged_to_the_size_and_range_of_mnist() -> None:
    images, _ = load(_config("optdigits")).training
    assert (images.shape, images.dtype) == ((1257, 28, 28), torch.uint8)
    assert (int(images.min()), int(images.max())) == (0, 255)


@pytest.mark.usefixtures("no_network")
def test_optdigits_need_no_folder_and_no_network() -> None:
    assert describe(_config("optdigits", data_root="")) == {
        "name": (
            "optdigits (scikit-learn's handwritten digits, 8 x 8 enlarged to 28 x 28), split by"
            " data seed 0"
        ),
        "training": 1257,
        "validation": 180,
        "test": 360,
        "classes": 10,
        "image_size": [28, 28],
        "sha256": "197802cae771eb688761a306101a9a2520c9797ae5bd769da46d372320f7569b",
        "licence": (
            "CC BY 4.0, as the UCI Machine Learning Repository states; of E. Alpaydin and C."
            " Kaynak, doi 10.24432/C50P49"
        ),
    }


@needs_mnist
def test_mnist_is_described_with_counts_and_checksum() -> None:
    raw = Path(os.environ["STUDY_DATA"], "MNIST", "raw")
    digest = hashlib.sha256()
    for name, start in zip(MNIST_FILES, (16, 8, 16, 8), strict=True):
        digest.update(gzip.decompress((raw / name).read_bytes())[start:])
    found = describe(_config())
    assert found["sha256"] == digest.hexdigest()
    assert (found["training"], found["validation"], found["test"]) == (55_000, 5_000, 10_000)
    assert found["licence"].startswith("CC BY-SA 3.0, as ")


@needs_mnist
def test_a_trial_in_the_same_process_reads_nothing_again() -> None:
    assert load(_config()) is load(_config())
    assert load(_config(data_root=os.environ["STUDY_DATA"])) is load(_config())


@needs_mnist
def test_a_read_only_folder_stays_as_it_was(tmp_path: Path) -> None:
    folder = _copy_mnist(tmp_path)
    load(_config(data_root=str(tmp_path)))
    assert {file.name for file in folder.iterdir()} == set(MNIST_FILES)


@needs_mnist
def test_all_damaged_and_missing_files_are_named_at_once_with_both_checksums(
    tmp_path: Path,
) -> None:
    folder = _copy_mnist(tmp_path)
    images, labels, missing = (folder / name for name in list(MNIST_FILES)[:3])
    images.write_bytes(images.read_bytes()[:1_000_000])
    damaged = bytearray(labels.read_bytes())
    damaged[100] ^= 1
    labels.write_bytes(damaged)
    missing.unlink()
    found = {file: hashlib.md5(file.read_bytes()).hexdigest() for file in (images, labels)}
    with pytest.raises(ValueError, match="is damaged") as error:
        load(_config(data_root=str(tmp_path)))
    assert (
        str(error.value) == f"{images} is damaged: its md5 is {found[images]}, it must be"
        f" f68b3c2dcbeaaa9fbdd348bbdeb94873. {labels} is damaged: its md5 is {found[labels]}, it"
        f" must be d53e105ee54ea40749a09fcbcd1e9432. {missing} is missing. Name a folder with"
        " MNIST/raw/*.gz (--set data_root=FOLDER), or use digits that need no download (--set"
        " data=optdigits)."
    )


def test_a_wrong_folder_is_one_line_that_names_both_ways_out(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError,
        match=(
            r"train-images-idx3-ubyte.gz is missing.*--set data_root=FOLDER.*--set data=optdigits"
        ),
    ) as error:
        load(_config(data_root=str(tmp_path)))
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_no_network_is_one_line_that_names_both_ways_out_and_leaves_nothing_half_written(
    no_network: Path,
) -> None:
    with pytest.raises(
        ValueError, match=r"cannot be downloaded.*--set data_root=FOLDER.*--set data=optdigits"
    ) as error:
        load(_config())
    assert "\n" not in str(error.value)
    assert not no_network.exists(), "not even an empty folder"


def test_a_wrong_folder_in_study_data_is_named_as_such(
    no_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(
        ValueError,
        match=(
            f"^STUDY_DATA={tmp_path}/nowhere: {tmp_path}/nowhere/MNIST/raw/train-images.* is"
            " missing"
        ),
    ):
        load(_config(data_root=""))
    with pytest.raises(ValueError, match=f"^{tmp_path}/else/MNIST/raw/train-images.* is missing"):
        load(_config(data_root=str(tmp_path / "else")))


@needs_mnist
def test_a_download_ends_in_the_cache_folder_and_happens_once(
    mnist_server: http.server.HTTPServer, tmp_path: Path
) -> None:
    assert len(load(_config()).test[1]) == 10_000
    files = {file for file in (tmp_path / "cache").rglob("*") if file.is_file()}
    assert files == {
        tmp_path / "cache" / "tune-studies" / "MNIST" / "raw" / name for name in MNIST_FILES
    }
    mnist_server.shutdown()
    assert len(load(_config(data_seed=1)).training[1]) == 55_000


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (
            torch.zeros(20, 32, 32, dtype=torch.uint8),
            torch.arange(20).to(torch.uint8) % 10,
            r"images are torch.uint8 \(20, 32, 32\)",
        ),
        (
            torch.zeros(20, 28, 28),
            torch.arange(20).to(torch.uint8) % 10,
            "images are torch.float32",
        ),
        (
            torch.zeros(20, 28, 28, dtype=torch.uint8),
            torch.arange(20).to(torch.uint8),
            "classes are .*, must be 0 to 9",
        ),
        (
            torch.zeros(20, 28, 28, dtype=torch.uint8),
            torch.arange(10).to(torch.uint8),
            "20 images have 10 labels",
        ),
    ],
)
def test_another_image_size_or_number_of_classes_is_refused(
    images: Tensor, labels: Tensor, said: str
) -> None:
    with pytest.raises(ValueError, match=f"letters does not fit .* training: .*{said}"):
        Digits(
            name="letters",
            sha256="",
            training=(images, labels),
            validation=(images, labels),
            test=(images, labels),
        )
