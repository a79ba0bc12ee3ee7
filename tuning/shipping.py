"""The user's own code, sent along with the trials."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import ray.cloudpickle

from tuning.imports import file_of
from tuning.prepare import source_of
from tuning.study import Study

OUR_PACKAGES = ("tuning", "trainables", "analysis", "cluster")


@contextmanager
def code_travels(study: Study) -> Iterator[None]:
    """Send the user's own modules by value: workers could not import a study file, nor what lies beside it."""
    own = _own_modules(study)
    for module in own:
        ray.cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in own:
            ray.cloudpickle.unregister_pickle_by_value(module)


def _own_modules(study: Study) -> list[ModuleType]:
    """The modules in the folder of the trainable, unless it is installed where workers find it."""
    folder = source_of(study).parent
    if study.trainable.__module__.split(".")[0] in OUR_PACKAGES or folder.is_relative_to(sys.prefix):
        return []
    # The main module stands in the list under more than one name.
    files = ((module, file_of(module)) for module in dict.fromkeys(sys.modules.values()))
    return [module for module, file in files if file is not None and file.is_relative_to(folder) and not file.is_relative_to(sys.prefix)]
