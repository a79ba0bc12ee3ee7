"""XGBoost, a boosting round as an epoch: ``study run examples/xgboost_push.py``."""

import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tuning import Asha, Random, Study

x, y = load_breast_cancer(return_X_y=True)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, random_state=0)


class HandOver(xgboost.callback.TrainingCallback):
    def __init__(self, report):
        self.report = report

    def after_iteration(self, model, epoch, evals_log):
        self.report(epoch=epoch + 1, logloss=evals_log["valid"]["logloss"][-1])
        return False


def train(config, seed, report):
    params = {"objective": "binary:logistic", "eval_metric": "logloss", "seed": seed, "nthread": 1}
    params |= {"max_depth": config["max_depth"], "eta": config["eta"], "subsample": 0.8}
    valid = [(xgboost.DMatrix(x_valid, y_valid), "valid")]
    rounds = {"num_boost_round": config["epochs"], "verbose_eval": False, "evals": valid}
    xgboost.train(params, xgboost.DMatrix(x_train, y_train), callbacks=[HandOver(report)], **rounds)


space = {"max_depth": [2, 4, 8], "eta": [0.03, 0.1, 0.3]}
goal = {"metric": "logloss", "mode": "min", "epochs": 16, "seeds": 2}
how = {"search": Random(trials=6), "scheduler": Asha(grace_period=4, reduction_factor=2)}
study = Study(name="xgboost", question="How deep?", trainable=train, space=space, **goal, **how)
