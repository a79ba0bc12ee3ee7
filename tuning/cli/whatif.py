"""The command that says what another rule would have spent and found."""

from typing import Annotated

import typer

from tuning.cli.options import RunFolder
from tuning.process.terminal import plain_errors, say, whole

Factor = Annotated[
    int | None,
    typer.Option("--reduction-factor", parser=whole, metavar="N", help="One trial in N goes on."),
]
Grace = Annotated[
    int | None,
    typer.Option("--grace-period", parser=whole, metavar="N", help="The first rung, in epochs."),
]
Slots = Annotated[
    int | None,
    typer.Option("--slots", parser=whole, metavar="N", help="So many trials at a time."),
]
First = Annotated[
    int | None,
    typer.Option("--trials", parser=whole, metavar="N", help="The first N trials of the run."),
]


def whatif(
    run: RunFolder,
    reduction_factor: Factor = None,
    grace_period: Grace = None,
    slots: Slots = None,
    trials: First = None,
) -> None:
    """Say what another rule for stopping would have spent and found on the trials of a run, from
    their curves.
    """
    from analysis import load_run
    from tuning.engine.whatif_text import whatif_text
    from tuning.runs.fetching import cached

    with plain_errors():
        text = whatif_text(
            load_run(cached(run, say)),
            reduction_factor=reduction_factor,
            grace_period=grace_period,
            slots=slots,
            trials=trials,
        )
        print(text)
