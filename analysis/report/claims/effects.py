"""What each parameter of a grid does, as far as the corrected intervals go."""

from numbers import Real

import numpy as np
import pandas as pd

from analysis.numerics.multiplicity import excludes_zero
from analysis.numerics.sign_flips import seeds_for_sign_flips
from analysis.records.load import Run
from analysis.report.claims.words import range_text
from analysis.stats.identity import identity
from analysis.stats.labels import label
from analysis.text.format import count, listing

NAMED = 3  # so many settings are named in the sentence; more are counted


def effect(run: Run, name: str, rows: pd.DataFrame, family: int) -> str:
    """What one parameter does, over all combinations of the others; ``family``: how many tests were
    corrected together.

    "More" of it helps or hurts only where each value goes further than the one before, all of them
    with support.
    """
    tested = rows[rows["p"].notna()]
    if tested.empty:
        return f"too few results to say anything about {name}"
    if not tested["supported"].any():
        return _no_evidence(run, name, tested, family)
    gains = rows["difference"] * run.mode.sign
    rows = rows.assign(
        better=rows["supported"] & (gains > 0), worse=rows["supported"] & (gains < 0)
    )
    by_value = [part for _, part in rows.groupby(rows["value"].map(identity), sort=False)]
    if _has_order(rows) and (len(by_value) == 1 or _is_trend(rows)):
        return _trend(run, name, by_value, rows)
    telling = [part for part in by_value if part["supported"].any()]
    if len(telling) > NAMED:
        return _counted(run, name, rows)
    said = [_value(run, name, part) for part in telling]
    silent = [
        label(run, name, part["value"].iloc[0]) for part in by_value if not part["supported"].any()
    ]
    if silent:
        differ = f"differ{'s' if len(silent) == 1 else ''} from {_first(run, name, rows)}"
        said.append(f"no evidence that {name} {listing(silent)} {differ}")
    return "; ".join(said)


def _first(run: Run, name: str, rows: pd.DataFrame) -> str:
    return label(run, name, rows["first"].iloc[0])


def _has_order(rows: pd.DataFrame) -> bool:
    """Whether the values are numbers that only rise, or only fall."""
    values = [rows["first"].iloc[0], *dict.fromkeys(rows["value"])]
    if not all(
        isinstance(value, Real) and not isinstance(value, bool) and value == value
        for value in values
    ):
        return False
    return values in (sorted(values), sorted(values, reverse=True))


def _is_trend(rows: pd.DataFrame) -> bool:
    """Whether every difference is supported, and all steps from one value to the next go the same
    way at every combination.
    """
    steps = np.concatenate(
        [np.diff(part["difference"], prepend=0) for _, part in rows.groupby("at", sort=False)]
    )
    return bool(rows["supported"].all() and ((steps > 0).all() or (steps < 0).all()))


def _trend(run: Run, name: str, by_value: list[pd.DataFrame], rows: pd.DataFrame) -> str:
    first, last = rows["first"].iloc[0], rows["value"].iloc[-1]
    parts = []
    for verb, way in (("helps", "better"), ("hurts", "worse")):
        chosen = rows[rows[way]]
        if len(chosen):
            values = by_value if len(by_value) <= NAMED else by_value[-1:]
            sizes = [
                f"{label(run, name, part['value'].iloc[0])} against {_first(run, name, rows)}:"
                f" {_sizes(part[part[way]])}"
                for part in values
            ]
            where = _places(run, name, chosen, rows)
            parts.append(f"{verb}{where} ({', '.join(sizes)}, {_intervals(chosen)})")
    more = "more" if last > first else "less"
    return f"{more} {name} {', '.join([*parts, *_rest(run, name, rows)])}"


def _value(run: Run, name: str, rows: pd.DataFrame) -> str:
    """What one value of a parameter does against the first one."""
    parts: list[str] = []
    named = _first(run, name, rows)
    named = named if isinstance(rows["first"].iloc[0], str) else f"{name} {named}"
    for verb in ("better", "worse"):
        chosen = rows[rows[verb]]
        if len(chosen):
            than = "" if parts else f" than {named}"
            where = _places(run, name, chosen, rows)
            parts.append(f"{verb}{than}{where} ({_sizes(chosen)}, {_intervals(chosen)})")
    value = label(run, name, rows["value"].iloc[0])
    return f"{name} {value} is {', '.join([*parts, *_rest(run, name, rows)])}"


def _rest(run: Run, name: str, rows: pd.DataFrame) -> list[str]:
    """Where there is no evidence, and where there are too few results."""
    tested = rows["p"].notna()
    kinds = (("no evidence", rows[tested & ~rows["supported"]]), ("too few results", rows[~tested]))
    return [f"{words}{_places(run, name, part, rows)}" for words, part in kinds if len(part)]


def _counted(run: Run, name: str, rows: pd.DataFrame) -> str:
    """A parameter of many values: how many comparisons say what."""
    counts = {verb: int(rows[verb].sum()) for verb in ("better", "worse")}
    said = listing(f"{verb} in {amount}" for verb, amount in counts.items() if amount)
    unclear = len(rows) - sum(counts.values())
    rest = f", no evidence in {unclear}" if unclear else ""
    return (
        f"other values of {name} are {said} of {len(rows)} comparisons with"
        f" {_first(run, name, rows)}{rest}"
    )


def _sizes(chosen: pd.DataFrame) -> str:
    return range_text(chosen, "difference", "difference")


def _intervals(chosen: pd.DataFrame) -> str:
    if len(chosen) == 1:
        interval = range_text(chosen, "corrected_low", "corrected_high")
        return f"corrected interval {interval}" if " to " in interval else "the same at any seed"
    side = "above" if (chosen["difference"] > 0).all() else "below"
    return f"{'both' if len(chosen) == 2 else f'all {len(chosen)}'} corrected intervals {side} 0"


def _places(run: Run, name: str, chosen: pd.DataFrame, rows: pd.DataFrame) -> str:
    """At which combinations of the other parameters, in words."""
    others = [key for key in run.parameters if key != name]
    if not others or len(rows) == 1:
        return ""
    every, alone = len(chosen) == len(rows), len(others) == 1
    if alone:
        values = [text.removeprefix(others[0]).strip() for text in chosen["at"]]
        return f" at every {others[0]}" if every else f" at {others[0]} {listing(values)}"
    if every or len(chosen) > NAMED:
        which = f"all {len(rows)}" if every else f"{len(chosen)} of {len(rows)}"
        return f" at {which} combinations of the others"
    return f" at {listing(f'({text})' for text in chosen['at'])}"


def _no_evidence(run: Run, name: str, rows: pd.DataFrame, family: int) -> str:
    values = list(dict.fromkeys(label(run, name, value) for value in rows["value"]))
    named = listing(values) if len(values) <= NAMED else f"{len(values)} values"
    seeds = int(rows["n"].max())
    few = (
        f"; {count(seeds, 'seed')} are too few to show one"
        if run.folds == 1 and seeds < seeds_for_sign_flips(family)
        else ""
    )
    return (
        f"no evidence of an effect of {name} ({named} against {_first(run, name, rows)}:"
        f" {_sizes(rows)}, {_not_supported(rows)}{few})"
    )


def _not_supported(rows: pd.DataFrame) -> str:
    """Of rows that are not supported, in words: that no corrected interval excludes 0, or what
    those that do lack.
    """
    outside = int(excludes_zero(rows).sum())
    alone = _intervals(rows) if len(rows) == 1 else ""
    if not outside:
        return alone or f"none of {len(rows)} corrected intervals excludes 0"
    lack = (
        "that is not so where lost seeds count as the worst"
        if (rows["p_corrected"] <= 0.05).any()
        else "to count as evidence it takes a corrected p-value of 0.05 or less as well"
    )
    exclude = "excludes" if outside == 1 else "exclude"
    said = alone or f"{outside} of {len(rows)} corrected intervals {exclude} 0"
    return f"{said}, but {lack}"
