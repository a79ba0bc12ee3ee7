"""Several runs beside each other: what each found, and what it spent on it. Frames in, frames
out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analysis.records.dropped import dropped_note
from analysis.records.load import Run
from analysis.records.merged import merged_note
from analysis.records.schema import Phase, Status
from analysis.records.versions import versions_note
from analysis.stats.comparable import UnequalRuns, mismatches, run_names
from analysis.stats.cost import search_progress
from analysis.stats.labels import describe, descriptions
from analysis.stats.leaderboard import leaderboard
from analysis.stats.lost import still_supported, worst
from analysis.stats.paired import differences
from analysis.stats.ranking import ranked_settings
from analysis.stats.search_trials import trial_ends
from analysis.stats.summary import moments
from analysis.stats.tables import lost_seeds, seed_table
from analysis.text.format import count, listing
from analysis.text.rounding import number

SHOWN = 10  # settings of each leaderboard


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Several runs of one metric on the same data.

    - ``names``: one per run, different from each other
    - ``runs``: one row per run: ``run, study, search, trials, completed, epochs, network_epochs,
      seconds, setting`` (the one it chose), ``chosen_by`` ("confirmed" on fresh seeds, or "search":
      by the same numbers that it is described with), ``picked_from`` (how many settings had such
      numbers), ``n, lost`` (seeds that diverged or failed), ``mean, std``
    - ``progress``: the best score so far: ``run, network_epochs`` (spent until then: epochs times
      seeds), ``best, score, trial``
    - ``leaderboards``: the best ten settings of each run, as ``leaderboard.leaderboard`` ranks
      them: ``run, rank, setting, score, n, confirmed_mean, confirmed_n``
    - ``differences``: one row per pair of runs: ``first, last`` and the columns of
      ``paired.differences``: mean of the metric over the seeds of the chosen setting, last minus
      first; corrected over all pairs, and for the choice of each setting by these very seeds
    - ``notes``: what to know when reading, in sentences
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
        UnequalRuns: fewer than two runs, one given twice, or runs that differ in metric, mode or
            data; names each difference with the values of all runs.
    """
    if len(runs) < 2:
        raise UnequalRuns(f"A comparison needs at least two runs, {count(len(runs), 'run')} given.")
    roots = [run.paths.root for run in runs]
    if twice := {str(root) for root in roots if roots.count(root) > 1}:
        raise UnequalRuns(
            f"{listing(sorted(twice))} given more than once: a run is not compared with itself."
        )
    names = run_names(runs)
    if problems := mismatches(runs, names):
        raise UnequalRuns("\n".join(["These runs cannot be compared:", *problems]))
    chosen = [_chosen(name, run) for name, run in zip(names, runs, strict=True)]
    return Comparison(
        metric=runs[0].metric,
        mode=runs[0].mode,
        names=names,
        runs=pd.DataFrame(map(_row, chosen)),
        progress=pd.concat(map(_progress, chosen), ignore_index=True),
        leaderboards=pd.concat(map(_leaderboard, chosen), ignore_index=True),
        differences=_differences(chosen),
        notes=list(_notes(chosen)),
    )


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """The setting that a run chose: ``by`` what, out of how many, its seeds (rows of
    ``tables.seed_table``), and those that it lost.
    """

    name: str
    run: Run
    by: str
    settings: int
    seeds: pd.DataFrame
    lost: pd.DataFrame


def _chosen(name: str, run: Run) -> _Chosen:
    """The best setting of a run; without seeds where nothing completed."""
    part, by = run.phase(Phase.CONFIRM), "confirmed"
    if not ranked_settings(part):
        part, by = run.phase(Phase.SEARCH), "search"
    ranked = ranked_settings(part)
    seeds, lost = seed_table(part), lost_seeds(part)
    seeds = seeds[np.isfinite(seeds[part.metric].astype(float))]
    return _Chosen(
        name=name,
        run=run,
        by=by if ranked else "",
        settings=len(ranked),
        seeds=seeds[seeds.index.isin(ranked[:1])],
        lost=lost[lost.index.isin(ranked[:1])],
    )


def _row(chosen: _Chosen) -> dict[str, object]:
    run, seeds = chosen.run, chosen.seeds
    ends, numbers = trial_ends(run), moments(seeds[run.metric].to_numpy(dtype=float))
    return {
        "run": chosen.name,
        "study": run.spec["name"],
        "search": run.spec["search"].get("kind"),
        "trials": len(ends),
        "completed": int((ends["status"] == Status.COMPLETED).sum()),
        "epochs": int(ends["epoch"].sum()),
        "network_epochs": int(_network_epochs(run).sum()),
        "seconds": float(ends["seconds"].sum()),
        "setting": describe(run, dict(seeds.iloc[0])) if len(seeds) else "",
        "chosen_by": chosen.by,
        "picked_from": chosen.settings,
        "n": numbers["n"],
        "lost": len(chosen.lost),
        "mean": numbers["mean"],
        "std": numbers["std"],
    }


def _network_epochs(run: Run) -> pd.Series:
    """The epochs of each trial times its seeds."""
    return trial_ends(run)["epoch"] * run.trials.set_index("trial")["seeds"].map(len)


def _progress(chosen: _Chosen) -> pd.DataFrame:
    steps = search_progress(chosen.run)
    spent = _network_epochs(chosen.run).reindex(steps["trial"]).cumsum().to_numpy()
    steps = steps.assign(run=chosen.name, network_epochs=spent)
    return steps[["run", "network_epochs", "best", "score", "trial"]]


def _leaderboard(chosen: _Chosen) -> pd.DataFrame:
    board = leaderboard(chosen.run)
    board = board[board["rank"].notna()].head(SHOWN)
    board = board.rename(columns={"search_score": "score", "search_n": "n"}).assign(
        run=chosen.name, setting=descriptions(chosen.run, board)
    )
    return board[["run", "rank", "setting", "score", "n", "confirmed_mean", "confirmed_n"]]


def _differences(chosen: Sequence[_Chosen]) -> pd.DataFrame:
    runs = [choice.run for choice in chosen]
    pairs, metric = np.array(list(combinations(range(len(runs)), 2))), runs[0].metric
    picked = np.array([choice.settings for choice in chosen]).clip(1)[pairs]
    how: dict[str, Any] = {
        "student": any(choice.by == "confirmed" for choice in chosen),
        # A difference above 0 speaks for the last run or, where lower is better, for the first.
        "picked": picked[:, ::-1] if runs[0].higher_is_better else picked,
        "folds": max(run.folds for run in runs),
    }
    seeds, lost = (
        pd.concat(dict(enumerate(tables))).droplevel(1)
        for tables in zip(*((choice.seeds, choice.lost) for choice in chosen), strict=True)
    )
    table = differences(seeds, metric, pairs, **how)
    if len(lost):
        filled = pd.concat([seeds, lost.assign(**{metric: worst(runs, metric)})])
        filled = filled.sort_values("seed", kind="stable")
        at_worst = differences(filled, metric, pairs, **how)
        table["supported"] = still_supported(table, at_worst)
    names = np.array([choice.name for choice in chosen], dtype=object)[pairs]
    return pd.DataFrame(names, columns=["first", "last"]).join(table)


def _notes(chosen: Sequence[_Chosen]) -> Iterator[str]:
    runs, metric = [choice.run for choice in chosen], chosen[0].run.metric
    for choice in chosen:
        run = choice.run
        for note in filter(None, [versions_note(run), dropped_note(run), merged_note(run)]):
            yield f"{choice.name}: {note}"
    if len({run.spec["epochs"] for run in runs}) > 1:
        each = listing(f"{choice.run.spec['epochs']} ({choice.name})" for choice in chosen)
        yield f"The runs train for unequal numbers of epochs: {each}."
    for choice in chosen:
        by = Phase.CONFIRM if choice.by == "confirmed" else Phase.SEARCH
        if choice.run.phase(by).spec.get("until_settled"):
            yield (
                f"The seeds of {choice.name} stopped themselves, which intervals and p-values of"
                " differences between runs do not allow for."
            )
        if choice.settings > 1:
            fresh = " on fresh seeds" if choice.by == "confirmed" else ""
            yield (
                f"The setting of {choice.name} is the best of {choice.settings}{fresh}, picked by"
                " the same numbers that stand here: its mean is too good on average, which the"
                " corrected intervals and p-values allow for."
            )
        if lost := len(choice.lost):
            yield (
                f"The setting of {choice.name} lost {lost} of {lost + len(choice.seeds)} seeds,"
                f" which count as the worst ({metric} {number(worst(runs, metric), 3)}) before it"
                " is called better."
            )
    if empty := [choice.name for choice in chosen if choice.seeds.empty]:
        yield f"{listing(empty)} completed no trial with a number."
