"""The gallery: reports of small runs of the built-in studies, made when the site is built."""

import shutil
import tempfile
from pathlib import Path

from analysis.report.claims import claim
from analysis.stats.findings import find
from tuning import run
from tuning.spec.loading import find_study

SMALL = {
    "xor_width_depth": {},
    "mnist_ffn_vs_cnn": {"data": "optdigits"},
    "lungs_unet": {},
}
"""What differs from the short form of each study."""


def gallery(pages: Path) -> str:
    """What the report of each study says; the reports themselves go below ``pages``."""
    return "\n\n".join(_shown(name, pages / "gallery" / name) for name in SMALL)


def _shown(name: str, target: Path) -> str:
    study = find_study(name)
    with tempfile.TemporaryDirectory() as folder:
        done = run(study, results=folder, backend="inline", **{**study.smoke, **SMALL[name]})
        said = claim(find(done))
        shutil.copytree(done.report.parent, target)
    link = f"gallery/{name}/{done.report.name}"
    return (
        f"## {name}\n\n{study.question}\n\n> {said}\n\n"
        f'<a href="{link}">Open the report</a> (`study run {name} --smoke`)'
    )
