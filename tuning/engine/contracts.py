"""A trainable of any kind, called as a generator of epochs."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from tuning.engine.pushed import Report, pushed
from tuning.spec.callables import FROM_RAY, Contract, contract_of, module_of, takes
from tuning.spec.study import Study, Trial

if TYPE_CHECKING:  # they bring NumPy, which `from tuning import from_ray` does not need
    from tuning.engine.in_turn import Epochs
    from tuning.engine.ray_trainables import TrialNames


def called(study: Study, trial: Trial, config: Mapping[str, Any], resume: Any) -> Any:
    """What calling the trainable of a study for a trial gives, in whichever way it is written."""
    train = _as_generator(study, trial)
    if study.folds > 1:
        from tuning.engine.folds import over_folds

        return over_folds(train, study.folds, config, trial.seeds, resume)
    return train(config, [*trial.seeds], resume)


def _as_generator(study: Study, trial: Trial) -> Callable[[Any, Sequence[int], Any], Any]:
    from tuning.engine.in_turn import in_turn
    from tuning.engine.ray_trainables import TrialNames

    train = study.task.train
    contract = contract_of(train)
    if contract is Contract.GENERATOR:
        return train
    if contract is Contract.PUSH:
        return partial(in_turn, partial(_pushed_epochs, train))
    resources = {"CPU": study.resources.cpus, "GPU": study.resources.gpus}
    names = TrialNames(trial.id, study.name, resources)
    return partial(_ray_epochs, getattr(train, FROM_RAY, train), names)


def from_ray(trainable: Any) -> "Callable[..., Epochs]":
    """A function ``train(config)`` or a class of Ray Tune as the trainable of a study: for those
    that a study does not take for one by themselves, and to call one without a study, as in
    ``list(from_ray(train)({"lr": 0.1, "epochs": 3}, [0]))``.
    """

    def train(config: Any, seeds: Sequence[int], resume: Any = None) -> "Epochs":
        from tuning.engine.ray_trainables import TrialNames

        return _ray_epochs(trainable, TrialNames(), config, seeds, resume)

    train.__module__ = module_of(trainable)
    train.__qualname__ = getattr(trainable, "__qualname__", type(trainable).__qualname__)
    setattr(train, FROM_RAY, trainable)
    return train


def _ray_epochs(
    trainable: Any, names: "TrialNames", config: Any, seeds: Sequence[int], resume: Any
) -> "Epochs":
    from tuning.engine.in_turn import in_turn
    from tuning.engine.ray_trainables import class_epochs, function_epochs

    epochs = class_epochs if isinstance(trainable, type) else function_epochs
    return in_turn(partial(epochs, trainable, names), config, seeds, resume)


def _pushed_epochs(
    train: Callable[..., Any], config: Mapping[str, Any], seed: int, resume: Any
) -> "Epochs":
    def run(report: Report) -> Any:
        if takes(train, "resume"):
            return train(config, seed, report, resume=resume)
        return train(config, seed, report)

    with closing(pushed(run)) as epochs:
        return (yield from epochs)
