"""The data of a study: read and described by its task."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainables import Config
from tuning.spec.branches import first_setting
from tuning.spec.callables import module_of
from tuning.spec.errors import StudyError
from tuning.spec.imports import file_of
from tuning.spec.loading import place_of
from tuning.spec.study import Study
from tuning.spec.values import shown


def read_data(study: Study) -> dict[str, Any]:
    """What ``load`` of the task reads, under the key that trainables find it by; empty without it.

    Raises:
        StudyError: the data are missing or damaged.
    """
    load = study.task.load
    return {"loaded": _asked(study, load)} if load else {}


def data_description(study: Study) -> dict[str, Any]:
    """What ``describe`` of the task says; empty without it.

    Raises:
        StudyError: the data are missing or damaged, or it says no mapping.
    """
    describe = study.task.describe
    description = _asked(study, describe) if describe else {}
    if not isinstance(description, Mapping):
        raise StudyError(
            f"Study {study.name!r}: describe returned {shown(description)}; it must return a"
            " mapping: name, counts, checksum."
        )
    return dict(description)


def _asked(study: Study, function: Callable[[Config], Any]) -> Any:
    try:
        return function(study.config(first_setting(study.space)))
    except Exception as error:
        lines = str(error).splitlines() if _says_all(error) else [_where(function, error)]
        raise StudyError([f"Study {study.name!r}: {line}" for line in lines]) from error


def _says_all(error: Exception) -> bool:
    """Whether its text is enough: that of a file that cannot be read, or what somebody wrote."""
    return type(error) in (ValueError, StudyError) or (
        isinstance(error, OSError) and error.errno is not None
    )


def _where(function: Callable[[Config], Any], error: Exception) -> str:
    file = file_of(sys.modules.get(module_of(function))) or Path()
    name = getattr(function, "__name__", type(function).__name__)
    return f"{name} failed: {place_of(error, file)}"
