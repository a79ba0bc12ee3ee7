"""2,000 trials of two seconds that only wait, for measuring what is around them."""

import time
from collections.abc import Iterator
from typing import Any

from tuning import Study


def wait(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for epoch in range(1, config["epochs"] + 1):
        time.sleep(1)
        yield {"epoch": epoch, "score": config["number"]}, None


study = Study(
    name="waiting",
    question="How busy are the slots?",
    trainable=wait,
    space={"number": list(range(2000))},
    metric="score",
    epochs=2,
    seeds=1,
)
