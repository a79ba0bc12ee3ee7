"""The command ``study``: its parts, in the order of the help."""

from typing import Annotated

import typer

from tuning.cli.doctor import doctor
from tuning.cli.export import export
from tuning.cli.fewer import drop, merge
from tuning.cli.home import home, note, runs, tag
from tuning.cli.new import new
from tuning.cli.one_trial import replay, try_
from tuning.cli.reading import compare, list_studies, report, show, sync, watch
from tuning.cli.steering import add, end, pause, stop_trial
from tuning.cli.training import confirm, extend, resume, run, submit
from tuning.cli.whatif import whatif
from tuning.process.terminal import OneLineErrors

app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"study {version('tune-studies')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which it is.")
    ] = False,
) -> None:
    """Declare a study, run it over seeds, read back what it means."""


app.command()(new)
app.command("list")(list_studies)
app.command()(show)
app.command()(run)
app.command()(resume)
app.command()(extend)
app.command()(confirm)
app.command()(drop)
app.command()(merge)
app.command("try")(try_)
app.command()(replay)
app.command()(submit)
app.command()(report)
app.command()(compare)
app.command()(whatif)
app.command()(runs)
app.command()(home)
app.command()(tag)
app.command()(note)
app.command()(watch)
app.command("stop-trial")(stop_trial)
app.command()(add)
app.command()(pause)
app.command()(end)
app.command()(sync)
app.command()(export)
app.command()(doctor)


if __name__ == "__main__":
    app()
