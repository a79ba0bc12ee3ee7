"""The command ``study``: parse, call, print."""

from functools import partial

import typer

from cluster.connect import prepare_environment
from tuning.fetching import cached
from tuning.mirrors import chosen_mirrors
from tuning.options import (
    AcceptCodeChange,
    Address,
    AsJson,
    Beside,
    FromStore,
    Host,
    MoreSeeds,
    MoreTrials,
    Overrides,
    Port,
    Results,
    RunFolder,
    RunFolders,
    Seeds,
    Shared,
    Smoke,
    StudyFile,
    StudyName,
    Submitted,
    SyncMode,
    Tensorboard,
    TrialName,
    Trials,
    Url,
    Wandb,
    Watch,
)
from tuning.plan import plan_notes, plan_text
from tuning.steps import Way, command_line, compared, find, go_on, train, written_report
from tuning.study import StudyError
from tuning.terminal import OneLineErrors, end, ended_by_ctrl_c, plain_errors, removed_if_empty, say, shown

app = typer.Typer(cls=OneLineErrors, add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Declare a study, run it over seeds, read back what it means."""


@app.command("list")
def list_studies() -> None:
    """List the built-in studies."""
    from tuning.catalog import built_in_names, find_study

    with plain_errors():
        for name in built_in_names():
            print(f"{name:24} {find_study(name).question}")


@app.command()
def show(study: StudyName, set_: Overrides = None, seeds: Seeds = None, trials: Trials = None, smoke: Smoke = False) -> None:
    """Show what a study would run."""
    with plain_errors():
        print(plan_text(find(study, set_, seeds, trials, smoke)[0]))


@app.command()
def run(
    study: StudyName,
    set_: Overrides = None,
    seeds: Seeds = None,
    trials: Trials = None,
    smoke: Smoke = False,
    results: Results = "results",
    address: Address = None,
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
    watch: Watch = False,
    json: AsJson = False,
) -> None:
    """Run a study and write its report; the last line printed is the run folder."""
    with plain_errors(json) as lines:
        # First of all, for a study file may import Ray, which reads its settings once.
        prepare_environment(address)
        chosen, overrides = find(study, set_, seeds, trials, smoke)
        from tuning.prepare import prepare_run

        if not results.strip():
            raise StudyError("--results '' names no folder: give one, or leave the option out for results/.")
        mirrors = chosen_mirrors(chosen, wandb, tensorboard)
        paths = prepare_run(chosen, results, overrides=overrides, command=command_line(), reference=study, mirrors=mirrors)
        with removed_if_empty(paths):
            for note in plan_notes(chosen, address):
                say(f"note: {note}")
            code = train(chosen, paths, mirrors, Way(address=address, wandb=wandb, tensorboard=tensorboard, watch=watch, json=lines))
    end(code)


@app.command()
def resume(
    run: RunFolder,
    study: StudyFile = None,
    accept_code_change: AcceptCodeChange = False,
    from_store: FromStore = None,
    address: Address = None,
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
    watch: Watch = False,
    json: AsJson = False,
) -> None:
    """Go on with a run that was cut off: what ended is kept, what was training goes on from its last checkpoint."""
    from tuning.resume import unchanged

    with plain_errors(json) as lines:
        way = Way(address=address, wandb=wandb, tensorboard=tensorboard, watch=watch, json=lines)
        code = go_on(run, unchanged, way, study, accept_code_change, from_store)
    end(code)


@app.command()
def extend(
    run: RunFolder,
    trials: MoreTrials = None,
    seeds: MoreSeeds = None,
    study: StudyFile = None,
    accept_code_change: AcceptCodeChange = False,
    from_store: FromStore = None,
    address: Address = None,
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
    watch: Watch = False,
    json: AsJson = False,
) -> None:
    """Add settings to a search, or seeds to a grid or to the confirmed settings of a search."""
    from tuning.resume import extended

    with plain_errors(json) as lines:
        way = Way(address=address, wandb=wandb, tensorboard=tensorboard, watch=watch, json=lines)
        code = go_on(run, partial(extended, trials=trials, seeds=seeds), way, study, accept_code_change, from_store)
    end(code)


@app.command()
def confirm(
    run: RunFolder,
    study: StudyFile = None,
    accept_code_change: AcceptCodeChange = False,
    from_store: FromStore = None,
    address: Address = None,
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
    watch: Watch = False,
    json: AsJson = False,
) -> None:
    """Train the best settings of a run again on fresh seeds."""
    from tuning.resume import confirmed

    with plain_errors(json) as lines:
        way = Way(address=address, wandb=wandb, tensorboard=tensorboard, watch=watch, json=lines)
        code = go_on(run, confirmed, way, study, accept_code_change, from_store)
    end(code)


@app.command("try")
def try_(study: StudyName, set_: Overrides = None, seeds: Seeds = None, smoke: Smoke = False) -> None:
    """Run the first trial of a study in this process, without Ray: for a debugger."""
    with plain_errors():
        chosen, _ = find(study, set_, seeds, None, smoke)
        from tuning.alone import try_first

        code = try_first(chosen)
    end(code)


@app.command()
def replay(run: RunFolder, trial: TrialName, study: StudyFile = None) -> None:
    """Train a recorded trial again in this process, and compare number by number."""
    with plain_errors():
        from tuning.alone import replay_recorded

        code = replay_recorded(cached(run, say), trial, study)
    end(code)


@app.command()
def submit(
    study: Submitted,
    address: Url,
    results: Shared,
    set_: Overrides = None,
    seeds: Seeds = None,
    trials: Trials = None,
    smoke: Smoke = False,
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
) -> None:
    """Run a study as a job on a Ray cluster: the code is sent, the job goes on by itself; Ctrl-C leaves it running."""
    with plain_errors():
        prepare_environment(address)
        from tuning.sent_files import SentFiles, files_to_send
        from tuning.submission import submission

        options = {"--seeds": seeds, "--trials": trials, "--smoke": smoke, "--wandb": wandb, "--tensorboard": tensorboard}
        job = submission(study, results, set_ or [], options)
        files = SentFiles({}, {}) if job.resumes else files_to_send(find(study, set_, seeds, trials, smoke)[0], study)
        code = job.send_and_follow(address, files)
    end(code)


@app.command()
def report(run: RunFolder) -> None:
    """Write the report of a run again, from its records."""
    with plain_errors():
        print(f"report: {shown(written_report(cached(run, say)))}")


@app.command()
def compare(runs: RunFolders, results: Beside = "results") -> None:
    """Set runs of one metric on the same data beside each other: what each found, and what it spent on it."""
    with plain_errors():
        print(*compared(runs, results), sep="\n")


@app.command()
def watch(run: RunFolder, host: Host = "127.0.0.1", port: Port = None) -> None:
    """Serve a page of a run, going on or finished, until Ctrl-C: the report so far, and every trial as it goes."""
    from analysis.live import watch as serve

    with plain_errors(), ended_by_ctrl_c():
        serve(cached(run, say), host=host, port=port, ready=lambda address: say(f"{address} (Ctrl-C ends it)"))


@app.command()
def sync(run: RunFolder, wandb: SyncMode = "online") -> None:
    """Mirror a run to Weights & Biases from its records; what is there already is left as it is."""
    from analysis.runs import RunPaths
    from tuning.tracking import SECONDS_TO_SYNC, mirrored

    with plain_errors():
        paths = RunPaths(cached(run, say).resolve())
        print(f"report: {shown(written_report(paths.root))}")
        with mirrored(paths, wandb, say, seconds=SECONDS_TO_SYNC) as finish_mirror:
            told = finish_mirror()
    print(f"{told.sent} runs {'written to ' + shown(paths.wandb) if wandb == 'offline' else 'sent'}")
    end(0 if told.missing == 0 else 1)


if __name__ == "__main__":
    app()
