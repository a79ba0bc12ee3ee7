"""Which version of the study's code each number of a run is of. A run whose code changed between sessions holds several."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.wording import count, listing

if TYPE_CHECKING:
    from analysis.runs import Run

Versions = Mapping[str, str | None]
"""Trial -> version of the code; None where it was not recorded."""


def trial_versions(rows: Iterable[Mapping[str, Any]]) -> Versions:
    """What the last row of each trial in ``trials.jsonl`` says."""
    return {row["trial"]: row.get("code") for row in rows}


def wanted_versions(spec: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Versions:
    """The version that the epochs of each trial must be of to count: of a trial that has not ended, that of the last session, which trains
    it anew where other code began it."""
    last = (spec.get("sessions") or [{}])[-1].get("code")
    return {row["trial"]: (last if row["status"] == "running" else None) or row.get("code") for row in rows}


def is_of(row: Mapping[str, Any], versions: Versions) -> bool:
    """Whether a row of ``epochs.jsonl`` counts: a trial that was trained anew with other code leaves rows behind that do not."""
    ours, wanted = row.get("code"), versions.get(row["trial"])
    return ours is None or wanted is None or ours == wanted


def versions_note(run: "Run") -> str | None:
    """Which trials are of which version, where the numbers of a run are of several."""
    if not (pooled := pooled_words(run)):
        return None
    trained, found = _trained(run)
    parts = [_part(kind, trained[[one == kind for one in found]]) for kind in dict.fromkeys(found)]
    return f"{pooled.removesuffix('. ')}: {listing(parts)}. The folder code/ of the run holds the code."


def pooled_words(run: "Run") -> str:
    """A sentence for captions, with a space behind it, where the numbers of a run are of several versions of the code; else empty."""
    kinds = set(_trained(run)[1])
    if len(kinds) < 2:
        return ""
    if None in kinds:
        return "Numbers of several versions of the code may be pooled in this run. "
    return f"Numbers of {len(kinds)} versions of the code are pooled in this run. "


def _trained(run: "Run") -> tuple[Any, list[str | None]]:
    """The trials that have an epoch, and the version of each."""
    trained = run.trials[run.trials["trial"].isin(set(run.epochs["trial"]))]
    return trained, [run.versions.get(trial) for trial in trained["trial"]]


def _part(version: str | None, trials: Any) -> str:
    ids, seeds = list(trials["trial"]), sorted({seed for each in trials["seeds"] for seed in each})
    of = f"of version {version}" if version else "of code that was not recorded"
    between = ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}"
    return f"{count(len(ids), 'trial')} ({between}; {_seeds(seeds)}) {of}"


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) > 2 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"seeds {seeds[0]} to {seeds[-1]}"
    if len(seeds) > 6:
        return count(len(seeds), "seed")
    return f"seed{'s' * (len(seeds) > 1)} {listing(map(str, seeds))}"
