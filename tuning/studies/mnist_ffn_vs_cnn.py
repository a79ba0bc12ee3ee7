"""Is a small convolutional network really better than a fully connected one, digit by digit?"""

from trainables.digits import training as mnist
from tuning import Compare, Grid, Published, Report, Study

# Table 2 of the report: accuracy per digit of one run each.
FFN = (
    0.973684,
    0.962162,
    0.930233,
    0.903846,
    0.932203,
    0.896825,
    0.929688,
    0.939024,
    0.951049,
    0.958084,
)
CNN = (
    0.993421,
    0.983784,
    0.982558,
    0.980769,
    0.977401,
    0.984127,
    0.968750,
    0.963415,
    0.972028,
    0.982036,
)

ARCHITECTURES = ("ffn", "cnn")
LAYERS = {architecture: mnist.layer_table(architecture) for architecture in ARCHITECTURES}
PARAMETERS = {
    architecture: sum(row["parameters"] for row in rows) for architecture, rows in LAYERS.items()
}

study = Study(
    name="mnist_ffn_vs_cnn",
    question=(
        "Is a CNN with an eighth of the parameters really better than an FFN at reading digits,"
        " digit by digit?"
    ),
    trainable=mnist.TASK,
    space={"architecture": list(ARCHITECTURES)},
    fixed={
        "data": "mnist",
        "data_root": "",
        "data_seed": 0,
        "learning_rate": 0.005,
        "schedule": "one_cycle",
        "batch_size": 64,
        "shift": 1,
        "precision": "auto",
    },
    search=Grid(),
    seeds=5,
    seeds_per_trial=3,
    metric="validation_accuracy",
    mode="max",
    epochs=10,
    report=Report(
        compare=Compare(
            parameter="architecture",
            baseline="ffn",
            metrics=["test_accuracy", *(f"test_accuracy_{digit}" for digit in range(10))],
            parts="digit",
            percent=True,
        ),
        published=Published(
            source="ADL, Assignment 1, 6 May 2024, Table 2",
            runs=1,
            note="One run of each network, tested on about 1,600 images.",
            fixed={"data": "mnist"},
            rows=[
                {"architecture": architecture, "metric": f"test_accuracy_{digit}", "mean": accuracy}
                for architecture, accuracies in zip(ARCHITECTURES, (FFN, CNN), strict=True)
                for digit, accuracy in enumerate(accuracies)
            ],
        ),
        tables={
            **{
                f"Layers of {architecture}": [
                    *rows,
                    {"layer": "sum", "parameters": PARAMETERS[architecture]},
                ]
                for architecture, rows in LAYERS.items()
            },
            "Parameters": [
                {
                    "architecture": architecture,
                    "parameters": count,
                    "fewer than ffn": f"{1 - count / PARAMETERS['ffn']:.2%}",
                }
                for architecture, count in PARAMETERS.items()
            ],
        },
    ),
    smoke={"data": "optdigits", "epochs": 3, "seeds": 3},
)
