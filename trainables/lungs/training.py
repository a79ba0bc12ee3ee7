"""Lungs outlined in chest X-rays by a U-Net."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainables import Config, Metrics, Task
from trainables.limits import Limit, OneOf, Real, Whole
from trainables.loop import (
    batch_orders,
    batches,
    build_seeded,
    count_parameters,
    derive_seed,
    device_text,
    on_cpu,
    pick_device,
)
from trainables.lungs import segment
from trainables.lungs.augment import augment, draw_changes
from trainables.lungs.data import XRays, describe, load
from trainables.lungs.masks import LabelList
from trainables.lungs.scores import on_device, test_scores, validate
from trainables.lungs.unet import (
    LOSSES,
    Average,
    UNet,
    logits_of,
    losses_of,
    pick_precision,
    size_problem,
)
from trainables.precision import PRECISIONS
from trainables.schedule import SCHEDULES, learning_rate_at
from trainables.timing import timed

__all__ = ["LIMITS", "TASK", "describe", "load", "train"]

MOMENTUM = 0.9


class Source:
    """An .npz file or a folder that is there, or "" for none."""

    def problem(self, value: Any) -> str | None:
        if isinstance(value, str) and (
            not value or Path(value).is_dir() or (value.endswith(".npz") and Path(value).is_file())
        ):
            return None
        return "must be an .npz file or a folder that exists, or ''"


LIMITS: Mapping[str, Limit] = {
    "data": Source(),
    "extra_test": Source(),
    "set_aside": Real(0, 0.5),
    "lung_labels": LabelList(),
    "data_seed": Whole(0),
    "phantoms": Whole(10),
    "image_size": Whole(16, 1024),
    "base_channels": Whole(1, 128),
    "levels": Whole(1, 6),
    "dropout": Real(0, 0.9),
    "networks": Whole(1, 16),
    "learning_rate": Real(0, above=True),
    "optimizer": OneOf(("adam", "sgd")),
    "weight_decay": Real(0),
    "batch_size": Whole(1),
    "augment": OneOf((True, False)),
    "loss": OneOf(LOSSES),
    "schedule": OneOf(SCHEDULES),
    "precision": OneOf(PRECISIONS),
}


@dataclass(frozen=True)
class _Learner:
    seed: int
    network: UNet
    optimizer: torch.optim.Optimizer

    def state(self) -> dict[str, Any]:
        """All of it, copied to the CPU."""
        return on_cpu(
            {"weights": dict(self.network.state_dict()), "optimizer": self.optimizer.state_dict()}
        )

    def load(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(
            on_cpu(state["optimizer"])
        )  # a copy, for it trains on what it is given


def train(
    config: Config, seeds: Sequence[int], resume: Mapping[str, Any] | None = None
) -> Iterator[tuple[Metrics, Any]]:
    """Train ``networks`` U-Nets per seed, one after the other within each epoch; what a seed sees
    is the mean of its networks.

    ``loss`` is one of ``losses_of``. ``optimizer`` "sgd" has momentum 0.9; "adam" decays weights
    apart from its gradient (I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR
    2019). ``schedule`` is as ``learning_rate_at`` says. ``augment`` changes each image a
    little, anew in every epoch (see ``trainables.lungs.augment``); the heart stays on its side.

    Yields after each epoch, one per seed: ``loss`` (mean over the epoch's training images and the
    networks, as they train on them), ``validation_loss`` (the same function of the mean logits of
    the networks, not in training, mean over the validation images in their own size),
    ``validation_f1``, ``validation_dice`` and ``validation_iou`` (see ``lungs.scores``; mean over
    images). Also ``parameters`` (of all networks of a seed), ``train_seconds`` (of this epoch, all
    seeds together), ``images_per_second`` (training images times networks) and ``device``. At the
    last epoch, where ``config["test"]`` allows it, the test images are looked at: ``test_f1``,
    ``test_f1_std`` and ``test_f1_min`` (mean, standard deviation and least over the images),
    ``test_dice``, ``test_dice_min`` and ``test_iou``, one per seed, and the arrays that
    ``_pictures`` names. Images that were set aside give ``set_aside_f1`` and so on, images of
    another source ``extra_test_f1`` and so on.

    Raises:
        ValueError: as ``load``, as ``pick_device``; or ``image_size`` does not fit ``levels``.
    """
    if problem := size_problem(config["image_size"], config["levels"]):
        raise ValueError(problem)
    xrays: XRays = config.get("loaded") or load(config)
    device = pick_device(config)
    on = device_text(device, pick_precision(device, config.get("precision", "auto")))
    learners = _learners(config, seeds, device)
    for learner, state in zip(learners, resume["learners"] if resume else [], strict=bool(resume)):
        learner.load(state)
    averages = _averages(learners, config["networks"])
    training, validation = on_device(xrays.train, device), on_device(xrays.validation, device)
    for epoch in range(resume["epoch"] + 1 if resume else 1, config["epochs"] + 1):
        metrics: dict[str, Any] = {"epoch": epoch}
        metrics |= _train_epoch(learners, training, epoch, config)
        with timed("evaluation"):
            metrics |= validate(averages, *validation, config["loss"]) | {"device": on}
            if epoch == config["epochs"] and config.get("test", True):
                metrics |= test_scores(averages, xrays, device)
        states = [learner.state() for learner in learners]
        yield (
            metrics,
            {"epoch": epoch, "learners": states, "validation_dice": metrics["validation_dice"]},
        )


def _learners(config: Config, seeds: Sequence[int], device: torch.device) -> list[_Learner]:
    own = [each for seed in seeds for each in _network_seeds(seed, config["networks"])]
    shape = (
        config["base_channels"],
        config["levels"],
        config["dropout"],
        config.get("precision", "auto"),
    )
    networks = build_seeded(lambda: UNet(*shape), own)
    layout: Any = {"memory_format": torch.channels_last}
    placed = [network.to(device, **layout) for network in networks]
    return [
        _Learner(seed, network, _optimizer(config, network))
        for seed, network in zip(own, placed, strict=True)
    ]


def _network_seeds(seed: int, networks: int) -> list[int]:
    """The first network of a seed is the one that it has where there is no other."""
    return [seed, *(derive_seed(seed, f"network {number}") for number in range(1, networks))]


def _averages(learners: Sequence[_Learner], networks: int) -> list[Average]:
    """One per seed."""
    return [
        Average([each.network for each in learners[start : start + networks]])
        for start in range(0, len(learners), networks)
    ]


def _optimizer(config: Config, network: torch.nn.Module) -> torch.optim.Optimizer:
    weights = list(network.parameters())
    rate, decay, fused = (
        config["learning_rate"],
        config["weight_decay"],
        weights[0].device.type != "mps",
    )
    if config["optimizer"] == "adam":
        return torch.optim.AdamW(weights, lr=rate, weight_decay=decay, fused=fused)
    return torch.optim.SGD(weights, lr=rate, momentum=MOMENTUM, weight_decay=decay, fused=fused)


def _train_epoch(
    learners: Sequence[_Learner], training: tuple[Tensor, Tensor], epoch: int, config: Config
) -> dict[str, Any]:
    started = time.perf_counter()
    losses = [_train_one(learner, *training, epoch, config) for learner in learners]
    seconds = time.perf_counter() - started
    images = len(training[0]) * len(learners)
    parameters = count_parameters(learners[0].network) * config["networks"]
    by_seed = np.reshape(losses, (-1, config["networks"])).mean(1).tolist()
    return {
        "loss": by_seed,
        "parameters": parameters,
        "train_seconds": seconds,
        "images_per_second": images / seconds,
    }


def _train_one(
    learner: _Learner, images: Tensor, masks: Tensor, epoch: int, config: Config
) -> float:
    """One epoch of one network; its mean loss per image."""
    samples = len(images)
    order = batch_orders([learner.seed], epoch, samples)[0].long()
    changes = draw_changes(samples, derive_seed(learner.seed, "augment", epoch)).to(images.device)
    total = torch.zeros((), device=images.device)
    learner.network.train()
    # Dropout draws from the global generator and from no other.
    with torch.random.fork_rng(devices=[images.device] if images.device.type == "cuda" else []):
        torch.manual_seed(derive_seed(learner.seed, "dropout", epoch))
        for batch in batches(samples, config["batch_size"]):
            progress = (epoch - 1 + (batch.start + batch.stop) / 2 / samples) / config["epochs"]
            learner.optimizer.param_groups[0]["lr"] = learning_rate_at(progress, config)
            chosen = order[batch].to(images.device)
            x, y = images[chosen], masks[chosen]
            if config["augment"]:
                x, y = augment(x, y, changes[chosen])
            total += _step(learner, x, y, config["loss"]) * len(chosen)
    return (total / samples).item()


def _step(learner: _Learner, x: Tensor, y: Tensor, loss: str) -> Tensor:
    value = losses_of(logits_of(learner.network, x), y, loss).mean()
    learner.optimizer.zero_grad()
    value.backward()
    learner.optimizer.step()
    return value.detach()


TASK = Task(
    train=train,
    describe=describe,
    load=load,
    limits=LIMITS,
    state_bytes=segment.state_bytes,
    export=segment.export,
    network=segment.network,
)
