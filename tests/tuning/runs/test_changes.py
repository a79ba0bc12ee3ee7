"""What is asked of a run that goes on: less, more, or the confirmation at once."""

from pathlib import Path
from typing import Any

import pytest
from inline_runs import crash_after, prepared
from searched_studies import searched_study
from small_studies import small_study

from analysis import Run, load_run
from tuning import Confirm, Random, Study, StudyError, confirm, extend, resume


def cut_short(study: Study, results: Path, rows: int = 45) -> Path:
    """The folder of a run of ``study`` that crashed after so many rows."""
    paths = prepared(study, results)
    assert crash_after(rows, study, paths)
    return paths.root


def search(**changes: Any) -> Study:
    values = {"search": Random(trials=12), "scheduler": None, "confirm": None}
    return searched_study(**values | changes)


def ends(run: Run) -> dict[str, dict[str, int]]:
    return {
        str(phase): trials["status"].value_counts().to_dict()
        for phase, trials in run.trials.groupby("phase")
    }


def test_the_best_are_confirmed_at_once_and_the_search_goes_on_later(tmp_path: Path) -> None:
    study = search(confirm=Confirm(top=2, seeds=3))
    folder = cut_short(study, tmp_path)
    now = confirm(folder, study, now=True, backend="inline")
    assert ends(now) == {"search": {"completed": 4, "unfinished": 1}, "confirm": {"completed": 2}}
    assert now.recorded["sessions"][-1]["confirm_now"]
    best = now.trials[now.trials["phase"] == "search"].merge(
        now.epochs[now.epochs["epoch"] == 8], on="trial"
    )
    top = set(best.nlargest(2, "score")["x"])
    assert set(now.trials[now.trials["phase"] == "confirm"]["x"]) == top
    later = resume(folder, study, backend="inline")
    assert ends(later)["search"] == {"completed": 12}


def test_a_confirmation_at_once_that_was_cut_off_goes_on_when_it_is_asked_for_again(
    tmp_path: Path,
) -> None:
    study = search(confirm=Confirm(top=2, seeds=3))
    folder = cut_short(study, tmp_path)
    confirm(folder, study, now=True, backend="inline")
    rows = (folder / "trials.jsonl").read_text().splitlines(keepends=True)
    (folder / "trials.jsonl").write_text("".join(rows[:-1]))  # the end of the last one
    again = confirm(folder, study, now=True, backend="inline")
    assert ends(again)["confirm"] == {"completed": 2}
    assert ends(again)["search"]["completed"] == 4


def test_nothing_is_confirmed_before_a_trial_is_complete(tmp_path: Path) -> None:
    study = search(confirm=Confirm(top=2, seeds=3))
    folder = cut_short(study, tmp_path, rows=4)
    before = (folder / "study.json").read_bytes()
    with pytest.raises(StudyError, match=r"no trial of .* is complete, so there is nothing to"):
        confirm(folder, study, now=True, backend="inline")
    assert (folder / "study.json").read_bytes() == before


def test_a_search_that_was_planned_too_large_is_shortened(tmp_path: Path) -> None:
    study = search()
    folder = cut_short(study, tmp_path)
    fewer = resume(folder, study, trials=7, backend="inline")
    assert ends(fewer) == {"search": {"completed": 7}}
    assert fewer.spec["trials"] == 7
    assert resume(folder, study, backend="inline").spec["trials"] == 7


def test_planned_settings_are_taken_away_but_none_that_has_begun(tmp_path: Path) -> None:
    study = search()
    folder = cut_short(study, tmp_path)
    with pytest.raises(StudyError, match=r"that is 3 trials, but 5 have begun, and nothing is del"):
        extend(folder, study, trials=-9, backend="inline")
    fewer = extend(folder, study, trials=-7, backend="inline")
    assert ends(fewer) == {"search": {"completed": 5}}
    more = extend(folder, study, trials=1, backend="inline")
    assert ends(more) == {"search": {"completed": 6}}


def test_a_grid_is_given_more_values_and_keeps_what_was_trained(tmp_path: Path) -> None:
    study = small_study()
    folder = prepared(study, tmp_path).root
    first = resume(folder, study, backend="inline")
    before = (folder / "epochs.jsonl").read_bytes()
    more = extend(folder, study, values={"slope": [1, 5, 2, 3]}, backend="inline")
    assert (folder / "epochs.jsonl").read_bytes().startswith(before)
    assert len(first.trials) == 3
    assert sorted(more.trials["slope"]) == [1, 2, 3, 5]
    assert more.trials["trial"].is_unique
    new = more.epochs.merge(more.trials[["trial", "slope"]], on="trial")
    last = new[(new["slope"] == 5) & (new["epoch"] == 3)]["score"].tolist()
    assert last == [15.0, 15.01]
    assert len(load_run(folder).trials) == len(resume(folder, study, backend="inline").trials)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"slope": [1, 2]}, r"slope=\[1, 2\] must be a list with the values that there are, 1, 2"),
        ({"slope": 4}, r"slope=4 must be a list"),
        ({"slopes": [1]}, r"unknown key 'slopes'; did you mean 'slope'\?"),
    ],
)
def test_values_of_a_grid_are_added_to_alone(
    tmp_path: Path, values: dict[str, Any], problem: str
) -> None:
    study = small_study()
    folder = cut_short(study, tmp_path, rows=3)
    with pytest.raises(StudyError, match=problem):
        extend(folder, study, values=values, backend="inline")


def test_a_search_is_no_grid_and_a_grid_no_search(tmp_path: Path) -> None:
    found = search()
    with pytest.raises(StudyError, match="searched is no grid: values are added to a grid alone"):
        extend(cut_short(found, tmp_path), found, values={"x": [1]}, backend="inline")
    grid = small_study()
    folder = cut_short(grid, tmp_path, rows=3)
    for refused in ({"trials": 2}, {"trials": -1}):
        with pytest.raises(StudyError, match="small is a grid: it has a trial for every setting"):
            extend(folder, grid, **refused, backend="inline")
    with pytest.raises(StudyError, match="small is a grid"):
        resume(folder, grid, trials=2, backend="inline")
    with pytest.raises(StudyError, match="say by how much: --trials N"):
        extend(folder, grid, backend="inline")
