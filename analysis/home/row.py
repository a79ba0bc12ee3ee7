"""What the list of runs says of one run."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.records.dropped import begun_trials, unreplaced
from analysis.records.labels import read_labels
from analysis.records.load import Run, load_run
from analysis.records.schema import Phase, Status
from analysis.stats.best import Best, best_setting
from analysis.stats.leaderboard import awaited
from analysis.text.rounding import MISSING, rounded_rows

Row = dict[str, Any]
CURVE = 40


def row_of(folder: Path) -> Row:
    """The row of a run, of values that JSON knows: ``study, question, started, metric, mode``; its
    trials as ``planned`` and by status; how many settings are ``awaited``, still to be confirmed;
    ``best`` (mean of the metric of the best setting),
    ``best_low, best_high, best_n, best_params, best_kind`` (see ``Best``; None where there is none)
    and ``best_text``; ``curve`` (of the best setting, the mean by epoch, ``CURVE`` points at most);
    ``seeds`` (that were trained), ``epochs`` and ``hours`` of training; ``data`` (checksum),
    ``code`` (version that the last session ran), ``tags``, ``note`` (the last one).

    Raises:
        DamagedRun: it cannot be read.
    """
    run = load_run(folder)
    best = best_setting(run)
    spec, labels = run.recorded, read_labels(run.paths)
    ends, waiting = begun_trials(run)["status"].value_counts(), awaited(run)
    seconds = run.epochs.drop_duplicates(["trial", "epoch"])["seconds"]
    return {
        "study": spec["name"],
        "question": spec["question"],
        "started": str(spec.get("started") or ""),
        "metric": spec["metric"],
        "mode": spec["mode"],
        "planned": _planned(run, waiting),
        "awaited": waiting,
        **{str(status): int(ends.get(str(status), 0)) for status in Status},
        **_best(best),
        "curve": _curve(run, best),
        "seeds": int(run.trials["seeds"].map(len).sum()),
        "epochs": len(seconds),
        "hours": float(seconds.sum()) / 3600,
        "data": str((spec.get("data") or {}).get("sha256") or ""),
        "code": str(_last_session(run).get("code") or ""),
        "tags": list(labels.tags),
        "note": labels.notes[-1][1] if labels.notes else "",
    }


def _planned(run: Run, waiting: int) -> int:
    """How many trials the run has once it is complete, with those that were left out by hand: a
    setting that was drawn again needs none, and the confirmation fewer than were planned where the
    search is over and fewer settings are complete.
    """
    search, confirm = run.phase(Phase.SEARCH).trials, len(run.phase(Phase.CONFIRM).trials)
    to_search = int(run.spec.get("trials") or 0)
    goes_on = len(search) < to_search or (search["status"] == Status.UNFINISHED).any()
    to_confirm = (run.spec.get("confirm") or {}).get("trials", 0) if waiting or goes_on else 0
    to_confirm -= unreplaced(run, Phase.CONFIRM)
    return max(to_search, len(search)) + max(to_confirm, confirm) + len(run.dropped)


def _last_session(run: Run) -> Mapping[str, Any]:
    sessions = run.recorded.get("sessions") or [{}]
    return sessions[-1]


def _best(best: Best | None) -> Row:
    if best is None:
        names = ("best", "best_low", "best_high", "best_n", "best_kind", "best_params")
        return dict.fromkeys(names) | {"best_text": ""}
    return {
        "best": _finite(best.mean),
        "best_low": _finite(best.low),
        "best_high": _finite(best.high),
        "best_n": best.n,
        "best_kind": best.kind,
        "best_params": {key: _plain(value) for key, value in best.params.items()},
        "best_text": _text(best),
    }


def _curve(run: Run, best: Best | None) -> list[float | None]:
    if best is None:
        return []
    means = run.epochs[run.epochs["trial"].isin(best.trials)].groupby("epoch")[run.metric].mean()
    steps = np.linspace(0, len(means) - 1, min(CURVE, len(means))).round().astype(int)
    return [_finite(value) for value in means.iloc[steps]]


def _text(best: Best) -> str:
    """``0.9871 [0.985, 0.989] n=100``, with the digits that the report gives it."""
    frame = pd.DataFrame([{"mean": best.mean, "low": best.low, "high": best.high}])
    spread = np.array([(best.high - best.low) / 2])
    texts = rounded_rows(frame, ["mean", "low", "high"], spread).iloc[0]
    interval = "" if texts["low"] == MISSING else f" [{texts['low']}, {texts['high']}]"
    return f"{texts['mean']}{interval} n={best.n}"


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
