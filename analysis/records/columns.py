"""What the user's names are called as columns: their own name, unless a column of ours has it.

Frames hold parameters, metrics and columns of our own side by side. A name of the user's that is
one of ours is changed here, where records become frames, and nowhere else, so that nothing behind
can collide: ``left_out`` becomes ``left_out (parameter)``.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DERIVED = ("_mean", "_std", "_median", "_min", "_n", "_low", "_high")
"""How the names of columns end that are computed from a metric: they begin with its name."""

HELD_OUT = ("test_", "set_aside_", "extra_test_")
"""How the names of metrics begin that are of test data, of data set aside, and of another source:
nothing was trained or chosen by them.
"""

BESIDE_METRICS = frozenset(
    {"trial", "epoch", "seed", "seconds", "at", "setting", "phase", "published"}
)
"""Our columns in frames that have columns for metrics, and what would make one of ours with an
ending of ``DERIVED``.
"""

BESIDE_PARAMETERS = frozenset(
    {
        "trial",
        "phase",
        "status",
        "rung",
        "seeds",
        "attempt",
        "epochs",
        "seconds",
        "node",
        "error",
        "reason",
        "retrain",
        "setting",
        "seed",
        "parameters",
        "n",
        "lost",
        "confirmed_lost",
        "ci_low",
        "ci_high",
        "solved",
        "solved_low",
        "solved_high",
        "left_out",
        "published_mean",
        "published_std",
        "range_low",
        "range_high",
        "outside",
        "rank",
        "name",
        "last_epoch",
        "search_score",
        "search_n",
        "confirmed_mean",
        "confirmed_std",
        "confirmed_n",
        "confirmed_low",
        "confirmed_high",
        "shrinkage",
        "pairs",
        "paired",
        "difference",
        "difference_low",
        "difference_high",
        "corrected_low",
        "corrected_high",
        "p",
        "p_corrected",
        "supported",
        # Of tables for reading:
        "search score",
        "confirmed",
        "95 % interval",
        "interval",
        "change",
        "ended",
        "epoch",
        "at",
        "training seconds",
        "training seconds per seed",
        "images per second",
    }
)
"""Our columns in frames that have columns for parameters."""


@dataclass(frozen=True)
class Columns:
    """The columns of a run by the names that the study has for them: of its parameters (``space``
    and ``fixed``) and of its metrics.
    """

    parameters: Mapping[str, str]
    metrics: Mapping[str, str]

    def renamed(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """What ``study.json`` says, with the names of columns."""
        renamed = {
            **spec,
            "space": {
                key: self._domain(domain) for key, domain in self._keyed(spec["space"]).items()
            },
            "fixed": self._keyed(spec["fixed"]),
            "metric": self.metrics[spec["metric"]],
        }
        for name, rename in (
            ("published", self._published),
            ("compare", self._compare),
            ("confirm", self._confirm),
        ):
            renamed[name] = {**spec[name], **rename(spec[name])} if spec.get(name) else None
        return renamed

    def _keyed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {self.parameters.get(key, key): value for key, value in values.items()}

    def _domain(self, domain: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**domain, "when": self._keyed(domain["when"])} if "when" in domain else domain

    def _published(self, published: Mapping[str, Any]) -> dict[str, Any]:
        rows = [self._keyed(row) for row in published.get("rows", [])]
        for row in rows:
            if metric := row.get("metric"):
                row["metric"] = self.metrics.get(metric, metric)
        return {"rows": rows, "fixed": self._keyed(published.get("fixed") or {})}

    def _compare(self, compare: Mapping[str, Any]) -> dict[str, Any]:
        parameter = compare["parameter"]
        return {
            "parameter": self.parameters.get(parameter, parameter),
            "metrics": [self.metrics.get(name, name) for name in compare["metrics"]],
        }

    def _confirm(self, confirm: Mapping[str, Any]) -> dict[str, Any]:
        baselines = confirm.get("baselines") or []
        return {
            "baselines": [
                {**entry, "setting": self._keyed(entry["setting"])} for entry in baselines
            ]
        }


def columns_of(spec: Mapping[str, Any], recorded: Iterable[str]) -> Columns:
    """The columns of a run. ``recorded``: the names of its metrics in the records."""
    metric = spec["metric"]
    counts = {"parameters"} if metric == "parameters" else set()
    compared = (spec.get("compare") or {}).get("metrics", [])
    names = dict.fromkeys([metric, *compared, *recorded])
    metrics = _set_apart(names, BESIDE_METRICS | counts, "metric")
    parameters = dict.fromkeys([*spec["space"], *spec["fixed"]])
    # Other metrics stand in no frame beside parameters.
    joined = {metrics[name] for name in names if name == metric or name.startswith(HELD_OUT)}
    derived = {f"{column}{end}" for column in joined for end in DERIVED}
    derived |= {key for key in parameters if key.startswith(HELD_OUT) and key.endswith(DERIVED)}
    ours = BESIDE_PARAMETERS | joined | derived
    return Columns(_set_apart(parameters, ours, "parameter"), metrics)


def _set_apart(names: Collection[str], ours: Collection[str], kind: str) -> dict[str, str]:
    """A column for each name: where it is one of ours, the name and its kind."""
    columns: dict[str, str] = {}
    for name in names:
        column = name
        while column in ours or column in columns.values() or (column != name and column in names):
            column = f"{column} ({kind})"
        columns[name] = column
    return columns
