"""Find a study: by the name of a built-in one, by the path of a file, or as module:name."""

import importlib
import importlib.util
import linecache
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from tuning import studies
from tuning.spec.catalog import built_in_names
from tuning.spec.errors import StudyError, did_you_mean
from tuning.spec.imports import file_of
from tuning.spec.own_packages import hidden_by_others, hidden_by_ours
from tuning.spec.study import Study

# Before the name of a study file whose own name is taken: a file called torch.py must not stand in
# for torch.
TAKEN = "study_file_"
_LOADED: dict[str, Path] = {}
"""The files that were loaded as study files, by the names of their modules."""


def find_study(reference: str) -> Study:
    """The study that ``reference`` names: built-in name, path of a ``.py`` file, or
    ``module:name``.

    Raises:
        StudyError: there is none, its file raises, or it defines no ``study``.
    """
    if reference.endswith(".py"):
        return _from_file(Path(reference))
    if ":" in reference:
        module, name = reference.split(":", 1)
        if module.endswith(".py"):
            raise StudyError(
                f"{reference} is neither a path nor module:name; write {module}, for its `study`,"
                f" or {Path(module).stem}:{name} where the file lies."
            )
        return _study_in(_import(module), name, reference)
    if reference in built_in_names():
        return _study_in(_import(f"{studies.__name__}.{reference}"), "study", reference)
    near = did_you_mean(reference, built_in_names())
    raise StudyError(
        f"unknown study {reference!r}{near} Known: {', '.join(built_in_names())}; or give the path"
        " of a .py file that defines `study`."
    )


def _from_file(path: Path) -> Study:
    if not path.is_file():
        raise StudyError(f"there is no study file {path}.")
    if hidden := hidden_by_ours(path):
        raise StudyError(hidden)
    _importable(path.resolve().parent)
    if hidden := hidden_by_others(path):
        raise StudyError(hidden)
    name = _module_name(path.resolve())
    try:
        module = load_module(name, path.resolve())
    except StudyError:
        raise
    except (Exception, SystemExit) as error:
        raise StudyError(f"{path} cannot be read: {place_of(error, path)}") from None
    return _study_in(module, "study", str(path))


def file_with(study: Study, *, script: bool = False) -> str:
    """The file of a module that has it as its ``study``, where a later session finds it; the script
    that runs here only where ``script`` says so, for to load it may run it. Empty where there is
    none.
    """
    running = sys.modules.get("__main__")  # known by other names as well
    homes = [
        module
        for module in list(sys.modules.values())
        if (script or module is not running)
        and getattr(module, "__dict__", {}).get("study") is study
    ]
    return str(file_of(homes[0]) or "") if homes else ""


def load_module(name: str, path: Path) -> ModuleType:
    """The module in that file, run now and known by ``name`` from then on. Raises what its code
    raises.
    """
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name], _LOADED[name] = module, path
    with no_arguments(path):
        spec.loader.exec_module(module)
    return module


@contextmanager
def no_arguments(program: Path) -> Iterator[None]:
    """As if ``program`` had been started without arguments: those of this process are not for the
    user's modules, which may read their own with ``argparse``.
    """
    given = sys.argv
    sys.argv = [str(program)]
    try:
        yield
    finally:
        sys.argv = given


def renamed_files() -> dict[str, Path]:
    """The study files whose own names were taken, by the names of their modules."""
    return {name: path for name, path in _LOADED.items() if name.startswith(TAKEN)}


def _module_name(path: Path) -> str:
    """The name that other code would import the file by, unless that means another module."""
    stem = path.stem
    if stem in _LOADED:
        return stem
    if "." in stem or stem in sys.modules:
        return TAKEN + stem.replace(".", "_")
    found = importlib.util.find_spec(stem)
    return stem if found and found.origin and Path(found.origin).resolve() == path else TAKEN + stem


def place_of(error: BaseException, path: Path) -> str:
    """The type and the first line of an error, with the last line of the user's own file that led
    to it.
    """
    said = str(error).strip().splitlines()
    message = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    if isinstance(error, SyntaxError):
        return message
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == path.resolve()
    ]
    return (
        f"line {own[-1].lineno}, `{linecache.getline(str(path), own[-1].lineno or 0).strip()}`:"
        f" {message}"
        if own
        else message
    )


def _importable(folder: Path) -> None:
    """What lies in ``folder``, but behind the libraries: a torch.py that lies there must not stand
    in for torch.
    """
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _import(module: str) -> ModuleType:
    _importable(Path.cwd())
    try:
        with no_arguments(Path(module)):
            return importlib.import_module(module)
    except StudyError:
        raise
    except (Exception, SystemExit) as error:
        raise StudyError(
            f"module {module!r} cannot be imported: {type(error).__name__}: {error}"
        ) from None


def _study_in(module: ModuleType, name: str, reference: str) -> Study:
    study = getattr(module, name, None)
    if isinstance(study, Study):
        return study
    kind = f"has {type(study).__name__}, not a Study, as"
    others = ", ".join(key for key, value in vars(module).items() if isinstance(value, Study))
    raise StudyError(
        f"{reference} {'defines no' if study is None else kind} `{name}`"
        f"{f', but {others}' if others else ''}. Write `{name} = Study(...)` in it (from tuning"
        " import Study)."
    )
