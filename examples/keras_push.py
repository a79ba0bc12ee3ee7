"""Keras 3 on torch: ``study run examples/keras_push.py``."""

import os
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"  # before keras is imported

import keras
import numpy as np

from tuning import Study

x = np.linspace(-3, 3, 256)[:, None]


def build(width, lr):
    layers = [keras.layers.Dense(width, "tanh"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((1,)), *layers])
    model.compile(keras.optimizers.Adam(lr), "mse")
    return model


def train(config, seed, report, resume=None):
    keras.utils.set_random_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.keras")  # the optimizer is in it, too
        file.write_bytes(resume["file"] if resume else b"")
        model = keras.models.load_model(file) if resume else build(config["width"], config["lr"])

        def hand_over(epoch, logs):
            model.save(file)
            state = {"file": file.read_bytes(), "epoch": epoch + 1}
            report(epoch=epoch + 1, loss=logs["loss"], state=state)

        on = keras.callbacks.LambdaCallback(on_epoch_end=hand_over)
        how = {"initial_epoch": resume["epoch"] if resume else 0, "shuffle": False, "verbose": 0}
        model.fit(x, np.sin(x), 64, config["epochs"], callbacks=[on], **how)


space = {"width": [4, 16], "lr": [0.003, 0.03]}
goal = {"metric": "loss", "mode": "min", "epochs": 5, "seeds": 1}
study = Study(name="keras", question="Which width?", trainable=train, space=space, **goal)
