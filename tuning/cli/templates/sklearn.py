"""Scikit-learn, cross-validated. Change what is marked. ``study try NAME.py`` trains one trial in
this process; ``study run NAME.py`` trains them all and writes the report.
"""

from ray import tune
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from tuning import Folds, Random, Study

x, y = load_breast_cancer(return_X_y=True)  # <- your data


def train(config, seed, report):
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    train_rows, validation_rows = list(folds.split(x, y))[config["fold"]]
    if config["model"] == "svm":
        model = make_pipeline(StandardScaler(), SVC(C=config["C"]))
    else:
        model = RandomForestClassifier(50, max_depth=config["max_depth"], random_state=seed)
    model.fit(x[train_rows], y[train_rows])
    report(epoch=1, accuracy=model.score(x[validation_rows], y[validation_rows]))


study = Study(
    name="NAME",
    question="Support vectors or trees?",  # <- your question
    trainable=train,
    space={  # <- families of models, each with parameters of its own
        "model": {"svm": {"C": tune.loguniform(1e-2, 1e3)}, "forest": {"max_depth": [2, 4, 8]}}
    },
    search=Random(trials=12),
    seeds=Folds(5),  # intervals allow for the training data that folds share
    metric="accuracy",
    epochs=1,
)
