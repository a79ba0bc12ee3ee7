"""A function of Ray Tune as it is: ``study run examples/ray_function.py``."""

import os
import tempfile

import torch
from ray import tune

from tuning import Asha, Random, Study


def train(config):  # written for tune.Tuner(train, ...); no line of it was changed
    torch.manual_seed(config["seed"])
    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=config["lr"])
    start = 0
    if checkpoint := tune.get_checkpoint():
        with checkpoint.as_directory() as folder:
            kept = torch.load(os.path.join(folder, "net.pt"))
            net.load_state_dict(kept["net"])
            start = kept["epoch"]
    for epoch in range(start + 1, 11):
        x = torch.randn(64, 2)
        loss = torch.nn.functional.mse_loss(net(x), x.sum(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with tempfile.TemporaryDirectory() as folder:
            torch.save({"net": net.state_dict(), "epoch": epoch}, os.path.join(folder, "net.pt"))
            tune.report({"loss": loss.item()}, checkpoint=tune.Checkpoint.from_directory(folder))


question = "Which learning rate fits a sum?"
space = {"lr": tune.loguniform(1e-3, 1)}
how = {"search": Random(trials=8), "scheduler": Asha(grace_period=2, reduction_factor=2)}
goal = {"metric": "loss", "mode": "min", "epochs": 10, "seeds": 2}
study = Study(name="ray_function", question=question, trainable=train, space=space, **how, **goal)
