"""What a search found: its settings from best to worst, and those that were trained again on fresh seeds. Frames in, frames out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.columns import HELD_OUT
from analysis.comparison import rival_table
from analysis.intervals import t_intervals, worse_end
from analysis.means import mean
from analysis.ranking import ranked_settings
from analysis.runs import STATUSES, Run
from analysis.samples import moments
from analysis.search_trials import trial_ends
from analysis.tables import last_epochs, lost_seeds, samples_by_setting, seed_table, setting_keys, settings_table, trial_settings

STATES = ("completed", "unfinished", *(status for status in STATUSES if status not in ("completed", "unfinished")))
CONFIRMED = ["confirmed_mean", "confirmed_std", "confirmed_n", "confirmed_low", "confirmed_high"]
AGAINST = {"ci_low": "difference_low", "ci_high": "difference_high"}


def leaderboard(run: Run) -> pd.DataFrame:
    """One row per setting that was tried or is named by the confirmation, best first.

    Columns:
    ``rank``: by the confirmed mean; settings without one follow by their search score, which only completed trials have; equals share it
    ``trial``: the search trial (several, if more than one ended alike); missing for a setting that only the confirmation names
    ``name``: what the confirmation calls the setting, if it does
    the parameters
    ``status, last_epoch, rung``: how the trial ended, its last epoch, the epoch at which it was stopped if it was
    ``search_score, search_n``: mean of the metric over seeds at the last epoch of completed trials, and how many seeds
    ``confirmed_mean, confirmed_std`` (``ddof=1``), ``confirmed_n, confirmed_low, confirmed_high`` (95 % t interval of the mean): the
    metric on fresh seeds
    ``confirmed_lost``: fresh seeds that diverged or failed, where there are such
    ``shrinkage``: confirmed mean minus search score
    and of every recorded metric whose name begins as ``HELD_OUT`` says what ``held_out_facts`` gives.

    After the ranked settings come those that only the confirmation names, then the rest by end state, furthest first. The index is the
    setting as text, the same in all tables of a search.
    """
    search, confirm = run.phase("search"), run.phase("confirm")
    settings = pd.concat([_listed(run, search), _listed(run, confirm), _named(run)])
    settings = settings[~settings.index.duplicated()]
    facts = _tried(search).join(_confirmed(confirm), how="outer").reindex(settings.index)
    facts["name"] = facts.index.map(_names(run))
    facts["rank"] = _ranks(facts, run.spec["mode"])
    facts["shrinkage"] = facts["confirmed_mean"] - facts["search_score"]
    tests = [name for name in facts if name.startswith(HELD_OUT)]
    board = settings.join(facts.drop(columns="value"))[_order(run, [name for name in facts if name == "confirmed_lost"], tests)]
    return board.loc[_best_first(run, facts)].astype(dict.fromkeys(["last_epoch", "rung", "search_n", "confirmed_n"], "Int64"))


def confirmed_table(run: Run, board: pd.DataFrame) -> pd.DataFrame:
    """The rows of the leaderboard that have a result on fresh seeds, best confirmed mean first, and the best one against each other.

    Columns: those of ``leaderboard`` (the interval of the first row allows for its being picked as the best of these: see
    ``intervals.worse_end``), and ``pairs`` (of seeds), ``paired, difference`` (of mean metric, the best minus this setting),
    ``difference_low, difference_high, corrected_low, corrected_high, p, p_corrected, supported`` as ``comparison.differences`` explains
    them; missing in the first row.
    """
    confirm = run.phase("confirm")
    ranked, keys = ranked_settings(confirm), pd.Series(setting_keys(settings_table(confirm)), dtype=object)
    known, rivals = board.loc[keys[ranked]].copy(), rival_table(confirm, student=True)
    if ranked:
        sample = samples_by_setting(seed_table(confirm), confirm.metric)[ranked[0]]
        end, limit = worse_end(sample, len(ranked), run.spec["mode"], t_intervals)
        known.loc[keys[ranked[0]], CONFIRMED[3:][end]] = limit
    rivals.index = pd.Index(keys.reindex(rivals["setting"]), dtype=object)
    rivals = rivals.drop(columns=["best_setting", "setting", "lost"], errors="ignore").rename(columns={"n": "pairs", **AGAINST})
    return known.join(rivals.astype({"pairs": "Int64", "paired": "boolean", "supported": "boolean"}))


def awaited(run: Run, board: pd.DataFrame) -> int:
    """How many settings the confirmation is still to train: of the best ranked and of those it names, those of which not all seeds have
    ended there, and any other with a trial that is unfinished."""
    planned, search, confirm = run.spec.get("confirm"), run.phase("search"), run.phase("confirm")
    best = settings_table(search).loc[ranked_settings(search)[: planned["top"]]] if planned else pd.DataFrame()
    chosen = {*setting_keys(best), *board.index[board["name"].notna()]} if planned else set()
    keys = pd.Series(setting_keys(confirm.trials[run.parameters]), dtype=object)
    unfinished = confirm.trials["status"] == "unfinished"
    seeds = confirm.trials["seeds"][~unfinished].explode().groupby(keys).nunique()
    done = set(seeds.index[seeds >= planned["seeds"]]) if planned else set()
    return len((chosen - done) | set(keys[unfinished]))


def held_out_facts(rows: pd.DataFrame) -> pd.DataFrame:
    """What each setting reached on held-out data: ``rows`` as ``tables.last_epochs`` gives them, index ``setting``.

    ``<metric>_mean`` and ``<metric>_std`` (``ddof=1``) over seeds of every metric whose name begins as ``HELD_OUT`` says; of one that ends
    in ``_min`` the least over seeds, under its own name. Metrics without a number are left out.
    """
    names = [name for name in rows if name.startswith(HELD_OUT) and rows[name].notna().any()]
    columns: dict[str, pd.Series] = {}
    for name in names:
        values = rows[name].groupby(level=0)
        if name.endswith("_min"):
            columns[name] = values.min()
        else:
            found = {number: moments(sample.dropna().to_numpy()) for number, sample in values}
            columns |= {f"{name}_{key}": pd.Series({number: each[key] for number, each in found.items()}) for key in ("mean", "std")}
    return pd.DataFrame(columns, index=rows.index.unique(), dtype=float)


def trials_of(run: Run, part: Run, key: str) -> pd.DataFrame:
    """The trials of one phase of a run that had the setting ``key``, an entry of the index of ``leaderboard``."""
    return part.trials[[found == key for found in setting_keys(part.trials[run.parameters])]]


def held_out_metrics(columns: Any, of: str = "test_") -> list[str]:
    """The names of the metrics behind the columns of ``held_out_facts`` that begin with ``of``, in their order."""
    return [name.removesuffix("_mean") for name in columns if name.startswith(of) and name.endswith(("_mean", "_min"))]


def _listed(run: Run, part: Run) -> pd.DataFrame:
    """The settings that the trials of a phase had, index their keys."""
    settings = settings_table(part)
    tried = settings.loc[sorted(set(trial_settings(part)))]
    return tried.set_axis(pd.Index(setting_keys(tried), dtype=object))


def _named(run: Run) -> pd.DataFrame:
    settings = [entry["setting"] for entry in _also(run)]
    frame = pd.DataFrame([{key: setting.get(key) for key in run.parameters} for setting in settings], columns=run.parameters, dtype=object)
    return frame.set_axis(pd.Index(setting_keys(frame), dtype=object))


def _also(run: Run) -> list[Mapping[str, Any]]:
    return list((run.spec.get("confirm") or {}).get("also") or [])


def _names(run: Run) -> dict[str, str]:
    return dict(zip(_named(run).index, [str(entry["name"]) for entry in _also(run)], strict=True))


def _tried(search: Run) -> pd.DataFrame:
    """How the trials of each setting ended, and their score: index the key of the setting."""
    keys = pd.Series(setting_keys(settings_table(search)), dtype=object)
    frame = _ends_of_settings(search)
    frame = frame.set_axis(pd.Index(keys.reindex(frame.index), dtype=object))
    samples = samples_by_setting(seed_table(search), search.metric)
    found = {number: (mean(values.tolist()), len(values)) for number, values in samples.items()}
    scores = pd.DataFrame.from_dict(found, orient="index", columns=["search_score", "search_n"])
    return frame.join(scores.set_axis(pd.Index(keys.reindex(scores.index), dtype=object)))


def _ends_of_settings(search: Run) -> pd.DataFrame:
    """The end state of each setting, the best of its trials', and those that ended so: index the number of the setting."""
    ends = trial_ends(search).reset_index().assign(setting=trial_settings(search).to_numpy())
    state = ends["status"].map(STATES.index)
    same = ends[state == state.groupby(ends["setting"]).transform("min")].groupby("setting")
    return pd.DataFrame(
        {
            "trial": same["trial"].agg(", ".join),
            "status": same["status"].first(),
            "last_epoch": same["epoch"].max(),
            "rung": same["rung"].max(),
            "value": same["value"].mean(),
        }
    )


def _confirmed(confirm: Run) -> pd.DataFrame:
    """What each setting reached on fresh seeds: index the key of the setting."""
    samples = samples_by_setting(seed_table(confirm), confirm.metric)
    facts = pd.DataFrame({number: _moments(values) for number, values in samples.items()}, index=CONFIRMED[:3], dtype=float).T
    facts[CONFIRMED[3:]] = t_intervals(list(samples.values()))
    facts = facts.join(held_out_facts(last_epochs(confirm)))
    if len(lost := lost_seeds(confirm)):
        facts["confirmed_lost"] = lost.groupby(level=0).size().reindex(facts.index, fill_value=0)
    keys = pd.Series(setting_keys(settings_table(confirm)), dtype=object)
    return facts.set_axis(pd.Index(keys.reindex(facts.index), dtype=object))


def _moments(values: np.ndarray) -> list[float]:
    found = moments(values)
    return [found["mean"], found["std"], found["n"]]


def _order(run: Run, lost: list[str], tests: list[str]) -> list[str]:
    found = ["status", "last_epoch", "rung", "search_score", "search_n"]
    return ["rank", "trial", "name", *run.parameters, *found, *CONFIRMED, *lost, "shrinkage", *tests]


def _ranks(facts: pd.DataFrame, mode: str) -> pd.Series:
    """Settings with a mean over fresh seeds by that mean, then the others by their search score, which is too good."""
    scores = facts["search_score"].where(facts["confirmed_mean"].isna())
    fresh, others = (each.rank(method="min", ascending=mode == "min") for each in (facts["confirmed_mean"], scores))
    return fresh.fillna(others + fresh.count()).astype("Int64")


def _best_first(run: Run, facts: pd.DataFrame) -> pd.Index:
    better = facts["value"] if run.spec["mode"] == "min" else -facts["value"]
    keys = {
        "rank": facts["rank"].astype(float).fillna(np.inf),
        "state": facts["status"].map({state: place for place, state in enumerate(STATES)}).fillna(-1),
        "epoch": -facts["last_epoch"].astype(float),
        "value": better.astype(float),
        "trial": facts["trial"].astype(str),
    }
    return pd.DataFrame(keys, index=facts.index).sort_values(list(keys), kind="stable").index
