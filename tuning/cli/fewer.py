"""The commands that leave trials out, or put runs together."""

from tuning.cli.options import Retrain, RunFolder, TrialNames, Undo
from tuning.process.terminal import plain_errors, shown


def drop(run: RunFolder, trials: TrialNames, undo: Undo = False, retrain: Retrain = False) -> None:
    """Leave trials out of a run: their rows stay in its records, and count nowhere."""
    from tuning.fewer import drop as left_out

    with plain_errors():
        changed = left_out(run, *trials, undo=undo, retrain=retrain)
        print(f"left out: {', '.join(changed.dropped['trial']) or 'none'}")
        print(f"report: {shown(changed.report)}")
