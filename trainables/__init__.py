"""How a model learns: torch only, no Ray, no study.

A *trainable* is a generator function, or anything else that can be called so and gives such pairs::

    def train(config, seeds, resume=None):
        for epoch in range(1, config["epochs"] + 1):
            ...
            yield {"epoch": epoch, "accuracy": [0.91, 0.88], "parameters": 13}, state

``config``   mapping: the study's fixed values, ``epochs``, and the values this trial was given. Checked before it gets here.
             Epochs are yielded in order, each at most once. Some may be left out, but not ``config["epochs"]``: a trial that ends
             before it counts as failed. At that epoch the trial ends; what is yielded after it is not recorded.
             ``config["test"]`` is False while settings are still being chosen: then test data may not be looked at.
             ``config["gpus"]`` is how many GPUs the trial has, or which share of one; 0: it trains on the CPU. Pick the device
             here (``trainables.loop.pick_device``), not where a module is imported: ``study try`` hides no card before a trial.
``seeds``    the seeds to train, one or many. A seed moves initialisation, batch order and dropout. The data and their split
             depend on ``data_seed`` alone, so that a standard deviation over seeds measures one thing.
metrics      mapping name -> number, or name -> one number per seed (length ``len(seeds)``). Holds ``epoch`` (1 after the first)
             and the metric of the study. It is copied when it is yielded, so that one mapping may be filled anew in every epoch.
             A trial ends as diverged when the study's metric, one called ``loss`` or one that ``Study(must_be_finite=...)`` names
             is NaN or infinite; other metrics are then recorded as missing, and so is None. True and False count as 1 and 0. What is
             constant for the trial (``parameters``) is a metric like any other.
             ``metrics["arrays"]`` (optional, at the last epoch) maps names to numpy arrays of any shape, of numbers, text or
             truth values: predictions, rasters. They are stored beside the numbers and never averaged.
             ``metrics["device"]`` (optional) is text: on what the trial calculates, and in which precision. The record says it.
``state``    what is needed to go on after this epoch (nested dicts, lists, numbers, tensors), or None if it cannot be resumed.
``resume``   a state that was yielded before, or None. The next epoch yielded is the one after it. Every epoch is seeded from
             (seed, epoch), so a resumed trial equals an uninterrupted one bit for bit on the same kind of processor.

A trainable knows nothing of where it runs: ``list(train({...}, [0]))`` is a test, a debugger session and a replay.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Config = Mapping[str, Any]
Metrics = Mapping[str, Any]
State = Any
Trainable = Callable[[Config, Sequence[int], State | None], Iterator[tuple[Metrics, State]]]
