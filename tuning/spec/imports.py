"""Which files a study file imports: the user's own, never run for that, found by reading ``import``
statements.
"""

import ast
import importlib.util
import sysconfig
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from types import ModuleType

import tuning
from study_command import OURS as OUR_NAMES

OURS = Path(tuning.__path__[0]).resolve().parent
"""Where this package lies: an installed one, or a checkout."""
STANDARD = Path(sysconfig.get_path("stdlib")).resolve()


def is_own(file: Path) -> bool:
    """Whether a module is the user's own: a ``.py`` file that is not installed. The trainables and
    studies that come with this package count as own, for they are the code of the built-in studies;
    the rest of the package does not.
    """
    if file.suffix != ".py":
        return False
    inside = file.relative_to(OURS).parts if file.is_relative_to(OURS) else ("",)
    if inside[0].removesuffix(".py") in OUR_NAMES:
        return inside[0] == "trainables" or inside[:2] == ("tuning", "studies")
    installed = {"site-packages", "dist-packages"} & set(file.parts)
    return not installed and not file.is_relative_to(STANDARD)


def file_of(module: ModuleType | None) -> Path | None:
    """The file of a module; None where it has none that is there."""
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) and Path(file).is_file() else None


def own_files(roots: Mapping[Path, str], homes: Collection[Path] = ()) -> dict[Path, str]:
    """The own files among ``roots`` and all own files that they import, also inside functions, and
    that these import; each with its place below the folder that modules are found from:
    ``helpers.py``, ``package/module.py``. Imports by ``importlib`` are not seen.

    What lies in ``homes`` counts as own, wherever it is installed.
    """
    found: dict[Path, str] = {}
    waiting = list(roots.items())
    while waiting:
        file, place = waiting.pop(0)
        own = is_own(file) or any(file.is_relative_to(home) for home in homes)
        if file not in found and own and file.is_file():
            found[file] = place
            waiting += _imported(file, PurePosixPath(place))
    return found


@lru_cache(maxsize=512)
def import_statements(source: bytes) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """All of a file, also inside functions; none where it is not Python."""
    try:
        nodes = ast.walk(ast.parse(source))
    except (SyntaxError, ValueError):
        return ()
    return tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


def _imported(file: Path, place: PurePosixPath) -> Iterator[tuple[Path, str]]:
    for node in import_statements(file.read_bytes()):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _absolute(alias.name.split("."))
        else:
            before = node.module.split(".") if node.module else []
            for alias in node.names:
                if node.level:
                    yield from _along(
                        [*before, alias.name],
                        [file.parents[node.level - 1]],
                        place.parents[node.level - 1],
                    )
                else:
                    yield from _absolute([*before, alias.name])


def _absolute(parts: Sequence[str]) -> Iterator[tuple[Path, str]]:
    try:
        spec = importlib.util.find_spec(parts[0])
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    if spec.has_location and spec.origin:
        file = Path(spec.origin)
        yield file.resolve(), f"{parts[0]}/{file.name}" if folders else file.name
    yield from _along(parts[1:], folders, PurePosixPath(parts[0]))


def _along(
    parts: Sequence[str], folders: Sequence[Path], place: PurePosixPath
) -> Iterator[tuple[Path, str]]:
    """The files of the modules that a dotted name names below ``folders``, one after the other:
    packages, and then a module.
    """
    for part in parts:
        place, inside = place / part, [folder / part for folder in folders]
        package = next(
            (folder / "__init__.py" for folder in inside if (folder / "__init__.py").is_file()),
            None,
        )
        module = next(
            (file for folder in inside if (file := folder.with_name(f"{part}.py")).is_file()), None
        )
        if package:
            yield package.resolve(), f"{place}/__init__.py"
        elif module:
            yield module.resolve(), f"{place}.py"
        folders = [package.parent] if package else [folder for folder in inside if folder.is_dir()]
