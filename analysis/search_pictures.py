"""The pictures of a search, with their titles and what to know when reading them."""

from collections.abc import Iterator

import pandas as pd

from analysis import search_charts, search_facts
from analysis.losses import loss_pictures, trials_by_loss
from analysis.overlays import overlay_facts
from analysis.pictures import Picture
from analysis.runs import Run
from analysis.search import trials_of
from analysis.search_costs import search_progress
from analysis.search_trials import trial_ends
from analysis.wording import count, listing


def search_pictures(run: Run, board: pd.DataFrame, confirmed: pd.DataFrame) -> list[Picture]:
    """All pictures that the search has something to show for, in reading order; the frames are those of ``search``."""
    from altair.utils.schemapi import debug_mode

    with debug_mode(False):  # as in ``pictures.pictures``
        best, who = _best(run, board, confirmed)
        of_best = [*_overlays(run, best, who), *loss_pictures(run, best, who)]
        return [*_confirmed(run, confirmed), *of_best, *trial_pictures(run), *trials_by_loss(run), *_progress(run), *_parameters(run)]


def _best(run: Run, board: pd.DataFrame, confirmed: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The trials of the best confirmed setting, or of the best ranked one where the study confirms none, and what it is called."""
    if run.spec.get("confirm"):
        part, rows, who = run.phase("confirm"), confirmed, "the best confirmed setting"
    else:
        part, rows, who = run.phase("search"), board[board["rank"].notna()], "the setting with the best search score"
    return (trials_of(run, part, rows.index[0]) if len(rows) else part.trials.head(0)), who


def _confirmed(run: Run, confirmed: pd.DataFrame) -> Iterator[Picture]:
    if confirmed.empty:
        return
    means, seeds = search_facts.confirmed_facts(run, confirmed)
    hollow = " The hollow diamond is the search score." if means["search"].notna().any() else ""
    note = f"Each confirmed setting: a stroke for every fresh seed, a dot for their mean, a line for its 95 % t interval.{hollow}"
    chart = search_charts.confirmed_dots(means, seeds, metric=run.metric)
    yield Picture(name="confirmed", title=f"{run.metric} on fresh seeds", note=note, spec=chart)


def _overlays(run: Run, trials: pd.DataFrame, who: str) -> Iterator[Picture]:
    trial, facts, shape = overlay_facts(run, trials, list(search_charts.OUTLINES.values()))
    if facts.empty:
        return
    note = (
        f"Test images of {who} (trial {trial}), outlines drawn into the pixels: blue is where the truth ends, just outside of it; orange "
        "where the prediction ends, just inside. Where both run side by side they agree."
    )
    chart = search_charts.outlined_images(facts, height=round(search_charts.IMAGE_WIDTH * shape))
    yield Picture(name="overlays", title="Prediction and truth on test images", note=note, spec=chart)


def trial_pictures(run: Run) -> Iterator[Picture]:
    """How the trials of the search, or of a grid, went one by one, those that are running among them."""
    shown = search_facts.shown_trials(run)
    known = int((trial_ends(run.phase("search"))["epoch"] > 0).sum())
    part = (
        ""
        if len(shown) == known
        else f" {len(shown)} of {count(known, 'trial')} are drawn, at even distances from the best last value to the worst."
    )
    curves = search_facts.trial_curves(run, shown)
    if curves["epoch"].nunique() > 1:
        note = f"{run.metric} by epoch, one line per trial of the search (mean over its seeds), its end marked by how it ended.{part}"
        chart = search_charts.trial_curves(curves, metric=run.metric, limits=search_facts.value_limits(run))
        yield Picture(name="trials", title="How the trials went", note=note, spec=chart)
    rungs = (run.spec.get("stopping") or {}).get("rungs") or []
    if shown and rungs:
        note = f"One line per trial, in the order in which they began, up to its last epoch. At a rung the worse trials are stopped.{part}"
        lengths = search_facts.trial_lengths(run, shown)
        chart = search_charts.rung_lines(lengths, rungs=rungs, epochs=int(run.spec["epochs"]), metric=run.metric)
        yield Picture(name="rungs", title="Who was stopped where", note=note, spec=chart)


def _progress(run: Run) -> Iterator[Picture]:
    facts = search_progress(run)
    if len(facts) > 1:
        note = (
            "The best search score so far against the epochs that all trials had spent until then, those of stopped trials counted, in the "
            "order in which the trials ended. Circles are the scores of completed trials."
        )
        chart = search_charts.progress_steps(facts, metric=run.metric)
        yield Picture(name="progress", title="Progress of the search", note=note, spec=chart)


def _parameters(run: Run) -> Iterator[Picture]:
    facts = search_facts.parameter_facts(run)
    if facts["trial"].nunique() < 2:
        return
    partial = [state for state in search_charts.LOOKS if state != "completed" and (facts["status"] == state).any()]
    early = f" Those that were {listing(partial)} stand at the value they ended with, which is no score." if partial else ""
    edge = " Without a value they stand at the worse edge." if facts["value"].isna().any() else ""
    note = f"Each trial of the search by its value of the parameter and its {run.metric} at its last epoch.{early}{edge}"
    chart = search_charts.parameter_panels(facts, space=run.spec["space"], metric=run.metric, limits=search_facts.value_limits(run))
    yield Picture(name="parameters", title=f"Parameters and {run.metric}", note=note, spec=chart)
