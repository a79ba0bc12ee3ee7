"""Whatever a parameter or a metric is called, if it is not refused: the numbers of a run are those
of a run with harmless names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pytest
from markupsafe import escape
from named_runs import (
    ENDINGS,
    PANDAS,
    STRANGE,
    allowed,
    argument_names,
    frames_in,
    recorded,
    trainable,
)
from small_studies import small_study

from analysis import (
    compare_arms,
    compare_runs,
    group_table,
    leaderboard,
    load_run,
    published_table,
    seed_table,
    settings_table,
    summary_table,
    write_comparison,
    write_report,
)
from analysis.live.details import trial_details
from analysis.live.feed import Feed
from analysis.live.sections import live_sections
from analysis.records.columns import BESIDE_METRICS, BESIDE_PARAMETERS, DERIVED
from analysis.records.load import Run
from analysis.report.sections.leaderboard import readable_board
from analysis.stats.findings import find_search
from analysis.stats.leaderboard import confirmed_table
from analysis.stats.search_trials import is_search
from tuning.engine.replay import replay
from tuning.mirrors.tensorboard import EventFiles
from tuning.mirrors.trial import MirroredTrial, beside, reduced
from tuning.runs.recorded_trials import trial_records
from tuning.runs.reopen import _differences
from tuning.search.grid import trials_left
from tuning.spec.study import Asha, Compare, Confirm, Published, Study

OURS = sorted(BESIDE_PARAMETERS | BESIDE_METRICS)
NAMES = allowed([*OURS, *PANDAS, *STRANGE, *ENDINGS, *argument_names()])
AT_ONCE = 40


def named_study(
    parameters: Sequence[str],
    metrics: Sequence[str],
    more: Mapping[str, float] = MappingProxyType({}),
    **changes: Any,
) -> Study:
    """Two values of the first two parameters, one of each other; the metric grows with the values
    of the first two.
    """
    first, second = parameters[:2]
    space: dict[str, list[Any]] = {name: [place + 1] for place, name in enumerate(parameters)} | {
        first: [1, 2],
        second: [1, 3],
    }

    def reported(config: Any, epoch: int, seed: int) -> float:
        return config[first] + config[second] * epoch / 10 + seed / 100

    values: dict[str, Any] = {
        "space": space,
        "fixed": {},
        "metric": metrics[0],
        "epochs": 2,
        "seeds": 3,
        "seeds_per_trial": 3,
    }
    return small_study(trainable(metrics, reported, **more), **values | changes)


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """The tables that have columns for parameters or metrics."""
    board = leaderboard(run)
    found: dict[str, Any] = {
        "trials": run.trials.drop(columns=["seconds", "node"]),
        "epochs": run.epochs.drop(columns=["seconds", "at"]),
        "settings": settings_table(run),
        "seeds": seed_table(run),
        "summary": summary_table(run),
        "groups": group_table(run, run.parameters[:2]),
        "leaderboard": board,
        "readable": readable_board(find_search(run)) if is_search(run) else None,
        "confirmed": confirmed_table(run, board),
        "published": published_table(run),
    }
    return {
        name: frame.reset_index(drop=True) for name, frame in found.items() if frame is not None
    }


def assert_same_numbers(run: Run, expected: tuple[Run, dict[str, pd.DataFrame]]) -> None:
    """That the tables of both hold the same, each name of the expected run, which is none of ours,
    in the place of its own.
    """
    plain, wanted = expected
    parameters, metrics = (
        dict(
            zip(
                getattr(plain.columns, kind).values(),
                getattr(run.columns, kind).values(),
                strict=True,
            )
        )
        for kind in ("parameters", "metrics")
    )
    derived = {
        f"{name}{end}": f"{column}{end}" for name, column in metrics.items() for end in DERIVED
    }
    found = tables(run)
    assert list(found) == list(wanted)
    for name, frame in found.items():
        pd.testing.assert_frame_equal(
            frame, wanted[name].rename(columns={**derived, **metrics, **parameters}), obj=name
        )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The run of the same study with harmless names of its parameters, and its tables."""
    known: dict[str, tuple[Run, dict[str, pd.DataFrame]]] = {}

    def made(
        parameters: int, metrics: Sequence[str], **changes: Any
    ) -> tuple[Run, dict[str, pd.DataFrame]]:
        key = repr((parameters, metrics, changes))
        if key not in known:
            study = named_study([f"p{place}" for place in range(parameters)], metrics, **changes)
            paths, _ = recorded(study, tmp_path_factory.mktemp("plain"), failed=["0004"])
            known[key] = (run := load_run(paths.root)), tables(run)
        return known[key]

    return made


def batches(names: Sequence[str]) -> list[list[str]]:
    return [list(names[start : start + AT_ONCE]) for start in range(0, len(names) - 1, AT_ONCE)]


CONFIRMED = {"confirm": Confirm(top=2, seeds=2)}
METRICS = ["score", "loss", "test_loss"]


@pytest.mark.parametrize("place", range(len(batches(NAMES))))
@pytest.mark.parametrize("changes", [{}, CONFIRMED], ids=["grid", "confirmed"])
def test_parameters_of_any_name(
    place: int, changes: dict[str, Any], plain: Any, tmp_path: Path
) -> None:
    names = batches(NAMES)[place]
    study = named_study(names, METRICS, **changes)
    paths, said = recorded(study, tmp_path, failed=["0004"])
    run = load_run(paths.root)
    assert_same_numbers(run, plain(len(names), METRICS, **changes))
    assert list(trial_records(run)[0].trial.params) == names
    assert [one.trial.params for one in trial_records(run)] == [
        trial.params for trial in study.trials()
    ]
    assert trials_left(study.trials(), trial_records(run)) == []
    assert _differences(run.recorded, study) == []
    assert [each["setting"] for each in said if each["event"] == "completed"][:3] == [
        dict(trial.params) for trial in study.trials()[:3]
    ]
    assert [epoch.differences for epoch in replay(study, run, "0001")] == [{}, {}]
    feed = Feed(paths.root)
    feed.run.refresh()
    assert feed.hello()["parameters"] == names
    assert [
        name for name, _ in trial_details(feed.run, feed.run.trials["0001"])["setting"]
    ] == names


@pytest.mark.parametrize("place", range(len(batches(NAMES))))
def test_metrics_beside_the_studys_of_any_name(place: int, plain: Any, tmp_path: Path) -> None:
    names = [
        name
        for name in batches(NAMES)[place]
        if not name.startswith(("test_", "extra_test_")) and name != "parameters"
    ]
    metrics = ["score", *(name for name in names if name != "score")]
    study = named_study(["p0", "p1"], metrics, **CONFIRMED)
    paths, _ = recorded(study, tmp_path, failed=["0004"])
    run = load_run(paths.root)
    assert list(run.columns.metrics) == metrics
    assert_same_numbers(
        run, plain(2, ["score", *(f"m{number}" for number in range(1, len(metrics)))], **CONFIRMED)
    )
    assert [epoch.differences for epoch in replay(study, run, "0001")] == [{}, {}]
    feed = Feed(paths.root)
    feed.run.refresh()
    assert trial_details(feed.run, feed.run.trials["0001"])["names"] == [
        "epoch",
        *metrics,
        "seconds",
    ]


@pytest.mark.parametrize(
    ("number", "metric"),
    list(enumerate(filter(None, allowed([*OURS, *PANDAS, *STRANGE, "score"])))),
)
def test_a_metric_of_any_name(number: int, metric: str, plain: Any, tmp_path: Path) -> None:
    changes = CONFIRMED if number % 2 else {}
    study = named_study(["p0", "p1"], [metric, "side"], **changes)
    paths, said = recorded(study, tmp_path, failed=["0004"])
    run = load_run(paths.root)
    assert_same_numbers(run, plain(2, ["m0", "side"], **changes))
    scores = [each["score"] for each in said if each["event"] == "completed"]
    assert scores == pytest.approx([1.21, 1.61, 2.21] + ([1.235, 1.635] if changes else []))
    setting, n = ({"p0": 1, "p1": 3}, 2) if changes else ({"p0": 2, "p1": 1}, 3)
    assert said[-1]["best"] == {"setting": setting, "mean": scores[-1], "n": n}
    feed = Feed(paths.root)
    feed.run.refresh()
    assert (feed.hello()["metric"], feed.run.best()["n"]) == (metric, n)


def test_parameters_and_metrics_of_one_name(plain: Any, tmp_path: Path) -> None:
    names = [
        "score",
        "loss",
        "test_loss",
        "score_mean",
        "score (parameter)",
        "loss_std",
        "test_loss_mean",
        "test_loss_min",
    ]
    paths, _ = recorded(named_study(names, METRICS, **CONFIRMED), tmp_path, failed=["0004"])
    run = load_run(paths.root)
    assert_same_numbers(run, plain(len(names), METRICS, **CONFIRMED))
    assert run.columns.parameters["score"] == "score (parameter) (parameter)"
    assert run.columns.metrics == {name: name for name in METRICS}
    assert (
        run.columns.parameters["loss"] == "loss"
    )  # of other metrics tables of settings say nothing


def test_our_columns_are_those_that_are_found(tmp_path: Path) -> None:
    """In every frame of every function that makes a report there are columns of the user's, of
    those lists, or computed from a metric.
    """
    published = Published(
        source="them", runs=3, rows=[{"their first": 1, "their second": 1, "mean": 1.0, "std": 0.1}]
    )
    compared = Compare(parameter="their first", baseline=1, metrics=["their metric", "their side"])
    changes = [
        {"target": 1.5, "published": published},
        {"compare": compared},
        CONFIRMED | {"scheduler": Asha()},
    ]
    found: list[list[str]] = []
    for place, each in enumerate(changes):
        costs = {"parameters": 7, "train_seconds": 1.5, "images_per_second": 2.5}
        study = named_study(
            ["their first", "their second"],
            ["their metric", "their side", "test_theirs"],
            costs,
            **each,
        )
        paths, _ = recorded(study, tmp_path / str(place), failed=["0004", "c0001"])
        found += frames_in("analysis", lambda paths=paths: live_sections(load_run(paths.root)))
        found += frames_in("analysis", lambda paths=paths: write_report(load_run(paths.root)))
    users = {
        f"{name}{end}"
        for name in ("their metric", "their side", "test_theirs")
        for end in ("", *DERIVED)
    } | {
        "their first",
        "their second",
    }
    beside_parameters = {
        name
        for columns in found
        if {"their first", "their second"} & set(columns)
        for name in columns
    }
    beside_metrics = {
        name
        for columns in found
        if {"their metric", "their side", "test_theirs"} & set(columns)
        for name in columns
    }
    beside_parameters = {
        name
        for name in beside_parameters
        if not name.endswith(" std") and not name.startswith("against ")
    }
    assert "their side" not in beside_parameters
    assert beside_metrics - users - {*costs} <= BESIDE_METRICS
    assert beside_parameters - users == BESIDE_PARAMETERS


def test_a_report_of_any_names(tmp_path: Path) -> None:
    """Page, pictures and files: twelve trials, so that parameters are held against the metric."""
    strange = [
        name
        for name in allowed([*STRANGE, "left_out", "n", "mean", "value", "best"])
        if name.strip()
    ]
    study = named_study(
        strange, ['<i>"m"</i> [0]:Q.x', *(f"{name}!" for name in strange)], **CONFIRMED
    )
    study = replace(study, space={**study.space, strange[0]: [1, 2, 3, 4], strange[1]: [1, 3, 5]})
    run = load_run(recorded(study, tmp_path, failed=["0004"])[0].root)
    page = write_report(run).read_text(encoding="utf-8")
    assert "<b>bold" not in page.split("<script", 1)[0]
    assert "<i>" not in page.split("<script", 1)[0]
    for column in run.parameters:
        assert str(escape(column)).replace("_", "_<wbr>") in page
    charts = {path.stem for path in run.paths.charts.glob("*.svg")}
    assert charts >= {"confirmed", "parameters", "correlations", "mean", "seeds"}
    for name in ("summary", "leaderboard", "seeds", "confirmed"):
        assert {*run.parameters} <= {
            *pd.read_csv(run.paths.tables / f"{name}.csv", keep_default_na=False)
        }
    for name in ("summary.tex", "summary.md", "leaderboard.tex", "leaderboard.md"):
        assert (run.paths.tables / name).stat().st_size


@pytest.mark.parametrize(
    "name", ["difference", "at", "n", "published", "a[0]:Q.x", "<b>", "part", "setting"]
)
def test_arms_and_several_runs_of_any_name(name: str, tmp_path: Path) -> None:
    rows = [{name: 1, "other": 1, "mean": 1.0, "std": 0.1}]
    more: dict[str, Any] = {
        "compare": Compare(parameter=name, baseline=1, metrics=[f"{name}!", "side"], parts=name),
        "published": Published(source="them", runs=3, rows=rows),
        "target": 1.5,
    }
    costs = {"parameters": 7, "train_seconds": 1.5, "images_per_second": 2.5}
    runs = [
        load_run(
            recorded(named_study([name, "other"], [f"{name}!", "side"], costs, **more), tmp_path)[
                0
            ].root
        )
        for _ in range(2)
    ]
    write_report(runs[0])
    table = compare_arms(runs[0])
    assert table["difference"].tolist() == pytest.approx([1.0, 1.0, 1.0, 1.0])
    assert table["published_baseline"].dropna().tolist() == [1.0]
    found = compare_runs(runs)
    assert found.leaderboards["score"].tolist() == pytest.approx([2.61, 2.21, 1.61, 1.21] * 2)
    assert write_comparison(found, tmp_path / "comparison").exists()


def test_event_files_and_mirrors_keep_all_names(tmp_path: Path) -> None:
    names = allowed([*STRANGE, *PANDAS, "status", "seeds", "trial"])
    row = {
        "epoch": 1,
        "at": 1.7e9,
        "seconds": 0.1,
        "metrics": {name: [float(place), 1.0] for place, name in enumerate(names)},
    }
    files = EventFiles(tmp_path, {})
    trial = MirroredTrial("0001")
    trial.take({"params": dict.fromkeys(names, 1), "seeds": [0, 1], "status": "running"})
    trial.take_epoch(row, 0)
    files.start(trial)
    files.epochs(trial, [1])
    files.trial_end(trial)
    told = reduced(row["metrics"])
    assert [told[name] for name in names] == [(place + 1) / 2 for place in range(len(names))]
    assert beside({"status": "completed", "epochs": 1}, names) == {
        "study/status": "completed",
        "epochs": 1,
    }
