"""Which version of the study's code each number of a run is of. A run whose code changed between
sessions holds several.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.records.schema import is_of_code, status_of
from analysis.text.format import count, listing

if TYPE_CHECKING:
    from analysis.records.load import Run

Versions = Mapping[str, str | None]
"""Trial -> version of the code; None where it was not recorded."""


def trial_versions(rows: Iterable[Mapping[str, Any]]) -> Versions:
    """What the last row of each trial in ``trials.jsonl`` says."""
    return {row["trial"]: row.get("code") for row in rows}


def wanted_versions(spec: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Versions:
    """The version that the epochs of each trial must be of to count: of a trial that has not ended,
    that of the last session, which trains it anew where other code began it.
    """
    last = (spec.get("sessions") or [{}])[-1].get("code")
    return {
        row["trial"]: (None if status_of(row).has_ended else last) or row.get("code")
        for row in rows
    }


def is_of(row: Mapping[str, Any], versions: Versions) -> bool:
    """Whether a row of ``epochs.jsonl`` counts, by the version wanted of its trial."""
    return is_of_code(row, versions.get(row["trial"]))


def versions_note(run: "Run") -> str | None:
    """Which trials are of which version, where the numbers of a run are of several."""
    if not (pooled := pooled_words(run)):
        return None
    trials, versions = _trained(run)
    groups = [
        _group(version, trials[[each == version for each in versions]])
        for version in dict.fromkeys(versions)
    ]
    return (
        f"{pooled.removesuffix('. ')}: {listing(groups)}. The folder code/ of the run holds the"
        " code."
    )


def pooled_words(run: "Run") -> str:
    """A sentence for captions, with a space behind it, where the numbers of a run are of several
    versions of the code; else empty.
    """
    versions = set(_trained(run)[1])
    if len(versions) < 2:
        return ""
    if None in versions:
        return "Numbers of several versions of the code may be pooled in this run. "
    return f"Numbers of {len(versions)} versions of the code are pooled in this run. "


def _trained(run: "Run") -> tuple[Any, list[str | None]]:
    """The trials that have an epoch, and the version of each."""
    trained = run.trials[run.trials["trial"].isin(set(run.epochs["trial"]))]
    return trained, [run.versions.get(trial) for trial in trained["trial"]]


def _group(version: str | None, trials: Any) -> str:
    ids, seeds = list(trials["trial"]), sorted({seed for each in trials["seeds"] for seed in each})
    of = f"of version {version}" if version else "of code that was not recorded"
    between = " to ".join(dict.fromkeys([ids[0], ids[-1]]))
    return f"{count(len(ids), 'trial')} ({between}; {_seeds(seeds)}) {of}"


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) > 2 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"seeds {seeds[0]} to {seeds[-1]}"
    if len(seeds) > 6:
        return count(len(seeds), "seed")
    return f"seed{'s' * (len(seeds) > 1)} {listing(map(str, seeds))}"
