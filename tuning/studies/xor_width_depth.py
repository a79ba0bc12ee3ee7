"""Does width or depth help a small network learn continuous XOR?"""

from trainables.xor import training as xor
from tuning import Grid, Published, Report, Study

study = Study(
    name="xor_width_depth",
    question="Does width or depth help a small network learn continuous XOR?",
    trainable=xor.TASK,
    space={"width": [1, 2, 3], "depth": [0, 1, 2, 3]},
    fixed={
        "points": 2500,
        "evaluation_points": 500,
        "noise": 0.1,
        "data_seed": 0,
        "learning_rate": 0.1,
        "batch_size": 128,
    },
    search=Grid(),
    seeds=100,
    seeds_per_trial=500,
    metric="accuracy",
    mode="max",
    epochs=100,
    report=Report(
        target=0.99,
        published=Published(
            source="ADL, Assignment 1, 6 May 2024, Table 1",
            runs=3,
            note=(
                "Standard deviations there are population ones (ddof 0). Depth counts hidden layers"
                " after the first."
            ),
            rows=[
                {"width": 1, "depth": 0, "mean": 0.7640, "std": 0.0},
                {"width": 1, "depth": 1, "mean": 0.6793, "std": 0.1452},
                {"width": 1, "depth": 2, "mean": 0.7100, "std": 0.0},
                {"width": 1, "depth": 3, "mean": 0.5633, "std": 0.1263},
                {"width": 2, "depth": 0, "mean": 0.6253, "std": 0.0820},
                {"width": 2, "depth": 1, "mean": 1.0000, "std": 0.0},
                {"width": 2, "depth": 2, "mean": 0.5440, "std": 0.0990},
                {"width": 2, "depth": 3, "mean": 0.9273, "std": 0.1028},
                {"width": 3, "depth": 0, "mean": 0.9980, "std": 0.0},
                {"width": 3, "depth": 1, "mean": 1.0000, "std": 0.0},
                {"width": 3, "depth": 2, "mean": 1.0000, "std": 0.0},
                {"width": 3, "depth": 3, "mean": 0.9980, "std": 0.0},
            ],
        ),
    ),
    smoke={"epochs": 20, "seeds": 10},
)
