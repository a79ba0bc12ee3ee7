"""One trial of a run that is watched, in full: setting, epochs, error, and what it printed."""

import json
from pathlib import Path
from typing import Any

from analysis.live.state import TrialState, Watched, mean_of
from analysis.records.inside import no_link
from analysis.records.paths import RunPaths
from analysis.text.errors import SHOWN, shortened

EPOCHS = 200
BYTES_OF_LOG = 64_000
MARKS = (":job_id:", ":actor_name:", ":task_name:")  # lines by which Ray finds its way in its logs


def trial_details(run: Watched, trial: TrialState) -> dict[str, Any]:
    """What the page shows of a trial; all numbers are of the records, ``metrics`` one row per epoch
    with means over the seeds.
    """
    rows, error = run.epochs_of(trial, EPOCHS), trial.row.get("error")
    error = error or (f"ended early: {reason}" if (reason := trial.row.get("reason")) else None)
    names = list(dict.fromkeys(name for row in rows for name in row.get("metrics", {})))
    where = f"more in trials.jsonl and logs/{trial.trial}.log"
    return {
        "trial": trial.trial,
        "setting": list(zip(run.spec["space"], trial.setting, strict=True)),
        "status": trial.shown_status,
        "attempt": trial.attempt,
        "seeds": len(trial.seeds),
        "where": trial.where,
        "error": shortened(error, SHOWN, where) if error else None,
        "names": ["epoch", *names, "seconds"],
        "rows": [
            [
                row.get("epoch"),
                *(mean_of(row.get("metrics", {}).get(name)) for name in names),
                row.get("seconds"),
            ]
            for row in rows
        ],
        "left_out": max(0, len(trial.places) - EPOCHS),
        "log": tail_of(run.paths.log(trial.trial)),
        "process": _process_logs(run, trial),
    }


def tail_of(path: Path, most: int = BYTES_OF_LOG) -> str:
    """The last ``most`` bytes of a text, from the beginning of a line; empty where there is
    none.
    """
    try:
        with open(path, "rb", opener=no_link) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - most))
            content = file.read()
    except OSError:
        return ""
    text = content.decode("utf-8", errors="replace")
    return text if size <= most else text[text.find("\n") + 1 :]


def _process_logs(run: Watched, trial: TrialState) -> list[dict[str, str]]:
    """What Ray keeps of the process that trains it, as long as that Ray runs on this machine."""
    folder, pid = session_facts(run.paths).get("logs"), trial.where.get("pid")
    if not folder or not isinstance(pid, int):
        return []
    logs = [
        {"name": path.name, "text": _without_marks(tail_of(path))}
        for path in sorted(Path(folder).glob(f"worker-*-{pid}.*"))
    ]
    return [log for log in logs if log["text"]]


def _without_marks(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(MARKS))


def session_facts(paths: RunPaths) -> dict[str, Any]:
    """What the session that is going on says of itself (see ``RunPaths.session``); empty where none
    does.
    """
    try:
        facts = json.loads(paths.session.read_bytes())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
