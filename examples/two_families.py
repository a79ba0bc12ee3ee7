"""Two families of models on a table of data, each with a parameter of its own, cross-validated."""

from ray import tune
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from tuning import Confirm, Folds, Optuna, Study


def model(config, seed):
    if config["model"] == "svm":
        return make_pipeline(StandardScaler(), SVC(C=config["C"]))
    return RandomForestClassifier(config["trees"], random_state=seed)


def train(config, seeds, resume=None):
    points, classes = load_breast_cancer(return_X_y=True)
    scores = []
    for seed in seeds:
        folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(points, classes)
        rest, held = list(folds)[config["fold"]]
        fitted = model(config, seed).fit(points[rest], classes[rest])
        scores.append(fitted.score(points[held], classes[held]))
    yield {"epoch": 1, "accuracy": scores}, None


study = Study(
    name="two_families",
    question="Which family of models tells the tumours apart?",
    trainable=train,
    space={"model": {"svm": {"C": tune.loguniform(0.01, 100)}, "forest": {"trees": [10, 30]}}},
    search=Optuna(trials=6, n_startup_trials=3),
    confirm=Confirm(top=2, seeds=2),
    seeds=Folds(5),
    metric="accuracy",
    epochs=1,
)
