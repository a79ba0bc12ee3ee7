"""What keeps a study from being sent to the processes that train its trials."""

import functools
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray.cloudpickle
from small_studies import scores, small_study

from tuning import Study, StudyError
from tuning.engine.sendable import data_for_trials, pickled

LOCK = threading.Lock()
OPEN = Path("/dev/null").open("w")  # noqa: SIM115
SETTINGS = {"shared": {"lock": LOCK}}
Trained = Iterator[Any]


def locked(config: Any, seeds: Any, resume: Any = None) -> Trained:
    def inner() -> bool:
        return LOCK.locked()

    assert not inner()
    yield from scores(config, seeds)


def calls(config: Any, seeds: Any, resume: Any = None) -> Trained:
    yield from locked(config, seeds, resume)


def writes(config: Any, seeds: Any, resume: Any = None) -> Trained:
    OPEN.write("")
    yield from scores(config, seeds)


def generates(
    config: Any, seeds: Any, resume: Any = None, *, given: Any = (each for each in "ab")
) -> Trained:
    yield from scores(config, seeds)


def takes(config: Any, seeds: Any, resume: Any = None, *, given: Any = None) -> Trained:
    yield from scores(config, seeds)


def looks_up(config: Any, seeds: Any, resume: Any = None) -> Trained:
    assert SETTINGS
    yield from scores(config, seeds)


def enclosed() -> Any:
    held = threading.Thread()

    def train(config: Any, seeds: Any, resume: Any = None) -> Trained:
        assert held
        yield from scores(config, seeds)

    return train


class Holder:
    def __init__(self) -> None:
        self.held = [threading.Condition()]

    def __call__(self, config: Any, seeds: Any, resume: Any = None) -> Trained:
        yield from scores(config, seeds)


class Shared:
    lock = threading.RLock()

    def train(self, config: Any, seeds: Any, resume: Any = None) -> Trained:
        yield from scores(config, seeds)


@pytest.fixture
def _by_value() -> Iterator[None]:
    """As the module of a study that trials could not import."""
    module = sys.modules[__name__]
    ray.cloudpickle.register_pickle_by_value(module)
    yield
    ray.cloudpickle.unregister_pickle_by_value(module)


def unsendable(study: Study) -> str | None:
    """What is said of a study that cannot be sent."""
    try:
        pickled(study)
    except StudyError as error:
        return str(error).removeprefix(f"Study {study.name!r}: ")
    return None


@pytest.mark.usefixtures("_by_value")
@pytest.mark.parametrize(
    ("study", "culprit"),
    [
        (small_study(locked), "LOCK (in test_sendable.locked) is a _thread.lock,"),
        (small_study(calls), "LOCK (in test_sendable.locked) is a _thread.lock,"),
        (
            small_study(functools.partial(locked)),
            "LOCK (in test_sendable.locked) is a _thread.lock,",
        ),
        (
            small_study(functools.partial(takes, given=LOCK)),
            "trainable.keywords['given'] is a _thread.lock,",
        ),
        (small_study(writes), "OPEN (in test_sendable.writes) is a _io.TextIOWrapper,"),
        (
            small_study(generates),
            "its keyword defaults (in test_sendable.generates)['given'] is a builtins.generator,",
        ),
        (
            small_study(looks_up),
            "SETTINGS (in test_sendable.looks_up)['shared']['lock'] is a _thread.lock,",
        ),
        (
            small_study(enclosed()),
            (
                "held (in test_sendable.enclosed.<locals>.train)._started._cond._lock is a"
                " _thread.lock,"
            ),
        ),
        (small_study(Holder()), "trainable.held[0]._lock is a _thread.RLock,"),
        (small_study(Shared().train), "Shared.lock is a _thread.RLock,"),
        (
            small_study(describe=lambda config: {"held": LOCK}),
            "LOCK (in test_sendable.<lambda>) is a _thread.lock,",
        ),
    ],
)
def test_the_object_that_cannot_be_sent_is_named(study: Study, culprit: str) -> None:
    said = unsendable(study)
    assert said is not None
    assert said.startswith(
        f"{culprit} which cannot be sent to the processes that train the trials ("
    )
    assert said.endswith("): create it inside the trainable.")
    assert said.isprintable()
    assert len(said) < 400


@pytest.mark.usefixtures("_by_value")
def test_what_can_be_sent_is_not_complained_of() -> None:
    assert unsendable(small_study()) is None
    assert unsendable(small_study(functools.partial(scores))) is None


def test_a_module_that_trials_import_may_hold_anything() -> None:
    assert unsendable(small_study(locked)) is None
    assert unsendable(small_study(Shared().train)) is None
    assert "trainable.held[0]._lock" in str(unsendable(small_study(Holder())))


def test_data_are_read_only_as_in_the_shared_memory_of_a_run() -> None:
    own = {
        "plain": np.arange(6),
        "fortran": np.asfortranarray(np.ones((2, 3))),
        "part": np.arange(10)[::3],
        "list": [np.zeros(2)],
    }
    given = data_for_trials(small_study(scores, load=lambda config: own))["loaded"]
    for name in ("plain", "fortran", "part"):
        np.testing.assert_array_equal(given[name], own[name])
    with pytest.raises(ValueError, match="read-only"):
        given["plain"][0] = 1
    with pytest.raises(ValueError, match="read-only"):
        given["list"][0][:] = 1
    assert own["plain"][0] == 0
    assert data_for_trials(small_study(scores)) == {}


def test_data_that_cannot_be_sent_are_named() -> None:
    with pytest.raises(StudyError) as error:
        data_for_trials(
            small_study(scores, load=lambda config: {"images": [1], "lock": threading.Lock()})
        )
    assert error.value.problems[0].startswith(
        "Study 'small': loaded['lock'] is a _thread.lock, which cannot be sent to the processes"
        " that train the trials ("
    )
