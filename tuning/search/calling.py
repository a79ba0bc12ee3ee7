"""Code of the user's that decides: called so that what it raises, or answers in error, is one line
that names it.
"""

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from analysis.records.space import declared
from tuning.spec.branches import parameters, space_record
from tuning.spec.errors import StudyError
from tuning.spec.settings import outside_problems, setting_problems
from tuning.spec.study import Study
from tuning.spec.values import cut, own, plain


def answer(name: str, call: Callable[..., Any], *given: Any) -> Any:
    """What ``call`` returns.

    Raises:
        StudyError: it raised something; ``name``: how it is called in the message.
    """
    try:
        return call(*given)
    except StudyError:
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        message = cut(f"{type(error).__name__}: {error}")
        raise StudyError(f"{name} raised {message} ({where}).") from error


def checked_params(name: str, given: Any, study: Study) -> dict[str, Any]:
    """The params that a searcher gave, in the order of the space.

    Raises:
        StudyError: they are none, or not in the space.
    """
    params = {key: plain(value) for key, value in given.items()} if _is_mapping(given) else given
    found = setting_problems(params, study.space, study.task.limits)
    if found := found or outside_problems(params, study.space):
        raise StudyError([f"{name} gave params that the study does not allow: {p}" for p in found])
    params = declared(space_record(study.space), params)
    return {key: own(params[key]) for key in parameters(study.space) if key in params}


def _is_mapping(given: Any) -> bool:
    return isinstance(given, Mapping)
