"""Test images that most seeds of an arm misread."""

from collections.abc import Iterator, Mapping

import altair as alt
import pandas as pd

from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import Layer, Spec, tips
from analysis.stats.compared import Compared
from analysis.stats.findings import Findings
from analysis.stats.predictions import MOST, Predictions, gallery, recorded_predictions

TILE = 52  # pixels of a test image in the gallery


def draw(findings: Findings) -> Iterator[Picture]:
    """A gallery for each arm beside the baseline."""
    if findings.arms is None or not findings.arms.has_results:
        return
    what = findings.arms.what
    at, arms = recorded_predictions(findings.arms.run, what)
    for place, arm in enumerate(arms[1:]):
        name = "gallery" if place == 0 else f"gallery{place + 1}"
        yield from _gallery(what, arms[0], arm, name, f" At {at}." if at else "")


def _gallery(
    what: Compared, baseline: Predictions, arm: Predictions, name: str, where: str
) -> Iterator[Picture]:
    facts, amounts = gallery(baseline, arm)
    if facts.empty:
        return
    part = what.class_name
    note = (
        f"Test images that more than half of the seeds of an arm misread: true {part} \u2192"
        f" the {part} that most of those seeds read ({baseline.name} / {arm.name} where they"
        f" differ). Of each group at most {MOST}, those that most seeds misread first, among the"
        f" images that the trials kept.{where}"
    )
    title = f"What {baseline.name} and {arm.name} misread"
    yield Picture(name=name, title=title, note=note, spec=chart(facts, amounts, part=part))


def chart(facts: pd.DataFrame, amounts: Mapping[str, int], *, part: str) -> Spec:
    """Rows of small test images, what they are and what was read below each. ``facts, amounts`` as
    ``predictions.gallery`` gives them.
    """
    blocks, frames = [], {}
    for place, (group, tiles) in enumerate(facts.groupby("group", sort=False)):
        name, amount = f"tiles{place}", amounts[str(group)]
        shown = f", {len(tiles)} shown" if len(tiles) < amount else ""
        title = f"Misread by {group}: {amount:,}{shown}"
        blocks.append(_block(tiles, name, part).properties(title=title))
        pairs = zip(tiles["true"], tiles["read"], strict=True)
        words = [f"{true} \u2192 {read}" for true, read in pairs]
        frames[name] = tiles.drop(columns="group").assign(text=words)
    return spec_of(alt.vconcat(*blocks, spacing=18), **frames)


def _block(tiles: pd.DataFrame, name: str, part: str) -> Layer:
    base = alt.Chart(alt.NamedData(name=name)).encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(paddingInner=0.15)),
        y=alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0.05)),
        tooltip=tips(index="test image", true=f"true {part}", read="read as"),
    )
    images = base.mark_image(width=TILE, height=TILE, align="center", baseline="middle", yOffset=-8)
    words = base.mark_text(dy=TILE / 2 + 2, fontSize=12, baseline="middle")
    return alt.layer(images.encode(url="image:N"), words.encode(text="text:N")).properties(
        width=(int(tiles["column"].max()) + 1) * (TILE + 12),
        height=(int(tiles["row"].max()) + 1) * (TILE + 26),
        view=alt.ViewConfig(stroke=None),
    )
