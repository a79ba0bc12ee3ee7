"""The commands that train: a study, what a run lacks, a job."""

from functools import partial

from tuning.cli.options import (
    AcceptCodeChange,
    Address,
    AsJson,
    Dashboard,
    FromStore,
    MaxTime,
    Mlflow,
    MoreSeeds,
    MoreTrials,
    MoreValues,
    Notify,
    Now,
    Overrides,
    Results,
    RunFolder,
    Seeds,
    Shared,
    Smoke,
    StudyFile,
    StudyName,
    Submitted,
    Tensorboard,
    Trials,
    Url,
    Wandb,
    WarmStart,
    Watch,
)
from tuning.process.terminal import end, plain_errors, removed_if_empty, say


def run(
    study: StudyName,
    set_: Overrides = None,
    seeds: Seeds = None,
    trials: Trials = None,
    smoke: Smoke = False,
    max_time: MaxTime = None,
    warm_start: WarmStart = None,
    results: Results = "results",
    address: Address = None,
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
    mlflow: Mlflow = None,
    dashboard: Dashboard = False,
    notify: Notify = None,
    watch: Watch = False,
    json: AsJson = False,
) -> None:
    """Run a study and write its report; the last line printed is the run folder."""
    from cluster.connect import prepare_environment
    from tuning.cli.session import SessionOptions, command_line, find, train
    from tuning.mirrors.base import chosen_mirrors
    from tuning.spec.errors import StudyError

    with plain_errors(json) as lines:
        # First of all, for a study file may import Ray, which reads its settings once.
        prepare_environment(address)
        chosen, overrides = find(study, set_, seeds, trials, smoke, max_time, warm_start)
        from tuning.runs.prepare import prepare_run
        from tuning.spec.plan import plan_notes

        if not results.strip():
            raise StudyError(
                "--results '' names no folder: give one, or leave the option out for results/."
            )
        asked = {"wandb": wandb, "tensorboard": tensorboard, "mlflow": mlflow}
        mirrors = chosen_mirrors(chosen, asked)
        paths = prepare_run(
            chosen,
            results,
            overrides=overrides,
            command=command_line(),
            reference=study,
            mirrors=mirrors,
        )
        with removed_if_empty(paths):
            for note in plan_notes(chosen, address):
                say(f"note: {note}")
            options = SessionOptions(
                address, asked, watch, lines, dashboard=dashboard, notify=notify
            )
            code = train(chosen, paths, mirrors, options)
    end(code)


def resume(
    run: RunFolder,
    trials: Trials = None,
    study: StudyFile = None,
    accept_code_change: AcceptCodeChange = False,
    from_store: FromStore = None,
    max_time: MaxTime = None,
    address: Address = None,
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
    mlflow: Mlflow = None,
    dashboard: Dashboard = False,
    notify: Notify = None,
    watch: Watch = False,
    json: AsJson = False,
) -> None:
    """Go on with a run that was cut off: what ended is kept, what was training goes on from its
    last checkpoint.
    """
    from tuning.cli.session import SessionOptions, continue_run
    from tuning.runs.changes import resumed

    asked = {"wandb": wandb, "tensorboard": tensorboard, "mlflow": mlflow}
    with plain_errors(json) as lines:
        options = SessionOptions(
            address, asked, watch, lines, max_time, dashboard=dashboard, notify=notify
        )
        change = partial(resumed, trials=trials)
        code = continue_run(run, change, options, study, accept_code_change, from_store)
    end(code)


def extend(
    run: RunFolder,
    trials: MoreTrials = None,
    seeds: MoreSeeds = None,
    set_: MoreValues = None,
    study: StudyFile = None,
    accept_code_change: AcceptCodeChange = False,
    from_store: FromStore = None,
    max_time: MaxTime = None,
    address: Address = None,
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
    mlflow: Mlflow = None,
    dashboard: Dashboard = False,
    notify: Notify = None,
    watch: Watch = False,
    json: AsJson = False,
) -> None:
    """Add settings to a search, or seeds or values to a grid, or seeds to the confirmed settings of
    a search.
    """
    from tuning.cli.session import SessionOptions, continue_run
    from tuning.runs.changes import extended
    from tuning.spec.overrides import parse_overrides

    asked = {"wandb": wandb, "tensorboard": tensorboard, "mlflow": mlflow}
    with plain_errors(json) as lines:
        options = SessionOptions(
            address, asked, watch, lines, max_time, dashboard=dashboard, notify=notify
        )
        values = parse_overrides(set_ or [])
        more = partial(extended, trials=trials, seeds=seeds, values=values)
        code = continue_run(run, more, options, study, accept_code_change, from_store)
    end(code)


def confirm(
    run: RunFolder,
    now: Now = False,
    study: StudyFile = None,
    accept_code_change: AcceptCodeChange = False,
    from_store: FromStore = None,
    max_time: MaxTime = None,
    address: Address = None,
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
    mlflow: Mlflow = None,
    dashboard: Dashboard = False,
    notify: Notify = None,
    watch: Watch = False,
    json: AsJson = False,
) -> None:
    """Train the best settings of a run again on fresh seeds."""
    from tuning.cli.session import SessionOptions, continue_run
    from tuning.runs.changes import confirmed

    asked = {"wandb": wandb, "tensorboard": tensorboard, "mlflow": mlflow}
    with plain_errors(json) as lines:
        options = SessionOptions(
            *(address, asked, watch, lines, max_time),
            dashboard=dashboard,
            confirm_now=now,
            notify=notify,
        )
        change = partial(confirmed, now=now)
        code = continue_run(run, change, options, study, accept_code_change, from_store)
    end(code)


def submit(
    study: Submitted,
    address: Url,
    results: Shared,
    set_: Overrides = None,
    seeds: Seeds = None,
    trials: Trials = None,
    smoke: Smoke = False,
    max_time: MaxTime = None,
    wandb: Wandb = None,
    tensorboard: Tensorboard = None,
    mlflow: Mlflow = None,
    dashboard: Dashboard = False,
) -> None:
    """Run a study as a job on a Ray cluster: the code is sent, the job goes on by itself; Ctrl-C
    leaves it running.
    """
    with plain_errors():
        from cluster.connect import prepare_environment

        prepare_environment(address)
        from tuning.cli.sent_files import SentFiles, files_to_send
        from tuning.cli.session import find
        from tuning.cli.submit import submission

        options = {
            "--seeds": seeds,
            "--trials": trials,
            "--smoke": smoke,
            "--max-time": max_time,
            "--wandb": wandb,
            "--tensorboard": tensorboard,
            "--mlflow": mlflow,
            "--dashboard": dashboard,
        }
        job = submission(study, results, set_ or [], options)
        files = (
            SentFiles({}, {})
            if job.resumes
            else files_to_send(find(study, set_, seeds, trials, smoke, max_time)[0], study)
        )
        code = job.send_and_follow(address, files)
    end(code)
