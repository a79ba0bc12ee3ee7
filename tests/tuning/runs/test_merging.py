"""Runs of one study that are made one, which goes on as any other."""

import json
from pathlib import Path
from typing import Any

import pytest
from inline_runs import crash_after, prepared
from inline_runs import run as trained
from searched_studies import searched_study
from settling_studies import settling
from small_studies import scores, small_study

from analysis import Run, compare_runs, load_run, summary_table
from analysis.records.merged import merged_table
from tuning import Confirm, Random, Study, StudyError, drop, extend, merge, resume
from tuning.engine.replay import replay


def grid(results: Path, seeds: Any, **changes: Any) -> tuple[Run, Study]:
    study = small_study(seeds=seeds, seeds_per_trial=1, **changes)
    return trained(study, results), study


def files(run: Run) -> dict[str, bytes]:
    root = run.paths.root
    return {str(each): each.read_bytes() for each in root.rglob("*") if each.is_file()}


def values(run: Run) -> dict[tuple[int, int], float]:
    """Slope and seed -> the last score, each once."""
    last = run.epochs[run.epochs["epoch"] == 3].merge(run.trials[["trial", "slope"]], on="trial")
    assert not last.duplicated(["slope", "seed"]).any()
    return {(row.slope, row.seed): row.score for row in last.itertuples()}


def test_seeds_of_two_runs_stand_in_one_and_those_of_both_count_once(tmp_path: Path) -> None:
    (first, study), (second, _) = grid(tmp_path, 3), grid(tmp_path, [2, 3, 4])
    before = files(first) | files(second)
    merged = merge(first, second, results=tmp_path)
    assert values(merged) == {(s, n): s * 3 + n / 100 for s in (1, 2, 3) for n in range(5)}
    assert summary_table(merged)["n"].tolist() == [5, 5, 5]
    assert merged.spec["seeds"] == [0, 1, 2, 3, 4]
    assert merged.spec["trials"] == 15
    assert merged.trials["trial"].tolist() == [f"{n:04}" for n in range(1, 16)]
    assert files(first) | files(second) == before
    names = [run.paths.root.name for run in (first, second)]
    note = (
        f"This run is merged of {names[0]} (9 trials) and {names[1]} (6 trials). 3 trials had a"
        " setting and seeds that another of these runs has as well: they count once."
    )
    assert merged.notes == [note]
    assert note in merged.report.read_text()
    table = merged_table(merged)
    assert table.iloc[9].tolist() == ["0010", names[1], "0002", True]
    assert table[~table["counted"]].values.tolist() == [
        ["0003", names[1], "0001", False],
        ["0006", names[1], "0004", False],
        ["0009", names[1], "0007", False],
    ]
    assert (merged.paths.tables / "merged.csv").exists()
    assert "merged of" in compare_runs([merged, first]).notes[0]
    assert study.space == {"slope": [1, 2, 3]}


def test_a_merged_run_goes_on_is_extended_and_replayed(tmp_path: Path) -> None:
    (first, study), (second, _) = grid(tmp_path, 2), grid(tmp_path, [2, 3])
    merged = merge(first, second, results=tmp_path)
    same = resume(merged, study, backend="inline")
    assert same.trials.equals(merged.trials)
    longer = extend(merged, study, seeds=1, backend="inline")
    assert values(longer) == {(s, n): s * 3 + n / 100 for s in (1, 2, 3) for n in range(5)}
    of_second = merged_table(longer).query("run == @second.paths.root.name")["trial"].tolist()
    assert not any(epoch.differences for epoch in replay(study, longer, of_second[0]))


def test_what_one_run_lacks_the_other_has_and_what_both_lack_is_trained(tmp_path: Path) -> None:
    study = small_study(seeds=3, seeds_per_trial=1)
    cut = []
    for rows in (12, 22):
        paths = prepared(study, tmp_path)
        assert crash_after(rows, study, paths)
        cut.append(load_run(paths.root))
    assert cut[0].trials["status"].tolist() == ["completed", "completed", "unfinished"]
    merged = merge(*cut, results=tmp_path)
    assert merged.trials["status"].tolist() == ["completed"] * 4 + ["unfinished"]
    whole = resume(merged, study, backend="inline")
    assert values(whole) == values(trained(study, tmp_path))


def test_searches_with_seeds_of_their_own_are_one_with_all_their_trials(tmp_path: Path) -> None:
    runs = []
    for seed in (0, 1):
        study = searched_study(
            search=Random(trials=4, seed=seed), scheduler=None, confirm=Confirm(top=1, seeds=2)
        )
        runs.append((trained(study, tmp_path), study))
    (first, study), (second, _) = runs
    merged = merge(first, second, results=tmp_path)
    search = merged.phase("search").trials
    assert search["x"].tolist() == [
        *first.phase("search").trials["x"],
        *second.phase("search").trials["x"],
    ]
    assert (merged.spec["trials"], len(merged.phase("confirm").trials)) == (8, 2)
    more = extend(merged, study, trials=1, backend="inline")
    assert more.phase("search").trials["x"].nunique() == 9


def test_the_same_search_twice_counts_once(tmp_path: Path) -> None:
    study = searched_study(search=Random(trials=4), scheduler=None, confirm=None)
    first, second = trained(study, tmp_path), trained(study, tmp_path)
    merged = merge(first, second, results=tmp_path)
    assert merged.trials["x"].tolist() == first.trials["x"].tolist()
    assert merged.spec["trials"] == 4
    assert resume(merged, study, backend="inline").trials.equals(merged.trials)


def test_what_was_left_out_stays_so(tmp_path: Path) -> None:
    (first, study), (second, _) = grid(tmp_path, 2), grid(tmp_path, 2)
    out = drop(first, "0001")
    merged = merge(out, second, results=tmp_path)
    assert len(values(merged)) == 6, "the other run has the seed that is left out here"
    assert merged.dropped["trial"].tolist() == ["0001"]
    assert len(resume(merged, study, backend="inline").trials) == 6


def other(config: Any, seeds: Any, resume: Any = None) -> Any:
    yield from scores(config, seeds, resume)


def test_all_differences_are_said_and_nothing_is_written(tmp_path: Path) -> None:
    first, _ = grid(tmp_path / "a", 2)
    second, _ = grid(tmp_path / "b", 2, epochs=4, space={"slope": [1, 2]})
    with pytest.raises(StudyError) as refused:
        merge(first, second, first, results=tmp_path / "c")
    said = str(refused.value)
    assert f"{first.paths.root} is given more than once." in said
    assert f"epochs: 3 ({first.paths.root.name}), 4 (" in said
    assert "space: {" in said
    assert not (tmp_path / "c").exists()
    with pytest.raises(StudyError, match="give two runs or more"):
        merge(first, results=tmp_path / "c")


def test_whole_numbers_and_floats_are_two_studies(tmp_path: Path) -> None:
    first, _ = grid(tmp_path / "a", 2)
    second, _ = grid(tmp_path / "b", 2, space={"slope": [1.0, 2.0, 3.0]})
    with pytest.raises(StudyError, match=r"space: .*\[1, 2, 3\].*\[1\.0, 2\.0, 3\.0\]"):
        merge(first, second, results=tmp_path)


def test_runs_of_other_code_are_merged_where_that_is_accepted(tmp_path: Path) -> None:
    first, _ = grid(tmp_path, 2)
    second, _ = grid(tmp_path, [2, 3], trainable=other)
    with pytest.raises(StudyError, match=r"code: that of .*--accept-code-change .* merges them"):
        merge(first, second, results=tmp_path)
    merged = merge(first, second, results=tmp_path, accept_code_change=True)
    assert "Numbers of 2 versions of the code are pooled in this run" in " ".join(merged.notes)
    assert {file.name for file in merged.paths.code.iterdir()} == {
        file.name for run in (first, second) for file in run.paths.code.iterdir()
    }


def test_seeds_that_were_trained_together_count_whole_or_not_at_all(tmp_path: Path) -> None:
    first = trained(small_study(seeds=2), tmp_path)
    second = trained(small_study(seeds=[1, 2]), tmp_path)
    with pytest.raises(StudyError, match=r"trial 0001 of .* has seeds 1 in common with 0001 of"):
        merge(first, second, results=tmp_path)


def test_seeds_that_stop_themselves_are_those_of_one_run(tmp_path: Path) -> None:
    runs = [trained(settling(), tmp_path) for _ in range(2)]
    with pytest.raises(StudyError, match="their seeds stop themselves"):
        merge(*runs, results=tmp_path)


def test_the_record_says_where_each_trial_comes_from(tmp_path: Path) -> None:
    (first, _), (second, _) = grid(tmp_path, 1), grid(tmp_path, [1])
    merged = merge(first, second, results=tmp_path)
    spec = json.loads(merged.paths.study.read_bytes())
    assert [each["folder"] for each in spec["merged"]] == [
        str(run.paths.root) for run in (first, second)
    ]
    assert spec["merged"][1]["trials"] == {"0001": "0004", "0002": "0005", "0003": "0006"}
    assert [session.get("run") for session in spec["sessions"]][-1] is None
    assert len(spec["sessions"]) == 3
