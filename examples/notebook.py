"""The cells of a notebook, one after each ``# %%``."""

# %%
from tuning import Study, run


def train(config, seed, report):
    value = 0.0
    for epoch in range(1, config["epochs"] + 1):
        value += config["step"] * (1 - value)
        report(epoch=epoch, score=value + seed / 1000)


# %%
study = Study(
    name="notebook",
    question="Which step gets closest to 1?",
    trainable=train,
    space={"step": [0.1, 0.5]},
    metric="score",
    epochs=5,
    seeds=3,
)
result = run(study, backend="inline")

# %%
print(result.trials["status"].tolist(), result.report)
