"""The gallery: reports of short runs of the built-in studies, made when the site is built."""

import shutil
import tempfile
from pathlib import Path

from analysis import load_run, write_report
from analysis.report.claims import claim
from analysis.stats.findings import find
from tuning.engine.backends.inline import run_inline
from tuning.runs.prepare import prepare_run
from tuning.spec.catalog import built_in_names
from tuning.spec.loading import find_study


def gallery(pages: Path) -> str:
    """What the report of each study says; the reports themselves go below ``pages``."""
    return "\n\n".join(_shown(name, pages / "gallery" / name) for name in built_in_names())


def _shown(name: str, target: Path) -> str:
    study = find_study(name)
    study, smoke = study.override(study.smoke), dict(study.smoke)
    command = ["study", "run", name, "--smoke"]
    with tempfile.TemporaryDirectory() as folder:
        paths = prepare_run(study, folder, overrides=smoke, command=command)
        run_inline(study, paths)
        done = load_run(paths.root)
        said, report = claim(find(done)), write_report(done)
        shutil.copytree(report.parent, target)
    link = f"gallery/{name}/{report.name}"
    return (
        f"## {name}\n\n{study.question}\n\n> {said}\n\n"
        f'<a href="{link}">Open the report</a> of `{" ".join(command)}`'
    )
