"""Which pictures a run gets, with their titles and what to know when reading them, and the same pictures as files."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import charts, facts
from analysis.export import write_aside
from analysis.rounding import number
from analysis.runs import Run
from analysis.wording import count

LINES = 60  # so many settings fit below each other on a page


@dataclass(frozen=True, kw_only=True)
class Picture:
    """``name`` is that of its files; ``note`` says what to know when reading it; ``spec`` is Vega-Lite without configuration; ``section``:
    the anchor of the section that shows it."""

    name: str
    title: str
    note: str
    spec: Mapping[str, Any]
    section: str = "pictures"


def pictures(run: Run, seeds: pd.DataFrame, summary: pd.DataFrame) -> list[Picture]:
    """All pictures that the run has results for, in reading order; empty where nothing completed."""
    if not (summary["n"] > 0).any():
        return []
    from altair.utils.schemapi import debug_mode

    with debug_mode(False):  # Altair checks each piece of a chart against the schema: half of the time, and the tests have done it
        return [*_setting_pictures(run, summary), *_seed_pictures(run, seeds, summary), *_network_pictures(run, seeds)]


def network_pictures(run: Run, seeds: pd.DataFrame, summary: pd.DataFrame) -> list[Picture]:
    """The pictures of single networks alone, of a run whose settings have nothing to show beyond a leaderboard."""
    return list(_network_pictures(run, seeds)) if (summary["n"] > 0).any() else []


def write_picture(folder: Path, picture: Picture) -> list[Path]:
    """Write ``<name>.svg`` and ``<name>.png`` (twice the size of the SVG), black on white."""
    import vl_convert

    svg = vl_convert.vegalite_to_svg({**picture.spec, "config": charts.style("black", "white")})
    svg = _tidy(svg)
    png = vl_convert.svg_to_png(svg, scale=2)
    return [write_aside(folder / f"{picture.name}.svg", svg), write_aside(folder / f"{picture.name}.png", png)]


def _tidy(svg: str) -> str:
    """The same picture without what only makes it long (all digits of a coordinate, an opacity of 1), its gradients and clips numbered from
    0: Vega counts on through the process, so the second report would differ from the first."""
    svg = svg.replace(' opacity="1"', "")
    for kind in ("gradient_", r'(?:(?<=id=")|(?<=url\(#))clip'):
        svg = _renumbered(svg, kind)
    return re.sub(r'(?<=transform=")[^"]*|(?<= d=")[^"]*', _short_coordinates, svg)


def _renumbered(svg: str, kind: str) -> str:
    numbers = {name: str(place) for place, name in enumerate(dict.fromkeys(re.findall(rf"{kind}(\d+)", svg)))}
    return re.sub(rf"({kind})(\d+)", lambda found: found[1] + numbers[found[2]], svg)


def _short_coordinates(found: re.Match[str]) -> str:
    return re.sub(r"\d+\.\d{3,}", lambda digits: f"{float(digits[0]):.2f}", found[0])


def _setting_pictures(run: Run, summary: pd.DataFrame) -> Iterator[Picture]:
    shown = facts.shown_settings(run, summary, LINES)
    known = facts.heat_facts(run, summary.loc[shown])
    part = _part(shown, summary)
    low, high = float(known["mean"].min()), float(known["mean"].max())
    what = {"value": f"mean {run.metric}", "limits": "95 % interval"}
    light = "; light is better" if facts.is_gridded(run) else ", with its 95 % interval"
    note = f"Mean of the {run.metric} over the seeds of each setting at the last epoch{light}.{part}"
    chart = _over_settings(run, known, "mean", ("low", "high"), what, [low, high], run.spec["mode"])
    yield Picture(name="mean", title=f"Mean {run.metric}", note=note, spec=chart)
    if "solved" in known:
        sign = "at least" if run.spec["mode"] == "max" else "at most"
        note = f"Share of the seeds whose {run.metric} is {sign} {number(run.spec['solved'], 6)} at the last epoch.{part}"
        what = {"value": "share solved", "limits": "95 % interval (Wilson)"}
        chart = _over_settings(run, known, "solved", ("solved_low", "solved_high"), what, [0, 1], "max")
        yield Picture(name="solved", title="Share of seeds solved", note=note, spec=chart)


def _part(shown: list[int], summary: pd.DataFrame) -> str:
    results = int((summary["n"] > 0).sum())
    return "" if len(shown) == results else f" The best {len(shown)} of {count(results, 'setting')} are shown."


def _over_settings(
    run: Run, known: pd.DataFrame, value: str, limits: tuple[str, str], what: Mapping[str, str], domain: list[float], better: str
) -> charts.Spec:
    if not facts.is_gridded(run):
        return charts.interval_dots(known, value=value, limits=limits, titles=what)
    titles = {"x": run.parameters[0], "y": run.parameters[1], **what}
    return charts.heat_map(known, value=value, limits=limits, titles=titles, domain=domain, better=better)


def _seed_pictures(run: Run, seeds: pd.DataFrame, summary: pd.DataFrame) -> Iterator[Picture]:
    shown = facts.shown_settings(run, summary)
    part = _part(shown, summary)
    dots = facts.seed_dots(run, seeds, shown)
    step = facts.dot_step(seeds.loc[seeds.index.isin(shown), run.metric])
    note = (
        f"Every seed is one dot. By its {run.metric} at the last epoch it falls into one of {facts.BINS} steps, each {step} wide; within a "
        f"step dots stand three abreast, whatever their value: height is how many.{part}"
    )
    yield Picture(name="seeds", title="The seeds of each setting", note=note, spec=charts.seed_distribution(dots, metric=run.metric))
    note = f"Mean over the seeds of the completed trials; the band is the 95 % t interval of that mean, not the spread of the seeds.{part}"
    curves = facts.learning_curves(run, shown)
    if curves["epoch"].nunique() > 1:
        yield Picture(name="curves", title="Learning curves", note=note, spec=charts.learning_curves(curves, metric=run.metric))


def _network_pictures(run: Run, seeds: pd.DataFrame) -> Iterator[Picture]:
    found = facts.boundaries(run, seeds)
    if found:
        note = "What single networks learned: colour is the probability they give to class 1, the boundary runs where blue meets orange."
        yield Picture(name="boundaries", title="Decision boundaries", note=note, spec=charts.decision_boundaries(found))
