"""Scikit-learn's ``partial_fit``: ``study run examples/sklearn_push.py``."""

import pickle

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

from tuning import Study

x, y = load_digits(return_X_y=True)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, random_state=0)


def train(config, seed, report, resume=None):
    model = SGDClassifier(alpha=config["alpha"], random_state=seed)
    start = 0
    if resume:
        model, start = pickle.loads(resume["model"]), resume["epoch"]
    for epoch in range(start + 1, config["epochs"] + 1):
        order = np.random.default_rng([seed, epoch]).permutation(len(x_train))
        for rows in np.array_split(order, 5):
            model.partial_fit(x_train[rows], y_train[rows], classes=range(10))
        state = {"model": pickle.dumps(model), "epoch": epoch}
        report(epoch=epoch, accuracy=model.score(x_valid, y_valid), state=state)


space = {"alpha": [1e-5, 1e-3, 1e-1]}
goal = {"metric": "accuracy", "epochs": 5, "seeds": 3}
study = Study(name="sklearn", question="How much penalty?", trainable=train, space=space, **goal)
