"""What can be wrong with the parts of a study that say nothing of its values: what a trial takes,
what becomes of one that fails, what the report shows, and where else.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tuning.spec.branches import parameters
from tuning.spec.components import Budget, Recovery, Resources
from tuning.spec.mirroring import Mirrors
from tuning.spec.numbers import count_problem, is_number, is_share, is_span
from tuning.spec.reporting import Published
from tuning.spec.space import value_problems
from tuning.spec.spans import span_problem
from tuning.spec.value_validation import values_problems
from tuning.spec.values import holds, is_name, is_text, shown

if TYPE_CHECKING:
    from tuning.spec.study import Study


def part_problems(study: "Study") -> list[str]:
    """Every problem of these parts, each with the name of its part."""
    parts = {
        "resources": _resources_problems(study.resources),
        "recovery": _recovery_problems(study.recovery),
        "report": _report_problems(study),
        "mirrors": _mirrors_problems(study.mirrors),
    }
    return [f"{part}: {problem}" for part, problems in parts.items() for problem in problems]


def _resources_problems(resources: Resources) -> list[str]:
    cpus, gpus = resources.cpus, resources.gpus
    found = [] if is_number(cpus) and cpus > 0 else [f"cpus={shown(cpus)} must be above 0."]
    if not is_share(gpus):
        found.append(f"gpus={shown(gpus)} must be from 0 to 1, or a whole number above.")
    return [
        *found,
        *_truth_problems("fresh_process", resources.fresh_process),
        *_budget_problems(resources.budget),
    ]


def _budget_problems(budget: Any) -> list[str]:
    if not isinstance(budget, Budget):
        return [f'budget={shown(budget)} must be Budget(time="45m", ...).']
    found = [
        f"budget: {problem}"
        for name in ("epochs", "trials")
        if (value := getattr(budget, name)) is not None
        for problem in count_problem(name, value)
    ]
    problem = None if budget.time is None else span_problem("time", budget.time)
    return [*found, *([f"budget: {problem}"] if problem else [])]


def _recovery_problems(recovery: Recovery) -> list[str]:
    found = count_problem("max_failures", recovery.max_failures, 0)
    if not is_span(recovery.stall_timeout) or recovery.stall_timeout == 0:
        found.append(f"stall_timeout={shown(recovery.stall_timeout)} must be above 0.")
    if not is_span(recovery.checkpoint_seconds):
        found.append(f"checkpoint_seconds={shown(recovery.checkpoint_seconds)} must be 0 or more.")
    return found


def _mirrors_problems(mirrors: Mirrors) -> list[str]:
    found = (
        []
        if holds(("off", "offline", "online"), mirrors.wandb)
        else [f"wandb={shown(mirrors.wandb)} must be 'off', 'offline' or 'online'."]
    )
    problem = mlflow_problem(mirrors.mlflow)
    return [
        *found,
        *_truth_problems("tensorboard", mirrors.tensorboard),
        *([problem] if problem else []),
    ]


def mlflow_problem(uri: Any) -> str | None:
    """What is wrong with the address of an MLflow server, in a sentence that does not repeat it,
    for it may hold a password; None where nothing is.
    """
    if holds(("off",), uri):
        return None
    try:
        parts = urlsplit(uri if is_text(uri) else "")
        is_of_web = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # no port, or no host
        is_of_web = False
    if not is_of_web:
        return "mlflow must be the http or https address of an MLflow server, or 'off'."
    if "@" in parts.netloc or parts.query or parts.fragment:
        return (
            "mlflow must be an address without a name, a password or a token, for the run records"
            " it: give these as MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or as"
            " MLFLOW_TRACKING_TOKEN."
        )
    return None


def _truth_problems(name: str, value: Any) -> list[str]:
    return [] if isinstance(value, bool) else [f"{name}={shown(value)} must be True or False."]


def _report_problems(study: "Study") -> list[str]:
    target, tables, published = study.report.target, study.report.tables, study.report.published
    found = _compare_problems(study)
    if target is not None and not is_number(target):
        found.append(f"target={shown(target)} must be a finite number, or None.")
    found += [
        f"tables: {shown(title)} must be a list of rows, each a mapping."
        for title, rows in tables.items()
        if not _are_rows(rows)
    ]
    if published:
        found += [f"published: {problem}" for problem in _published_problems(study, published)]
    return found


def _published_problems(study: "Study", theirs: Published) -> list[str]:
    found = count_problem("runs", theirs.runs)
    found += [
        f"{name} must be text." for name in ("source", "note") if not is_text(getattr(theirs, name))
    ]
    if not isinstance(theirs.fixed, Mapping) or not set(theirs.fixed) <= set(study.fixed):
        found.append(
            f"fixed={shown(theirs.fixed)} must be a mapping of keys that the study has in fixed."
        )
    else:
        found += [f"fixed: {problem}" for problem in value_problems(theirs.fixed, {})]
    if not _are_rows(theirs.rows):
        return [*found, f"rows={shown(theirs.rows)} must be a list of rows, each a mapping."]
    for row in theirs.rows:
        found += value_problems(row, {})
        if not is_number(row.get("mean")):
            found.append(f"{shown(row)} must have a number as its mean.")
    return found


def _are_rows(rows: Any) -> bool:
    return isinstance(rows, (list, tuple)) and all(isinstance(row, Mapping) for row in rows)


def _compare_problems(study: "Study") -> list[str]:
    """What is wrong with the comparison. A baseline is missed only where every value of the space
    is one.
    """
    what = study.report.compare
    if not what:
        return []
    found = [] if is_text(what.parts) else [f"compare: parts={shown(what.parts)} must be text."]
    found += [f"compare: {problem}" for problem in _truth_problems("percent", what.percent)]
    if not isinstance(what.metrics, (list, tuple)) or not all(map(is_name, what.metrics)):
        found.append(f"compare: metrics={shown(what.metrics)} must be a list of names of metrics.")
    listed = parameters(study.space).get(what.parameter) if is_name(what.parameter) else None
    if not isinstance(listed, list):
        return [
            *found,
            (
                f"compare: parameter={shown(what.parameter)} must be a key of the space that has a"
                " list of values."
            ),
        ]
    if holds(listed, what.baseline) or values_problems(what.parameter, listed, study.task.limits):
        return found
    return [
        *found,
        f"compare: baseline={shown(what.baseline)} is no value of {what.parameter!r} in the space.",
    ]
