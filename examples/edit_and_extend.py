"""More settings for a study that was run: ``python examples/edit_and_extend.py``."""

import random

from ray import tune

from tuning import Random, Study, extend, run


def train(config, seed, report):
    draw = random.Random(seed)
    for epoch in range(1, config["epochs"] + 1):
        report(epoch=epoch, score=-((config["x"] - 0.3) ** 2) + draw.gauss(0, 0.1) / epoch)


study = Study(
    name="edit_and_extend",
    question="Where is the top?",
    trainable=train,
    space={"x": tune.uniform(0, 1)},
    search=Random(trials=6),
    metric="score",
    epochs=5,
    seeds=2,
)

if __name__ == "__main__":
    result = run(study, backend="inline")
    more = extend(result, study, trials=12, backend="inline")
    print(len(more.trials), more.report)
