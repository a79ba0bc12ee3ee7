"""The study and the user's own modules, sent to the nodes so that the modules can be imported there
by their names.
"""

import atexit
import functools
import os
import pickle
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from cluster.own_folders import own_folder
from study_command import OURS as OUR_NAMES
from study_command import PACKAGES
from tuning.engine.sendable import pickled
from tuning.spec.callables import module_of
from tuning.spec.imports import OURS, STANDARD, file_of, own_files
from tuning.spec.loading import load_module, no_arguments, renamed_files
from tuning.spec.study import Study


@dataclass(frozen=True)
class Sent:
    """A study, pickled, with the user's own modules as they are now: later edits do not reach the
    trials of this session.
    """

    study: bytes
    root: str
    """The folder that the modules are imported from."""
    first: bool
    """Whether it goes before all other modules of their names, as the folder of a script does."""
    files: Mapping[str, bytes]
    """The content of each module's file, by its path below ``root``."""
    study_files: Mapping[str, str]
    """Those of them that are known by another name than that of their file, with their paths below
    ``root``.
    """

    @classmethod
    def of(cls, study: Study) -> "Sent":
        """What the nodes need of ``study``.

        Raises:
            StudyError: something in it cannot be pickled.
        """
        content = pickled(study)
        root = _root(sys.modules.get(module_of(study.task.train)))
        files = {str(file.relative_to(root)): file.read_bytes() for file in _own_files(root)}
        renamed = {
            name: str(file.relative_to(root))
            for name, file in renamed_files().items()
            if file.is_relative_to(root)
        }
        named = {name: path for name, path in renamed.items() if path in files}
        return cls(content, str(root), _stands_first(root), files, named)

    def opened(self) -> Study:
        """The study, in this process, with its modules importable."""
        if self.files:
            root = _importable(self.root, self.first, tuple(self.files.items()))
            for name, path in self.study_files.items():
                if name not in sys.modules:
                    load_module(name, Path(root, path))
        with no_arguments(Path(self.root)):
            return pickle.loads(self.study)


@functools.cache
def _importable(root: str, first: bool, files: tuple[tuple[str, bytes], ...]) -> str:
    """A folder on this node that is imported from and has these files: ``root`` where it has them
    as they were, else a copy.
    """
    if all(_content(Path(root, name)) == content for name, content in files):
        if first or root not in sys.path:
            sys.path.insert(0 if first else len(sys.path), root)
        return root
    # Until this process ends; what one leaves behind that is killed, the next one on this node
    # removes.
    keeper = ExitStack()
    atexit.register(keeper.close)
    copy = keeper.enter_context(own_folder(tempfile.gettempdir()))
    for name, content in files:
        Path(copy, name).parent.mkdir(parents=True, exist_ok=True)
        Path(copy, name).write_bytes(content)
    # Before the folder that it stands for, which may have other files of the same names by now.
    behind = sys.path.index(root) if root in sys.path else len(sys.path)
    sys.path.insert(0 if first else behind, copy)
    return copy


def _stands_first(root: Path) -> bool:
    """Whether modules are looked for there before any place that each process looks at."""
    places = [Path(place).resolve() for place in sys.path]
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    common = [STANDARD, *map(Path, given)]
    behind = [place.resolve() for place in common if place.resolve() in places]
    return root in places and all(places.index(root) <= places.index(each) for each in behind)


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def _root(module: ModuleType | None) -> Path:
    """The folder from which a module is imported; the working folder where it has no file."""
    file = file_of(module)
    if module is None or file is None:
        return Path.cwd()
    inside = module.__name__.count(".") + (file.name == "__init__.py")
    return file.parents[inside]


def _own_files(root: Path) -> list[Path]:
    """The files of the modules that were imported from below ``root``, or that these import later,
    but for what is installed on every node.
    """
    if root.is_relative_to(sys.prefix):
        return []
    imported = {file for module in list(sys.modules.values()) if (file := _own_file(module, root))}
    later = own_files({file: file.relative_to(root).as_posix() for file in imported})
    ours = [OURS / name for name in PACKAGES]
    theirs = {
        file
        for file in later
        if file.is_relative_to(root) and not any(file.is_relative_to(each) for each in ours)
    }
    return sorted(imported | theirs)


def _own_file(module: ModuleType, root: Path) -> Path | None:
    file = file_of(module)
    if file is None or not file.is_relative_to(root) or file.is_relative_to(sys.prefix):
        return None
    return None if module.__name__.split(".")[0] in OUR_NAMES else file
