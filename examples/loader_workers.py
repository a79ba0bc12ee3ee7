"""Batches from the worker processes of a DataLoader: ``study run examples/loader_workers.py``."""

import torch
from torch.utils.data import DataLoader, TensorDataset

from tuning import Study

x = torch.linspace(-3, 3, 256).unsqueeze(1)
data = TensorDataset(x, torch.sin(x))


def train(config, seed, report):
    torch.manual_seed(seed)
    width = config["width"]
    net = torch.nn.Sequential(torch.nn.Linear(1, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    loader = DataLoader(data, 64, shuffle=True, num_workers=2, persistent_workers=True)
    for epoch in range(1, config["epochs"] + 1):
        total = 0.0
        for inputs, targets in loader:
            loss = torch.nn.functional.mse_loss(net(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        report(epoch=epoch, loss=total / len(loader), state={"net": net.state_dict()})


study = Study(
    name="loader_workers",
    question="How wide must a network be to learn a sine?",
    trainable=train,
    space={"width": [2, 16]},
    metric="loss",
    mode="min",
    epochs=5,
    seeds=3,
)
