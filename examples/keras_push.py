"""Keras 3 on torch: ``study run examples/keras_push.py``."""

import os

os.environ["KERAS_BACKEND"] = "torch"  # before keras is imported

import keras
import numpy as np

from tuning import Study

x = np.linspace(-3, 3, 256)[:, None]


def train(config, seed, report):
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(config["width"], "tanh"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((1,)), *layers])
    model.compile(keras.optimizers.Adam(config["lr"]), "mse")
    hand_over = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: report(epoch=epoch + 1, loss=logs["loss"])
    )
    model.fit(x, np.sin(x), 64, config["epochs"], verbose=0, callbacks=[hand_over])


space = {"width": [4, 16], "lr": [0.003, 0.03]}
goal = {"metric": "loss", "mode": "min", "epochs": 5, "seeds": 1}
study = Study(name="keras", question="Which width?", trainable=train, space=space, **goal)
