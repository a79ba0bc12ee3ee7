"""The commands that steer a run while it goes on: each gives an order, which the session that
trains the run carries out or refuses.
"""

import time
from typing import TYPE_CHECKING, Any

from tuning.cli.options import NewSetting, RunFolder, TrialName
from tuning.process.terminal import end as leave
from tuning.process.terminal import plain_errors, say, shown

if TYPE_CHECKING:
    from analysis.records.orders import Order
    from analysis.records.paths import RunPaths


def stop_trial(run: RunFolder, trial: TrialName) -> None:
    """Stop a trial of a run for good, after the epoch that it trains: it counts as stopped by hand,
    not as failed.
    """
    _order(run, "stop-trial", trial=trial)


def add(run: RunFolder, set_: NewSetting) -> None:
    """Add a setting of your own to the search of a run that goes on; it is trained next."""
    from tuning.spec.overrides import parse_overrides

    with plain_errors():
        params = parse_overrides(set_)
        _check(run, params)
    _order(run, "add", params=params)


def pause(run: RunFolder) -> None:
    """End the session of a run after the epochs that its trials train; `study resume` goes on."""
    _order(run, "pause")


def end(run: RunFolder) -> None:
    """End the search of a run: its trials are stopped for good after the epochs that they train,
    and what is complete is confirmed and reported.
    """
    _order(run, "end")


def _order(run: str, do: str, **facts: Any) -> None:
    from analysis.records.orders import KEPT, give
    from tuning.cli.home import local_run
    from tuning.runs.lock import is_held
    from tuning.spec.errors import StudyError

    with plain_errors():
        paths = local_run(run)
        runs = is_held(paths.lock, say)
        if problem := None if runs else _problem(paths, do, facts.get("trial")):
            raise StudyError(problem)
        order = give(paths, do, **facts)
        if not runs:
            print(f"{order.words}: {shown(paths.root)} is {KEPT}.")
            return
        done = _answered(paths, order)
    leave(0 if done else 1)


def _problem(paths: "RunPaths", do: str, trial: str | None) -> str | None:
    """What speaks against an order to a run that nobody trains."""
    from analysis.records.follow import Tail
    from analysis.records.orders import PAUSE
    from analysis.records.schema import status_of

    if do == PAUSE:
        return f"{shown(paths.root)} is not running, so there is nothing to pause."
    if trial is None:
        return None
    rows = [row for _, row in Tail(paths.trials).new() if row.get("trial") == trial]
    if not rows:
        return f"no trial {trial} has begun in {shown(paths.root)}."
    status = status_of(rows[-1])
    return f"trial {trial} has ended: {status}." if status.has_ended else None


def _answered(paths: "RunPaths", order: "Order") -> bool:
    """Print the answer to an order, if it has one by now; returns False where it was refused."""
    from analysis.records.orders import SECONDS_TO_ANSWER, Steering

    steering, until = Steering(paths), time.monotonic() + SECONDS_TO_ANSWER
    while order.id not in steering.refresh().answers and time.monotonic() < until:
        time.sleep(0.1)
    answer = steering.answers.get(order.id)
    print(order.outcome(answer))
    return answer is None or bool(answer["done"])


def _check(run: str, params: dict[str, Any]) -> None:
    """Hold a setting against the space of the study, where that can be found from here.

    Raises:
        StudyError: with everything that speaks against it.
    """
    from analysis import load_run
    from tuning.cli.home import local_run
    from tuning.engine.orders import setting_refusals
    from tuning.runs.reopen import as_it_was_run
    from tuning.spec.errors import StudyError

    records = load_run(local_run(run).root)
    try:
        study = as_it_was_run(records)
    except StudyError:  # its session knows it
        return
    if problems := setting_refusals(study, params):
        raise StudyError(problems)
