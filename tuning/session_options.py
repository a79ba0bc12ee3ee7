"""Where a session of a run trains, until when, and how it is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias, get_args

from tuning.callbacks.notify import checked_url
from tuning.spec.study import Study, StudyError
from tuning.spec.values import shown

if TYPE_CHECKING:  # it brings pandas
    from analysis.records.load import Run

Change: TypeAlias = "Callable[[Study, Study, Run], dict[str, Any]]"
"""From a study as it is found, as it was run, and its run, to the overrides it goes on with."""
Backend = Literal["ray", "inline"]
"""What trains the trials: Ray, or this process, one trial after the other."""


@dataclass(frozen=True)
class SessionOptions:
    """Where a session of a run trains and how it is shown, as the options say.

    Raises:
        StudyError: an unknown backend, an address of a cluster where none is used, or ``dashboard``
            is neither True nor False.
    """

    address: str | None = None
    mirrors: Mapping[str, Any] = field(default_factory=dict)
    """How each mirror is to be, by its field of ``Mirrors``; None as it was."""
    watch: bool = False
    json: TextIO | None = None
    max_time: str | float | None = None
    """A budget of time for a run that goes on, in the place of the one that it has."""
    backend: Backend = "ray"
    dashboard: bool = False
    """Whether Ray's own dashboard runs beside a private Ray. A cluster has its own."""
    confirm_now: bool = False
    """Whether the best settings of a run are confirmed without the rest of its search."""
    notify: str | None = field(default=None, repr=False)
    """Where a word is sent when the run ends, breaks off or loses its first trial: a webhook, which
    is a secret.
    """

    def with_budget(self, change: "Change") -> "Change":
        """``change``, with the budget that these options give."""
        if self.max_time is None:
            return change
        return lambda *run: {**change(*run), "budget": {"time": self.max_time}}

    def __post_init__(self) -> None:
        if self.backend not in get_args(Backend):
            allowed = ", ".join(map(repr, get_args(Backend)))
            raise StudyError(f"backend={self.backend!r} is not one of {allowed}.")
        if self.backend == "inline" and self.address:
            raise StudyError('backend="inline" trains in this process: leave the address out.')
        if not isinstance(self.dashboard, bool):
            raise StudyError(f"dashboard={shown(self.dashboard)} must be True or False.")
        if self.notify is not None:
            checked_url(self.notify)
