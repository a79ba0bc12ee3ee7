"""What the shell offers for the arguments of the command: `study --install-completion`."""

from collections.abc import Iterator
from pathlib import Path

from analysis.records.paths import RunPaths


def studies(begun: str) -> list[str]:
    """The built-in studies and the files of Python that begin so."""
    from tuning.spec.catalog import questions

    named = [name for name in questions() if name.startswith(begun)]
    return [*named, *(path for path in _paths(begun) if path.endswith((".py", "/")))]


def run_folders(begun: str) -> list[str]:
    """The runs in ``results/``, newest first where nothing else was begun, and the folders that
    begin so.
    """
    runs = sorted(
        (str(file.parent) for file in Path("results").glob(f"*/*/{RunPaths(Path()).study.name}")),
        key=lambda run: Path(run).name,
        reverse=True,
    )
    begun_so = [run for run in runs if run.startswith(begun)]
    return begun_so or [path for path in _paths(begun) if path.endswith("/")]


def _paths(begun: str) -> Iterator[str]:
    """Files and folders, these with a slash at the end."""
    folder, _, name = begun.rpartition("/")
    start = f"{folder}/" if "/" in begun else ""
    for path in sorted(Path(start or ".").glob("*")):
        if path.name.startswith(name) and (name or not path.name.startswith(".")):
            yield f"{start}{path.name}{'/' if path.is_dir() else ''}"
