"""The packages that the files of a study import, by the names under which they are installed."""

import ast
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import PurePosixPath

from study_command import OURS
from tuning.process.installed import version
from tuning.spec.imports import import_statements


def distributions(files: Mapping[str, bytes]) -> list[str]:
    """The distributions of all that ``files``, by their places, import, also inside functions:
    ``sklearn`` is of scikit-learn. What is not installed, as the files themselves, is left out.
    """
    own = {PurePosixPath(place).parts[0].removesuffix(".py") for place in files}
    names = {name for content in files.values() for name in _imported(content)}
    names -= {*own, *OURS, *sys.stdlib_module_names}
    # To look through all that is installed takes a tenth of a second; most need no looking.
    if all(map(version, names)):
        return sorted(names)
    known = metadata.packages_distributions()
    return sorted({each for name in names for each in known.get(name, ())})


def _imported(content: bytes) -> Iterator[str]:
    for node in import_statements(content):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif node.module and not node.level:
            yield node.module.split(".")[0]
