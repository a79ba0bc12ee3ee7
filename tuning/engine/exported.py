"""The best network of a run, built again from its checkpoint: for Python, and as files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.records.load import Run, load_run
from analysis.records.write import write_aside
from analysis.report.export import markdown, text_table
from analysis.stats.best import Best, best_setting
from analysis.text.rounding import MISSING, number
from tuning.engine import checkpoints
from tuning.process.start_folder import as_started
from tuning.process.terminal import say
from tuning.runs.changes import resumed
from tuning.runs.prepare import found_again
from tuning.runs.reopen import continued
from tuning.runs.store import Folder
from tuning.spec.study import Study, StudyError


def network_of(
    run: str | Path | Run, study: Study | str | None = None
) -> tuple[Any, Any, str, Best]:
    """The best network of a run in evaluation mode, an example of its input, the trial that it is
    of, and its setting: the best confirmed one, or the best of all where nothing was confirmed.
    ``study``: where it is in no file, or its file has moved.

    Raises:
        StudyError: there is no such network, or no checkpoint of it.
    """
    run = _read(run)
    best = best_setting(run)
    if best is None:
        raise StudyError(f"{run.paths.root} has no complete trial: there is no network to export.")
    moved = found_again(study, Path.cwd()) if isinstance(study, str) else study
    with as_started(run.spec, say):
        going = continued(run, resumed, study=moved, accept=True)
        if going.changed:
            say(f"note: the code has changed since the run ({'; '.join(going.changed)})")
        found, build = going.study, going.study.task.network
        if build is None:
            raise StudyError(
                f"Study {found.name!r} does not say how its network is built: give it a"
                " Task(train=..., network=...), a function of config and state to a module and an"
                " example of its input."
            )
        trial, state = _kept(run, best)
        params = found.config(best.params, str(run.trials.set_index("trial").at[trial, "phase"]))
        network, example = build(params, state)
    return network.eval(), example, trial, best


def _read(run: str | Path | Run) -> Run:
    return load_run(run) if isinstance(run, (str, Path)) else run


def _kept(run: Run, best: Best) -> tuple[str, Any]:
    """The trial of the best setting whose state after its last epoch is there, and that state."""
    last = run.trials.set_index("trial")["epochs"]
    for trial in best.trials:
        kept = checkpoints.newest(Folder.at(run.paths.checkpoints) / trial)
        if kept is not None and kept.epoch == last[trial]:
            return trial, kept.state
    raise StudyError(
        f"{run.paths.checkpoints} has no checkpoint of the last epoch of trial"
        f" {' or '.join(best.trials)}. A trainable that yields its state has one, of each of the"
        f" {checkpoints.MOST_KEPT} settings that were the best so far."
    )


def export(run: str | Path | Run, folder: Path, study: Study | str | None = None) -> list[Path]:
    """Write the best network of a run into ``folder``, as ``trainables.hand_on.hand_on`` does, with
    ``README.md``: what it is of, and how good. Returns the paths.

    Raises:
        StudyError: as ``network_of``; or the folder is there and not empty.
    """
    from trainables.hand_on import hand_on

    if folder.exists() and any(folder.iterdir()):
        raise StudyError(f"{folder} is not empty: give another one (to=..., or --to).")
    run = _read(run)
    network, example, trial, best = network_of(run, study)
    folder.mkdir(parents=True, exist_ok=True)
    names = hand_on(network, example, folder)
    card = write_aside(folder / "README.md", _card(run, best, trial, names, example))
    return [*(folder / name for name in names), card]


def _call(names: Sequence[str]) -> str:
    if "predict.py" in names:
        return "python predict.py INPUT.pt OUTPUT.pt, which needs torch alone"
    return "load_best of this package: torch could not trace the network"


def _card(run: Run, best: Best, trial: str, names: list[str], example: Any) -> str:
    root = run.paths.root
    data: Mapping[str, Any] = run.spec.get("data") or {}
    interval = "" if pd.isna(best.low) else f" [{number(best.low, 4)}, {number(best.high, 4)}]"
    phase = {"confirmed": "on fresh seeds", "search score": "as the search chose it"}
    rows = {
        "question": run.spec.get("question") or MISSING,
        f"{run.metric} ({run.spec['mode']})": f"{number(best.mean, 4)}{interval}, mean of"
        f" n = {best.n} networks with this setting, {phase.get(best.kind, 'over seeds')}",
        "setting": json.dumps(best.params),
        "trial": f"{trial} of {root.name}",
        "input": f"float32 {tuple(example.shape)}, the first of any size",
        "data": str(data.get("name", MISSING)),
        "SHA-256 of the data": str(data.get("sha256", MISSING)),
        "licence of the data": str(data.get("licence", "not recorded: see where they come from")),
        "version of the code": str(run.versions.get(trial) or MISSING),
        "trained again by": f"study replay {'/'.join(root.parts[-3:])} {trial}",
        "called by": _call(names),
        "files": ", ".join(names),
    }
    table = text_table([("what", rows.keys()), ("of this network", rows.values())])
    return markdown(table, f"{run.spec['name']}: the best network")
