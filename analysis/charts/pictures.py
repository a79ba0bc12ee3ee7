"""Which pictures a report has, one entry of a list each, in reading order. A new picture is a
module with a function that gives ``Picture``s for findings, and its entry here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from analysis.charts import (
    arm_costs,
    arm_parts,
    boundaries,
    confirmed,
    confusions,
    correlations,
    curves,
    galleries,
    importances,
    ledger,
    losses,
    overlays,
    parallel,
    parameters,
    progress,
    rungs,
    seeds,
    settings,
    settled,
    trials,
)
from analysis.charts.picture import Picture
from analysis.records.cache import once
from analysis.records.load import Run

Draw = Callable[[Any], Iterator[Picture]]

OF_SEARCHES: Sequence[Draw] = (
    confirmed.draw,
    overlays.draw,
    losses.draw,
    trials.draw,
    rungs.draw,
    trials.draw_by_loss,
    progress.draw,
    parameters.draw,
)
OF_ARMS: Sequence[Draw] = (arm_parts.draw, arm_costs.draw, confusions.draw, galleries.draw)
OF_RELATIONS: Sequence[Draw] = (correlations.draw, importances.draw, parallel.draw)
OF_SETTINGS: Sequence[Draw] = (
    settled.draw,
    settings.draw,
    seeds.draw,
    curves.draw,
    boundaries.draw,
)
OF_MACHINES: Sequence[Draw] = (ledger.draw,)
PICTURES = (*OF_SEARCHES, *OF_ARMS, *OF_RELATIONS, *OF_SETTINGS, *OF_MACHINES)
OF_COMPARISONS: Sequence[Draw] = (progress.draw_runs,)


def draw(findings: Any, pictures: Iterable[Draw] = PICTURES) -> list[Picture]:
    """The pictures that ``findings``, of a run or a comparison, have results for."""
    from altair.utils.schemapi import debug_mode

    # Altair checks each piece of a chart against the schema: half of the time, and the tests have
    # done it.
    with debug_mode(False):
        return [picture for each in pictures for picture in each(findings)]


def pictures(run: Run) -> dict[str, Picture]:
    """The pictures of the report of ``run`` by their names, in reading order."""
    return {picture.name: picture for picture in _drawn(run)}


@once
def _drawn(run: Run) -> list[Picture]:
    from analysis.stats.findings import find

    return draw(find(run))


def picture(run: Run, name: str) -> Picture:
    """One picture of the report: it shows itself in a notebook, and ``save`` writes it for a paper.

    Raises:
        ValueError: the report of ``run`` has no picture of that name.
    """
    drawn = pictures(run)
    if name not in drawn:
        raise ValueError(f"no picture {name!r}; this run has {', '.join(drawn) or 'none'}.")
    return drawn[name]
