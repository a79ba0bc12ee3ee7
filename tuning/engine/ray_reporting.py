"""Ray Tune's own way to report: refused within a trial, where what went through it would be lost,
but for trainables that are written for it.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ray.train._internal import session

from tuning.engine.yielded import NotReported


class _Refusing:
    """Takes the place of Ray's session, which ``tune.report`` asks for; all else that it might say
    is None.
    """

    def report(self, *given: Any, **named: Any) -> None:
        raise NotReported(
            "the trainable calls tune.report, which records nothing in a generator, or where it has"
            " report(...) of its own: yield (metrics, state) after every epoch instead, as in yield"
            ' {"epoch": 1, "loss": 0.5}, None; or take config alone, train(config), as a function'
            " of Ray Tune does, and keep tune.report."
        )

    def __getattr__(self, name: str) -> None:
        return None


def reports_refused() -> AbstractContextManager[None]:
    """Within the block ``tune.report`` raises ``NotReported``."""
    return session_as(_Refusing())


@contextmanager
def session_as(replacement: Any) -> Iterator[None]:
    """Within the block Ray's functions ask that object in the place of Ray's own session."""
    # Undocumented, and the only place that every import of the function goes through.
    before, session._session = session._session, replacement
    try:
        yield
    finally:
        session._session = before
