"""How a model learns: torch only, no Ray, no study.

A *trainable* is a generator function, or anything else that can be called so and gives such pairs
(a study takes functions that report, and those of Ray Tune, as well: ``docs/bring.md``)::

    def train(config, seeds, resume=None):
        for epoch in range(1, config["epochs"] + 1):
            ...
            yield {"epoch": epoch, "accuracy": [0.91, 0.88], "parameters": 13}, state

``config``   mapping: the study's fixed values, ``epochs``, and the values this trial was given.
             Checked before it gets here; lists and mappings in it are the trial's own. Epochs are
             yielded in order, each at most once. Some may be left out, but not
             ``config["epochs"]``: a trial that ends before it counts as failed, unless the
             trainable returns a text that says why: then it is complete. At that epoch the trial
             ends; what is yielded after it is not recorded. ``config["test"]`` is False while
             settings are still being chosen: then test data may not be looked at.
             ``config["gpus"]`` is how many GPUs the trial has, or which share of one; 0: it trains
             on the CPU. Pick the device here (``trainables.loop.pick_device``), not where a module
             is imported: ``study try`` hides no card before a trial.
``seeds``    the seeds to train, one or many. A seed moves initialisation, batch order and dropout.
             The data and their split depend on ``data_seed`` alone, so that a standard deviation
             over seeds measures one thing.
metrics      mapping name -> number, or name -> one number per seed (length ``len(seeds)``). Holds
             ``epoch`` (1 after the first) and the metric of the study, of which each seed has a
             number of its own: one for several seeds is refused. It is copied when it is
             yielded, so that one mapping may be filled anew in every epoch. A trial ends as
             diverged when the study's metric, one called ``loss`` or one that
             ``Task(must_be_finite=...)`` names is NaN or infinite; other metrics are then recorded
             as missing, and so is None. True and False count as 1 and 0. What is constant for the
             trial (``parameters``) is a metric like any other. ``metrics["arrays"]`` (optional, at
             the last epoch) maps names to numpy arrays of any shape, of numbers, text or truth
             values: predictions, rasters. They are stored beside the numbers and never averaged.
             ``metrics["device"]`` (optional) is text: on what the trial calculates, and in which
             precision. The record says it.
``state``    what is needed to go on after this epoch (nested dicts, lists, numbers, tensors), or
             None if it cannot be resumed. It is written when it is yielded or, where the trainable
             then returns a reason, when it does: leave it as it is until then.
``resume``   a state that was yielded before, or None. The next epoch yielded is the one after it.
             Every epoch is seeded from (seed, epoch), so a resumed trial equals an uninterrupted
             one bit for bit on the same kind of processor.

A trainable knows nothing of where it runs: ``list(train({...}, [0]))`` is a test, a debugger
session and a replay.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainables.limits import Limit

Config = Mapping[str, Any]
Metrics = Mapping[str, Any]
State = Any
Trainable = Callable[..., Any]
"""A generator, a function that calls ``report``, or a function or class of Ray Tune's."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A trainable with what else belongs to its data and its model: a study takes it in the place
    of the function.
    """

    train: Trainable
    """A generator function ``train(config, seeds, resume=None)``, a partial of one, or an object
    called like it; or another of the kinds in ``docs/bring.md``.
    """
    describe: Callable[[Config], Mapping[str, Any]] | None = None
    """Says what the data are (name, counts, checksum; a ``note`` is shown) before anything starts;
    a ValueError stops the study.
    """
    load: Callable[[Config], Any] | None = None
    """Reads the data, once for the whole study: the trainable finds them as ``config["loaded"]``.
    They may not depend on the setting.
    """
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """What the values of keys may be (``trainables.limits``)."""
    must_be_finite: Sequence[str] = ()
    """Metrics that end a trial as diverged once they are NaN or infinite, as the study's metric and
    one called ``loss`` always do. Others are then recorded as missing.
    """
    state_bytes: Callable[[Config, Sequence[int]], int] | None = None
    """About how many bytes the state of a trial takes, so that a run that would not fit the disk is
    refused before it starts.
    """
    export: Callable[[Config, State, Path], None] | None = None
    """Writes the best network, given its state after the last epoch, into the folder
    ``report/best`` for others to use.
    """
    network: Callable[[Config, State], tuple[Any, Any]] | None = None
    """Builds the network of a trial from its state after the last epoch, that of its best seed
    where it has several: an ``nn.Module`` and an example of what it is called with, a tensor
    (batch, *features). ``study export`` and ``tuning.load_best`` hand it on.
    """
