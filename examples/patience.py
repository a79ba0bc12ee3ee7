"""A trial that ends itself: ``study run examples/patience.py``."""

import random

from tuning import Study


def train(config, seeds, resume=None):
    draw = random.Random(f"{config['spread']}/{seeds[0]}")
    best, since = float("inf"), 0
    for epoch in range(1, config["epochs"] + 1):
        loss = 1 / epoch + draw.uniform(0, config["spread"])
        best, since = min(best, loss), 0 if loss < best else since + 1
        yield {"epoch": epoch, "loss": loss}, None
        if since == 5:
            return "no improvement for 5 epochs"


study = Study(
    name="patience",
    question="How noisy may a loss be?",
    trainable=train,
    space={"spread": [0.01, 0.1, 1.0]},
    metric="loss",
    mode="min",
    epochs=40,
    seeds=5,
)
