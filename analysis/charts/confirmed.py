"""The settings that were trained again on fresh seeds."""

from collections.abc import Iterator

import altair as alt
import pandas as pd

from analysis.charts.axes import measured
from analysis.charts.ends import LOOKS
from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import BLUE, FACTS, Spec, distinct, present, tips, with_texts
from analysis.records.frames import rows_of
from analysis.records.load import Run
from analysis.stats.findings import Findings
from analysis.stats.identity import setting_keys
from analysis.stats.labels import descriptions
from analysis.stats.search_trials import short_name
from analysis.stats.tables import seed_table, settings_table
from analysis.text.rounding import rounded

NUMBERS = {
    "confirmed_mean": "mean",
    "confirmed_low": "low",
    "confirmed_high": "high",
    "confirmed_n": "n",
    "search_score": "search",
}


def draw(findings: Findings) -> Iterator[Picture]:
    """A line per confirmed setting."""
    if findings.search is None or findings.search.confirmed.empty:
        return
    metric = findings.run.metric
    means, seeds = confirmed_facts(findings.run, findings.search.confirmed)
    hollow = " The hollow diamond is the search score." if means["search"].notna().any() else ""
    longer = ", of the best one longer on its worse side" if len(means) > 1 else ""
    note = (
        "Each confirmed setting: a stroke for every fresh seed, a dot for their mean, a line for"
        f" its 95 % t interval{longer}.{hollow}"
    )
    spec = chart(means, seeds, metric=metric)
    yield Picture(name="confirmed", title=f"{metric} on fresh seeds", note=note, spec=spec)


def confirmed_facts(run: Run, confirmed: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The confirmed settings and their seeds, for the frame of ``leaderboard.confirmed_table``.

    First: ``place`` (a short name), ``label`` (the setting), ``mean, low, high, n, search`` (the
    search score). Second, one row per seed: ``place, seed, value``.
    """
    names = [short_name(row) for row in rows_of(confirmed)]
    texts = {"place": names, "label": descriptions(run, confirmed).to_numpy()}
    numbers = confirmed.reset_index(drop=True)[list(NUMBERS)].astype(float)
    means = pd.DataFrame(texts, dtype=object).join(numbers.rename(columns=NUMBERS))
    confirm = run.phase("confirm")
    keys = setting_keys(settings_table(confirm))
    places = dict(zip(confirmed.index, names, strict=True))
    seeds = seed_table(confirm).dropna(subset=confirm.metric)
    dots = seeds[["seed", confirm.metric]].set_axis(["seed", "value"], axis=1)
    dots.insert(0, "place", [places[keys[number]] for number in seeds.index])
    return means, dots.reset_index(drop=True)


def chart(means: pd.DataFrame, seeds: pd.DataFrame, *, metric: str) -> Spec:
    """A line per confirmed setting: each fresh seed a small dot, their mean with its interval, the
    search score hollow. The frames are those of ``confirmed_facts``.
    """
    frame = with_texts(means, "mean", ("low", "high")).rename(columns={"text": "said"})
    frame = frame.assign(searched=rounded(means["search"]), seeds=means["n"])
    drawn = [*(means[name] for name in ("mean", "low", "high", "search")), seeds["value"]]
    along = measured(metric, *drawn)
    place = alt.Y(
        "place:N",
        sort=distinct(frame["place"]),
        title=None,
        axis=alt.Axis(labelLimit=260),
    )
    dots = alt.Chart(alt.NamedData(name="seeds")).mark_tick(
        thickness=1.5, size=13, color=LOOKS["pruned"][0], opacity=0.9
    )
    dots = dots.encode(
        x=alt.X("value:Q", **along),
        y=place,
        tooltip=tips(place="setting", seed="seed", value=metric),
    )
    base = alt.Chart(FACTS).encode(y=place)
    lines = base.mark_rule(color=BLUE, strokeWidth=2).encode(x=alt.X("low:Q", **along), x2="high:Q")
    base = base.encode(
        tooltip=tips(
            place="setting",
            label="values",
            said="mean",
            limits="interval",
            n="fresh seeds",
            searched="search score",
        )
    )
    marks = base.mark_point(filled=True, shape="circle", size=80, color=BLUE, opacity=1)
    before = base.transform_filter(present("search")).mark_point(
        filled=False, shape="diamond", size=80, strokeWidth=1.5, color=LOOKS["failed"][0], opacity=1
    )
    layers = alt.layer(
        lines,
        dots,
        before.encode(x=alt.X("search:Q", **along)),
        marks.encode(x=alt.X("mean:Q", **along)),
    )
    return spec_of(layers.properties(width=520, height={"step": 34}), facts=frame, seeds=seeds)
