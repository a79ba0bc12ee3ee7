"""Change what is marked. ``study try NAME.py`` trains one trial in this process, for a debugger;
``study run NAME.py`` trains them all and writes the report.
"""

import torch

from tuning import Study

x = torch.linspace(-3, 3, 200).unsqueeze(1)  # <- your data; every process of a trial reads it once
y = torch.sin(x)


def train(config, seeds, resume=None):
    torch.manual_seed(seeds[0])
    width = config["width"]
    net = torch.nn.Sequential(torch.nn.Linear(1, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=config["learning_rate"])
    for epoch in range(1, config["epochs"] + 1):
        loss = torch.nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield {"epoch": epoch, "loss": loss.item()}, None  # None: no state, so nothing to resume


study = Study(
    name="NAME",
    question="How wide must a network be to learn a sine?",  # <- your question
    trainable=train,
    space={"width": [2, 8, 32], "learning_rate": [0.003, 0.03]},  # <- all combinations are trained
    metric="loss",
    mode="min",
    epochs=100,
    seeds=5,  # every combination is trained so often: more seeds, narrower intervals
)
