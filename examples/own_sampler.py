"""A sampler of Optuna with options of its own, and a rule of one's own for stopping trials."""

from optuna.samplers import TPESampler
from ray import tune

from tuning import Optuna, Study


class NearTheLead:
    """Stops a trial that has less than half of the best value at its epoch."""

    def goes_on(self, trial, epoch, value, history):
        return value >= 0.5 * max(other.scores.get(epoch, 0) for other in history)


def train(config, seeds, resume=None):
    for epoch in range(1, config["epochs"] + 1):
        top = 1 - (config["x"] - 0.3) ** 2 - (config["y"] - 0.6) ** 2
        score = [top * epoch / config["epochs"] + seed / 1000 for seed in seeds]
        yield {"epoch": epoch, "score": score}, None


study = Study(
    name="own_sampler",
    question="Where is the top?",
    trainable=train,
    space={"x": tune.uniform(0, 1), "y": tune.uniform(0, 1)},
    search=Optuna(trials=15, sampler=lambda seed: TPESampler(seed=seed, multivariate=False)),
    scheduler=NearTheLead(),
    seeds=2,
    metric="score",
    epochs=6,
)
