"""A trial of a study with folds: its trainable is called once for each fold, and all of them go on
epoch by epoch together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tuning.engine.in_turn import Epochs, Turn, take_turns
from tuning.engine.yielded import NotReported, iterated
from tuning.spec.values import own

Train = Callable[[Mapping[str, Any], Sequence[int], Any], Any]


def over_folds(
    train: Train, folds: int, config: Mapping[str, Any], units: Sequence[int], resume: Any
) -> Epochs:
    """The epochs of the ``units`` of a trial, of which unit u is fold ``u % folds`` of repetition
    ``u // folds``, as ``take_turns`` gives them: for each fold ``train`` is given
    ``config["fold"]``, and the repetitions as its seeds.
    """
    of_fold = {
        fold: [unit for unit in units if unit % folds == fold]
        for fold in sorted({unit % folds for unit in units})
    }

    def opened(fold: int, state: Any) -> Iterator[Any]:
        repetitions = [unit // folds for unit in of_fold[fold]]
        return iterated(train(own({**config, "fold": fold}), repetitions, state))

    last = config.get("epochs")
    turns = [
        Turn("fold", fold, partial(opened, fold), seed=part[0], last=last)
        for fold, part in of_fold.items()
    ]
    return (yield from take_turns(turns, resume, partial(_in_order, [*of_fold.values()], units)))


def _in_order(
    of_fold: Sequence[Sequence[int]], units: Sequence[int], values: Sequence[Any]
) -> list[Any]:
    """A metric of each fold, one number or one per repetition, as one per unit."""
    of_unit: dict[int, Any] = {}
    for value, part in zip(values, of_fold, strict=True):
        each = np.asarray(value).tolist()
        each = each if isinstance(each, list) else [each] * len(part)
        if len(each) != len(part):
            raise NotReported(
                f"a metric has {len(each)} values in one fold; there are {len(part)} repetitions."
            )
        of_unit.update(zip(part, each, strict=True))
    return [of_unit[unit] for unit in units]
