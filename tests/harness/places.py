"""Where the files of this project lie."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
HARNESS = Path(__file__).parent
