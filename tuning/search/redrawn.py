"""What a search drew and was told, in the order of the records: for searchers whose state is built
again by going through it.
"""

from collections.abc import Iterator, Sequence

from tuning.runs.trial_record import TrialRecord, params_key
from tuning.search.base import Searcher


def drawn_again(searcher: Searcher, records: Sequence[TrialRecord]) -> bool:
    """Ask and tell ``searcher``, which knows nothing yet, all that the records say; returns False,
    and stops, where it draws another setting than they have.
    """
    for asked, record in events(records):
        if not asked:
            tell(searcher, record)
            continue
        trial = searcher.ask()
        # Of a search that was extended past 9,999 trials, ids are longer than they were.
        if trial is None or (trial.id, params_key(trial.params)) != (
            record.id,
            params_key(record.params),
        ):
            return False
        if not record.ended:
            tell(searcher, record)
    return True


def tell(searcher: Searcher, record: TrialRecord) -> None:
    """What is known of one trial: every score, and its end where it has one."""
    for epoch, score in sorted(record.scores.items()):
        searcher.report(record.trial, epoch, score)
    if record.ended:
        searcher.tell(record.trial, record.status)


def events(records: Sequence[TrialRecord]) -> Iterator[tuple[bool, TrialRecord]]:
    """Each trial when it was asked for (True), and when its end was told (False): of a setting that
    was drawn again, with the end of the trial that answers for it.
    """
    asked = [((each.lines[0], 0), True, each) for each in records]
    told = [((each.lines[1], 1), False, each) for each in records if each.ended]
    for _, is_asked, record in sorted([*asked, *told], key=lambda event: event[0]):
        yield is_asked, record
