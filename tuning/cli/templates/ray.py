"""A function for Ray Tune as it is. Change what is marked. ``study try NAME.py`` trains one trial
in this process; ``study run NAME.py`` trains them all and writes the report.
"""

import torch
from ray import tune

from tuning import Asha, Random, Study

x = torch.linspace(-3, 3, 200).unsqueeze(1)


def train(config):  # <- yours, as tune.Tuner takes it; what is new is config["seed"]
    torch.manual_seed(config["seed"])
    width = config["width"]
    net = torch.nn.Sequential(torch.nn.Linear(1, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=config["lr"])
    for _ in range(30):
        loss = torch.nn.functional.mse_loss(net(x), torch.sin(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tune.report({"loss": loss.item()})


study = Study(
    name="NAME",
    question="Which network learns a sine best?",  # <- your question
    trainable=train,
    space={"width": tune.choice([2, 8, 32]), "lr": tune.loguniform(1e-4, 1e-1)},  # <- param_space
    search=Random(trials=12),
    scheduler=Asha(grace_period=3, reduction_factor=3),
    metric="loss",
    mode="min",
    epochs=30,  # as often as the function reports
    seeds=2,
)
