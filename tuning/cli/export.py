"""``study export``: the best network of a run, as files for others."""

from pathlib import Path

from tuning.cli.hints import suggest
from tuning.cli.options import RunFolder, StudyFile, To
from tuning.process.terminal import plain_errors, say, shown


def export(run: RunFolder, to: To = None, study: StudyFile = None) -> None:
    """Write the best network of a run for others to use: weights, network, model card."""
    from analysis import load_run
    from tuning.engine.exported import export as write
    from tuning.runs.fetching import cached

    with plain_errors():
        found = load_run(cached(run, say))
        for path in write(found, Path(to) if to else found.paths.report / "network", study):
            print(shown(path))
        suggest("export")
