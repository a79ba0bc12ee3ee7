"""Images changed a little, so that a network never sees the same one twice."""

import torch
from torch import Tensor
from torch.nn import functional as F

ROTATION, SCALE, SHIFT = 0.24, 0.16, 0.1
"""The most that an image is moved: radians, share of the size, share of the side."""
CONTRAST, BRIGHTNESS, SHADE, TONE = 0.25, 0.25, 0.4, 0.2
"""The most that its values change: share of the contrast, standard deviations everywhere, standard
deviations at each point of a grid of ``SHADES`` times ``SHADES`` (smooth between them), and how
much of their own square is added (up to 0.22 what was lighter stays lighter).
"""
SHADES = 4
CHANGES = 7 + SHADES**2


def draw_changes(samples: int, seed: int) -> Tensor:
    """What ``augment`` does to each image, (samples, CHANGES), each -1 to 1: rotation, scale, shift
    across and down, contrast, brightness, tone, shade at each point of the grid.
    """
    return torch.rand(samples, CHANGES, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def augment(images: Tensor, masks: Tensor, changes: Tensor) -> tuple[Tensor, Tensor]:
    """Standardised images and masks, both (n, 1, size, size), moved alike, the images also
    retouched: exposure, hardness of the rays and shadows differ from one X-ray to the next.
    ``changes`` is (n, CHANGES), 0 for none.
    """
    moved = _moved(torch.cat([images, masks], 1), changes[:, :4])
    return _retouched(moved[:, :1], changes[:, 4:]), (moved[:, 1:] >= 0.5).float()


def _moved(images: Tensor, changes: Tensor) -> Tensor:
    angle, zoom = ROTATION * changes[:, 0], 1 + SCALE * changes[:, 1]
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    # The grid goes from -1 to 1, so a share of the side counts twice.
    across, down = 2 * SHIFT * changes[:, 2], 2 * SHIFT * changes[:, 3]
    rows = [torch.stack([cosine, -sine, across], 1), torch.stack([sine, cosine, down], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _retouched(images: Tensor, changes: Tensor) -> Tensor:
    contrast, brightness, tone = (changes[:, i, None, None, None] for i in range(3))
    shade = F.interpolate(
        changes[:, 3:].reshape(-1, 1, SHADES, SHADES), images.shape[2:], mode="bicubic"
    )
    images = images * (1 + CONTRAST * contrast) + BRIGHTNESS * brightness + SHADE * shade
    return images + TONE * tone * (images.square() - 1).clamp(max=4)
