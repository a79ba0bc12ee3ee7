"""What a study is going to take whose seeds stop themselves, in words; and what a confirmation."""

from dataclasses import asdict
from typing import Any

from analysis.text.format import count
from tuning.spec.branches import space_record
from tuning.spec.study import Study, UntilSettled

APART = (0.5, 1.0, 2.0)


def settling_text(study: Study) -> str:
    """How many seeds and trials there can be."""
    assert study.settles
    least, most, smallest = study.settles.at_least, study.settles.at_most, study.settles.smallest
    return (
        f"{count(study.planned_settings, 'setting')} x {least} to {count(most, 'seed')},"
        f" {least} at a time, until each comparison is supported or smaller than {smallest:g}"
        f"{_futility_text(study.settles)}: {study.planned} to {count(len(study.trials()), 'trial')}"
    )


def _futility_text(rule: UntilSettled) -> str:
    if not rule.futility:
        return ""
    most, chance = count(rule.at_most, "seed"), f"{rule.futility:.3g}"
    return f", or either is unlikely by {most} (chance below {chance})"


def seeds_text(study: Study) -> str:
    """How many seeds its comparisons are likely to take."""
    import numpy as np

    from analysis.stats.planned import planned_pairs, texts_of  # brings scipy

    assert study.settles
    space, compare = space_record(study.space), study.report.compare
    numbers = {texts_of(each, list(space)): n for n, each in enumerate(study.settings())}
    families = planned_pairs(space, numbers, asdict(compare) if compare else None)[1]
    return _expected(asdict(study.settles), int(np.bincount(families).max(initial=1)))


def _expected(said: dict[str, Any], comparisons: int) -> str:
    """Of seeds that stop themselves as ``said``, in a family of so many comparisons."""
    from analysis.numerics.expected_seeds import expected_seeds
    from analysis.stats.settling import Rule

    rule = Rule.of(said)
    seeds = [expected_seeds(rule.looks, apart, comparisons, rule.futility) for apart in APART]
    return (
        f"about {', '.join(f'{each:.0f}' for each in seeds)} of each setting for a comparison whose"
        f" settings are {', '.join(f'{each:g}' for each in APART)} standard deviations of a seed"
        f" apart ({count(comparisons, 'comparison')})"
    )


def confirm_lines(study: Study) -> list[tuple[str, str]]:
    """Which settings are confirmed, on how many seeds; nothing where none are."""
    if not study.confirm:
        return []
    also = f" and {', '.join(study.confirm.baselines)}" if study.confirm.baselines else ""
    best = count(min(study.confirm.top, study.planned_settings), "setting")
    again = f"the best {best}{also}, each trained again on"
    if not (race := study.races):
        return [("confirm", f"{again} {study.confirm.seeds} fresh seeds")]
    settings = study.confirm.settings(study.planned_settings)
    words = (
        f"{again} {race.at_least} to {count(race.at_most, 'fresh seed')}, {race.at_least} at a"
        f" time, until it is worse than another or differs from the best by less than"
        f" {race.smallest:g}{_futility_text(race)}"
    )
    seeds = _expected(race_record(study), max(1, settings * (settings - 1) // 2))
    return [("confirm", words), ("fresh seeds", seeds)]


def most_confirmations(study: Study) -> int:
    """How many trials the confirmation has at the most."""
    settings = study.confirm.settings(study.planned_settings) if study.confirm else 0
    return settings * sum(map(len, study.fresh_parts))


def race_record(study: Study) -> dict[str, Any]:
    """By what the seeds of the confirmation stop themselves, for ``study.json``: ``first`` of them,
    and the mode of the metric by which settings ``race``.
    """
    assert study.races
    return asdict(study.races) | {"first": study.fresh_seeds[0], "race": study.mode}
