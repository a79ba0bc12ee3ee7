"""The sentence at the top of a report: it says only what the corrected intervals support."""

from numbers import Real

import numpy as np
import pandas as pd

from analysis.intervals import seeds_for_sign_flips, worse_end
from analysis.labels import describe, label
from analysis.lost import lost_words
from analysis.multiplicity import excludes_zero
from analysis.ranking import ranked_settings
from analysis.rounding import MISSING, rounded_rows, span, spread_of
from analysis.runs import Run
from analysis.tables import identity, samples_by_setting, seed_table, settings_table
from analysis.wording import count, listing

NAMED = 3  # so many settings are named in the sentence; more are counted


def answer(run: Run, summary: pd.DataFrame, comparisons: pd.DataFrame, rivals: pd.DataFrame, statuses: pd.DataFrame) -> str:
    """What the run says about its question, in one sentence, and in a second one what does not stand behind it.

    The frames are those of ``summary_table``, ``comparison_table``, ``rival_table`` and ``status_table`` of the same run.
    """
    ranked = ranked_settings(run)
    if not ranked:
        return sentence("no trial has completed with a number, so there is no answer yet", missing(statuses))
    best = ranked[0]
    if summary["n"].max() == 1:
        seen = f"the {_extreme(run)} {run.metric} seen is {_score(run, summary, best)}, n = 1"
        return sentence(f"one seed per setting supports no claim about {listing(run.parameters)}; {seen}", missing(statuses))
    family = max(1, int(comparisons["p"].count()))
    effects = [_effect(run, str(name), rows, family) for name, rows in comparisons.groupby("parameter", sort=False)]
    settings = settings_table(run)
    lost = lost_words(run, lambda place: describe(run, settings.loc[place].to_dict()), run.metric)
    return sentence("; ".join([*effects, _best(run, summary, rivals, best)]), lost, missing(statuses))


def sentence(*sentences: str) -> str:
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in sentences if text)


def _effect(run: Run, name: str, rows: pd.DataFrame, family: int) -> str:
    """What one parameter does, over all combinations of the others; ``family``: how many tests were corrected together.

    "More" of it helps or hurts only where each value goes further than the one before, all of them with support.
    """
    sign = 1 if run.spec["mode"] == "max" else -1
    tested = rows[rows["p"].notna()]
    if tested.empty:
        return f"too few results to say anything about {name}"
    if not tested["supported"].any():
        return _no_evidence(run, name, tested, family)
    others = [key for key in run.parameters if key != name]
    by_value = [part for _, part in rows.groupby(rows["value"].map(identity), sort=False)]
    if _has_order(rows) and (len(by_value) == 1 or _is_trend(rows)):
        return _trend(run, name, by_value, rows, others, sign)
    if sum(part["supported"].any() for part in by_value) > NAMED:
        return _counted(run, name, rows, sign)
    silent = [label(run, name, part["value"].iloc[0]) for part in by_value if not part["supported"].any()]
    said = [_value(run, name, part, others, sign) for part in by_value if part["supported"].any()]
    return "; ".join([*said, *_silent(name, silent, label(run, name, rows["first"].iloc[0]))])


def _has_order(rows: pd.DataFrame) -> bool:
    """Whether the values are numbers that only rise, or only fall."""
    values = [rows["first"].iloc[0], *dict.fromkeys(rows["value"])]
    if not all(isinstance(value, Real) and not isinstance(value, bool) and value == value for value in values):
        return False
    return values in (sorted(values), sorted(values, reverse=True))


def _is_trend(rows: pd.DataFrame) -> bool:
    """Whether every difference is supported, and all steps from one value to the next go the same way at every combination."""
    steps = np.concatenate([np.diff(part["difference"], prepend=0) for _, part in rows.groupby("at", sort=False)])
    return bool(rows["supported"].all() and ((steps > 0).all() or (steps < 0).all()))


def _trend(run: Run, name: str, by_value: list[pd.DataFrame], rows: pd.DataFrame, others: list[str], sign: int) -> str:
    first, last = rows["first"].iloc[0], rows["value"].iloc[-1]
    parts = []
    for verb, way in (("helps", 1), ("hurts", -1)):
        chosen = rows[rows["supported"] & (rows["difference"] * sign * way > 0)]
        if len(chosen):
            values = by_value if len(by_value) <= NAMED else by_value[-1:]
            told = [(label(run, name, part["value"].iloc[0]), chosen.index.intersection(part.index)) for part in values]
            sizes = [f"{value} against {label(run, name, first)}: {_sizes(chosen.loc[places])}" for value, places in told]
            parts.append(f"{verb}{_places(chosen, rows, others)} ({', '.join(sizes)}, {_intervals(chosen)})")
    return f"{'more' if last > first else 'less'} {name} {', '.join([*parts, *_rest(rows, others)])}"


def _value(run: Run, name: str, rows: pd.DataFrame, others: list[str], sign: int) -> str:
    """What one value of a parameter does against the first one."""
    parts: list[str] = []
    first = rows["first"].iloc[0]
    named = label(run, name, first)
    named = named if isinstance(first, str) else f"{name} {named}"
    for verb, way in (("better", 1), ("worse", -1)):
        chosen = rows[rows["supported"] & (rows["difference"] * sign * way > 0)]
        if len(chosen):
            than = f" than {named}" if not parts else ""
            parts.append(f"{verb}{than}{_places(chosen, rows, others)} ({_sizes(chosen)}, {_intervals(chosen)})")
    return f"{name} {label(run, name, rows['value'].iloc[0])} is {', '.join([*parts, *_rest(rows, others)])}"


def _rest(rows: pd.DataFrame, others: list[str]) -> list[str]:
    """Where there is no evidence, and where there are too few results."""
    tested = rows["p"].notna()
    kinds = (("no evidence", rows[tested & ~rows["supported"]]), ("too few results", rows[~tested]))
    return [f"{words}{_places(chosen, rows, others)}" for words, chosen in kinds if len(chosen)]


def _silent(name: str, values: list[str], first: str) -> list[str]:
    """The values that no combination says anything about."""
    differs = "differs" if len(values) == 1 else "differ"
    return [f"no evidence that {name} {listing(values)} {differs} from {first}"] if values else []


def _counted(run: Run, name: str, rows: pd.DataFrame, sign: int) -> str:
    """A parameter of many values: how many comparisons say what."""
    better = int((rows["supported"] & (rows["difference"] * sign > 0)).sum())
    worse = int((rows["supported"] & (rows["difference"] * sign < 0)).sum())
    counts = [f"better in {better}" if better else "", f"worse in {worse}" if worse else ""]
    open_rows = len(rows) - better - worse
    rest = f", no evidence in {open_rows}" if open_rows else ""
    first = label(run, name, rows["first"].iloc[0])
    return f"other values of {name} are {listing(text for text in counts if text)} of {len(rows)} comparisons with {first}{rest}"


def _sizes(chosen: pd.DataFrame) -> str:
    return _range(chosen, "difference", "difference")


def _intervals(chosen: pd.DataFrame) -> str:
    if len(chosen) == 1:
        return f"corrected interval {_range(chosen, 'corrected_low', 'corrected_high')}"
    side = "above" if (chosen["difference"] > 0).all() else "below"
    return f"{'both' if len(chosen) == 2 else f'all {len(chosen)}'} corrected intervals {side} 0"


def _places(chosen: pd.DataFrame, rows: pd.DataFrame, others: list[str]) -> str:
    """At which combinations of the other parameters, in words."""
    if not others or len(rows) == 1:
        return ""
    if len(chosen) == len(rows):
        return f" at every {others[0]}" if len(others) == 1 else f" at all {len(rows)} combinations of the others"
    if len(others) == 1:
        return f" at {others[0]} {listing(text.removeprefix(others[0]).strip() for text in chosen['at'])}"
    if len(chosen) > NAMED:
        return f" at {len(chosen)} of {len(rows)} combinations of the others"
    return f" at {listing(f'({text})' for text in chosen['at'])}"


def _range(rows: pd.DataFrame, low: str, high: str) -> str:
    return " to ".join(dict.fromkeys(span(rows[low].min(), rows[high].max())))


def _no_evidence(run: Run, name: str, rows: pd.DataFrame, family: int) -> str:
    values = list(dict.fromkeys(label(run, name, value) for value in rows["value"]))
    named = f"{listing(values)} against" if len(values) <= NAMED else f"{len(values)} values against"
    seeds = int(rows["n"].max())
    few = f"; {count(seeds, 'seed')} are too few to show one" if seeds < seeds_for_sign_flips(family) else ""
    intervals = _intervals(rows) if len(rows) == 1 else _none_excludes(rows)
    return f"no evidence of an effect of {name} ({named} {label(run, name, rows['first'].iloc[0])}: {_sizes(rows)}, {intervals}{few})"


def _none_excludes(rows: pd.DataFrame) -> str:
    """Of rows that are not supported, in words: that no corrected interval excludes 0, or why those that do support nothing."""
    outside = int(excludes_zero(rows).sum())
    if not outside:
        return f"none of {len(rows)} corrected intervals excludes 0"
    verb = "excludes" if outside == 1 else "exclude"
    if (rows["p_corrected"] <= 0.05).any():
        return f"{outside} of {len(rows)} corrected intervals {verb} 0, but not where lost seeds count as the worst"
    return f"{outside} of {len(rows)} corrected intervals {verb} 0, but no corrected p-value is 0.05 or less"


def _best(run: Run, summary: pd.DataFrame, rivals: pd.DataFrame, best: int) -> str:
    seeds = f"n = {summary.loc[best, 'n']}"
    score = f"{_score(run, summary, best)}, {seeds}"
    if rivals.empty:
        return f"the only setting with a result: {score}"
    ahead = rivals["difference"] > 0 if run.spec["mode"] == "max" else rivals["difference"] < 0
    equals, better = rivals.loc[~rivals["supported"], "setting"], rivals.loc[rivals["supported"] & ~ahead, "setting"]
    if equals.empty and better.empty:
        return f"best setting: {score}"
    said = [f"not distinguishable from {_others(run, summary, equals)}"] if len(equals) else []
    # Means over unequal seeds: what a setting has beyond the shared ones may carry it.
    said += [f"but seed by seed worse than {_others(run, summary, better)}"] if len(better) else []
    return f"{_extreme(run)} mean: {score}, {', '.join(said)}"


def _others(run: Run, summary: pd.DataFrame, settings: pd.Series) -> str:
    names = [describe(run, {str(key): value for key, value in summary.loc[setting].items()}) for setting in settings]
    named = listing(names) if len(run.parameters) == 1 else "; ".join(names)  # names of several parameters have commas in them
    return count(len(names), "other setting") + (f" ({named})" if len(names) <= NAMED else "")


def _score(run: Run, summary: pd.DataFrame, setting: int) -> str:
    """The best setting with its mean, and an interval that allows for its being picked as the best of those with a result."""
    mean, limits = f"{run.metric}_mean", ("ci_low", "ci_high")
    known = summary[summary["n"] > 0].copy()
    sample = samples_by_setting(seed_table(run), run.metric)[setting]
    end, limit = worse_end(sample, len(known), run.spec["mode"])
    known.loc[setting, limits[end]] = limit
    spreads = spread_of(known, [f"{run.metric}_std"], [limits])
    row = rounded_rows(known, [mean, *limits], spreads).loc[setting]
    name = describe(run, {str(key): value for key, value in summary.loc[setting].items()})
    if summary.loc[setting, "n"] == 1:
        return f"{row[mean]} at {name}"
    interval = "" if row["ci_low"] == MISSING else f" [{row['ci_low']}, {row['ci_high']}]"
    return f"{name} with mean {run.metric} {row[mean]}{interval}"


def _extreme(run: Run) -> str:
    return "highest" if run.spec["mode"] == "max" else "lowest"


def missing(statuses: pd.DataFrame) -> str:
    """Which planned trials stand behind nothing, and which were stopped early, as the study wants it; empty where all completed."""
    trials = statuses.set_index("status")["trials"]
    rest = {status: amount for status, amount in trials.items() if amount and status not in ("planned", "completed", "pruned")}
    stopped = f"{trials['pruned']} {'was' if trials['pruned'] == 1 else 'were'} stopped early by design" if trials["pruned"] else ""
    absent = listing(f"{amount} {status}" for status, amount in rest.items())
    stand = "stands" if sum(rest.values()) == 1 else "stand"
    parts = [part for part in (stopped, f"{absent} {stand} behind no number here" if rest else "") if part]
    return "; ".join([f"{trials['completed']} of {count(trials['planned'], 'planned trial')} completed", *parts]) if parts else ""
