"""What follows from the code: options of the command, public names, examples."""

import ast
from pathlib import Path
from types import ModuleType

import typer
from typer.testing import CliRunner

import analysis
import tuning
from tuning.cli.app import app

EXAMPLES = Path(__file__).parents[2] / "examples"
WIDTH = {"COLUMNS": "100", "TERMINAL_WIDTH": "100"}


def written() -> dict[str, str]:
    """What is written into pages when the site is built, by their places in it."""
    return {
        "reference/options.md": _options(),
        "reference/examples.md": _examples(),
        "reference/tuning.md": _names(tuning, list(tuning.__all__)),
        "reference/analysis.md": _names(
            analysis,
            sorted(["load_runs", *(each for home in analysis._HOMES.values() for each in home)]),
        ),
    }


def _options() -> str:
    """What ``study COMMAND --help`` prints, for each command."""
    parts = []
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        said = CliRunner().invoke(app, [name, "--help"], prog_name="study", env=WIDTH)
        parts.append(f"## study {name}\n\n```text\n{said.stdout.strip()}\n```")
    return "\n\n".join(parts)


def _examples() -> str:
    """The files in ``examples/``, each with what it says of itself."""
    parts = []
    for file in sorted(EXAMPLES.glob("*.py")):
        text = file.read_text(encoding="utf-8")
        about = ast.get_docstring(ast.parse(text)) or ""
        parts.append(f"## {file.stem} {{#{file.stem}}}\n\n{about}\n\n```python\n{text}```")
    return "\n\n".join(parts)


def _names(package: ModuleType, names: list[str]) -> str:
    """The public names of a package, from their docstrings."""
    things = [getattr(package, name) for name in names]
    return "\n\n".join(f"::: {thing.__module__}.{thing.__qualname__}" for thing in things)
