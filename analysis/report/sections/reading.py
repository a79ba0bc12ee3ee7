"""What to know when reading the tables of a report, in sentences."""

from analysis.numerics.intervals import FEW, RESAMPLES
from analysis.numerics.sign_flips import PERMUTATIONS, seeds_for_sign_flips
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
        *(search_reading(search) if search else []),
        *(settings[2:] if search else settings),
        *(arm_reading(findings.arms) if findings.arms else []),
    ]
    return Section(anchor="reading", title="How to read this", points=points)


def _settings_reading(findings: Findings) -> list[str]:
    """What to know about the table of settings; the first two are said of a search elsewhere."""
    tells_best = findings.names_best and findings.summary["n"].max() > 1
    return [
        (
            "Every number is that of the last epoch of a completed trial; no epoch is picked"
            " because it looked best. Trials that did not complete are counted above and stand"
            " behind no number."
        ),
        _SEEDS,
        (
            "ci_low to ci_high is the 95 % bootstrap interval of the mean over seeds: BCa,"
            f" {RESAMPLES:,} resamples, the percentile method where BCa is undefined, at the level"
            " at which it is as wide as Student's t for so few seeds (Hesterberg 2015), and"
            f" Student's t below {FEW} seeds, where no resample reaches as far as the mean may lie."
            " Where hardly any seed fails, few seeds may show no failure at all, and no interval"
            " knows of what was not seen. It says how well the mean is known, not how far single"
            " seeds scatter: for that, look at the dots."
        ),
        *([] if findings.arms and findings.comparisons.empty else [_TESTS]),
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
    " variance, Nadeau and Bengio 2003), whatever is said of bootstraps and sign flips below."
)
_TESTS = (
    "p-values come from sign-flip permutation tests on the paired differences (exact for few"
    f" seeds, else {PERMUTATIONS:,} flips), corrected over all rows of their table by Holm's method"
    " (Holm 1979); the corrected interval of a row has the level at which that method judges it."
)


def search_reading(search: SearchFindings) -> list[str]:
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
            "shrinkage says by how much the luck of their seeds flattered them. Fresh seeds are"
            " judged on the same evaluation data that chose the settings: how far the choice fits"
            " just these data, shrinkage does not say. What is claimed rests on the fresh seeds."
            if fresh
            else "fresh seeds would tell how much of that is the luck of seeds."
        ),
        _SEEDS,
        *(_FRESH if len(search.confirmed) else []),
    ]


_FRESH = [
    (
        "The best confirmed setting is compared with each other one seed by seed: intervals and"
        " p-values are those of the paired t-test, which takes the differences for normally"
        " distributed; means over many test cases closely are. p-values are corrected for the"
        " choice of the best by these very numbers (a closed test over pairs of settings: Marcus,"
        " Peritz and Gabriel 1976); the corrected interval of a row has the level at which that"
        " test judges it, and the best setting's own interval, on its worse side, 1 - 0.05 /"
        " settings. Where all differences are equal there is no interval."
    ),
    (
        "Seeds differ in initialisation and order of the data, not in the data: intervals over"
        " seeds say what retraining would give on these data, not what other data would. Test data"
        " took part in no choice."
    ),
]


def arm_reading(arms: ArmFindings) -> list[str]:
    """What to know when reading the tables of arms, one sentence or a few each."""
    what, tests = arms.what, _family(arms)
    return [
        (
            "Arms are compared seed by seed: each difference is that of two networks of the same"
            " seed, each interval and p-value of arms is that of the paired t-test. It takes the"
            " differences over seeds for normally distributed, which means over many test images"
            " closely are; where a part has few test images it is a rough guide. Where all"
            " differences are equal there is no t interval, and p is that of the sign-flip test."
        ),
        *(_family_reading(what, tests) if tests else []),
        (
            "P(arm better) is the share of the paired seeds in which the arm is better than the"
            " baseline, ties counted half."
        ),
        (
            "Seeds differ in initialisation and order of the data, not in the test images:"
            " intervals over seeds say what retraining would give on these test images, not what"
            " other images would."
        ),
    ]


def _family_reading(what: Compared, tests: int) -> list[str]:
    return [
        (
            f"Overall comparisons are one family, those by {what.part} another, of"
            f" {count(tests, 'test')}. p-values are corrected over their family by Holm's method,"
            " and the corrected interval of a row has the level at which that method judges it, so"
            " both say the same: the chance that any of a family excludes 0 wrongly is at most 5"
            f" %. \u201cAt every {what.part}\u201d is said only if every corrected interval lies on"
            " the same side of 0: then Holm's method rejects all of the family at once."
        ),
        (
            "The sign-flip test, which assumes no distribution, cannot go below p = 2 / 2^n for n"
            f" paired seeds: in a family of {tests} it needs at least"
            f" {count(seeds_for_sign_flips(tests), 'seed')} to reach 5 % for one of them. Its"
            " uncorrected p-values are p_flips in arms.csv."
        ),
    ]


def _family(arms: ArmFindings) -> int:
    """How many tests the parts are; how many they would be, where no part has results enough."""
    parts = arms.table[~arms.what.of_first(arms.table)]
    return int(parts["p"].count()) or len(parts)
