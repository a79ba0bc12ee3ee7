"""Several runs beside each other: what each found, and what it spent on it. Frames in, frames out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analysis.comparison import differences
from analysis.labels import describe
from analysis.lost import still_supported, worst
from analysis.ranking import ranked_settings
from analysis.rounding import number
from analysis.runs import Run
from analysis.samples import moments
from analysis.search import leaderboard
from analysis.search_costs import search_progress
from analysis.search_trials import trial_ends
from analysis.tables import lost_seeds, seed_table
from analysis.versions import versions_note
from analysis.wording import count, listing

SHOWN = 10  # settings of each leaderboard


class UnequalRuns(ValueError):
    """Raised for runs that cannot be compared; says why, one line per difference."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Several runs of one metric on the same data.

    ``names``: one per run, different from each other
    ``runs``: one row per run: ``run, study, search, trials, completed, epochs, network_epochs, seconds, setting`` (the one it chose),
    ``chosen_by`` ("confirmed" on fresh seeds, or "search": by the same numbers that it is described with), ``picked_from`` (how many
    settings had such numbers), ``n, lost`` (seeds that diverged or failed), ``mean, std``
    ``progress``: the best score so far: ``run, network_epochs`` (spent until then: epochs times seeds), ``best, score, trial``
    ``leaderboards``: the best ten settings of each run, as ``search.leaderboard`` ranks them: ``run, rank, setting, score, n,
    confirmed_mean, confirmed_n``
    ``differences``: one row per pair of runs: ``first, last`` and the columns of ``comparison.differences``: mean of the metric over the
    seeds of the chosen setting, last minus first; corrected over all pairs, and for the choice of each setting by these very seeds
    ``notes``: what to know when reading, in sentences
    """

    metric: str
    mode: str
    names: list[str]
    runs: pd.DataFrame
    progress: pd.DataFrame
    leaderboards: pd.DataFrame
    differences: pd.DataFrame
    notes: list[str]


def compare_runs(runs: Sequence[Run]) -> Comparison:
    """What the runs found and what they spent on it.

    Raises:
        UnequalRuns: fewer than two runs, one given twice, or runs that differ in metric, mode or data; names each difference with the
            values of all runs.
    """
    if len(runs) < 2:
        raise UnequalRuns(f"A comparison needs at least two runs, {count(len(runs), 'run')} given.")
    roots = [run.paths.root for run in runs]
    if twice := {str(root) for root in roots if roots.count(root) > 1}:
        raise UnequalRuns(f"{listing(sorted(twice))} given more than once: a run is not compared with itself.")
    names = run_names(runs)
    if problems := mismatches(runs, names):
        raise UnequalRuns("\n".join(["These runs cannot be compared:", *problems]))
    samples = [_chosen(run) for run in runs]
    return Comparison(
        metric=runs[0].metric,
        mode=runs[0].spec["mode"],
        names=names,
        runs=pd.DataFrame([_row(name, run, sample) for name, run, sample in zip(names, runs, samples, strict=True)]),
        progress=pd.concat([_progress(run).assign(run=name) for name, run in zip(names, runs, strict=True)], ignore_index=True),
        leaderboards=pd.concat([_leaderboard(run).assign(run=name) for name, run in zip(names, runs, strict=True)], ignore_index=True),
        differences=_differences(names, samples, runs),
        notes=list(_notes(runs, names, samples)),
    )


def run_names(runs: Sequence[Run]) -> list[str]:
    """The names of the run folders; of equal ones the later ones numbered."""
    names: list[str] = []
    for run in runs:
        name, number = run.paths.root.name, 2
        while name in names:
            name, number = f"{run.paths.root.name} ({number})", number + 1
        names.append(name)
    return names


def mismatches(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    """What keeps the runs from being compared: one line per thing that differs, with the value of each run."""
    told = {
        "metric": [str(run.metric) for run in runs],
        "mode": [str(run.spec["mode"]) for run in runs],
        "data": [_data(run) for run in runs],
    }
    return [
        f"{what}: " + ", ".join(f"{value} ({name})" for value, name in zip(values, names, strict=True))
        for what, values in told.items()
        if len(set(values)) > 1
    ]


def _data(run: Run) -> str:
    """The hash of the data, or all that is known of it where no hash was recorded."""
    data = run.spec.get("data") or {}
    return f"sha256 {data['sha256']}" if data.get("sha256") else ", ".join(f"{key} {value}" for key, value in data.items()) or "unknown"


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """The setting that a run chose: ``by`` what, out of how many, its seeds (rows of ``tables.seed_table``), and those that it lost."""

    by: str
    settings: int
    seeds: pd.DataFrame
    lost: pd.DataFrame


def _chosen(run: Run) -> _Chosen:
    """The best setting of a run; without seeds where nothing completed."""
    for phase, chosen_by in (("confirm", "confirmed"), ("search", "search")):
        part = run.phase(phase)
        if ranked := ranked_settings(part):
            lost = lost_seeds(part)
            return _Chosen(by=chosen_by, settings=len(ranked), seeds=_scores(part).loc[[ranked[0]]], lost=lost[lost.index == ranked[0]])
    return _Chosen(by="", settings=0, seeds=_scores(run).head(0), lost=lost_seeds(run).head(0))


def _scores(part: Run) -> pd.DataFrame:
    """The seeds of each setting with a number."""
    seeds = seed_table(part)
    return seeds[np.isfinite(seeds[part.metric].astype(float))]


def _row(name: str, run: Run, chosen: _Chosen) -> dict[str, object]:
    seeds = chosen.seeds
    ends, found = trial_ends(run), moments(seeds[run.metric].to_numpy(dtype=float))
    per_trial = run.trials.set_index("trial")["seeds"].map(len)
    return {
        "run": name,
        "study": run.spec["name"],
        "search": run.spec["search"].get("kind"),
        "trials": len(ends),
        "completed": int((ends["status"] == "completed").sum()),
        "epochs": int(ends["epoch"].sum()),
        "network_epochs": int((ends["epoch"] * per_trial).sum()),
        "seconds": float(ends["seconds"].sum()),
        "setting": describe(run, seeds.iloc[0].to_dict()) if len(seeds) else "",
        "chosen_by": chosen.by,
        "picked_from": chosen.settings,
        "n": found["n"],
        "lost": len(chosen.lost),
        "mean": found["mean"],
        "std": found["std"],
    }


def _progress(run: Run) -> pd.DataFrame:
    steps = search_progress(run)
    seeds = run.trials.set_index("trial")["seeds"].map(len)
    epochs = trial_ends(run)["epoch"]
    spent = (epochs * seeds).reindex(steps["trial"]).cumsum().to_numpy()
    return steps.assign(network_epochs=spent, run="")[["run", "network_epochs", "best", "score", "trial"]]


def _leaderboard(run: Run) -> pd.DataFrame:
    board = leaderboard(run)
    board = board[board["rank"].notna()].head(SHOWN)
    texts = pd.Series([describe(run, row) for row in board.to_dict("records")], dtype=object)
    board = board.rename(columns={"search_score": "score", "search_n": "n"}).reset_index(drop=True).assign(setting=texts, run="")
    return board[["run", "rank", "setting", "score", "n", "confirmed_mean", "confirmed_n"]]


def _differences(names: list[str], samples: list[_Chosen], runs: Sequence[Run]) -> pd.DataFrame:
    pairs, metric = list(combinations(range(len(names)), 2)), runs[0].metric
    columns = [chosen.seeds[["seed", metric]].set_axis([place] * len(chosen.seeds)) for place, chosen in enumerate(samples)]
    picked = np.array([(samples[last].settings, samples[first].settings) for first, last in pairs]).clip(1)
    how: dict[str, Any] = {"student": any(chosen.by == "confirmed" for chosen in samples)}
    how["picked"] = picked if runs[0].spec["mode"] == "max" else picked[:, ::-1]
    table = differences(pd.concat(columns), metric, np.array(pairs), **how)
    if any(len(chosen.lost) for chosen in samples):
        at_worst = {metric: worst(runs, metric)}
        columns += [chosen.lost.set_axis([place] * len(chosen.lost)).assign(**at_worst) for place, chosen in enumerate(samples)]
        filled = pd.concat(columns).sort_values("seed", kind="stable")
        table["supported"] = still_supported(table, differences(filled, metric, np.array(pairs), **how))
    return pd.DataFrame([(names[first], names[last]) for first, last in pairs], columns=["first", "last"]).join(table)


def _notes(runs: Sequence[Run], names: Sequence[str], samples: Sequence[_Chosen]) -> list[str]:
    pooled = [(name, versions_note(run)) for name, run in zip(names, runs, strict=True)]
    notes = [f"{name}: {note}" for name, note in pooled if note]
    lengths = [int(run.spec["epochs"]) for run in runs]
    if len(set(lengths)) > 1:
        each = listing(f"{length} ({name})" for length, name in zip(lengths, names, strict=True))
        notes.append(f"The runs train for unequal numbers of epochs: {each}.")
    for name, chosen in zip(names, samples, strict=True):
        if chosen.settings > 1:
            fresh = " on fresh seeds" if chosen.by == "confirmed" else ""
            notes.append(
                f"The setting of {name} is the best of {chosen.settings}{fresh}, picked by the same numbers that stand here: its mean is "
                "too good on average, which the corrected intervals and p-values allow for."
            )
        if len(chosen.lost):
            notes.append(
                f"The setting of {name} lost {len(chosen.lost)} of {len(chosen.lost) + len(chosen.seeds)} seeds, which count as the worst "
                f"({runs[0].metric} {number(worst(runs, runs[0].metric), 3)}) before it is called better."
            )
    empty = [name for name, chosen in zip(names, samples, strict=True) if chosen.seeds.empty]
    return notes + ([f"{listing(empty)} completed no trial with a number."] if empty else [])
