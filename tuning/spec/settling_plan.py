"""What a study is going to take whose seeds stop themselves, in words."""

from dataclasses import asdict

from analysis.text.format import count
from tuning.spec.branches import space_record
from tuning.spec.study import Study

APART = (0.5, 1.0, 2.0)


def settling_text(study: Study) -> str:
    """How many seeds and trials there can be."""
    assert study.settles
    least, most, smallest = study.settles.at_least, study.settles.at_most, study.settles.smallest
    return (
        f"{count(study.planned_settings, 'setting')} x {least} to {count(most, 'seed')},"
        f" {least} at a time, until each comparison is supported or smaller than {smallest:g}:"
        f" {study.planned} to {count(len(study.trials()), 'trial')}"
    )


def seeds_text(study: Study) -> str:
    """How many seeds its comparisons are likely to take."""
    import numpy as np

    from analysis.numerics.expected_seeds import expected_seeds  # brings scipy
    from analysis.stats.settling import Rule, planned_pairs, texts_of

    assert study.settles
    space, compare = space_record(study.space), study.report.compare
    numbers = {texts_of(each, list(space)): n for n, each in enumerate(study.settings())}
    families = planned_pairs(space, numbers, asdict(compare) if compare else None)[1]
    looks = Rule.of(asdict(study.settles)).looks
    most = int(np.bincount(families).max(initial=1))
    seeds = [expected_seeds(looks, apart, most) for apart in APART]
    return (
        f"about {', '.join(f'{each:.0f}' for each in seeds)} of each setting for a comparison whose"
        f" settings are {', '.join(f'{each:g}' for each in APART)} standard deviations of a seed"
        f" apart ({count(most, 'comparison')})"
    )
