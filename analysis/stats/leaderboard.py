"""What a search found: its settings from best to worst, and those that were trained again on fresh
seeds. Frames in, frames out.
"""

import numpy as np
import pandas as pd

from analysis.numerics.intervals import t_intervals
from analysis.numerics.means import mean
from analysis.records.columns import HELD_OUT
from analysis.records.dropped import begun_trials
from analysis.records.load import Run
from analysis.records.schema import Status
from analysis.stats.best import interval_of_best
from analysis.stats.held_out import held_out_facts
from analysis.stats.identity import setting_keys
from analysis.stats.paired import best_vs_rest
from analysis.stats.ranking import ranked_settings
from analysis.stats.search_trials import trial_ends
from analysis.stats.settled import left_race, rule_of, settled
from analysis.stats.settling import intervals_by
from analysis.stats.summary import moments
from analysis.stats.tables import (
    last_epochs,
    lost_seeds,
    samples_by_setting,
    seed_table,
    settings_table,
    trial_settings,
)

STATES = (
    Status.COMPLETED,
    Status.UNFINISHED,
    Status.PAUSED,
    Status.STOPPED,
    Status.PRUNED,
    Status.DIVERGED,
    Status.FAILED,
)
CONFIRMED = ["confirmed_mean", "confirmed_std", "confirmed_n", "confirmed_low", "confirmed_high"]


def leaderboard(run: Run) -> pd.DataFrame:
    """One row per setting that was tried or is named by the confirmation, best first.

    Columns:

    - ``rank``: by the confirmed mean; settings without one follow by their search score, which only
      completed trials have; equals share it
    - ``trial``: the search trial (several, if more than one ended alike); missing for a setting
      that only the confirmation names
    - ``name``: what the confirmation calls the setting, if it does
    - the parameters
    - ``status, last_epoch, rung``: how the trial ended, its last epoch, the epoch at which it was
      stopped if it was
    - ``search_score, search_n``: mean of the metric over seeds at the last epoch of completed
      trials, and how many seeds
    - ``confirmed_mean, confirmed_std`` (``ddof=1``), ``confirmed_n, confirmed_low,
      confirmed_high`` (95 % t interval of the mean; that of the best allows for its being picked:
      see ``intervals.worse_end``): the metric on fresh seeds
    - ``confirmed_lost``: fresh seeds that diverged or failed, where there are such
    - ``shrinkage``: confirmed mean minus search score
    - of every recorded metric whose name begins as ``HELD_OUT`` says what ``held_out_facts`` gives

    After the ranked settings come those that only the confirmation names, then the rest by end
    state, furthest first. The index is the setting as text, the same in all tables of a search.
    """
    search, confirm = run.phase("search"), run.phase("confirm")
    named, names = _named(run)
    settings = pd.concat([_listed(search), _listed(confirm), named])
    settings = settings[~settings.index.duplicated()]
    facts = _tried(search).join(_confirmed(confirm), how="outer").reindex(settings.index)
    facts["name"] = facts.index.map(names)
    facts["rank"] = _ranks(facts, run.higher_is_better)
    facts["shrinkage"] = facts["confirmed_mean"] - facts["search_score"]
    columns = [
        "rank",
        "trial",
        "name",
        *run.parameters,
        *("status", "last_epoch", "rung", "search_score", "search_n"),
        *CONFIRMED,
        *(name for name in facts if name == "confirmed_lost"),
        "shrinkage",
        *(name for name in facts if name.startswith(HELD_OUT)),
    ]
    board = settings.join(facts.drop(columns=["value", "left"], errors="ignore"))[columns]
    return board.loc[_best_first(run, facts)].astype(
        dict.fromkeys(["last_epoch", "rung", "search_n", "confirmed_n"], "Int64")
    )


def confirmed_table(run: Run, board: pd.DataFrame) -> pd.DataFrame:
    """The rows of the leaderboard that have a result on fresh seeds, best confirmed mean first, and
    the best one against each other.

    Columns: those of ``leaderboard``, and ``pairs`` (of seeds), ``paired, difference`` (of mean
    metric, the best minus this setting), ``difference_low, difference_high, corrected_low,
    corrected_high, p, p_corrected, supported`` as ``paired.differences`` explains them; missing
    in the first row.
    """
    confirm = run.phase("confirm")
    known = board.loc[_keys(confirm)[ranked_settings(confirm)]]
    rivals = _by_key(confirm, best_vs_rest(confirm, student=True).set_index("setting"))
    rivals = rivals.drop(columns=["best_setting", "lost"], errors="ignore").rename(
        columns={"n": "pairs", "ci_low": "difference_low", "ci_high": "difference_high"}
    )
    return known.join(
        rivals.astype({"pairs": "Int64", "paired": "boolean", "supported": "boolean"})
    )


def awaited(run: Run) -> int:
    """How many settings the confirmation is still to train: of the best ranked and of those it
    names, those of which not all seeds have ended there, or whose race goes on, and any other with
    a trial that is unfinished.
    """
    planned, confirm = run.spec.get("confirm"), run.phase("confirm")
    keys = pd.Series(setting_keys(confirm.trials[run.parameters]), dtype=object)
    unfinished = confirm.trials["status"] == Status.UNFINISHED
    going_on = set(keys[unfinished])
    if not planned:
        return len(going_on)
    search = run.phase("search")
    best = _keys(search)[ranked_settings(search)[: planned["top"]]]
    chosen = {*best, *_named(run)[1]}
    ended = begun_trials(confirm)
    to_train = ended.get("retrain", pd.Series(False, ended.index)).eq(True)
    ended = ended[~to_train & (ended["status"] != Status.UNFINISHED)]
    keys = pd.Series(setting_keys(ended[run.parameters]), dtype=object)
    seeds = ended["seeds"].reset_index(drop=True).explode().groupby(keys).nunique()
    rule = rule_of(confirm)
    least = rule.looks.sizes[0] if rule else planned["seeds"] * run.folds
    done = set(seeds.index[seeds >= least])
    racing = set(_keys(confirm)[list(settled(confirm).needed)]) if rule else set()
    return len((chosen - done) | racing | going_on)


def trials_of(part: Run, key: str) -> pd.DataFrame:
    """The trials of one phase of a run that had the setting ``key``, an entry of the index of
    ``leaderboard``.
    """
    return part.trials[[each == key for each in setting_keys(part.trials[part.parameters])]]


def _keys(part: Run) -> pd.Series:
    """The key of each setting of a phase, by its number."""
    return pd.Series(setting_keys(settings_table(part)), dtype=object)


def _by_key(part: Run, table: pd.DataFrame) -> pd.DataFrame:
    """A table whose index is the numbers of settings, by their keys instead."""
    return table.set_axis(pd.Index(_keys(part).reindex(table.index), dtype=object))


def _listed(part: Run) -> pd.DataFrame:
    """The settings that the trials of a phase had, index their keys."""
    return _by_key(part, settings_table(part).loc[sorted(set(trial_settings(part)))])


def _named(run: Run) -> tuple[pd.DataFrame, dict[str, str]]:
    """The settings that the confirmation names, index their keys, and the name of each."""
    values = [
        [entry["setting"].get(key, pd.NA) for key in run.parameters] for entry in run.baselines
    ]
    frame = pd.DataFrame(values, columns=run.parameters, dtype=object)
    frame.index = pd.Index(setting_keys(frame), dtype=object)
    names = [str(entry["name"]) for entry in run.baselines]
    return frame, dict(zip(frame.index, names, strict=True))


def _tried(search: Run) -> pd.DataFrame:
    """How the trials of each setting ended, and their score: index the key of the setting."""
    samples = samples_by_setting(seed_table(search), search.metric)
    scores = {number: (mean(values.tolist()), len(values)) for number, values in samples.items()}
    frame = pd.DataFrame.from_dict(scores, orient="index", columns=["search_score", "search_n"])
    return _by_key(search, _ends_of_settings(search).join(frame))


def _ends_of_settings(search: Run) -> pd.DataFrame:
    """The end state of each setting, the best of its trials', and those that ended so: index the
    number of the setting.
    """
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
    rows = pd.DataFrame.from_dict(
        {number: moments(values) for number, values in samples.items()},
        orient="index",
        columns=["mean", "std", "n"],
        dtype=float,
    )
    facts = rows.add_prefix("confirmed_")
    intervals = intervals_by(confirm.spec, t_intervals)
    facts[CONFIRMED[3:]] = intervals(list(samples.values()), folds=confirm.folds)
    if ranked := ranked_settings(confirm):
        usual = facts.loc[ranked[0], CONFIRMED[3:]]
        facts.loc[ranked[0], CONFIRMED[3:]] = interval_of_best(confirm, usual, t_intervals)
    facts["left"] = facts.index.isin(left_race(confirm))
    facts = facts.join(held_out_facts(last_epochs(confirm)))
    if len(lost := lost_seeds(confirm)):
        facts["confirmed_lost"] = lost.groupby(level=0).size().reindex(facts.index, fill_value=0)
    return _by_key(confirm, facts)


def _ranks(facts: pd.DataFrame, higher: bool) -> pd.Series:
    """Settings with a mean over fresh seeds by that mean, those that have left a race behind the
    others; then the rest by their search score, which is too good.
    """
    means, left = facts["confirmed_mean"], facts["left"].eq(True)
    ranks = pd.Series(np.nan, index=facts.index)
    scores = facts["search_score"].where(means.isna())
    for values in (means.mask(left), means.where(left), scores):
        behind = values.rank(method="min", ascending=not higher) + ranks.count()
        ranks = ranks.fillna(behind)
    return ranks.astype("Int64")


def _best_first(run: Run, facts: pd.DataFrame) -> pd.Index:
    better = facts["value"] * -run.mode.sign
    parts = (run.phase("confirm"), run.phase("search"))
    ranked = dict.fromkeys(key for part in parts for key in _keys(part)[ranked_settings(part)])
    places = {key: place for place, key in enumerate(ranked)}
    keys = {
        "place": [places.get(key, np.inf) for key in facts.index],
        "state": facts["status"].map(STATES.index, na_action="ignore").fillna(-1),
        "epoch": -facts["last_epoch"].astype(float),
        "value": better.astype(float),
        "trial": facts["trial"].astype(str),
    }
    return pd.DataFrame(keys, index=facts.index).sort_values(list(keys), kind="stable").index
