"""What to know when reading the tables of a report, in sentences."""

import pandas as pd

from analysis.numerics.intervals import FEW, RESAMPLES
from analysis.numerics.sign_flips import seeds_for_sign_flips
from analysis.report.section import Section
from analysis.stats.compared import Compared
from analysis.stats.findings import ArmFindings, Findings, SearchFindings
from analysis.text.format import count


def reading(findings: Findings) -> Section:
    """Sentences about those tables that the report has."""
    search = findings.search
    settings = [] if search and not findings.over_seeds else _settings_reading(findings)
    folds = findings.run.folds
    points = [
        *([_LOOKS] if len(findings.settled) else []),
        *([_FOLDS.format(folds=folds)] if folds > 1 else []),
        *(search_reading(search, folds) if search else []),
        *(settings[2:] if search else settings),
        *(arm_reading(findings.arms, folds) if findings.arms else []),
    ]
    return Section(anchor="reading", title="How to read this", points=points)


def _settings_reading(findings: Findings) -> list[str]:
    """What to know about the table of settings; the first two are said of a search elsewhere."""
    in_folds = findings.run.folds > 1
    tests = f"p-values {_T_TESTS if in_folds else _FLIPS}, {_CORRECTED}"
    tells_best = findings.names_best and findings.summary["n"].max() > 1
    return [
        (
            "Every number is that of the last epoch of a completed trial; no epoch is picked"
            " because it looked best. Trials that did not complete are counted above and stand"
            " behind no number."
        ),
        _SEEDS,
        (
            f"ci_low to ci_high is the 95 % {_T_OF_FOLDS if in_folds else _BOOTSTRAP}. Where hardly"
            " any seed fails, few seeds may show no failure at all, and no interval knows of what"
            " was not seen. It says how well the mean is known, not how far single seeds scatter:"
            " for that, look at the dots."
        ),
        *([] if findings.arms and findings.comparisons.empty else [tests]),
        (
            "The setting with the best mean was chosen by the same numbers it is described with, so"
            " its mean is a little too good on average; fresh seeds would tell by how much the luck"
            f" of seeds flatters it.{_CHOICE if tells_best else ''}"
        ),
    ]


_CHOICE = (
    " The sentence at the top allows for the choice: it tells the best setting from another only"
    " where that holds for any setting that might have come out best (a closed test over pairs of"
    " settings: Marcus, Peritz and Gabriel 1976), and the end of its interval on the worse side has"
    " the level 1 - 0.05 / settings."
)
_SEEDS = (
    "std is the standard deviation over seeds with ddof = 1; one seed has none. n counts the seeds"
    " with a number; seeds that diverged or failed are lost, and count as the worst before anything"
    " is called better."
)
_LOOKS = (
    "The seeds of this study stopped themselves once they had settled its comparisons. All"
    " intervals of means and differences hold although they did: they are Student's t, and all"
    " p-values those of the paired t-test as far as the sign-flip test agrees, at the level that is"
    " spent at each look (Kim and DeMets 1987), whatever is said of bootstraps and sign flips"
    " below. A comparison stays as it was when it closed; the best setting is compared over all"
    " seeds that two settings share."
)
_FOLDS = (
    "A seed in these tables is one unit of a cross-validation: seed s is fold s modulo {folds} of"
    " repetition s divided by {folds}. Folds share training data, so that their values are not"
    " independent: all intervals of means are Student's t, and all p-values those of its test, with"
    " 1 / n + 1 / ({folds} - 1) times the variance instead of 1 / n (the corrected resampled"
    " variance, Nadeau and Bengio 2003)."
)
_BOOTSTRAP = (
    f"bootstrap interval of the mean over seeds: BCa, {RESAMPLES:,} resamples, the percentile"
    " method where BCa is undefined, at the level at which it is as wide as Student's t for so few"
    f" seeds (Hesterberg 2015), and Student's t below {FEW} seeds, where no resample reaches as far"
    " as the mean may lie"
)
_T_OF_FOLDS = "t interval of the mean over folds and repetitions, of the corrected variance"
_T_TESTS = "are those of the paired t-test of the corrected variance"
_FLIPS = "come from sign-flip permutation tests on the paired differences, all flips counted"
_CORRECTED = (
    "corrected over all rows of their table by Holm's method (Holm 1979); the corrected interval of"
    " a row has the level at which that method judges it. Where all differences are equal, the"
    " table shows no interval."
)
_RETRAINED = (
    "Where seeds differ in initialisation and order of the data alone, intervals over them say what"
    " retraining would give on these data, not what other data would."
)
_RESPLIT = (
    "Folds and repetitions differ in the data that are trained on and in those that are tested on:"
    " intervals over them say what other data of the same kind would give, as far as the corrected"
    " variance goes, not what data of another kind would."
)


def search_reading(search: SearchFindings, folds: int = 1) -> list[str]:
    """What to know when reading the tables of a search, one sentence or a few each."""
    fresh = search.run.spec.get("confirm")
    return [
        (
            "Only completed trials have a search score, that of their last epoch; no epoch is"
            " picked because it looked best. A trial that was stopped early is compared with"
            " nothing but the others at its rung."
        ),
        "A search score is too good on average for the settings it picks, because the same numbers"
        " picked them; "
        + (
            "the change on fresh seeds says by how much the luck of their seeds flattered them."
            " Fresh seeds are judged on the same evaluation data that chose the settings: how far"
            " the choice fits just these data, the change does not say. What is claimed rests on"
            " the fresh seeds."
            if fresh
            else "fresh seeds would tell how much of that is the luck of seeds."
        ),
        _SEEDS,
        *([_FRESH, _drawn(folds)] if len(search.confirmed) else []),
    ]


def _drawn(folds: int) -> str:
    """What intervals over seeds speak of; the data that folds hold out chose the settings."""
    return _RESPLIT if folds > 1 else f"{_RETRAINED} Test data took part in no choice."


_FRESH = (
    "The best confirmed setting is compared with each other one seed by seed: intervals and"
    " p-values are those of the paired t-test, which takes the differences for normally"
    " distributed; means over many test cases closely are. p-values are corrected for the"
    " choice of the best by these very numbers (a closed test over pairs of settings: Marcus,"
    " Peritz and Gabriel 1976); the corrected interval of a row has the level at which that"
    " test judges it, and the best setting's own interval, on its worse side, 1 - 0.05 /"
    " settings. Where all differences are equal there is no interval."
)


def arm_reading(arms: ArmFindings, folds: int = 1) -> list[str]:
    """What to know when reading the tables of arms, one sentence or a few each."""
    what, in_folds = arms.what, folds > 1
    pair = "fold and seed" if in_folds else "seed"
    test = "paired t-test of the corrected variance" if in_folds else "paired t-test"
    rough = "; where a part has few test cases it is a rough guide" if what.has_parts else ""
    equal = "no p-value" if in_folds else "p is that of the sign-flip test"
    others = "" if what.has_parts or len(what.metrics) == 1 else f" by {what.metrics[0]}"
    return [
        (
            "Arms are compared seed by seed: each difference is that of two values of the same"
            f" {pair}, each interval and p-value of arms is that of the {test}. It takes the"
            " differences over seeds for normally distributed, which means over many test cases"
            f" closely are{rough}. Where all differences are equal there is no t interval, and"
            f" {equal}."
        ),
        *_family_reading(arms, in_folds),
        (
            "P(arm better) is the share of the paired seeds in which the arm is better than the"
            f" baseline{others}, ties counted half."
        ),
        _RESPLIT if in_folds else _RETRAINED,
    ]


def _family_reading(arms: ArmFindings, in_folds: bool) -> list[str]:
    what, first = arms.what, arms.what.of_first(arms.table)
    tests = _tests(arms.table[~first] if what.has_parts else arms.table[first])
    if not tests:
        return []
    every = (
        f" \u201cAt every {what.part}\u201d is said only if every corrected interval lies on the"
        " same side of 0: then Holm's method rejects all of the family at once."
    )
    return [
        (
            f"{_families(what, tests)}. p-values are corrected over their family by Holm's method,"
            " and the corrected interval of a row has the level at which that method judges it, so"
            " both say the same: the chance that any of a family excludes 0 wrongly is at most 5"
            f" %.{every if what.has_parts else ''}"
        ),
        *([] if in_folds else [_flips_reading(tests)]),
    ]


def _families(what: Compared, tests: int) -> str:
    amount = count(tests, "test")
    if what.has_parts:
        return f"Overall comparisons are one family, those by {what.part} another, of {amount}"
    others = "; those by other metrics are another" if len(what.metrics) > 1 else ""
    return f"Comparisons by {what.metrics[0]} are one family, of {amount}{others}"


def _flips_reading(tests: int) -> str:
    return (
        "The sign-flip test, which assumes no distribution, cannot go below p = 2 / 2^n for n"
        f" paired seeds: in a family of {tests} it needs at least"
        f" {count(seeds_for_sign_flips(tests), 'seed')} to reach 5 % for one of them. Its"
        " uncorrected p-values are p_flips in arms.csv."
    )


def _tests(rows: pd.DataFrame) -> int:
    """How many tests rows are; how many they would be, where none has results enough."""
    return int(rows["p"].count()) or len(rows)
