"""What a trial may change of its process."""

from collections.abc import Callable
from typing import Any

from tuning.process.state import process_restored

Change = tuple[Callable[[], Any], Callable[[], Any]]
"""What a trial may do, and what shows whether it did."""


def assert_put_back(change: Callable[[], Any], look: Callable[[], Any]) -> None:
    """The next trial does not find it."""
    before = look()
    with process_restored([0], 0):
        change()
        assert look() != before, "the change must be seen for this to mean anything"
    assert look() == before
