"""What can be wrong with a study: every problem found is one sentence that says what was given and what is allowed."""

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainables.limits import Limit
from tuning.callables import trainable_problem
from tuning.fields import in_right_fields
from tuning.space import MOST_VALUES, is_range, outside_problems, range_problems, setting_problems, value_problems
from tuning.specs import Grid, Optuna, Random
from tuning.values import LARGEST, RULE, holds, holds_twice, is_kept, is_kept_whole, is_name, is_text, shown

if TYPE_CHECKING:
    from tuning.study import Study

GIVEN = ("epochs", "test", "gpus", "loaded")
"""What the study itself puts into the configuration of a trial."""
SET = ("seeds", "trials", "confirm", "cpus", "gpus", "dashboard")
"""What ``--set`` changes of a study, beside its keys and ``epochs``."""
REPORTED = ("epoch", "arrays", "device")
"""What a trainable reports beside its metrics."""
PUBLISHED = ("mean", "std", "metric")
"""What a published row says beside a setting."""


def study_problems(study: "Study") -> list[str]:
    """Every problem of a study."""
    rest, found = in_right_fields(study)
    return [*found, *_shape_problems(rest), *_search_problems(rest), *_value_problems(rest), *_part_problems(rest)]


def _search_problems(study: "Study") -> list[str]:
    """What is wrong with how settings are chosen, stopped and confirmed."""
    if isinstance(study.search, Grid):
        found = [f"space: {key} is a range; a grid needs a list of values." for key, values in study.space.items() if is_range(values)]
    else:
        found = _chooser_problems(study, study.search)
    if study.metric.startswith(("test_", "set_aside_", "extra_test_")):
        found.append(f"metric={study.metric!r} is a test metric: settings may not be chosen by it. Choose a validation metric.")
    return found + _stopping_problems(study) + _confirm_problems(study)


def _chooser_problems(study: "Study", search: Random | Optuna) -> list[str]:
    found = _count_problem("search: trials", search.trials)
    if isinstance(search, Optuna):
        found += _count_problem("search: startup", search.startup, 0)
    if type(search.seed) is not int or not is_kept(search.seed):
        found.append(f"search: seed={shown(search.seed)} must be a whole number.")
    if not isinstance(search.first, (list, tuple)):
        return [*found, f"search: first={shown(search.first)} must be a list of settings."]
    sound = not _space_problems(study)
    for setting in search.first:
        wrong = setting_problems(setting, study.space, study.limits) or (outside_problems(setting, study.space) if sound else [])
        found += [f"search: first: {problem}" for problem in wrong]
    return found


def _stopping_problems(study: "Study") -> list[str]:
    rule = study.stopping
    if not rule:
        return []
    found = _count_problem("stopping: keep_one_in", rule.keep_one_in, 2) + _count_problem("stopping: min_trials", rule.min_trials)
    if not _is_count(rule.min_epochs):
        found += _count_problem("stopping: min_epochs", rule.min_epochs)
    elif _is_count(study.epochs) and rule.min_epochs >= study.epochs:
        found.append(f"stopping: min_epochs={rule.min_epochs} must be below epochs={study.epochs}, or no trial is ever stopped.")
    return found


def _confirm_problems(study: "Study") -> list[str]:
    wanted = study.confirm
    if not wanted:
        return []
    found = _count_problem("confirm: top", wanted.top) + _count_problem("confirm: seeds", wanted.seeds, most=MOST_VALUES)
    if not found and _are_seeds(study.seeds) and study.fresh_seeds[-1] > LARGEST:
        found.append(f"confirm: its seeds follow the largest of the search, {max(study.seed_list)}, and would pass {LARGEST}.")
    if not isinstance(wanted.also, Mapping):
        return [*found, f"confirm: also={shown(wanted.also)} must map names to settings."]
    for name, setting in wanted.also.items():
        found += [f"confirm: {shown(name)}: {problem}" for problem in setting_problems(setting, study.space, study.limits)]
    return found + [f"confirm: also: {shown(name)} must be a name." for name in wanted.also if not is_name(name)]


def _shape_problems(study: "Study") -> list[str]:
    """What is wrong with the study itself, before any single value."""
    trainable = trainable_problem(study.trainable)
    counts = (("epochs", 1), ("seeds_per_trial", 1), ("retries", 0))
    return [
        *([trainable] if trainable else []),
        *(message for broken, message in _rules(study) if broken),
        *(problem for name, least in counts for problem in _count_problem(name, getattr(study, name), least)),
    ]


def _rules(study: "Study") -> list[tuple[bool, str]]:
    """What would be a problem, and its sentence."""
    resources = study.resources
    return [
        (not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", study.name), "name must be letters, digits, '_' or '-', 100 at most."),
        (not is_text(study.question), f"question={shown(study.question)} must be UTF-8 text."),
        (not holds(("max", "min"), study.mode), f"mode={shown(study.mode)} must be 'max' or 'min'."),
        (
            study.metric in REPORTED,
            f"metric={study.metric!r} is what a trainable reports beside its metrics; call the metric otherwise.",
        ),
        (not study.space, "space is empty: give at least one key with the values to try."),
        (
            not _are_seeds(study.seeds),
            f"seeds={shown(study.seeds)} must be a whole number, 1 or more, or a list of different whole numbers from 0 to 2**63 - 1.",
        ),
        (not _is_number(resources.cpus) or not resources.cpus > 0, f"resources: cpus={shown(resources.cpus)} must be above 0."),
        (not _is_share(resources.gpus), f"resources: gpus={shown(resources.gpus)} must be from 0 to 1, or a whole number above."),
        (not holds(("off", "offline", "online"), study.wandb), f"wandb={shown(study.wandb)} must be 'off', 'offline' or 'online'."),
        (not isinstance(study.tensorboard, bool), f"tensorboard={shown(study.tensorboard)} must be True or False."),
        (not isinstance(study.fresh_process, bool), f"fresh_process={shown(study.fresh_process)} must be True or False."),
        (
            not isinstance(study.must_be_finite, (list, tuple)) or not all(map(is_text, study.must_be_finite)),
            f"must_be_finite={shown(study.must_be_finite)} must be a list of names of metrics.",
        ),
        (not isinstance(study.dashboard, bool), f"dashboard={shown(study.dashboard)} must be True or False."),
        (study.solved is not None and not _is_number(study.solved), f"solved={shown(study.solved)} must be a finite number, or None."),
        (not _is_span(study.stall_seconds) or study.stall_seconds == 0, f"stall_seconds={shown(study.stall_seconds)} must be above 0."),
        (not _is_span(study.checkpoint_seconds), f"checkpoint_seconds={shown(study.checkpoint_seconds)} must be 0 or more."),
    ]


def _value_problems(study: "Study") -> list[str]:
    """What is wrong with the keys and values of space and fixed."""
    keys = {**study.space, **study.fixed}
    taken = (*GIVEN, *SET, *(PUBLISHED if study.published else ()))
    found = [f"{key!r} is the study's own word and cannot be a key of space or fixed; call it otherwise." for key in keys if key in taken]
    found += [f"{key!r} is in space and in fixed; keep one of them." for key in study.space if key in study.fixed]
    return found + _space_problems(study) + _compare_problems(study) + value_problems(study.fixed, study.limits, is_kept_whole)


def _space_problems(study: "Study") -> list[str]:
    return [problem for key, values in study.space.items() for problem in values_problems(key, values, study.limits)]


def values_problems(key: str, values: Any, limits: Mapping[str, Limit]) -> list[str]:
    """What is wrong with the values of a key of the space, a list or a range."""
    if is_range(values):
        return range_problems(key, values, limits)
    if not isinstance(values, list) or not values:
        return [f"space: {key}={shown(values)} must be a list with at least one value."]
    twice = [f"space: {key}={shown(values)} holds a value twice."] if holds_twice(values) else []
    # A list of a thousand tuples is one mistake.
    odd = [value for value in values if not is_kept(value)][:1]
    return twice + [problem for value in [*filter(is_kept, values), *odd] for problem in value_problems({key: value}, limits)]


def _compare_problems(study: "Study") -> list[str]:
    """What is wrong with the comparison. A baseline is missed only where every value of the space is one."""
    what = study.compare
    if not what:
        return []
    found = [f"compare: {name}={shown(value)} must be text." for name, value in (("parts", what.parts),) if not is_text(value)]
    if not isinstance(what.metrics, (list, tuple)) or not what.metrics or not all(map(is_name, what.metrics)):
        found.append(f"compare: metrics={shown(what.metrics)} must be a list of names of metrics.")
    listed = study.space.get(what.parameter) if is_name(what.parameter) else None
    if not isinstance(listed, list):
        return [*found, f"compare: parameter={shown(what.parameter)} must be a key of the space that has a list of values."]
    if holds(listed, what.baseline) or values_problems(what.parameter, listed, study.limits):
        return found
    return [*found, f"compare: baseline={shown(what.baseline)} is no value of {what.parameter!r} in the space."]


def _part_problems(study: "Study") -> list[str]:
    """What is wrong with what is said beside the numbers, and with the short form."""
    found = [f"smoke: {key}={shown(value)}; {RULE}" for key, value in study.smoke.items() if not is_kept_whole(value)]
    found += [
        f"tables: {shown(title)} must be a list of rows, each a mapping." for title, rows in study.tables.items() if not _are_rows(rows)
    ]
    return found + _published_problems(study)


def _published_problems(study: "Study") -> list[str]:
    theirs = study.published
    if not theirs:
        return []
    found = _count_problem("published: runs", theirs.runs)
    found += [f"published: {name} must be text." for name in ("source", "note") if not is_text(getattr(theirs, name))]
    if not isinstance(theirs.fixed, Mapping) or not set(theirs.fixed) <= set(study.fixed):
        found.append(f"published: fixed={shown(theirs.fixed)} must be a mapping of keys that the study has in fixed.")
    else:
        found += [f"published: fixed: {problem}" for problem in value_problems(theirs.fixed, {})]
    if not _are_rows(theirs.rows):
        return [*found, f"published: rows={shown(theirs.rows)} must be a list of rows, each a mapping."]
    for row in theirs.rows:
        found += [f"published: {problem}" for problem in value_problems(row, {})]
        if not _is_number(row.get("mean")):
            found.append(f"published: {shown(row)} must have a number as its mean.")
    return found


def _are_rows(rows: Any) -> bool:
    return isinstance(rows, (list, tuple)) and all(isinstance(row, Mapping) for row in rows)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and is_kept(value)


def _is_share(value: Any) -> bool:
    """Whether Ray can give so many GPUs: none, a share of one, or some whole."""
    return _is_number(value) and value >= 0 and (value <= 1 or value == int(value))


def _is_span(value: Any) -> bool:
    """Whether that is a number of seconds; without end is one too."""
    return (_is_number(value) and value >= 0) or (type(value) is float and value == math.inf)


def _is_count(value: Any, least: int = 1, most: int = LARGEST) -> bool:
    return type(value) is int and least <= value <= most


def _count_problem(name: str, value: Any, least: int = 1, most: int = LARGEST) -> list[str]:
    if _is_count(value, least, most):
        return []
    limit = f", {most} at most" if type(value) is int and value > most else ""
    return [f"{name}={shown(value)} must be a whole number, {least} or more{limit}."]


def _are_seeds(seeds: Any) -> bool:
    if not isinstance(seeds, list):
        return _is_count(seeds, most=MOST_VALUES)
    return 0 < len(seeds) <= MOST_VALUES and not holds_twice(seeds) and all(_is_count(seed, 0) for seed in seeds)
