"""Which code a run is of, and how today's differs from it."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.records.load import Run, RunPaths
from tuning.runs.code import Code, changes, kept


def last_version(run: Run) -> str | None:
    """The version of the code that all trials are of, or else that the last session ran; None where
    none was recorded.
    """
    versions = set(run.versions.values())
    return (versions.pop() if len(versions) == 1 else None) or last_session(run).get("code")


def last_session(run: Run) -> Mapping[str, Any]:
    return (run.spec.get("sessions") or [{}])[-1]


def changes_since(paths: RunPaths, version: str, now: Code) -> list[str]:
    """How the code differs from a version that the run has kept, one phrase per file or value."""
    if version == now.version:
        return []
    was = kept(paths, version)
    return (
        changes(was, now)
        if was
        else [
            f"its version was {version}, now it is {now.version}, and {paths.code} has no whole"
            " copy of it"
        ]
    )


def code_refusal(paths: RunPaths, version: str, changed: Sequence[str]) -> str:
    return (
        f"the code is not that of this run any more: {'; '.join(changed)}. Its numbers would be"
        " pooled with those of before. Put the code back as it was (a copy is in"
        f" {paths.code / version}), start a new run with `study run`, or give --accept-code-change"
        " (in Python accept_code_change=True): then every record says which code it is of, and the"
        " report that they are pooled."
    )
