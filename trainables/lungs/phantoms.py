"""Generated chest phantoms: pictures with the difficulties of chest X-rays, for use where no X-rays
may be downloaded.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def draw_phantoms(count: int, size: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """``count`` phantoms and where their lungs are: images uint8 (count, size, size), bone bright
    and air dark, and masks, 1 = lung.

    Each has a body before a dark background, shoulders, spine, ribs, two lungs of varied shape and
    contrast, a heart that hides part of the left lung (on the right of the picture), shadows of
    disease in the lungs, a dark bubble of gas below them, uneven exposure and noise. No threshold
    finds the lungs: the background and the gas are as dark as they are. ``seed`` fixes all of it.
    """
    random = np.random.default_rng(seed)
    x, y = _grid(count, size, random)
    soft = 3.0 / size
    lungs = [_lung(x, y, side, random) for side in (-1, 1)]
    heart = _ellipse(x, y, (0.12, 0.28), (0.24, 0.30), 0.04, random)
    depths = [_edge(np.minimum(lung, -heart), soft) for lung in lungs]
    body = _edge(_body(x, y, random), soft)
    image = body * (0.55 + 0.12 * _edge(heart, 2 * soft) + _bones(x, y, random))
    for depth in depths:
        image -= depth * _uniform(random, count, 0.14, 0.40)
        image += depth * _disease(x, y, random)
    image -= body * 0.3 * _edge(_ellipse(x, y, (0.3, 0.85), (0.16, 0.08), 0.1, random), 2 * soft)
    masks = np.maximum(*depths) > 0.5
    return _expose(image, x, y, random), masks.astype(np.uint8)


def _uniform(random: np.random.Generator, count: int, low: float, high: float) -> Array:
    """One number per phantom, (count, 1, 1)."""
    return random.uniform(low, high, (count, 1, 1)).astype(np.float32)


def _grid(count: int, size: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Where each pixel lies in its phantom, x to the right and y down, (count, size, size), about
    -1 to 1: phantoms lie a little askew.
    """
    ticks = np.linspace(1 / size - 1, 1 - 1 / size, size, dtype=np.float32)
    angle, zoom = _uniform(random, count, -0.1, 0.1), _uniform(random, count, 0.9, 1.15)
    across, down = (
        ticks + _uniform(random, count, -0.08, 0.08),
        ticks[:, None] + _uniform(random, count, -0.08, 0.08),
    )
    return zoom * (np.cos(angle) * across - np.sin(angle) * down), zoom * (
        np.sin(angle) * across + np.cos(angle) * down
    )


def _edge(depth: Array, soft: float) -> Array:
    """1 inside (depth above 0), 0 outside, with a border of about that width between them."""
    return 1 / (1 + np.exp(np.clip(-4 / soft * depth, -30, 30)))


def _ellipse(
    x: Array,
    y: Array,
    centre: tuple[float, float],
    radii: tuple[float, float],
    spread: float,
    random: np.random.Generator,
) -> Array:
    """How far inside an ellipse each pixel is; its centre and its radii vary by ``spread``."""
    count = len(x)
    across = (x - centre[0] - _uniform(random, count, -spread, spread)) / _uniform(
        random, count, radii[0] - spread, radii[0] + spread
    )
    down = (y - centre[1] - _uniform(random, count, -spread, spread)) / _uniform(
        random, count, radii[1] - spread, radii[1] + spread
    )
    return min(radii) * (1 - np.hypot(across, down))


def _lung(x: Array, y: Array, side: int, random: np.random.Generator) -> Array:
    """How far inside the lung each pixel is: narrow at the top, cut off by the dome of the
    diaphragm; ``side`` -1: left in the picture.
    """
    count = len(x)
    top, bottom = _uniform(random, count, -0.85, -0.60), _uniform(random, count, 0.40, 0.75)
    progress = np.clip((y - top) / (bottom - top), 0, 1.2)
    inner = _uniform(random, count, 0.09, 0.17)
    widest = _uniform(random, count, 0.42, 0.56)
    bulge = 1 + _uniform(random, count, -0.08, 0.08) * np.sin(
        6 * y + _uniform(random, count, 0, 6.28)
    )
    outer = inner + widest * bulge * progress**0.4 * (
        1 - _uniform(random, count, 0.0, 0.2) * progress
    )
    middle, half = (inner + outer) / 2, (outer - inner) / 2
    dome = bottom - _uniform(random, count, 0.05, 0.20) * (1 - ((side * x - middle) / 0.3) ** 2)
    return np.minimum(np.minimum(half - np.abs(side * x - middle), dome - y), y - top)


def _body(x: Array, y: Array, random: np.random.Generator) -> Array:
    """How far inside the body each pixel is: a trunk with shoulders and a neck."""
    count = len(x)
    trunk = _uniform(random, count, 0.72, 0.95) - np.abs(x)
    neck_and_shoulders = (
        y + _uniform(random, count, 0.75, 0.9) + 0.25 * np.exp(-((x / 0.25) ** 2)) - 0.25 * x**2
    )
    return np.minimum(trunk, neck_and_shoulders)


def _bones(x: Array, y: Array, random: np.random.Generator) -> Array:
    """How much brighter bones make each pixel: the spine, and ribs that fall to the sides."""
    count = len(x)
    spine = _uniform(random, count, 0.08, 0.18) * np.exp(
        -((x / _uniform(random, count, 0.06, 0.1)) ** 2)
    )
    phase = _uniform(random, count, 13, 19) * (
        y - _uniform(random, count, 0.3, 0.6) * np.abs(x) ** 1.5
    )
    ribs = _uniform(random, count, 0.03, 0.12) * np.clip(
        np.sin(phase + _uniform(random, count, 0, 6.28)), 0, 1
    )
    return spine + ribs


def _disease(x: Array, y: Array, random: np.random.Generator) -> Array:
    """A bright cloud somewhere in the chest; in every other phantom or so it is too faint to
    see.
    """
    count = len(x)
    across, down = x - _uniform(random, count, -0.5, 0.5), y - _uniform(random, count, -0.5, 0.4)
    strength = np.maximum(_uniform(random, count, -0.2, 0.3), 0)
    return strength * np.exp(-(across**2 + down**2) / _uniform(random, count, 0.01, 0.06))


def _expose(image: Array, x: Array, y: Array, random: np.random.Generator) -> NDArray[np.uint8]:
    """The picture that a detector takes: uneven exposure, contrast that differs from phantom to
    phantom, noise; 0 to 255.
    """
    count = len(x)
    uneven = 1 + _uniform(random, count, -0.2, 0.2) * x + _uniform(random, count, -0.2, 0.2) * y
    noise = random.standard_normal(image.shape, np.float32) * _uniform(random, count, 0.02, 0.08)
    seen = np.clip(0.05 + image * uneven, 0, 1) ** _uniform(random, count, 0.7, 1.5)
    return (
        (255 * np.clip(seen * _uniform(random, count, 0.8, 1.2) + noise, 0, 1))
        .round()
        .astype(np.uint8)
    )
