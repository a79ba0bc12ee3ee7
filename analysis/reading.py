"""What to know when reading the tables of a report, in sentences."""

from analysis import page
from analysis.arm_sections import reading as arm_reading
from analysis.findings import Findings
from analysis.intervals import FEW, PERMUTATIONS, RESAMPLES
from analysis.search_sections import SearchFindings


def reading(found: Findings) -> str:
    settings = [] if found.search and not found.over_seeds else _settings_reading(found)
    lines = [
        *(search_reading(found.search) if found.search else []),
        *(settings if found.search is None else settings[2:]),
        *(arm_reading(found.arms) if found.arms else []),
    ]
    return "<ul>" + "".join(f"<li>{page.escape(line)}</li>" for line in lines) + "</ul>"


def _settings_reading(found: Findings) -> list[str]:
    """What to know about the table of settings; the first two are said of a search elsewhere."""
    return [
        "Every number is that of the last epoch of a completed trial; no epoch is picked because it looked best. Trials that did not "
        "complete are counted above and stand behind no number.",
        _SEEDS,
        f"ci_low to ci_high is the 95 % bootstrap interval of the mean over seeds: BCa, {RESAMPLES:,} resamples, the percentile method "
        "where BCa is undefined, at the level at which it is as wide as Student's t for so few seeds (Hesterberg 2015), and Student's t "
        f"below {FEW} seeds, where no resample reaches as far as the mean may lie. Where hardly any seed fails, few seeds may "
        "show no failure at all, and no interval knows of what was not seen. It says how well the mean is known, "
        "not how far single seeds scatter: for that, look at the dots.",
        *([] if found.arms and found.comparisons.empty else [_TESTS]),
        "The setting with the best mean was chosen by the same numbers it is described with, so its mean is a little too good on average; "
        "fresh seeds would tell by how much the luck of seeds flatters it. The sentence at the top allows for the choice: it tells the "
        "best setting from another only where that holds for any setting that might have come out best (a closed test over pairs of "
        "settings: Marcus, Peritz and Gabriel 1976), and the end of its interval on the worse side has the level 1 - 0.05 / settings.",
    ]


_SEEDS = (
    "std is the standard deviation over seeds with ddof = 1; one seed has none. n counts the seeds with a number; seeds that diverged or "
    "failed are lost, and count as the worst before anything is called better."
)

_TESTS = (
    f"p-values come from sign-flip permutation tests on the paired differences (exact for few seeds, else {PERMUTATIONS:,} flips), "
    "corrected over all rows of their table by Holm's method (Holm 1979); the corrected interval of a row has the level at which that "
    "method judges it."
)


def search_reading(found: SearchFindings) -> list[str]:
    """What to know when reading the tables of a search, one sentence or a few each."""
    fresh = found.run.spec.get("confirm")
    return [
        "Only completed trials have a search score, that of their last epoch; no epoch is picked because it looked best. A trial that was "
        "stopped early is compared with nothing but the others at its rung.",
        "A search score is too good on average for the settings it picks, because the same numbers picked them; "
        + (
            "shrinkage says by how much the luck of their seeds flattered them. Fresh seeds are judged on the same evaluation data that "
            "chose the settings: how far the choice fits just these data, shrinkage does not say. What is claimed rests on the fresh seeds."
            if fresh
            else "fresh seeds would tell how much of that is the luck of seeds."
        ),
        _SEEDS,
        *(_FRESH if len(found.confirmed) else []),
    ]


_FRESH = [
    "The best confirmed setting is compared with each other one seed by seed: intervals and p-values are those of the paired t-test, which "
    "takes the differences for normally distributed; means over many test cases closely are. p-values are corrected for the choice of the "
    "best by these very numbers (a closed test over pairs of settings: Marcus, Peritz and Gabriel 1976); the corrected interval of a "
    "row has the level at which that test judges it, and the best setting's own interval, on its worse side, 1 - 0.05 / settings. Where "
    "all differences are equal there is no interval.",
    "Seeds differ in initialisation and order of the data, not in the data: intervals over seeds say what retraining would give on these "
    "data, not what other data would. Test data took part in no choice.",
]
