"""The commands that leave trials out, or put runs together."""

from tuning.cli.options import (
    AcceptCodeChange,
    MergedIn,
    Retrain,
    RunFolder,
    RunFolders,
    TrialNames,
    Undo,
)
from tuning.process.terminal import plain_errors, say, shown


def drop(run: RunFolder, trials: TrialNames, undo: Undo = False, retrain: Retrain = False) -> None:
    """Leave trials out of a run: their rows stay in its records, and count nowhere."""
    from tuning.fewer import drop as left_out

    with plain_errors():
        changed = left_out(run, *trials, undo=undo, retrain=retrain)
        print(f"left out: {', '.join(changed.dropped['trial']) or 'none'}")
        print(f"report: {shown(changed.report)}")


def merge(
    runs: RunFolders, results: MergedIn = "results", accept_code_change: AcceptCodeChange = False
) -> None:
    """Make one run of several of the same study; the last line printed is its folder."""
    from tuning.cli.session import command_line
    from tuning.fewer import merged

    with plain_errors():
        run = merged(runs, results, accept_code_change, command_line())
        for note in run.notes:
            say(f"note: {note}")
        print(f"report: {shown(run.report)}", shown(run.paths.root), sep="\n")
