"""Whether the checkpoints of a study fit the disk, judged before its first trial."""

import math
import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from analysis.records.space import active, combinations
from tuning.engine.checkpoints import KEPT, kept_settings
from tuning.spec.settling_plan import most_confirmations
from tuning.spec.study import Study

ASKED = 1000
"""For so many settings a study is asked how large their states are."""


def disk_problem(study: Study, results: Path, slots: int) -> str | None:
    """One sentence if the checkpoints of ``study`` would not fit the disk that ``results`` lies on;
    ``slots`` trials at a time.
    """
    state_bytes = study.task.state_bytes
    if state_bytes is None:
        return None
    searched = study.trials()[0].seeds if study.settles else study.seed_list
    seeds = max([searched, *study.fresh_parts[0]], key=len)
    largest = _largest(
        lambda setting: (
            state_bytes(study.config(setting), seeds) if study.search.allows(setting) else 0
        ),
        study.space,
    )
    needed = largest * kept_at_most(study, slots)
    free = shutil.disk_usage(results).free
    if needed < free:
        return None
    return (
        f"checkpoints would take up to {needed / 1e9:.1f} GB ({slots} trials at a time,"
        f" {largest / 1e6:.0f} MB each), and {results} has {free / 1e9:.1f} GB free. Free some,"
        " give another place with --results, or run fewer at a time."
    )


def kept_at_most(study: Study, slots: int) -> int:
    """How many checkpoints there are at a time, with so many trials abreast. While one is written
    beside, a live trial has one more than it keeps. Those of the best settings of the search are
    kept, so are those that are paused, and all confirmed ones are until it is known which setting
    is the best.
    """
    live = slots * (KEPT + 1) + KEPT * (kept_settings(study) + most_confirmations(study))
    return live + most_paused(study)


def most_paused(study: Study) -> int:
    """How many trials are paused at once that may still go on: at each rung no more than the share
    of all planned trials that can go on from there in the end.
    """
    if not (study.scheduler and study.scheduler.pauses):
        return 0
    share, paused = study.scheduler.share, float(study.planned)
    return sum(math.ceil(paused := paused * share) for _ in study.rungs)


def _largest(size: Callable[[Mapping[str, Any]], int], space: Mapping[str, Any]) -> int:
    """How large ``size`` gets over the settings of a space, judged by the values of lists and the
    ends of ranges.

    An estimate where there are too many settings to ask for each: of a sample of them the largest
    is taken, and one key after the other moved to where it is larger still, until no key makes it
    larger.
    """
    from tuning.spec.branches import extremes

    domains = extremes(space)
    values = {key: domain["values"] for key, domain in domains.items()}
    if math.prod(map(len, values.values())) <= ASKED:
        return max(map(size, combinations(domains)))

    def size_of(every: Mapping[str, Any]) -> int:
        """Of a setting that has a value for inactive parameters too."""
        return size(active(domains, every))

    draw = random.Random(0)
    best = max(
        ({key: draw.choice(listed) for key, listed in values.items()} for _ in range(ASKED)),
        key=size_of,
    )
    while True:
        before = size_of(best)
        for key, listed in values.items():
            best = max(({**best, key: value} for value in listed), key=size_of)
        if size_of(best) <= before:
            return before
