"""Ray Tune's own way to report, refused within a trial: what went through it would be lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.train._internal import session

from tuning.rows import NotReported


class _Refusing:
    """Takes the place of Ray's session, which ``tune.report`` asks for; all else that it might say is None."""

    def report(self, *given: Any, **named: Any) -> None:
        raise NotReported(
            "the trainable calls tune.report, which records nothing in a study: "
            'yield (metrics, state) after every epoch instead, as in yield {"epoch": 1, "loss": 0.5}, None.'
        )

    def __getattr__(self, name: str) -> None:
        return None


@contextmanager
def reports_refused() -> Iterator[None]:
    """Within the block ``tune.report`` raises ``NotReported``."""
    # Undocumented, and the only place that every import of the function goes through.
    before, session._session = session._session, _Refusing()
    try:
        yield
    finally:
        session._session = before
