"""Change what is marked. ``study try NAME.py`` trains one trial in this process, for a debugger;
``study run NAME.py`` searches, confirms the best on fresh seeds, and writes the report.
"""

import torch
from ray import tune

from tuning import Asha, Confirm, Optuna, Study

x = torch.linspace(-3, 3, 200).unsqueeze(1)  # <- your data: train on some, judge by others
y = torch.sin(x)


def train(config, seeds, resume=None):
    torch.manual_seed(seeds[0])
    width = config["width"]
    net = torch.nn.Sequential(torch.nn.Linear(1, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=config["learning_rate"])
    for epoch in range(1, config["epochs"] + 1):
        loss = torch.nn.functional.mse_loss(net(x[::2]), y[::2])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            validation_loss = torch.nn.functional.mse_loss(net(x[1::2]), y[1::2])
        yield {"epoch": epoch, "validation_loss": validation_loss.item()}, None


study = Study(
    name="NAME",
    question="Which network learns a sine best?",  # <- your question
    trainable=train,
    space={"width": [2, 8, 32], "learning_rate": tune.loguniform(1e-4, 1e-1)},  # <- ranges, lists
    search=Optuna(trials=20),
    scheduler=Asha(),  # stops the trials that fall behind
    seeds=1,  # of each trial of the search
    confirm=Confirm(top=3, seeds=5),  # the best settings again, on seeds the search did not use
    metric="validation_loss",
    mode="min",
    epochs=60,
)
