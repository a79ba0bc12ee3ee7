"""Run a study from Python: in a script or a notebook."""

import functools
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from analysis.records.paths import RunPaths
from cluster.connect import prepare_environment
from tuning.mirrors.base import chosen_mirrors
from tuning.process.signals import Interrupted, handled, interrupt
from tuning.process.terminal import MISTAKES, removed_if_empty, say, shown
from tuning.session import Backend, SessionOptions, checked, go_on, session_of
from tuning.spec.imports import file_of
from tuning.spec.loading import file_with
from tuning.spec.space import listed
from tuning.spec.study import Mirrors, Study, StudyError, WandbMode

if TYPE_CHECKING:  # it brings pandas
    from analysis.records.load import Run

Given = ParamSpec("Given")


def _one_error(call: Callable[Given, "Run"]) -> Callable[Given, "Run"]:
    """``call``, which signals and mistakes leave as one error without our lines behind it.

    Raises:
        StudyError: this is not the main thread, the only one in which Python handles signals.
    """

    @functools.wraps(call)
    def plainly(*positional: Given.args, **named: Given.kwargs) -> "Run":
        if threading.current_thread() is not threading.main_thread():
            raise StudyError("a study runs in the main thread of Python: call it from there.")
        try:
            with handled(interrupt):
                return call(*positional, **named)
        except (*MISTAKES, KeyboardInterrupt) as error:
            raise error.with_traceback(None) from None

    return plainly


@_one_error
def run(
    study: Study,
    *,
    results: str | Path = "results",
    backend: Backend = "ray",
    address: str | None = None,
    wandb: WandbMode | None = None,
    tensorboard: bool | None = None,
    mlflow: str | None = None,
    dashboard: bool = False,
    notify: str | None = None,
    max_time: str | float | None = None,
    warm_start: "Sequence[str | Path | Run]" = (),
    **overrides: Any,
) -> "Run":
    """Run a study, write its report, and return the run; ``result.report`` is the page.

    ``results``: where run folders go, a folder or a URL. ``backend``: ``"ray"``, or ``"inline"``
    for trials one after the other in this process: a debugger stops in them, and a study of seconds
    is done before Ray has started, but a trial that hangs or ends the process is not started again.
    ``address``: a Ray cluster; without it Ray is a private one on this machine, unless this process
    has joined one already. ``dashboard``: whether Ray's own dashboard runs beside a private Ray,
    which takes about 0.9 GB; a cluster has its own. ``wandb``, ``tensorboard``, ``mlflow``: where
    it is shown besides, as in ``Mirrors``. ``notify``: a webhook of Slack, Discord, Mattermost or
    ntfy that is told when the run ends, breaks off or loses its first trial. ``max_time``: the
    budget of time, ``"45m"`` say, as ``Budget.time``; ``warm_start``: runs that its search begins
    with, as ``Optuna.warm_start``; ``overrides``: as for ``Study.override``,
    ``epochs=2`` say; ``**study.smoke`` is its short form.

    Ctrl-C, or "interrupt kernel", ends the run early with a KeyboardInterrupt; what was trained is
    kept, and ``resume`` goes on.

    Raises:
        StudyError: something is wrong with the study or its data: one line per problem.
        ConnectionError: no cluster answers at ``address``, or no private Ray starts.
    """
    _refuse_other(study)
    asked = {"wandb": wandb, "tensorboard": tensorboard, "mlflow": mlflow}
    options = SessionOptions(address, asked, backend=backend, dashboard=dashboard, notify=notify)
    given = {key: listed(value) for key, value in overrides.items()}
    given |= {} if max_time is None else {"budget": {"time": max_time}}
    given |= {"warm_start": [str(_folder(each)) for each in warm_start]} if warm_start else {}
    prepare_environment(address)
    chosen = checked(study.override(given))
    from tuning.runs.prepare import prepare_run
    from tuning.spec.plan import plan_notes

    mirrors = chosen_mirrors(chosen, asked)
    paths = prepare_run(
        chosen,
        results,
        overrides=given,
        command=caller(),
        reference=file_with(study),
        mirrors=mirrors,
    )
    with removed_if_empty(paths):
        for note in plan_notes(chosen, address):
            say(f"note: {note}")
        return _train(chosen, paths, mirrors, options)


def resume(
    run: "str | Path | Run",
    study: Study | None = None,
    *,
    trials: int | None = None,
    **options: Any,
) -> "Run":
    """Go on with a run that was cut off: what ended is kept, what was training goes on from its
    last checkpoint. ``trials``: how many its search is to have in all, fewer than planned, say.

    ``run``: its folder, its URL, or what ``run`` returned. ``study``: needed where the study is in
    no file of its own, but in a notebook or in the script itself. ``options``: ``backend``,
    ``address``, ``wandb``, ``tensorboard``, ``mlflow``, ``dashboard``, ``notify`` and ``max_time``
    as for ``run``: a budget in the place of what is left of the one there was;
    ``accept_code_change``: whether to go on although the code has changed; ``from_store``: which
    records to go on with, where folder and store differ.

    Raises:
        StudyError: the study is not that of the run, or cannot be found again.
    """
    from tuning.runs.changes import resumed

    return _go_on(run, partial(resumed, trials=trials), study, **options)


def extend(
    run: "str | Path | Run",
    study: Study | None = None,
    *,
    trials: int | None = None,
    seeds: int | None = None,
    values: Mapping[str, Any] | None = None,
    **options: Any,
) -> "Run":
    """Add ``trials`` settings to a search (a negative number takes planned ones away), ``seeds`` to
    a grid or to the confirmed settings of a search, or ``values`` to a grid: ``{"width": [1, 2,
    3]}``, where 1 and 2 were trained; else as ``resume``.
    """
    from tuning.runs.changes import extended

    change = partial(extended, trials=trials, seeds=seeds, values=values)
    return _go_on(run, change, study, **options)


def confirm(
    run: "str | Path | Run", study: Study | None = None, *, now: bool = False, **options: Any
) -> "Run":
    """Train the best settings of a run again on fresh seeds, once its search is over or, with
    ``now``, without the rest of it; else as ``resume``.
    """
    from tuning.runs.changes import confirmed

    return _go_on(run, partial(confirmed, now=now), study, confirm_now=now, **options)


@_one_error
def _go_on(
    run: "str | Path | Run",
    change: "Callable[[Study, Study, Run], dict[str, Any]]",
    study: Study | None,
    *,
    backend: Backend = "ray",
    address: str | None = None,
    wandb: WandbMode | None = None,
    tensorboard: bool | None = None,
    mlflow: str | None = None,
    dashboard: bool = False,
    notify: str | None = None,
    max_time: str | float | None = None,
    confirm_now: bool = False,
    accept_code_change: bool = False,
    from_store: bool | None = None,
) -> "Run":
    if study is not None and not isinstance(study, str):
        _refuse_other(study)
    return go_on(
        str(_folder(run)),
        change,
        SessionOptions(
            address,
            {"wandb": wandb, "tensorboard": tensorboard, "mlflow": mlflow},
            backend=backend,
            dashboard=dashboard,
            notify=notify,
            max_time=max_time,
            confirm_now=confirm_now,
        ),
        _train,
        command=caller(),
        study=study,
        accept=accept_code_change,
        from_store=from_store,
    )


def _folder(run: "str | Path | Run") -> str | Path:
    if not isinstance(run, (str, Path)) and not hasattr(run, "paths"):
        raise StudyError(
            f"{type(run).__name__} is no run: give its folder, its URL, or what run(...) returned."
        )
    return run if isinstance(run, (str, Path)) else run.paths.root


def _refuse_other(study: object) -> None:
    if not isinstance(study, Study):
        raise StudyError(f"{type(study).__name__} is no Study: give Study(name=..., ...).")


def _train(
    study: Study,
    paths: RunPaths,
    mirrors: Mirrors,
    options: SessionOptions,
    take_back: Callable[[], None] = lambda: None,
) -> "Run":
    from analysis import load_run
    from analysis.records.lines import read_spec

    with session_of(study, paths, mirrors, options, take_back) as session:
        try:
            _, report = session.run()
        except Interrupted:
            if not paths.trials.exists():
                raise
            itself = "" if read_spec(paths.study).get("reference") else ", study"
            raise KeyboardInterrupt(
                f"the run was interrupted: tuning.resume({str(paths.root)!r}{itself}) goes on."
            ) from None
        finally:
            session.display.close()
        say(f"report: {shown(report)}")
    return load_run(paths.root)


def caller() -> list[str]:
    """What runs here, as the record of a run names it."""
    script = file_of(sys.modules.get("__main__"))
    is_notebook = "ipykernel" in sys.modules
    return ["notebook"] if is_notebook or script is None else ["python", str(script)]
