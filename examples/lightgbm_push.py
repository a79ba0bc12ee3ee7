"""LightGBM, a boosting round as an epoch: ``study run examples/lightgbm_push.py``."""

import lightgbm
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tuning import Study

x, y = load_breast_cancer(return_X_y=True)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, random_state=0)


def train(config, seed, report):
    data = lightgbm.Dataset(x_train, y_train)
    params = {"objective": "binary", "num_leaves": config["leaves"], "learning_rate": config["lr"]}
    params |= {"seed": seed, "bagging_fraction": 0.8, "bagging_freq": 1, "verbose": -1}
    params |= {"num_threads": 1}

    def hand_over(env):
        report(epoch=env.iteration + 1, logloss=env.evaluation_result_list[0][2])

    valid = {"valid_sets": [lightgbm.Dataset(x_valid, y_valid, reference=data)]}
    lightgbm.train(params, data, config["epochs"], callbacks=[hand_over], **valid)


space = {"leaves": [4, 16], "lr": [0.03, 0.3]}
goal = {"metric": "logloss", "mode": "min", "epochs": 10, "seeds": 2}
study = Study(name="lightgbm", question="How many leaves?", trainable=train, space=space, **goal)
