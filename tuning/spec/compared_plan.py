"""What the report of a grid is not going to compare, in words."""

from tuning.spec.branches import conditions, space_record
from tuning.spec.study import Study


def compared_warnings(study: Study) -> list[str]:
    """One line for each parameter that is not compared; a confirmation compares settings."""
    whole = not conditions(study.space) and not study.search.valid
    if whole or not study.search.exhaustive or study.confirm or study.scheduler:
        return []
    from analysis.stats.planned import texts_of  # brings scipy
    from analysis.stats.uncompared import uncompared

    space, compare = space_record(study.space), study.report.compare
    numbers = {texts_of(each, list(space)): place for place, each in enumerate(study.settings())}
    return uncompared(space, numbers, {"parameter": compare.parameter} if compare else None)
