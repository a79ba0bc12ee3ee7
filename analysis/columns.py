"""What the user's names are called as columns: their own name, unless a column of ours has it.

Frames hold parameters, metrics and columns of our own side by side. A name of the user's that is one of ours is changed here, where records
become frames, and nowhere else, so that nothing behind can collide: ``left_out`` becomes ``left_out (parameter)``.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DERIVED = ("_mean", "_std", "_median", "_min")
"""How the names of columns end that are computed from a metric: they begin with its name."""

HELD_OUT = ("test_", "set_aside_", "extra_test_")
"""How the names of metrics begin that are of test data, of data set aside, and of another source: nothing was trained or chosen by them."""

BESIDE_METRICS = frozenset({"trial", "epoch", "seed", "seconds", "at", "setting", "phase", "published"})
"""Our columns in frames that have columns for metrics, and what would make one of ours with an ending of ``DERIVED``."""

BESIDE_PARAMETERS = frozenset(
    {
        *("trial", "phase", "status", "rung", "seeds", "attempt", "epochs", "seconds", "node", "error", "setting", "seed", "parameters"),
        *("n", "lost", "confirmed_lost", "ci_low", "ci_high", "solved", "solved_low", "solved_high", "left_out"),
        *("published_mean", "published_std", "range_low", "range_high", "outside"),
        *("rank", "name", "last_epoch", "search_score", "search_n", "confirmed_mean", "confirmed_std", "confirmed_n", "confirmed_low"),
        *("confirmed_high", "shrinkage", "pairs", "paired", "difference", "difference_low", "difference_high", "corrected_low"),
        *("corrected_high", "p", "p_corrected", "supported"),
        *("search score", "confirmed", "95 % interval", "ended", "epoch", "at"),  # of tables for reading
        *("training seconds", "training seconds per seed", "images per second"),
    }
)
"""Our columns in frames that have columns for parameters."""


@dataclass(frozen=True)
class Columns:
    """The columns of a run by the names that the study has for them: of its parameters (``space`` and ``fixed``) and of its metrics."""

    parameters: Mapping[str, str]
    metrics: Mapping[str, str]

    def renamed(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """What ``study.json`` says, with the names of columns."""
        space, fixed = self._keyed(spec["space"]), self._keyed(spec["fixed"])
        return {
            **spec,
            "space": space,
            "fixed": fixed,
            "metric": self.metrics[spec["metric"]],
            "published": self._published(spec.get("published")),
            "compare": self._compare(spec.get("compare")),
            "confirm": self._confirm(spec.get("confirm")),
        }

    def _keyed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {self.parameters.get(key, key): value for key, value in values.items()}

    def _published(self, said: Mapping[str, Any] | None) -> dict[str, Any] | None:
        rows = [self._keyed(row) for row in (said or {}).get("rows", [])]
        rows = [{**row, "metric": self.metrics.get(row["metric"], row["metric"])} if row.get("metric") else row for row in rows]
        return {**said, "rows": rows, "fixed": self._keyed(said.get("fixed") or {})} if said else None

    def _compare(self, said: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if not said:
            return None
        parameter = self.parameters.get(said["parameter"], said["parameter"])
        return {**said, "parameter": parameter, "metrics": [self.metrics.get(name, name) for name in said["metrics"]]}

    def _confirm(self, said: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if not said:
            return None
        return {**said, "also": [{**entry, "setting": self._keyed(entry["setting"])} for entry in said.get("also") or []]}


def columns_of(spec: Mapping[str, Any], recorded: Iterable[str]) -> Columns:
    """The columns of a run. ``recorded``: the names of its metrics in the records."""
    counts = {"parameters"} if spec["metric"] == "parameters" else set()
    compared = (spec.get("compare") or {}).get("metrics", [])
    metrics = _told_apart(dict.fromkeys([spec["metric"], *compared, *recorded]), BESIDE_METRICS | counts, "metric")
    parameters = dict.fromkeys([*spec["space"], *spec["fixed"]])
    # Other metrics stand in no frame beside parameters.
    joined = {column for name, column in metrics.items() if name == spec["metric"] or name.startswith(HELD_OUT)}
    derived = {f"{column}{end}" for column in joined for end in DERIVED}
    derived |= {key for key in parameters if key.startswith(HELD_OUT) and key.endswith(DERIVED)}
    return Columns(_told_apart(parameters, BESIDE_PARAMETERS | joined | derived, "parameter"), metrics)


def _told_apart(names: Collection[str], ours: Collection[str], kind: str) -> dict[str, str]:
    """A column for each name: where it is one of ours, the name and its kind."""
    found: dict[str, str] = {}
    for name in names:
        column = name
        while column in ours or column in found.values() or (column != name and column in names):
            column = f"{column} ({kind})"
        found[name] = column
    return found
