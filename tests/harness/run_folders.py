"""Writes run folders by hand, as the tests need them: what the recorder would write, without
training anything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from analysis.records.lines import finite
from analysis.records.load import RunPaths

SPEC: dict[str, Any] = {
    "schema": 2,
    "name": "bowls",
    "question": "Does width help?",
    "space": {"width": {"values": [1, 2]}},
    "fixed": {"noise": 0.1},
    "search": {"kind": "grid"},
    "seeds": [0, 1, 2],
    "seeds_per_trial": 3,
    "metric": "accuracy",
    "mode": "max",
    "epochs": 2,
    "target": None,
    "published": None,
    "resources": {"cpus": 1, "gpus": 0},
    "trials": 2,
    "data": {"name": "bowls, generated", "training": 40, "evaluation": 20, "sha256": "ab" * 32},
    "overrides": {},
    "command": "study run bowls",
    "provenance": {"commit": "0123456", "packages": {"torch": "2.9.0"}, "hardware": {"cpus": 2}},
    "started": "2026-01-02T03:04:05Z",
}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial: ``epochs`` holds the metrics of each epoch, each a number or one number per seed.

    ``name``: its id, else ``t0000`` and on; ``began``: unix time, else its epochs are dated as
    text; ``pace``: seconds per epoch.
    """

    params: Mapping[str, Any]
    epochs: Sequence[Mapping[str, Any]]
    seeds: Sequence[int] = (0, 1, 2)
    status: str = "completed"
    error: str | None = None
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    name: str | None = None
    phase: str | None = None
    rung: int | None = None
    attempt: int = 1
    began: float | None = None
    pace: float = 0.1


def write_run(folder: Path, trials: Sequence[Trial], /, **spec: Any) -> Path:
    """A run folder with these trials, ``t0000`` and on; ``spec`` replaces entries of ``SPEC``."""
    paths = RunPaths(folder)
    folder.mkdir(parents=True, exist_ok=True)
    content = {**SPEC, "trials": len(trials), **spec}
    paths.study.write_text(json.dumps(content), encoding="utf-8")
    named = [(trial.name or f"t{number:04d}", trial) for number, trial in enumerate(trials)]
    paths.trials.write_text(
        "".join(_trial_line(name, trial, content["fixed"]) for name, trial in named),
        encoding="utf-8",
    )
    with paths.epochs.open("w", encoding="utf-8") as file:
        for name, trial in named:
            file.writelines(
                _epoch_line(name, trial, epoch, metrics)
                for epoch, metrics in enumerate(trial.epochs, start=1)
            )
            _write_arrays(paths.arrays(name), trial.arrays)
    return folder


def scores(final: Any, epochs: int = 2, **others: Any) -> list[dict[str, Any]]:
    """Epochs that end at ``final`` (a number per seed) and have half of it before."""
    last = np.asarray(final, dtype=float)
    return [
        {"accuracy": (last * (1.0 if epoch == epochs - 1 else 0.5)).tolist(), **others}
        for epoch in range(epochs)
    ]


def xor_like(folder: Path, seeds: int = 100, epochs: int = 100, **spec: Any) -> Path:
    """12 settings, accuracies in clumps at 0.5, 0.75 and 1.0, learning curves, decision surfaces;
    always the same numbers.
    """
    rng = np.random.default_rng(1)
    shares = {1: [0.35, 0.2, 0.15, 0.1], 2: [0.5, 0.65, 0.6, 0.5], 3: [0.85, 0.95, 0.95, 0.77]}
    weights = {1: [5, 7, 9, 11], 2: [9, 15, 21, 27], 3: [13, 25, 37, 49]}
    trials = [
        _xor_trial(rng, width, depth, shares[width][depth], weights[width][depth], seeds, epochs)
        for width in shares
        for depth in range(4)
    ]
    space = {"width": {"values": [1, 2, 3]}, "depth": {"values": [0, 1, 2, 3]}}
    published = {
        "source": "A report of 2024",
        "note": "three runs per setting",
        "runs": 3,
        "rows": _PUBLISHED,
    }
    about = {
        "name": "xor_width_depth",
        "question": "Does width or depth help a small network learn continuous XOR?",
        "target": 0.99,
    }
    sizes = {"seeds": list(range(seeds)), "seeds_per_trial": seeds, "epochs": epochs}
    return write_run(
        folder, trials, **{**about, **sizes, "space": space, "published": published, **spec}
    )


_PUBLISHED = [
    {"width": width, "depth": depth, "mean": mean, "std": 0.05}
    for (width, depth), mean in zip(
        [(width, depth) for width in (1, 2, 3) for depth in range(4)],
        [0.764, 0.679, 0.71, 0.563, 0.625, 1.0, 0.544, 0.927, 0.998, 1.0, 1.0, 0.998],
        strict=True,
    )
]


def digits_like(
    folder: Path,
    seeds: int = 5,
    images: int = 10_000,
    epochs: int = 10,
    per_trial: int = 5,
    **spec: Any,
) -> Path:
    """Two networks that read digits, the second one better at each; predictions, misread images,
    costs; always the same numbers.
    """
    rng = np.random.default_rng(1)
    labels = np.sort(rng.integers(0, 10, images)).astype(np.uint8)
    hard = rng.gamma(0.15, 1.0, images)  # some images are hard for every network
    trials = [
        _digits_trial(rng, arm, labels, hard, range(first, min(first + per_trial, seeds)), epochs)
        for arm in ("ffn", "cnn")
        for first in range(0, seeds, per_trial)
    ]
    about = {
        "name": "mnist_ffn_vs_cnn",
        "question": "Does convolution read digits better than a fully connected network?",
    }
    sizes = {
        "seeds": list(range(seeds)),
        "seeds_per_trial": per_trial,
        "epochs": epochs,
        "metric": "validation_accuracy",
    }
    return write_run(
        folder,
        trials,
        **{
            **about,
            **sizes,
            "space": {"architecture": {"values": ["ffn", "cnn"]}},
            **_DIGITS,
            **spec,
        },
    )


_READ = {
    "ffn": [
        0.973684,
        0.962162,
        0.930233,
        0.903846,
        0.932203,
        0.896825,
        0.929688,
        0.939024,
        0.951049,
        0.958084,
    ],
    "cnn": [
        0.993421,
        0.983784,
        0.982558,
        0.980769,
        0.977401,
        0.984127,
        0.968750,
        0.963415,
        0.972028,
        0.982036,
    ],
}
_DIGITS: dict[str, Any] = {
    "compare": {
        "parameter": "architecture",
        "baseline": "ffn",
        "metrics": ["test_accuracy", *(f"test_accuracy_{digit}" for digit in range(10))],
        "parts": "digit",
        "percent": True,
    },
    "tables": {
        "Layers of cnn": [
            {"layer": "input", "output_shape": [1, 28, 28], "parameters": 0},
            {"layer": "conv1 (Conv2d)", "output_shape": [16, 26, 26], "parameters": 160},
        ],
        "Layers of ffn": [
            {"layer": "hidden1 (Linear)", "output_shape": [128], "parameters": 100480}
        ],
    },
    "published": {
        "source": "A report of 2024",
        "note": "One run of each network",
        "runs": 1,
        "rows": [
            {"architecture": arm, "metric": f"test_accuracy_{digit}", "mean": mean}
            for arm, means in _READ.items()
            for digit, mean in enumerate(means)
        ],
    },
}


def without(run: Path, trials: str) -> None:
    """Take the trials whose ids begin so out of the records of a run."""
    for file in (run / "trials.jsonl", run / "epochs.jsonl"):
        rows = file.read_text().splitlines(keepends=True)
        kept = [row for row in rows if not json.loads(row)["trial"].startswith(trials)]
        assert len(kept) < len(rows)
        file.write_text("".join(kept))


def searched_like(
    folder: Path, trials: int = 40, epochs: int = 18, seeds: int = 5, **spec: Any
) -> Path:
    """A search for outlines of lungs, stopped by ASHA at epochs 2 and 6, its best three settings
    and a published one confirmed on ``seeds`` fresh seeds, with images to draw outlines into;
    always the same numbers. ``spec`` as for ``write_run``: no confirmation, say.
    """
    rng = np.random.default_rng(1)
    rungs: dict[int, list[float]] = {2: [], 6: []}
    searched = [_lungs_trial(rng, number, epochs, rungs) for number in range(1, trials + 1)]
    completed = sorted(
        (trial for trial in searched if trial.status == "completed"),
        key=lambda trial: -trial.epochs[-1]["validation_dice"][0],
    )
    confirm = spec.get(
        "confirm",
        {
            "top": 3,
            "seeds": seeds,
            "baselines": [{"name": "published best", "setting": _PUBLISHED_LUNGS}],
        },
    )
    chosen = (
        [dict(trial.params) for trial in completed[: confirm["top"]]] + [dict(_PUBLISHED_LUNGS)]
        if confirm
        else []
    )
    fresh = [
        _fresh_lungs(rng, place, setting, epochs, seeds)
        for place, setting in enumerate(chosen, start=1)
    ]
    about: dict[str, Any] = {
        "name": "lungs_unet",
        "question": "Which U-Net outlines lungs best?",
        "metric": "validation_dice",
        "epochs": epochs,
    }
    about |= {
        "search": {"kind": "optuna", "trials": trials, "seed": 0},
        "seeds": [0],
        "seeds_per_trial": 1,
        "trials": trials,
    }
    about |= {
        "space": _LUNGS,
        "scheduler": {"kind": "asha", "grace_period": 2, "reduction_factor": 3, "rungs": [2, 6]},
        "confirm": confirm,
    }
    data = {
        "name": "generated chest phantoms (200 images, data seed 0)",
        "training": 120,
        "validation": 40,
        "test": 40,
    }
    return write_run(folder, [*searched, *fresh], **{**about, "data": data, **spec})


_LUNGS: dict[str, Any] = {
    "learning_rate": {"kind": "float", "low": 1e-4, "high": 1e-1, "log": True, "step": None},
    "batch_size": {"values": [4, 8, 16, 32]},
    "optimizer": {"values": ["adam", "sgd"]},
    "base_channels": {"values": [8, 16, 24]},
    "levels": {"values": [3, 4]},
    "dropout": {"kind": "float", "low": 0.0, "high": 0.5, "log": False, "step": None},
    "augment": {"values": [True, False]},
    "loss": {"values": ["cross_entropy", "cross_entropy_dice"]},
}
_PUBLISHED_LUNGS: dict[str, Any] = {
    "learning_rate": 0.01, "batch_size": 8, "optimizer": "adam", "base_channels": 16, "levels": 3,
    "dropout": 0.1, "augment": True,
    "loss": "cross_entropy",
}  # fmt: skip


def _drawn_lungs(rng: np.random.Generator) -> dict[str, Any]:
    listed = {
        key: domain["values"][rng.integers(len(domain["values"]))]
        for key, domain in _LUNGS.items()
        if "values" in domain
    }
    drawn = {
        "learning_rate": float(10 ** rng.uniform(-4, -1)),
        "dropout": float(rng.uniform(0, 0.5)),
    }
    return {key: {**listed, **drawn}[key] for key in _LUNGS}


def _lungs_level(setting: Mapping[str, Any]) -> float:
    """What a setting reaches in the long run."""
    right = {"adam": -2.5, "sgd": -1.5}[setting["optimizer"]]
    level = (
        0.955 - 0.03 * (np.log10(setting["learning_rate"]) - right) ** 2 - 0.05 * setting["dropout"]
    )
    return float(
        level
        + 0.004 * (setting["base_channels"] - 8) / 8
        + 0.005 * (setting["loss"] == "cross_entropy_dice")
    )


def _lungs_epochs(
    rng: np.random.Generator, setting: Mapping[str, Any], epochs: int, seeds: int
) -> list[dict[str, Any]]:
    final = _lungs_level(setting) + rng.normal(0, 0.004, seeds)
    curve = (
        final
        - 0.5 * np.exp(-np.arange(1, epochs + 1)[:, None] / 2.5)
        + rng.normal(0, 0.003, (epochs, seeds))
    )
    shared = {
        "parameters": 1000 * setting["base_channels"],
        "train_seconds": 3.0,
        "images_per_second": 40.0,
    }
    rows = np.round(curve, 5)
    return [
        {
            "loss": (1.1 - row).tolist(),
            "validation_loss": (1.2 - row).tolist(),
            "validation_dice": row.tolist(),
            **shared,
        }
        for row in rows
    ]


def _lungs_trial(
    rng: np.random.Generator, number: int, epochs: int, rungs: dict[int, list[float]]
) -> Trial:
    setting = _drawn_lungs(rng)
    rows = _lungs_epochs(rng, setting, epochs, 1)
    about: dict[str, Any] = {
        "name": f"{number:04d}",
        "phase": "search",
        "params": setting,
        "seeds": [0],
        "pace": 3.0,
    }
    about |= {"began": 1.7e9 + 20.0 * number, "attempt": 2 if number == 7 else 1}
    if setting["learning_rate"] > 0.06:
        lost = {"loss": [float("nan")], "validation_dice": [float("nan")]}
        return Trial(
            epochs=[rows[0], rows[1] | lost],
            status="diverged",
            error="loss became non-finite at epoch 2",
            **about,
        )
    if number == 11:
        return Trial(
            epochs=rows[:1],
            status="failed",
            error="Traceback\nRuntimeError: out of memory",
            **about,
        )
    for rung, values in rungs.items():
        values.append(rows[rung - 1]["validation_dice"][0])
        if values[-1] < sorted(values)[-max(1, len(values) // 3)]:
            return Trial(epochs=rows[:rung], status="pruned", rung=rung, **about)
    return Trial(epochs=rows, **about)


def _fresh_lungs(
    rng: np.random.Generator, place: int, setting: Mapping[str, Any], epochs: int, seeds: int
) -> Trial:
    rows = _lungs_epochs(rng, setting, epochs, seeds)
    dice = np.asarray(rows[-1]["validation_dice"]) - 0.01
    tests = {
        "test_f1": dice + 0.01,
        "test_f1_std": 0.02 + 0 * dice,
        "test_f1_min": dice - 0.2,
        "test_dice": dice,
        "test_dice_min": dice - 0.25,
    }
    rows[-1] |= {name: np.round(values, 5).tolist() for name, values in tests.items()}
    about: dict[str, Any] = {
        "phase": "confirm",
        "seeds": range(100, 100 + seeds),
        "began": 1.7e9 + 5000.0 + 100 * place,
        "pace": 3.0 * seeds,
    }
    return Trial(name=f"c{place:04d}", params=setting, epochs=rows, arrays=_overlays(rng), **about)


def _overlays(rng: np.random.Generator, side: int = 64) -> dict[str, np.ndarray]:
    """Three pictures of two dark ellipses, each found a little worse than the one before."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    truth = np.minimum(((x + 0.2) / 0.14) ** 2, ((x - 0.2) / 0.14) ** 2) + (y / 0.33) ** 2 < 1
    found = [np.roll(truth, shift, axis=(0, 1)) for shift in (0, 2, 6)]
    images = np.clip(170 - 110 * truth + rng.normal(0, 12, (3, side, side)), 0, 255).astype(
        np.uint8
    )
    dice = [2 * (one & truth).sum() / (one.sum() + truth.sum()) for one in found]
    names = np.array([f"phantom {place}" for place in (12, 3, 31)])
    arrays = {
        "overlay_images": images,
        "overlay_truth": np.stack([truth] * 3),
        "overlay_prediction": np.stack(found),
        "overlay_names": names,
    }
    return {
        name: array.astype(np.uint8) if array.dtype == bool else array
        for name, array in arrays.items()
    } | {"overlay_dice": np.array(dice)}


def _digits_trial(
    rng: np.random.Generator,
    arm: str,
    labels: np.ndarray,
    hard: np.ndarray,
    seeds: range,
    epochs: int,
) -> Trial:
    skill, weights, pace = {"ffn": (1.25, 109386, 30_000), "cnn": (2.2, 12810, 9_000)}[arm]
    wrong = hard * rng.gamma(2.0, 0.5, (len(seeds), len(hard))) > skill
    predictions = np.where(wrong, (labels + 1 + 4 * (labels % 2)) % 10, labels).astype(np.uint8)
    rows: list[dict[str, Any]] = [
        {
            "validation_accuracy": (1 - wrong.mean(axis=1) * (1 + 3 / epoch)).tolist(),
            "parameters": weights,
            "train_seconds": 2.5 * len(seeds),
            "images_per_second": pace + 10 * epoch,
        }
        for epoch in range(1, epochs + 1)
    ]
    right = predictions == labels
    rows[-1] |= {"test_accuracy": right.mean(axis=1).tolist()}
    rows[-1] |= {
        f"test_accuracy_{digit}": right[:, labels == digit].mean(axis=1).tolist()
        for digit in range(10)
    }
    worst = np.argsort(right.sum(axis=0), kind="stable")[:200]
    worst = worst[right[:, worst].sum(axis=0) < len(seeds)]
    images = (
        np.stack([_strokes(int(labels[index]), int(index)) for index in worst])
        if len(worst)
        else np.zeros((0, 28, 28), np.uint8)
    )
    arrays = {
        "predictions": predictions,
        "labels": labels,
        "gallery_index": worst,
        "gallery_images": images,
    }
    return Trial(params={"architecture": arm}, epochs=rows, seeds=seeds, arrays=arrays)


def _strokes(digit: int, index: int) -> np.ndarray:
    """A picture that stands for a handwritten digit: a ring with as many notches, 28 x 28."""
    rows, columns = np.mgrid[:28, :28] - 13.5
    ring = np.exp(-((np.hypot(rows, columns) - 8) ** 2) / 4) * (
        0.6 + 0.4 * np.cos(digit * np.arctan2(rows, columns) + index)
    )
    return (255 * ring).astype(np.uint8)


def _xor_trial(
    rng: np.random.Generator,
    width: int,
    depth: int,
    share: float,
    weights: int,
    seeds: int,
    epochs: int,
) -> Trial:
    levels = rng.choice([1.0, 0.75, 0.5], seeds, p=[share, (1 - share) * 0.6, (1 - share) * 0.4])
    final = (
        np.round(
            np.clip(
                levels
                - np.abs(rng.normal(0, 0.004, seeds))
                + rng.normal(0, 0.01, seeds) * (levels < 1),
                0,
                1,
            )
            * 500
        )
        / 500
    )
    start, pace = rng.uniform(8, 40, seeds), rng.uniform(2, 6, seeds)
    steps = np.arange(1, epochs + 1)[:, None] * 100 / epochs
    rising = 1 / (1 + np.exp(-(steps - start) / pace))
    curves = np.round((0.5 + (final - 0.5) * rising / rising[-1]) * 500) / 500
    rows = [
        {"accuracy": row.tolist(), "loss": (1.05 - row).tolist(), "parameters": weights}
        for row in curves
    ]
    ends = [int(np.argmax(final)), int(np.argmin(final))]
    return Trial(
        params={"width": width, "depth": depth},
        epochs=rows,
        seeds=range(seeds),
        arrays=_surfaces(rng, ends),
    )


def _surfaces(rng: np.random.Generator, ends: list[int], pixels: int = 48) -> dict[str, np.ndarray]:
    """A network that solved XOR (first seed) and one that splits the square in two."""
    corners = rng.integers(0, 2, (500, 2))
    points = np.column_stack([corners + rng.normal(0, 0.1, (500, 2)), corners.sum(axis=1) == 1])
    first, second = np.meshgrid(np.linspace(-0.5, 1.5, pixels), np.linspace(-0.5, 1.5, pixels))
    solved = 1 / (1 + np.exp(20 * (first - 0.5) * (second - 0.5)))
    half = 1 / (1 + np.exp(6 * (first + 0.3 * second - 0.9)))
    surface = np.stack([solved, half]).astype(np.float16)
    return {
        "surface": surface,
        "surface_seeds": np.array(ends),
        "points": points.astype(np.float32),
        "extent": np.array([-0.5, 1.5]),
    }


def _trial_line(name: str, trial: Trial, fixed: Mapping[str, Any]) -> str:
    """The row of a trial that ended; before it the row of its start, where it was started more than
    once.
    """
    row = {
        "trial": name,
        "params": {**fixed, **trial.params},
        "seeds": list(trial.seeds),
        "status": trial.status,
    }
    row |= {"phase": trial.phase} if trial.phase else {}
    started = (
        json.dumps({**row, "status": "running", "attempt": 1}) + "\n" if trial.attempt > 1 else ""
    )
    row |= {"rung": trial.rung} if trial.rung else {}
    row |= {"attempt": trial.attempt} if trial.attempt > 1 else {}
    return (
        started
        + json.dumps(
            {**row, "epochs": len(trial.epochs), "seconds": 1.5, "node": "n1", "error": trial.error}
        )
        + "\n"
    )


def _epoch_line(name: str, trial: Trial, epoch: int, metrics: Mapping[str, Any]) -> str:
    at = (
        f"2026-01-02T03:04:{epoch % 60:02d}Z"
        if trial.began is None
        else trial.began + epoch * trial.pace
    )
    return (
        json.dumps(
            {
                "trial": name,
                "epoch": epoch,
                "metrics": finite(metrics),
                "seconds": trial.pace,
                "at": at,
            }
        )
        + "\n"
    )


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    if arrays:
        path.parent.mkdir(exist_ok=True)
        np.savez_compressed(path, allow_pickle=False, **arrays)
