"""The comparisons of a run whose seeds stop themselves: when each closed, and why."""

from collections import Counter

import numpy as np
import pandas as pd

from analysis.numerics.multiplicity import holm_tests
from analysis.numerics.sequential import intervals, seen
from analysis.records.load import Run
from analysis.stats.labels import descriptions
from analysis.stats.search_trials import claimed
from analysis.stats.settled import Looked, looked_at, rule_of, settled
from analysis.stats.settling import (
    CENSORED,
    EQUAL,
    ERROR,
    FUTILE,
    LEFT,
    LOST,
    MOST,
    OPEN,
    SUPPORTED,
    Rule,
    judged,
)
from analysis.stats.tables import seed_table, settings_table, trial_settings
from analysis.text.format import count, listing
from analysis.text.rounding import number

COLUMNS = [
    *("first_setting", "value_setting", "comparison", "closed", "seeds", "n"),
    *("difference", "low", "high", "p", "p_equal"),
]


def settled_table(run: Run) -> pd.DataFrame:
    """One row per comparison; empty where the number of seeds is fixed.

    Columns: ``first_setting, value_setting``, ``comparison`` (both in words), ``closed`` (why:
    "supported", "equal", "lost", "at most", "stopped by hand", "left the race", "not going to
    settle", empty while it is open), ``seeds`` that each of both had then, ``n`` (pairs of them
    with a number), ``difference`` (value minus first), ``low, high`` (at the level at which the row
    is judged: of a comparison that closed as equal among those that may be, of any other among
    those that may differ), ``p`` (of "there is no difference") and ``p_equal`` (of "it is as large
    as matters"), both
    uncorrected.
    """
    rule = rule_of(run)
    if rule is None:
        return pd.DataFrame(columns=COLUMNS)
    looked, errors = _looked(run), _errors(run, rule)
    frame = looked.facts().assign(closed=settled(run).reasons, seeds=looked.seeds)
    frame["p_equal"] = looked.p_values(rule.smallest)
    frame[["low", "high"]] = looked.limits(errors)
    frame[["first_setting", "value_setting"]] = settled(run).pairs
    names = descriptions(run, settings_table(run))
    frame["comparison"] = [
        f"{names[value]} against {names[first]}" for first, value in settled(run).pairs.tolist()
    ]
    return frame[COLUMNS]


def settled_paths(run: Run) -> pd.DataFrame:
    """How the interval of each comparison went until it closed, a row per look: ``place`` (its row
    in ``settled_table``), ``seeds, difference, low, high``, at the level of that table.
    """
    rule = rule_of(run)
    assert rule
    looked = _looked(run)
    limits = intervals(looked.differences, looked.looks, looked.taken, _errors(run, rule))
    mean = seen(looked.differences, looked.looks, looked.taken).mean
    rows, looks = np.nonzero(looked.taken)
    return pd.DataFrame(
        {
            "place": rows,
            "seeds": np.array(rule.looks.sizes)[looks],
            "difference": mean[rows, looks],
            "low": limits[rows, looks, 0],
            "high": limits[rows, looks, 1],
        }
    )


def settled_words(run: Run) -> str:
    """How far the seeds came that claims rest on, in one line; empty where their number is fixed,
    and where nothing is compared.
    """
    run = claimed(run)
    rule = rule_of(run)
    if rule is None or not len(settled(run).pairs):
        return ""
    reasons, most = Counter(settled(run).reasons), count(rule.looks.sizes[-1], "seed")
    words = {
        SUPPORTED: "supported",
        EQUAL: f"smaller than {number(rule.smallest)}",
        LOST: "without a number on one side",
        LEFT: "left open, as one of the two had left the race",
        CENSORED: "given up, as a trial was stopped by hand",
        FUTILE: f"not going to be settled by {most}",
        MOST: f"not settled by {most}",
        OPEN: "open",
    }
    said = [f"{reasons[reason]} {text}" for reason, text in words.items() if reasons[reason]]
    trained = int(run.trials["seeds"].map(len).sum())
    raced = len(set(trial_settings(run)))
    settings = raced if rule.race else len(settings_table(run))
    return (
        f"{count(len(settled(run).pairs), 'comparison')}: {listing(said)}; {trained:,} of at most"
        f" {count(settings * rule.looks.sizes[-1], 'seed')} trained"
    )


def _looked(run: Run) -> Looked:
    pairs = settled(run).pairs
    return looked_at(run, seed_table(run), pairs, [run.metric] * len(pairs), closed=True)


def _errors(run: Run, rule: Rule) -> np.ndarray:
    """The error at which each row is judged, of the question that closed it."""
    looked, families = _looked(run), settled(run).families
    p_values = [looked.p_values(margin) for margin in (0.0, rule.smallest)]
    different, equal = (
        judged(p, families, tests)[1]
        for p, tests in zip(p_values, (rule.tests, holm_tests), strict=True)
    )
    return ERROR / np.where(settled(run).reasons == EQUAL, equal, different)
