"""What a study would take: the time and the disk, from one epoch of a trial of each kind."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from analysis.text.format import amount_words, count
from tuning.engine.backends.inline import trained
from tuning.engine.checkpoints import size_of_state
from tuning.engine.disk import kept_at_most
from tuning.engine.trial import Exited, Returning
from tuning.engine.yielded import NotReported
from tuning.spec.plan import epochs_bounds
from tuning.spec.study import Study, StudyError, Trial

KINDS, DRAWN = 4, 20
"""So many kinds of trials are probed, of so many that the study would begin with."""


@dataclass(frozen=True)
class Probe:
    """The first epoch of a trial: its seconds, and the bytes of its state and of its row."""

    trial: Trial
    seconds: float
    state_bytes: int
    row_bytes: int


def probed(study: Study) -> list[Probe]:
    """One epoch of a trial of each kind; trials are of one kind where all their params that are no
    numbers are equal. Of one kind alone, the first and the last.

    Raises:
        StudyError: the data are missing, or the trainable reports what a run would refuse. What
            else it raises is raised as it is.
    """
    trials = list(islice(_first_trials(study), DRAWN))
    kinds = {_kind(trial): trial for trial in reversed(trials)}
    chosen = list(kinds.values())[::-1][:KINDS]
    if len(chosen) == 1 and len(trials) > 1:
        chosen.append(trials[-1])
    try:
        return [_probe(study, trial) for trial in chosen]
    except (NotReported, Exited) as error:
        raise StudyError(f"Study {study.name!r}: {error}") from None


def probe_text(study: Study, probes: Sequence[Probe]) -> str:
    """The time and the disk that a run on this machine would take, in a line."""
    cores = os.cpu_count() or 1
    slots = max(1, round(cores // study.resources.cpus)) if not study.resources.gpus else 1
    paces = [each.seconds for each in probes]
    low, high = epochs_bounds(study)
    least, most = low * min(paces) / slots, high * max(paces) / slots
    state, row = max(each.state_bytes for each in probes), max(each.row_bytes for each in probes)
    disk = state * kept_at_most(study, slots) + row * high
    epoch = " to ".join(
        dict.fromkeys(amount_words("seconds", each) for each in (min(paces), max(paces)))
    )
    span = " to ".join(dict.fromkeys(amount_words("seconds", each) for each in (least, most)))
    return (
        f"{span} with {count(slots, 'trial')} at a time here, {disk / 1e6:,.1f} MB: an epoch took"
        f" {epoch} in {count(len(probes), 'probe')}, the start of its trial included"
    )


def _first_trials(study: Study) -> Iterator[Trial]:
    if study.search.exhaustive:
        yield from study.trials()
        return
    searcher = study.search.searcher(study)
    yield from iter(searcher.ask, None)


def _kind(trial: Trial) -> str:
    return json.dumps(
        {key: value for key, value in trial.params.items() if type(value) not in (int, float)},
        sort_keys=True,
    )


def _probe(study: Study, trial: Trial) -> Probe:
    with closing(Returning(trained(study, trial))) as rows:
        for row, state in rows:
            kept = {key: value for key, value in row.items() if key != "arrays"}
            return Probe(
                trial,
                row["seconds"] / max(1, row["epoch"]),
                0 if state is None else size_of_state(state),
                len(json.dumps(kept, default=str)),
            )
    raise NotReported("the trainable ended before its first epoch.")
