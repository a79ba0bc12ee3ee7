"""What is computed from a run once and needed in many places."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import pandas as pd

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def once(compute: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """``compute(run, ...)``, remembered in ``run.known`` from its first call on. Every caller gets
    a frame of its own, which pandas copies when it is changed.
    """

    @functools.wraps(compute)
    def remembered(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        run, *rest = cast(tuple[Any, ...], arguments)
        key = (compute, *rest, *named.items())
        if key not in run.known:
            run.known[key] = compute(*arguments, **named)
        found = run.known[key]
        return found.copy(deep=False) if isinstance(found, pd.DataFrame | pd.Series) else found

    return remembered
