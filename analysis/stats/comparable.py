"""Which runs can be set beside each other, and what they are called there."""

from collections.abc import Sequence

from analysis.records.load import Run


class UnequalRuns(ValueError):
    """Raised for runs that cannot be compared; says why, one line per difference."""


def run_names(runs: Sequence[Run]) -> list[str]:
    """The names of the run folders; of equal ones the later ones numbered."""
    names: list[str] = []
    for run in runs:
        name, number = run.paths.root.name, 2
        while name in names:
            name, number = f"{run.paths.root.name} ({number})", number + 1
        names.append(name)
    return names


def mismatches(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    """What keeps the runs from being compared: one line per thing that differs, with the value of
    each run.
    """
    values_of = {
        "metric": [str(run.metric) for run in runs],
        "mode": [str(run.mode) for run in runs],
        "data": [_data(run) for run in runs],
    }
    return [
        f"{what}: {', '.join(map('{} ({})'.format, values, names))}"
        for what, values in values_of.items()
        if len(set(values)) > 1
    ]


def _data(run: Run) -> str:
    """The hash of the data, or all that is known of it where no hash was recorded."""
    data = run.spec.get("data") or {}
    if data.get("sha256"):
        return f"sha256 {data['sha256']}"
    return ", ".join(f"{key} {value}" for key, value in data.items()) or "unknown"
