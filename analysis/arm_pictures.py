"""The pictures of a study that compares arms, with their titles and what to know when reading them."""

from collections.abc import Iterator

import pandas as pd

from analysis import arm_charts
from analysis.arms import Compared, arm_means
from analysis.costs import costs_table
from analysis.pictures import Picture
from analysis.predictions import MOST, Predictions, confusion, gallery, recorded_predictions
from analysis.runs import Run


def arm_pictures(run: Run, what: Compared) -> Iterator[Picture]:
    """Parts, costs, confusions and misread images, as far as the run has results for them."""
    from altair.utils.schemapi import debug_mode

    means = arm_means(run, what)
    named = means.assign(arm=means["arm"].map(what.name))
    if not means["n"].sum():
        return
    with debug_mode(False):  # as in ``pictures.pictures``
        yield _parts(what, named)
        costs = costs_table(run, what, means)
        costs["arm"] = costs["arm"].map(what.name)
        if "parameters" in costs and costs.dropna(subset=["mean", "parameters"])["parameters"].nunique() > 1:
            yield _costs(what, costs)
        yield from _network_pictures(run, what)


def axis(what: Compared) -> str:
    """The overall metric with its unit."""
    return f"{what.metrics[0]} (%)" if what.percent else what.metrics[0]


def _parts(what: Compared, means: pd.DataFrame) -> Picture:
    note = f"Mean over the seeds of each arm with its 95 % t interval, overall and for each {what.part}; the axis does not begin at 0."
    note += " Hollow marks are published values." if means["published"].notna().any() else ""
    chart = arm_charts.part_dots(means, part=what.part, axis=axis(what))
    return Picture(name="parts", title=f"Arms at every {what.part}", note=note, spec=chart)


def _costs(what: Compared, costs: pd.DataFrame) -> Picture:
    note = f"Mean {what.metrics[0]} over the seeds of each arm with its 95 % t interval; neither axis begins at 0."
    return Picture(
        name="costs", title=f"{what.metrics[0]} against parameters", note=note, spec=arm_charts.cost_dots(costs, axis=axis(what))
    )


def _network_pictures(run: Run, what: Compared) -> Iterator[Picture]:
    at, known = recorded_predictions(run, what)
    if not known:
        return
    seeds = ", ".join(f"{one.name} {len(one.predictions)}" for one in known)
    where = f" At {at}." if at else ""
    note = (
        f"Counts of test images, summed over the seeds of each arm ({seeds}). Colour is the share of the true {what.part}; right answers, "
        f"the diagonal, have none.{where}"
    )
    facts = pd.concat([confusion(one) for one in known], ignore_index=True)
    chart = arm_charts.confusion_matrices(facts, part=what.part)
    yield Picture(name="confusions", title=f"Which {what.part} is taken for which", note=note, spec=chart)
    baseline = known[0]
    for place, arm in enumerate(known[1:]):
        yield from _gallery(what, baseline, arm, "gallery" if place == 0 else f"gallery{place + 1}", where)


def _gallery(what: Compared, baseline: Predictions, arm: Predictions, name: str, where: str) -> Iterator[Picture]:
    facts, amounts = gallery(baseline, arm)
    if facts.empty:
        return
    shown = facts["group"].value_counts()
    titles = [_group_title(group, int(shown[group]), amounts[group]) for group in dict.fromkeys(facts["group"])]
    note = (
        f"Test images that more than half of the seeds of an arm misread: true {what.part} \u2192 the {what.part} that most of those seeds "
        f"read ({baseline.name} / {arm.name} where they differ). Of each group at most {MOST}, those that most seeds misread first, among "
        f"the images that the trials kept.{where}"
    )
    chart = arm_charts.image_gallery(facts, titles=titles, part=what.part)
    yield Picture(name=name, title=f"What {baseline.name} and {arm.name} misread", note=note, spec=chart)


def _group_title(group: str, shown: int, amount: int) -> str:
    return f"Misread by {group}: {amount:,}" + (f", {shown} shown" if shown < amount else "")
