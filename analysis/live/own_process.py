"""How our own modules are run as processes beside this one."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours. Files of the working folder, a json.py say, do not
    stand in for libraries.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """The variables of this process, with our modules importable where they are not installed."""
    found_there = not ROOT.is_relative_to(sys.prefix) and any(
        Path(place).resolve() == ROOT for place in sys.path
    )
    roots = [*([str(ROOT)] if found_there else []), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **({"PYTHONPATH": os.pathsep.join(roots)} if roots else {})}
