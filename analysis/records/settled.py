"""What the records say of a search that ended itself before it had drawn all that it may."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from analysis.text.rounding import number

if TYPE_CHECKING:
    from analysis.records.load import Run

NOISES = {
    "given": "as the study gives it",
    "seeds": "as the seeds of its trials show it",
    "confirmation": "as the seeds of the confirmation show it",
    "model": "as far as its model cannot explain what trials gave",
}
"""Where the noise of a seed is known from."""
KEYS = {"trials", "planned", "recent", "gain", "noise", "by"}


def settled_facts(answers: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of each time that the search of a run was settled, in order, ``trials``: after how many that
    it had drawn, of how many ``planned``; ``gain``: what the last ``recent`` of them had gained,
    and ``noise``, the standard deviation that it is less than, both in units of the metric; ``by``:
    a key of ``NOISES``.
    """
    given = [row["settled"] for row in answers if isinstance(row.get("settled"), Mapping)]
    return [facts for facts in given if facts.keys() >= KEYS]


def settled_at(answers: Iterable[Mapping[str, Any]], planned: Any) -> Mapping[str, Any] | None:
    """The facts of a search of so many ``planned`` trials that was settled; None where it was not.
    One that was given more trials, or fewer, since goes on.
    """
    found = [facts for facts in settled_facts(answers) if facts.get("planned") == planned]
    return found[-1] if found and planned is not None else None


def settled_sentence(run: "Run") -> str:
    """That the search of a run was settled, after how many trials and by what; empty where it was
    not.
    """
    return words_of(run.settled, run.recorded["metric"]) if run.settled else ""


def settled_row(facts: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """The row of ``answers.jsonl`` that says so."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    row = {"order": f"settled/{facts['planned']}", "at": at, "answer": words_of(facts, metric)}
    return row | {"settled": dict(facts)}


def words_of(facts: Mapping[str, Any], metric: str) -> str:
    return (
        f"the search was settled after {facts['trials']} of {facts['planned']} trials: the last"
        f" {facts['recent']} gained {number(facts['gain'], 2)} {metric}, less than seeds alone make"
        f" a trial differ, {number(facts['noise'], 2)} (standard deviation,"
        f" {NOISES.get(facts['by'], facts['by'])})"
    )
