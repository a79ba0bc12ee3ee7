"""The commands that read a study or a run, and train nothing."""

from dataclasses import replace

from tuning.cli.hints import suggest
from tuning.cli.options import (
    Beside,
    Host,
    Mlflow,
    Overrides,
    Port,
    Probe,
    RunFolder,
    RunFolders,
    Seeds,
    Smoke,
    StudyName,
    SyncMode,
    Trials,
)
from tuning.process.terminal import end, ended_by_ctrl_c, plain_errors, say, shown


def list_studies() -> None:
    """List the built-in studies."""
    from tuning.spec.catalog import questions

    with plain_errors():
        for name, question in questions().items():
            print(f"{name:24} {question}")
        suggest("list")


def show(
    study: StudyName,
    set_: Overrides = None,
    seeds: Seeds = None,
    trials: Trials = None,
    smoke: Smoke = False,
    probe: Probe = False,
) -> None:
    """Show what a study would run, and what it would take."""
    from tuning.cli.session import find
    from tuning.spec.plan import plan_text

    with plain_errors():
        chosen = find(study, set_, seeds, trials, smoke)[0]
        print(plan_text(chosen))
        if probe:
            from tuning.engine.probe import probe_text, probed

            print(f"{'probed':12} {probe_text(chosen, probed(chosen))}")
        suggest("show", study)


def report(run: RunFolder) -> None:
    """Write the report of a run again, from its records."""
    from tuning.cli.session import written_report

    with plain_errors():
        print(written_report(run))
        suggest("report", run)


def compare(runs: RunFolders, results: Beside = "results") -> None:
    """Set runs of one metric on the same data beside each other: what each found, and what it spent
    on it.
    """
    from tuning.cli.session import compared

    with plain_errors():
        print(*compared(runs, results), sep="\n")
        suggest("compare")


def watch(run: RunFolder, host: Host = "127.0.0.1", port: Port = None) -> None:
    """Serve a page of a run, going on or finished, until Ctrl-C: the report so far, and every trial
    as it goes.
    """
    from analysis.live.server import watch as serve
    from tuning.runs.fetching import cached
    from tuning.spec.settings import recorded_problems

    with plain_errors(), ended_by_ctrl_c():
        serve(
            cached(run, say),
            host=host,
            port=port,
            ready=lambda address: say(f"{address} (Ctrl-C ends it)"),
            check=recorded_problems,
        )


def sync(run: RunFolder, wandb: SyncMode = None, mlflow: Mlflow = None) -> None:
    """Mirror a run to Weights & Biases or to MLflow from its records; what is there already is left
    as it is.
    """
    from analysis.records.lines import read_spec
    from analysis.records.paths import RunPaths
    from tuning.cli.session import written_report
    from tuning.mirrors.base import checked
    from tuning.mirrors.driver import SECONDS_TO_SYNC, mirrored
    from tuning.runs.fetching import cached
    from tuning.spec.mirroring import TITLES, Mirrors

    with plain_errors():
        mode = wandb or ("online" if mlflow in (None, "off") else "off")
        wanted = checked(Mirrors(wandb=mode, mlflow="off" if mlflow is None else mlflow))
        paths = RunPaths(cached(run, say).resolve())
        print(written_report(str(paths.root)))
        recorded = read_spec(paths.study).get("mirrors") or {}
        mirrors = replace(wanted, tensorboard=bool(recorded.get("tensorboard")))
        with mirrored(paths, mirrors, say, seconds=SECONDS_TO_SYNC) as finish_mirrors:
            ends = finish_mirrors()
    for name in wanted.modes:
        where = f"written to {shown(paths.wandb)}" if mirrors.modes[name] == "offline" else "sent"
        print(f"{TITLES[name]}: {ends[name].sent} runs {where}")
    end(0 if all(mirror.missing == 0 for mirror in ends.values()) else 1)
