"""What the report of a study shows beside what every study's report shows: frozen keyword-only
specs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from tuning.spec.components import spec


@spec
class Published:
    """Numbers of others, to stand beside ours."""

    source: str
    """Who measured them, and when."""
    runs: int
    """How many runs are behind each mean."""
    rows: Sequence[Mapping[str, Any]]
    """One mapping per setting: its values, ``mean`` and (if known) ``std`` of the study's metric,
    or of the one under ``metric``.
    """
    note: str = ""
    """What a reader must know to compare them."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Fixed values of the study that they hold for, the data say. A run with another value leaves
    them out, and says so.
    """


@spec
class Compare:
    """Arms to be compared seed by seed: the values of one key of the space, each against a
    baseline.
    """

    parameter: str
    """The key whose values are the arms."""
    baseline: Any
    """The value that the others are compared with."""
    metrics: Sequence[str] = ()
    """What they are compared by, at the last epoch: the metric that says which is better first, by
    the study's ``mode``; the study's own where none is given. Then others, or its parts (one per
    digit, say).
    """
    parts: str = ""
    """What a part is called, "digit" say, where the metrics behind the first one are parts of it;
    empty where they are others, of whatever unit.
    """
    percent: bool = False
    """Whether the metrics are shares, so that differences read in percentage points."""


@spec
class Report:
    """What the report shows beside what every study's report shows."""

    compare: Compare | None = None
    """Arms to be compared seed by seed."""
    published: Published | None = None
    """Numbers of others, to stand beside ours."""
    target: float | None = None
    """A seed counts as solved when its metric reaches this."""
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Facts known beforehand, as titled tables: shown by ``study show`` too."""
