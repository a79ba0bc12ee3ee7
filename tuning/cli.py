"""The command ``study``: parse, call, print."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cluster.connect import prepare_environment
from tuning.mirrors import chosen_mirrors
from tuning.overrides import parse_overrides
from tuning.plan import plan_text, seeds_warning, setting_text
from tuning.session import command_line, go_on, train, write_report_of
from tuning.study import Study, StudyError, WandbMode
from tuning.terminal import OneLineErrors, end, plain_errors, removed_if_empty, say, shown, whole

app = typer.Typer(cls=OneLineErrors, add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="Name of a built-in study, path of a .py file, or module:name.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Another value; a list for a key of the space.")]
Seeds = Annotated[int | None, typer.Option(parser=whole, metavar="N", help="Seeds of every setting.")]
Trials = Annotated[int | None, typer.Option(parser=whole, metavar="N", help="Settings that a search tries.")]
MoreSeeds = Annotated[int | None, typer.Option("--seeds", parser=whole, metavar="N", help="So many more seeds of every setting.")]
MoreTrials = Annotated[int | None, typer.Option("--trials", parser=whole, metavar="N", help="So many more settings of a search.")]
Smoke = Annotated[bool, typer.Option("--smoke", help="The study's own short form: the whole way, in seconds.")]
Address = Annotated[str | None, typer.Option(metavar="ADDRESS", help="A running Ray cluster; without it, a private one on this machine.")]
Wandb = Annotated[WandbMode | None, typer.Option(metavar="MODE", help="Mirror to Weights & Biases: off, offline or online.")]
SyncMode = Annotated[
    Literal["offline", "online"], typer.Option("--wandb", metavar="MODE", help="As files in its folder, or to the server.")
]
Tensorboard = Annotated[bool | None, typer.Option("--tensorboard/--no-tensorboard", help="Write event files for TensorBoard.")]
Results = Annotated[str, typer.Option(metavar="DIR", help="Where run folders go.")]


@app.callback()
def main() -> None:
    """Declare a study, run it over seeds, read back what it means."""


@app.command("list")
def list_studies() -> None:
    """List the built-in studies."""
    from tuning.catalog import built_in_names, find_study

    with plain_errors():
        for name in built_in_names():
            typer.echo(f"{name:24} {find_study(name).question}")


@app.command()
def show(study: StudyName, set_: Overrides = None, seeds: Seeds = None, trials: Trials = None, smoke: Smoke = False) -> None:
    """Show what a study would run."""
    with plain_errors():
        typer.echo(plan_text(_find(study, set_, seeds, trials, smoke)[0]))


@app.command()
def run(
    study: StudyName,
    set_: Overrides = None,
    seeds: Seeds = None,
    trials: Trials = None,
    smoke: Smoke = False,
    address: Address = None,
    results: Results = "results",
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
) -> None:
    """Run a study and write its report; the last line printed is the run folder."""
    with plain_errors():
        # First of all, for a study file may import Ray, which reads its settings once.
        prepare_environment(address)
        chosen, overrides = _find(study, set_, seeds, trials, smoke)
        from tuning.prepare import prepare_run

        if not results.strip():
            raise StudyError("--results '' names no folder: give one, or leave the option out for results/.")
        mirrors = chosen_mirrors(chosen, wandb, tensorboard)
        paths = prepare_run(chosen, Path(results), overrides=overrides, command=command_line(), reference=study, mirrors=mirrors)
        with removed_if_empty(paths):
            if warning := seeds_warning(chosen):
                say(f"note: {warning}")
            code = train(chosen, paths, address, mirrors)
    end(code)


@app.command()
def resume(run: RunFolder, address: Address = None, wandb: Wandb = None, tensorboard: Tensorboard = None) -> None:
    """Go on with a run that was cut off: what ended is kept, what was training goes on from its last checkpoint."""
    from tuning.resume import unchanged

    with plain_errors():
        code = go_on(run, address, unchanged, wandb, tensorboard)
    end(code)


@app.command()
def extend(
    run: RunFolder,
    trials: MoreTrials = None,
    seeds: MoreSeeds = None,
    address: Address = None,
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
) -> None:
    """Add settings to a search, or seeds to a grid or to the confirmed settings of a search."""
    from tuning.resume import extended

    with plain_errors():
        code = go_on(run, address, partial(extended, trials=trials, seeds=seeds), wandb, tensorboard)
    end(code)


@app.command()
def confirm(run: RunFolder, address: Address = None, wandb: Wandb = None, tensorboard: Tensorboard = None) -> None:
    """Train the best settings of a run again on fresh seeds."""
    from tuning.resume import confirmed

    with plain_errors():
        code = go_on(run, address, confirmed, wandb, tensorboard)
    end(code)


@app.command("try")
def try_(study: StudyName, set_: Overrides = None, seeds: Seeds = None, smoke: Smoke = False) -> None:
    """Run the first trial of a study in this process, without Ray: for a debugger."""
    with plain_errors():
        chosen, _ = _find(study, set_, seeds, None, smoke)
        from tuning.asking import first_trial
        from tuning.rows import Exited, NotReported, iterate

        trial = first_trial(chosen)
        typer.echo(f"trial {trial.id}: {setting_text(trial.config)}; seeds {_range(trial.seeds)}")
        try:
            for row, _ in iterate(chosen, trial, chosen.read_data()):
                typer.echo(f"epoch {row['epoch']}  {_metrics(row['metrics'])}  {row['seconds']:.3f} s")
                if row["diverged"]:
                    say(f"trial {trial.id} diverged: {', '.join(row['diverged'])} became non-finite at epoch {row['epoch']}")
                    raise typer.Exit(1)
        except (NotReported, Exited) as error:
            raise StudyError(f"Study {chosen.name!r}: {error}") from None


@app.command()
def report(run: RunFolder) -> None:
    """Write the report of a run again, from its records."""
    with plain_errors():
        write_report_of(run)


@app.command()
def sync(run: RunFolder, wandb: SyncMode = "online") -> None:
    """Mirror a run to Weights & Biases from its records; what is there already is left as it is."""
    from tuning.tracking import SECONDS_TO_SYNC, mirrored

    with plain_errors():
        paths = write_report_of(run)
        with mirrored(paths, wandb, say, seconds=SECONDS_TO_SYNC) as finish_mirror:
            told = finish_mirror()
    typer.echo(f"{told.sent} runs {'written to ' + shown(paths.wandb) if wandb == 'offline' else 'sent'}")
    end(0 if told.missing == 0 else 1)


def _find(reference: str, pairs: list[str] | None, seeds: int | None, trials: int | None, smoke: bool) -> tuple[Study, dict[str, Any]]:
    """The study with its overrides, and these."""
    from tuning.catalog import find_study

    changes = parse_overrides(pairs or [])
    study = find_study(reference)
    options = {name: value for name, value in (("seeds", seeds), ("trials", trials)) if value is not None}
    overrides = {**(study.smoke if smoke else {}), **changes, **options}
    return study.override(overrides), overrides


def _range(seeds: Any) -> str:
    return f"{seeds[0]} to {seeds[-1]} ({len(seeds)})" if len(seeds) > 1 else str(seeds[0])


def _metrics(metrics: dict[str, Any]) -> str:
    """A metric with one value per seed as its mean."""
    flat = {name: sum(value) / len(value) if isinstance(value, list) else value for name, value in metrics.items()}
    return "  ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value:.5g}" for name, value in flat.items())


if __name__ == "__main__":
    app()
