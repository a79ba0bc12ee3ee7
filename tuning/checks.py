"""What can be wrong with a study: every problem found is one sentence that says what was given and what is allowed."""

import inspect
import json
import math
import re
from typing import TYPE_CHECKING, Any

from trainables import Trainable
from trainables.limits import Real, problems
from tuning.space import is_range, outside_problems, range_problems, setting_problems
from tuning.specs import Grid

if TYPE_CHECKING:
    from tuning.study import Study

# Keys that a configuration may not use, because the study itself says them.
RESERVED = (
    *("epochs", "test", "loaded", "seeds", "seed", "epoch", "trial", "trials", "confirm", "phase", "rung", "setting"),
    *("status", "seconds", "node", "error", "attempt", "at", "n", "ci_low", "ci_high", "solved", "solved_low", "solved_high"),
)


def study_problems(study: "Study") -> list[str]:
    """Every problem of a study, in the order of its fields."""
    return [*_shape_problems(study), *_search_problems(study), *_value_problems(study)]


def _search_problems(study: "Study") -> list[str]:
    """What is wrong with how settings are chosen, stopped and confirmed."""
    grid = isinstance(study.search, Grid)
    found = [f"space: {key} is a range; a grid needs a list of values." for key, values in study.space.items() if grid and is_range(values)]
    if not grid and not _is_count(study.search.trials):  # type: ignore[union-attr]
        found.append(f"search: trials={study.search.trials!r} must be a whole number, 1 or more.")  # type: ignore[union-attr]
    for setting in () if grid else study.search.first:  # type: ignore[union-attr]
        wrong = setting_problems(setting, study.space, study.limits) or outside_problems(setting, study.space)
        found += [f"search: first: {problem}" for problem in wrong]
    if str(study.metric).startswith(("test_", "extra_test_")):
        found.append(f"metric={study.metric!r} is a test metric: settings may not be chosen by it. Choose a validation metric.")
    return found + _stopping_problems(study) + _confirm_problems(study)


def _stopping_problems(study: "Study") -> list[str]:
    rule = study.stopping
    if not rule:
        return []
    found = [] if _is_count(rule.keep_one_in, 2) else [f"stopping: keep_one_in={rule.keep_one_in!r} must be a whole number, 2 or more."]
    if not _is_count(rule.min_trials):
        found.append(f"stopping: min_trials={rule.min_trials!r} must be a whole number, 1 or more.")
    if not _is_count(rule.min_epochs):
        found.append(f"stopping: min_epochs={rule.min_epochs!r} must be a whole number, 1 or more.")
    elif _is_count(study.epochs) and rule.min_epochs >= study.epochs:
        found.append(f"stopping: min_epochs={rule.min_epochs} must be below epochs={study.epochs}, or no trial is ever stopped.")
    return found


def _confirm_problems(study: "Study") -> list[str]:
    wanted = study.confirm
    if not wanted:
        return []
    counts = (("top", wanted.top), ("seeds", wanted.seeds))
    found = [f"confirm: {name}={value!r} must be a whole number, 1 or more." for name, value in counts if not _is_count(value)]
    for name, setting in wanted.also.items():
        found += [f"confirm: {name!r}: {problem}" for problem in setting_problems(setting, study.space, study.limits)]
    return found


def _listed(study: "Study", key: str) -> Any:
    """The values of a key of the space, where they are a list."""
    values = study.space.get(key, ())
    return () if is_range(values) else values


def _shape_problems(study: "Study") -> list[str]:
    """What is wrong with the study itself, before any single value."""
    return [
        message
        for broken, message in (
            (not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", str(study.name)), "name must be letters, digits, '_' or '-', 100 at most."),
            (not callable(study.trainable), f"trainable={study.trainable!r} must be a function train(config, seeds, resume=None)."),
            (
                callable(study.trainable) and not _takes_three(study.trainable),
                "trainable must take (config, seeds, resume=None).",
            ),
            (study.mode not in ("max", "min"), f"mode={study.mode!r} must be 'max' or 'min'."),
            (not study.metric or not isinstance(study.metric, str), f"metric={study.metric!r} must be the name of a reported metric."),
            (not study.space, "space is empty: give at least one key with the values to try."),
            (not _is_count(study.epochs), f"epochs={study.epochs!r} must be a whole number, 1 or more."),
            (
                not _are_seeds(study.seeds),
                f"seeds={study.seeds!r} must be a whole number, 1 or more, or a list of different whole numbers.",
            ),
            (not _is_count(study.seeds_per_trial), f"seeds_per_trial={study.seeds_per_trial!r} must be a whole number, 1 or more."),
            (not 0 < study.resources.cpus < math.inf, f"resources: cpus={study.resources.cpus!r} must be above 0."),
            (not 0 <= study.resources.gpus < math.inf, f"resources: gpus={study.resources.gpus!r} must be 0 or more."),
            (not _is_count(study.retries, 0), f"retries={study.retries!r} must be a whole number, 0 or more."),
            (study.wandb not in ("off", "offline", "online"), f"wandb={study.wandb!r} must be 'off', 'offline' or 'online'."),
            (not isinstance(study.tensorboard, bool), f"tensorboard={study.tensorboard!r} must be True or False."),
            (not isinstance(study.fresh_process, bool), f"fresh_process={study.fresh_process!r} must be True or False."),
            (
                not isinstance(study.must_be_finite, (list, tuple)) or not all(isinstance(name, str) for name in study.must_be_finite),
                f"must_be_finite={study.must_be_finite!r} must be a list of names of metrics.",
            ),
            (not isinstance(study.dashboard, bool), f"dashboard={study.dashboard!r} must be True or False."),
            (
                study.solved is not None and Real(-math.inf).problem(study.solved),
                f"solved={study.solved!r} must be a finite number, or None.",
            ),
            (not study.stall_seconds > 0, f"stall_seconds={study.stall_seconds!r} must be above 0."),
            (not study.checkpoint_seconds >= 0, f"checkpoint_seconds={study.checkpoint_seconds!r} must be 0 or more."),
        )
        if broken
    ]


def _value_problems(study: "Study") -> list[str]:
    """What is wrong with the keys and values of space and fixed."""
    found = [
        f"{key!r} is the study's own word and cannot be a key of space or fixed."
        for key in {**study.space, **study.fixed}
        if key in RESERVED
    ]
    found += [f"{key!r} is in space and in fixed; keep one of them." for key in study.space if key in study.fixed]
    columns = (study.metric, *(f"{study.metric}_{what}" for what in ("mean", "std", "median")))
    found += [
        f"space: {key!r} is a column of the metric {study.metric!r} in tables; call it otherwise." for key in study.space if key in columns
    ]
    for key, values in study.space.items():
        if is_range(values):
            found += range_problems(key, values, study.limits)
            continue
        if not isinstance(values, (list, tuple)) or not values:
            found.append(f"space: {key}={values!r} must be a list with at least one value.")
            continue
        if any(value in values[:i] for i, value in enumerate(values)):
            found.append(f"space: {key}={list(values)!r} holds a value twice.")
        found += [
            f"space: {key} holds {value!r}; {_PLAIN}" for value in values if isinstance(value, (list, tuple, dict)) or not _is_json(value)
        ]
        found += [problem for value in values for problem in problems({key: value}, study.limits)]
    found += _compare_problems(study)
    found += [f"fixed: {key}={value!r}; {_PLAIN}" for key, value in study.fixed.items() if key not in study.limits and not _is_json(value)]
    return found + problems(study.fixed, study.limits)


def _compare_problems(study: "Study") -> list[str]:
    """That the baseline is missing, unless a value that is none has been found in its place."""
    if not study.compare:
        return []
    parameter, baseline = study.compare.parameter, study.compare.baseline
    listed = _listed(study, parameter)
    if baseline in listed or any(problems({parameter: value}, study.limits) for value in listed):
        return []
    return [f"compare: baseline={baseline!r} is no value of {parameter!r} in the space."]


_PLAIN = "values are written to the records, so give finite numbers, text, True, False or None (a name to look up in the trainable, say)."


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _takes_three(trainable: Trainable) -> bool:
    try:
        inspect.signature(trainable).bind({}, [0], None)
    except (TypeError, ValueError):
        return False
    return True


def _is_count(value: Any, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _are_seeds(seeds: Any) -> bool:
    if isinstance(seeds, (list, tuple)):
        return (
            bool(seeds) and len(set(seeds)) == len(seeds) and all(isinstance(s, int) and not isinstance(s, bool) and s >= 0 for s in seeds)
        )
    return _is_count(seeds)
