"""Declare a hyperparameter study, run it over seeds, read back what it means.

``Study`` and what it is made of are declared in a file or a notebook; ``run``, ``resume``,
``extend`` and ``confirm`` train it from Python, as the command ``study`` does, and return the
``analysis.Run``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from study_command import in_the_way

if problems := in_the_way(("trainables", "analysis", "cluster")):
    raise ImportError("\n".join(problems))

if TYPE_CHECKING:
    from trainables import Task as Task
    from trainables.timing import timed as timed
    from tuning.api import confirm as confirm
    from tuning.api import extend as extend
    from tuning.api import resume as resume
    from tuning.api import run as run
    from tuning.engine.contracts import from_ray as from_ray
    from tuning.engine.pushed import StopTrial as StopTrial
    from tuning.fewer import drop as drop
    from tuning.fewer import merge as merge
    from tuning.handing_on import export as export
    from tuning.handing_on import load_best as load_best
    from tuning.search.hyperband import Hyperband as Hyperband
    from tuning.search.median import Median as Median
    from tuning.search.patience import Patience as Patience
    from tuning.search.ray_library import RayTune as RayTune
    from tuning.spec.study import Asha as Asha
    from tuning.spec.study import Budget as Budget
    from tuning.spec.study import Compare as Compare
    from tuning.spec.study import Confirm as Confirm
    from tuning.spec.study import Folds as Folds
    from tuning.spec.study import Grid as Grid
    from tuning.spec.study import Mirrors as Mirrors
    from tuning.spec.study import Optuna as Optuna
    from tuning.spec.study import Published as Published
    from tuning.spec.study import Random as Random
    from tuning.spec.study import Recovery as Recovery
    from tuning.spec.study import Report as Report
    from tuning.spec.study import Resources as Resources
    from tuning.spec.study import Study as Study
    from tuning.spec.study import StudyError as StudyError
    from tuning.spec.study import UntilSettled as UntilSettled

_HOMES = {
    **dict.fromkeys(("run", "resume", "extend", "confirm"), "tuning.api"),
    **dict.fromkeys(("drop", "merge"), "tuning.fewer"),
    **dict.fromkeys(("load_best", "export"), "tuning.handing_on"),
    **dict.fromkeys(("Study", "Grid", "Random", "Optuna", "Asha", "Confirm"), "tuning.spec.study"),
    **dict.fromkeys(("Folds", "UntilSettled"), "tuning.spec.study"),
    **dict.fromkeys(("Resources", "Budget", "Recovery", "Report", "Mirrors"), "tuning.spec.study"),
    **dict.fromkeys(("Published", "Compare", "StudyError"), "tuning.spec.study"),
    "Task": "trainables",
    "timed": "trainables.timing",
    "RayTune": "tuning.search.ray_library",
    "Hyperband": "tuning.search.hyperband",
    "Median": "tuning.search.median",
    "Patience": "tuning.search.patience",
    "from_ray": "tuning.engine.contracts",
    "StopTrial": "tuning.engine.pushed",
}
"""Where each public name is defined. It is imported once it is asked for."""
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tuning' has no attribute {name!r}")
    globals()[name] = getattr(import_module(_HOMES[name]), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
