"""The U-Net that outlines lungs, its losses and its predictions.

O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", MICCAI 2015.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.precision import channels_last
from trainables.precision import pick_precision as pick_cpu_precision

LOSSES = ("cross_entropy", "cross_entropy_dice")
PREDICTION_BATCH = 16


class UNet(nn.Module):
    """(batch, 1, height, width) -> (batch, 1, height, width), the logit of "lung" for each pixel.

    ``levels`` resolutions, each half of the one above, with ``base_channels`` channels at the top
    and twice as many at each level below: levels=1 is one block of two 3 x 3 convolutions, levels=4
    with 16 channels has 16, 32, 64, 128. ``dropout`` is the share of channels that are dropped at
    the bottom in training, where the authors of the U-Net drop too. ``precision`` is what
    ``pick_precision`` is asked for.

    Unlike the first U-Net: borders are padded, so that the output is as large as the input; a 1 x 1
    convolution and a doubling of pixels take the place of the transposed convolution, which takes
    four times the work; and batch norm follows each convolution. Group norm would need no running
    statistics, but its backward pass takes 40 % of a step in channels_last and bfloat16. Batch norm
    does not get in the way of an exact resume either (its statistics are part of ``state_dict``),
    nor of small batches (each image counts thousands of pixels).
    """

    def __init__(
        self, base_channels: int, levels: int, dropout: float = 0.0, precision: str = "auto"
    ) -> None:
        super().__init__()
        self.step, self.precision = _step(levels), precision
        channels = [base_channels << level for level in range(levels)]
        self.down = nn.ModuleList(_block(*ends) for ends in pairwise([1, *channels]))
        self.dropout = nn.Dropout2d(dropout)
        self.narrow = nn.ModuleList(nn.Conv2d(2 * count, count, 1) for count in channels[:-1])
        self.up = nn.ModuleList(_block(2 * count, count) for count in channels[:-1])
        self.head = nn.Conv2d(base_channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        x = self.dropout(skips.pop())
        for skip, narrow, block in reversed(list(zip(skips, self.narrow, self.up, strict=True))):
            x = block(torch.cat([skip, F.interpolate(narrow(x), scale_factor=2.0)], 1))
        return self.head(x)


class Average(nn.Module):
    """(batch, 1, height, width) -> (batch, 1, height, width), float32, the mean of the logits of
    some U-Nets of the same shape.

    B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and Scalable Predictive Uncertainty
    Estimation using Deep Ensembles", NIPS 2017.
    """

    def __init__(self, networks: Sequence[UNet]) -> None:
        super().__init__()
        self.step, self.precision = networks[0].step, networks[0].precision
        self.networks = nn.ModuleList(networks)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([network(x).float() for network in self.networks]).mean(0)


def _block(channels_in: int, channels_out: int) -> nn.Sequential:
    """(batch, channels_in, h, w) -> (batch, channels_out, h, w)."""
    layers: list[nn.Module] = []
    for count in (channels_in, channels_out):
        # The norm that follows would take a bias away again.
        layers += [
            nn.Conv2d(count, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _step(levels: int) -> int:
    """What the sides of images must be a multiple of, to be halved levels - 1 times."""
    return 2 ** (levels - 1)


def size_problem(image_size: int, levels: int) -> str | None:
    """One sentence if images of that side length in pixels cannot be halved levels - 1 times down
    to 2 pixels or more; else None.
    """
    step = _step(levels)
    if image_size % step == 0 and image_size >= 2 * step:
        return None
    return (
        f"image_size={image_size} does not fit levels={levels}: it must be a multiple of {step},"
        f" {2 * step} or more, to be halved {levels - 1} times. Choose"
        f" image_size={max(image_size // step, 2) * step} or fewer levels."
    )


def pick_precision(device: torch.device, wanted: str = "auto") -> torch.dtype:
    """What convolutions calculate in: as ``wanted``, one of PRECISIONS. "auto" is bfloat16 where
    the device has it (faster, as accurate within sampling error), else float32.
    """
    if wanted == "auto" and device.type == "cuda":
        return (
            torch.bfloat16
            if torch.cuda.is_bf16_supported(including_emulation=False)
            else torch.float32
        )
    return pick_cpu_precision(device, wanted)


def logits_of(network: UNet | Average, x: Tensor) -> Tensor:
    """(batch, 1, height, width) -> the same, float32; calculated in the memory format in which the
    device is fast, and in the network's precision.
    """
    precision = pick_precision(x.device, network.precision)
    with torch.autocast(x.device.type, precision, enabled=precision != torch.float32):
        return network(channels_last(x)).float()


def standardised(images: Tensor) -> Tensor:
    """uint8 (n, height, width) -> float32 (n, 1, height, width), each with mean 0 and standard
    deviation 1, for exposure varies.
    """
    images = images.float().unsqueeze(1)
    deviation, mean = torch.std_mean(images, (1, 2, 3), keepdim=True)
    return (images - mean) / deviation.clamp(min=1)


def losses_of(logits: Tensor, masks: Tensor, loss: str) -> Tensor:
    """One loss per image: logits and masks, 1 = lung, (n, 1, height, width) -> (n,).

    "cross_entropy" is the mean over pixels; "cross_entropy_dice" adds 1 - 2 sum(p y) / (sum(p) +
    sum(y)) with the probabilities p and the masks y, one minus the soft Dice of the lungs (after F.
    Milletari, N. Navab, S.-A. Ahmadi, "V-Net: Fully Convolutional Neural Networks for Volumetric
    Medical Image Segmentation", 3DV 2016).
    """
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none").mean((1, 2, 3))
    if loss == "cross_entropy":
        return entropy
    probabilities = logits.sigmoid()
    overlap, total = (probabilities * masks).sum((1, 2, 3)), (probabilities + masks).sum((1, 2, 3))
    return entropy + 1 - 2 * overlap / total


def predict(network: UNet | Average, images: Tensor) -> Tensor:
    """The outlines of ``evaluate`` alone."""
    return evaluate(network, images)[0]


@torch.no_grad()
def evaluate(network: UNet | Average, images: Tensor) -> tuple[Tensor, Tensor]:
    """Images (n, 1, height, width) -> outlines, bool (n, height, width) on the CPU, where lung is
    more likely than not, as ``two_lungs`` tidies it; and the logits of the images in their own
    size, (n, 1, height, width). The network is left in evaluation mode.

    Outlines are those of the mean of two logits: of the images, and of the images a quarter larger,
    as near as they can be halved. Outlines found at two sizes are closer to the truth (after L.-C.
    Chen, G. Papandreou, I. Kokkinos, K. Murphy, A. L. Yuille, "DeepLab", TPAMI 2018).
    """
    network.eval()
    lungs, logits = [], []
    for part in images.split(PREDICTION_BATCH):
        own, mean = _logits_at_two_sizes(network, part)
        lungs.append(mean.squeeze(1) > 0)
        logits.append(own)
    return two_lungs(torch.cat(lungs).cpu()), torch.cat(logits)


def _logits_at_two_sizes(network: UNet | Average, images: Tensor) -> tuple[Tensor, Tensor]:
    """Of the images in their own size, and the mean of both sizes."""
    size, own = images.shape[2:], logits_of(network, images)
    larger = F.interpolate(
        images, [round(1.25 * side / network.step) * network.step for side in size], mode="bicubic"
    )
    return (
        own,
        (own + F.interpolate(logits_of(network, larger), size, mode="bilinear", antialias=True))
        / 2,
    )


def two_lungs(masks: Tensor) -> Tensor:
    """bool (n, height, width), on the CPU -> the same with the two largest connected regions of
    each alone, their holes filled.

    There are two lungs, and no holes in them: specks elsewhere and gaps inside are mistakes that
    can be told from the mask alone.
    """
    return torch.stack([torch.from_numpy(_two_largest(mask)) for mask in masks.numpy()])


def _two_largest(mask: np.ndarray) -> np.ndarray:
    regions, count = ndimage.label(mask)
    sizes = np.bincount(regions.ravel(), minlength=count + 1)[1:]
    largest = 1 + np.argsort(-sizes, kind="stable")[:2]
    return ndimage.binary_fill_holes(np.isin(regions, largest))
