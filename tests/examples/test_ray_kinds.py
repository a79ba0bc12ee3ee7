"""Trainables of the kinds that Ray Tune's documentation shows, written as for a Tuner: nothing is
changed within them, ``Study(...)`` takes the place of ``Tuner(...).fit()``, and a ``partial`` that
of ``tune.with_parameters``.
"""

import os
import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from inline_runs import run
from ray import tune
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tuning import Asha, Random, Study


def returned_once(config):
    return {"score": config["a"] ** 2 + config["b"]}


def step_by_step(config):
    for step in range(8):
        score = (0.1 + config["width"] * step / 100) ** -1 + config["height"] * 0.1
        tune.report({"iterations": step, "mean_loss": score})


def reported_at_the_end(config):
    total = 0.0
    for x in range(20):
        total = config["a"] * x**0.5 + config["b"]
    tune.report({"score": total})


def with_a_checkpoint(config, data_dir=None):
    net = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=config["lr"], momentum=0.9)
    start = 1
    if tune.get_checkpoint():
        with tune.get_checkpoint().as_directory() as loaded:
            state = torch.load(os.path.join(loaded, "checkpoint.pt"))
            start = state["epoch"] + 1
            net.load_state_dict(state["net"])
            optimizer.load_state_dict(state["optimizer"])
    x = torch.from_numpy(np.load(Path(data_dir, "x.npy")))
    for epoch in range(start, 6):
        loss = (net(x) - x.sum(1, keepdim=True)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with tempfile.TemporaryDirectory() as folder:
            state = {"epoch": epoch, "net": net.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state, os.path.join(folder, "checkpoint.pt"))
            tune.report({"loss": loss.item()}, checkpoint=tune.Checkpoint.from_directory(folder))


class Classifier(tune.Trainable):
    def setup(self, config):
        self.net = torch.nn.Linear(4, 2)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=config.get("lr", 0.01))

    def step(self):
        x = torch.randn(64, 4)
        wanted = (x.sum(1) > 0).long()
        loss = torch.nn.functional.cross_entropy(self.net(x), wanted)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"mean_accuracy": (self.net(x).argmax(1) == wanted).float().mean().item()}

    def save_checkpoint(self, checkpoint_dir):
        torch.save(self.net.state_dict(), os.path.join(checkpoint_dir, "model.pt"))

    def load_checkpoint(self, checkpoint_dir):
        self.net.load_state_dict(torch.load(os.path.join(checkpoint_dir, "model.pt")))


def on_large_data(config, data=None):
    for epoch in range(3):
        tune.report({"loss": float(np.abs(data - config["x"]).mean() / (epoch + 1))})


def tracked(config):
    import wandb

    mine = wandb.init(project="mine", mode="offline", dir=config["folder"], reinit="create_new")
    for epoch in range(3):
        loss = config["lr"] / (epoch + 1)
        mine.log({"loss": loss})
        tune.report({"loss": loss})
    mine.finish()


def boosted_by_xgboost(config):
    import xgboost
    from ray.tune.integration.xgboost import TuneReportCheckpointCallback

    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
    test = xgboost.DMatrix(x_test, label=y_test)
    callback = TuneReportCheckpointCallback(metrics={"loss": "eval-logloss"}, frequency=1)
    params = {"objective": "binary:logistic", "eval_metric": ["logloss"], "nthread": 1}
    xgboost.train(
        {**params, "max_depth": config["max_depth"]},
        xgboost.DMatrix(x_train, label=y_train),
        num_boost_round=10,
        evals=[(test, "eval")],
        verbose_eval=False,
        callbacks=[callback],
    )


def boosted_by_lightgbm(config):
    import lightgbm
    from ray.tune.integration.lightgbm import TuneReportCheckpointCallback

    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
    callback = TuneReportCheckpointCallback({"binary_error": "eval-binary_error"})
    fixed = {"objective": "binary", "metric": ["binary_error"], "verbose": -1, "num_threads": 1}
    lightgbm.train(
        {**fixed, "num_leaves": config["num_leaves"]},
        lightgbm.Dataset(x_train, label=y_train),
        num_boost_round=8,
        valid_sets=[lightgbm.Dataset(x_test, label=y_test)],
        valid_names=["eval"],
        callbacks=[callback],
    )


def of_lightning(config):
    import lightning
    from ray.tune.integration.pytorch_lightning import TuneReportCheckpointCallback

    class Line(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Linear(1, 1)

        def training_step(self, batch):
            return (self.net(batch[0]) - 3 * batch[0]).square().mean()

        def validation_step(self, batch):
            self.log("val_loss", (self.net(batch[0]) - 3 * batch[0]).square().mean())

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=config["lr"])

    data = torch.utils.data.TensorDataset(torch.linspace(-1, 1, 64).unsqueeze(1))
    loader = torch.utils.data.DataLoader(data, batch_size=16)
    trainer = lightning.Trainer(
        max_epochs=4,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        logger=False,
        num_sanity_val_steps=0,
        callbacks=[TuneReportCheckpointCallback({"loss": "val_loss"}, on="validation_end")],
    )
    trainer.fit(Line(), loader, loader)


def studied(name: str, trainable: Any, space: dict[str, Any], metric: str, epochs: int) -> Study:
    goal = {"metric": metric, "mode": "min", "epochs": epochs, "seeds": 1}
    return Study(name=name, question="Which is best?", trainable=trainable, space=space, **goal)


def test_one_value_at_the_end(tmp_path: Path) -> None:
    grid = {"a": [0.001, 0.01, 1.0], "b": [1, 2, 3]}
    read = run(studied("once", returned_once, grid, "score", 1), tmp_path)
    assert read.epochs["score"].min() == pytest.approx(1.000001)
    assert len(read.trials) == 9
    at_the_end = studied("end", reported_at_the_end, {"a": [2], "b": [4]}, "score", 1)
    assert run(at_the_end, tmp_path).epochs["score"].tolist() == [pytest.approx(12.717797887)]


def test_a_search_with_early_stopping(tmp_path: Path) -> None:
    study = Study(
        name="steps",
        question="Which is best?",
        trainable=step_by_step,
        space={"width": tune.uniform(0, 20), "height": tune.uniform(-100, 100)},
        search=Random(trials=8),
        scheduler=Asha(grace_period=2, reduction_factor=2),
        metric="mean_loss",
        mode="min",
        epochs=8,
        seeds=1,
    )
    read = run(study, tmp_path)
    assert set(read.trials["status"]) == {"completed", "pruned"}
    assert read.epochs.groupby("trial")["iterations"].min().eq(0).all()


def test_a_network_with_checkpoints_and_its_data(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(32, 3)).astype("float32"))
    trainable = partial(with_a_checkpoint, data_dir=str(tmp_path))
    read = run(studied("net", trainable, {"lr": [0.01, 0.1]}, "loss", 5), tmp_path)
    losses = read.epochs.pivot(index="epoch", columns="trial", values="loss")
    assert (losses.loc[5] < losses.loc[1]).all()


def test_a_class(tmp_path: Path) -> None:
    read = run(studied("class", Classifier, {"lr": [0.001, 0.1]}, "mean_accuracy", 20), tmp_path)
    last = read.epochs[read.epochs["epoch"] == 20].set_index("trial")["mean_accuracy"]
    assert last["0002"] > 0.9


def test_data_that_come_with_the_trainable(tmp_path: Path) -> None:
    trainable = partial(on_large_data, data=np.full(10, 2.0))  # was tune.with_parameters
    read = run(studied("data", trainable, {"x": [0, 2]}, "loss", 3), tmp_path)
    assert read.epochs["loss"].tolist() == [2.0, 1.0, pytest.approx(2 / 3), 0.0, 0.0, 0.0]


def test_a_tracker_of_their_own_is_left_alone(tmp_path: Path) -> None:
    trainable = partial(_with_folder, str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wandb's own
        read = run(studied("tracked", trainable, {"lr": [1.0]}, "loss", 3), tmp_path / "runs")
    assert set(read.trials["status"]) == {"completed"}, read.trials["error"][0]
    assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == 1


def _with_folder(folder: str, config: Any) -> None:
    tracked({**config, "folder": folder})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trainable", "space", "metric", "epochs"),
    [
        (boosted_by_xgboost, {"max_depth": [2, 6]}, "loss", 10),
        (boosted_by_lightgbm, {"num_leaves": [4, 16]}, "binary_error", 8),
        (of_lightning, {"lr": [0.01, 0.1]}, "loss", 4),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_callbacks_of_ray_for_other_packages(
    trainable: Any, space: dict[str, Any], metric: str, epochs: int, tmp_path: Path
) -> None:
    package = trainable.__name__.rpartition("_")[2]
    pytest.importorskip(package, reason="not installed: pip install '.[examples]'")
    read = run(studied(package, trainable, space, metric, epochs), tmp_path)
    assert set(read.trials["status"]) == {"completed"}, read.trials["error"].tolist()
    assert read.trials["epochs"].tolist() == [epochs] * 2
    losses = read.epochs.pivot(index="epoch", columns="trial", values=metric)
    assert (losses.iloc[-1] < losses.iloc[0]).any()
