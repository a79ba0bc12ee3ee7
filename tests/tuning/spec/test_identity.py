"""Which values are one setting: from the study through the records into frames, tables, a resumed
run and Optuna.
"""

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from named_runs import recorded
from recorded_progress import RecordedProgress
from run_folders import Trial as Written
from run_folders import write_run
from small_studies import small_study

from analysis import (
    group_table,
    leaderboard,
    load_run,
    published_table,
    seed_table,
    settings_table,
    summary_table,
)
from analysis.live.state import Watched
from analysis.records.load import Run
from analysis.report.sections.opening import searched_sizes
from analysis.stats.findings import find_search
from analysis.stats.identity import identity
from analysis.stats.tables import trial_settings
from tuning import Optuna, Random, Study
from tuning.callbacks.progress import StudyProgress
from tuning.runs.history import History
from tuning.runs.recorded_trials import trial_records
from tuning.search.base import first_trial
from tuning.search.grid import trials_left
from tuning.search.optuna import OptunaSearcher
from tuning.spec.study import Trial

BIG = 2**60
VALUES = (
    st.none() | st.booleans() | st.integers(1 - 2**63, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
    | st.sampled_from([BIG, BIG + 1, float(BIG), 2**53, 2**53 + 1, 0, -0.0, 1, 1.0])
    | st.sampled_from(["1", "1.0", "null", "none", "None", "nan", "True", "", "[64]"])
    | st.sampled_from([[64], [64, 32], ["64"], [], {"a": 1}, {}, [None], {"a": [1, True]}])
)  # fmt: skip


def same(one: Any, other: Any) -> bool:
    """What a reader takes for one value: 1, 1.0 and True are three."""
    return repr(one) == repr(other)


def distinct(values: list[Any]) -> list[Any]:
    return [
        value
        for place, value in enumerate(values)
        if not any(same(value, other) for other in values[:place])
    ]


def counts(config: Any, seeds: Any, resume: Any = None) -> Any:
    """Nothing of the value: the number of a trial is that of its seeds."""
    for epoch in range(1, config["epochs"] + 1):
        yield {"epoch": epoch, "score": [float(seed) for seed in seeds]}, None


@given(VALUES, VALUES)
def test_values_agree_where_they_are_written_alike(one: Any, other: Any) -> None:
    assert (identity(one) == identity(other)) == same(one, other)


@given(st.integers(1 - 2**63, 2**63 - 1))
def test_a_number_of_numpy_is_that_number(value: int) -> None:
    assert identity(np.int64(value)) == identity(value)
    assert identity(np.float64(value)) == identity(float(value))
    assert (identity(np.bool_(True)), identity(np.str_("1")), identity(math.nan)) == (
        "true",
        '"1"',
        identity(None),
    )


@given(st.lists(VALUES, min_size=1, max_size=6).map(distinct))
@example([1, 1.0, True, "1", "1.0", 0, 0.0, -0.0, False, [1], [1.0], {"a": 1}, {"a": True}])
def test_each_value_is_a_setting_of_its_own_and_comes_back_as_it_was(values: list[Any]) -> None:
    study = small_study(counts, space={"value": values}, epochs=1, seeds=2, seeds_per_trial=2)
    with tempfile.TemporaryDirectory() as folder:
        run = load_run(recorded(study, Path(folder))[0].root)
    for table in (settings_table(run), summary_table(run), group_table(run, ["value"])):
        assert [(type(value), value) for value in table["value"]] == [
            (type(value), value) for value in values
        ]
    assert summary_table(run)["n"].tolist() == [2] * len(values)
    assert [(type(value), value) for value in run.trials["value"]] == [
        (type(value), value) for value in values
    ]
    assert trial_settings(run).tolist() == list(range(len(values)))
    past = trial_records(run)
    assert [repr(one.trial.params["value"]) for one in past] == [repr(value) for value in values]
    assert trials_left(study.trials(), past) == []
    assert len(History.of(study, run).ranked_params("search")) == len(values)


def test_whole_numbers_stay_whole_beside_none_and_fractions(tmp_path: Path) -> None:
    study = small_study(
        counts,
        space={"size": [None, 3, 2.5], "id": [BIG, BIG + 1]},
        fixed={"seed_of_data": BIG + 3},
        epochs=1,
    )
    run = load_run(recorded(study, tmp_path)[0].root)
    assert [repr(value) for value in settings_table(run)["size"]] == [
        "None",
        "None",
        "3",
        "3",
        "2.5",
        "2.5",
    ]
    assert seed_table(run)["id"].unique().tolist() == [BIG, BIG + 1]
    assert set(run.trials["seed_of_data"]) == {BIG + 3}
    text = summary_table(run).to_csv(index=False)
    assert f"3,{BIG}," in text
    assert "3.0" not in text


def test_a_published_row_meets_the_setting_it_names_and_no_other(tmp_path: Path) -> None:
    trials = [
        Written(params={"id": value}, epochs=[{"accuracy": [place / 10] * 3}])
        for place, value in enumerate((BIG, BIG + 1))
    ]
    rows = [{"id": BIG + 1, "mean": 0.1}, {"id": BIG + 2, "mean": 0.1}]
    spec = {
        "space": {"id": {"values": [BIG, BIG + 1]}},
        "published": {"source": "them", "runs": 3, "rows": rows},
        "epochs": 1,
        "fixed": {},
    }
    table = published_table(load_run(write_run(tmp_path, trials, **spec)))
    assert table is not None
    assert table["n"].tolist() == [3, 0]
    assert table["accuracy_mean"].iloc[0] == pytest.approx(0.1)


@pytest.mark.parametrize("search", [Random(trials=50), Optuna(trials=50, n_startup_trials=5)])
def test_optuna_tells_values_apart_that_python_calls_equal(search: Any) -> None:
    values = [True, 1, 1.0, 0, False, 0.0, -0.0, BIG, BIG + 1, "1", None]
    study = small_study(space={"value": values}, search=search, seeds=1, seeds_per_trial=1)
    asker, drawn = search.searcher(study), []
    while trial := asker.ask():
        drawn.append(trial.params["value"])
        asker.report(trial, 1, 1.0 if drawn[-1] is True else 0.0)
        asker.tell(trial, "completed")
    assert {repr(value) for value in drawn} == {repr(value) for value in values}


def test_a_setting_to_begin_with_is_the_one_that_is_tried_and_recalled(tmp_path: Path) -> None:
    study = small_study(
        counts,
        space={"value": [1, True]},
        search=Optuna(trials=2, points_to_evaluate=[{"value": True}]),
        seeds=1,
        epochs=1,
    )
    assert first_trial(study).params["value"] is True
    run = write_run(
        tmp_path / "run",
        [Written(name="0001", params={"value": True}, epochs=[{"score": [1.0]}], seeds=[0])],
        space={"value": {"values": [1, True]}},
        metric="score",
        epochs=1,
        fixed={},
    )
    asker = OptunaSearcher(study, trial_records(load_run(run)))
    assert [trial.params for trial in asker._told.get_trials()] == [{"value": "true"}]


ENDS = {"0004": (1, 9.0), "0001": (1, 5.0), "0002": (2, 1.0), "0003": (1, 4.0)}
"""Trials in the order in which they end: the value of each, and its metric at seed 0, a tenth more
at each further one.
"""


def drawn_again(folder: Path) -> tuple[Study, Run, StudyProgress]:
    study = small_study(
        counts,
        space={"value": [1, 2]},
        search=Random(trials=4),
        epochs=1,
        seeds=3,
        seeds_per_trial=3,
    )
    spec: dict[str, Any] = {
        "space": {"value": {"values": [1, 2]}},
        "metric": "score",
        "epochs": 1,
        "seeds": [0, 1, 2],
        "fixed": {},
    }
    metrics = {
        name: {"score": [number + seed / 10 for seed in range(3)]}
        for name, (_, number) in ENDS.items()
    }
    written = [
        Written(name=name, params={"value": value}, epochs=[metrics[name]])
        for name, (value, _) in ENDS.items()
    ]
    progress = RecordedProgress(study)
    for name, (value, _) in ENDS.items():
        trial = Trial(id=name, params={"value": value}, seeds=[0, 1, 2])
        progress.epoch(trial, {"epoch": 1, "seconds": 0.1, "metrics": metrics[name]})
        progress.end(trial, "completed", None)
    return (
        study,
        load_run(write_run(folder, written, search={"kind": "random", "trials": 4}, **spec)),
        progress,
    )


def test_a_setting_drawn_again_counts_each_seed_once_as_the_later_trial_had_it(
    tmp_path: Path,
) -> None:
    study, run, progress = drawn_again(tmp_path)
    table = summary_table(run).set_index("value")
    assert table["n"].to_dict() == {1: 3, 2: 3}
    assert table["score_mean"].to_dict() == pytest.approx({1: 9.1, 2: 1.1})
    assert progress.best() == "best score 9.1 (n = 3) at value=1"
    assert StudyProgress(study, History.of(study, run)).best() == progress.best()
    watched = Watched(run.paths.root)
    watched.refresh()
    best = watched.best()
    assert best is not None
    assert (best["n"], best["value"]) == (3, pytest.approx(9.1))
    assert [each["value"] for each in History.of(study, run).ranked_params("search")] == [1, 2]
    assert leaderboard(run)[["search_n", "search_score"]].to_numpy().tolist()[0] == pytest.approx(
        [3, 9.1]
    )
    found = find_search(run)
    assert found is not None
    assert (
        searched_sizes(found)
        == "2 settings with a search score, n = 3 each; 2 trials had a setting again, whose seeds"
        " count once, as the later trial had them"
    )


def test_settings_are_ranked_by_what_the_later_trial_had(tmp_path: Path) -> None:
    """By the mean over all trials the first setting would be the better one."""
    ends = {"0001": (1, 9.0), "0002": (2, 5.0), "0003": (1, 4.0)}
    trials = [
        Written(name=name, params={"value": value}, epochs=[{"score": [score]}], seeds=[0])
        for name, (value, score) in ends.items()
    ]
    spec = {
        "space": {"value": {"values": [1, 2]}},
        "metric": "score",
        "epochs": 1,
        "fixed": {},
        "seeds": [0],
    }
    run = load_run(write_run(tmp_path, trials, search={"kind": "random", "trials": 3}, **spec))
    study = small_study(counts, space={"value": [1, 2]}, search=Random(trials=3), seeds=1, epochs=1)
    assert [each["value"] for each in History.of(study, run).ranked_params("search")] == [2, 1]
    assert summary_table(run)["score_mean"].tolist() == [4.0, 5.0]
    assert json.loads(json.dumps(History.of(study, run).best_params()))[1] == [5.0]
