"""What a grid cannot compare is said before and after, with what compares it."""

from pathlib import Path

from branching_studies import LISTS, branching_study
from inline_runs import run

from analysis.report.sections.opening import opening
from analysis.stats.findings import find
from tuning import Compare, Grid, Report
from tuning.spec.plan import plan_notes

GRID = {"space": LISTS, "search": Grid(), "seeds": 9}
SAID = (
    "model forest and mean are not compared with svm, for no two settings differ in model alone:"
    " Report(compare=Compare(parameter='model', baseline='svm')) in the study compares them, as"
    " compare_arms(run, 'model') does afterwards."
)


def test_plan_and_report_say_which_branches_are_not_compared(tmp_path: Path) -> None:
    study = branching_study(**GRID)
    assert SAID in plan_notes(study)
    assert SAID in opening(find(run(study, tmp_path))).warnings


def test_what_is_compared_is_not_noted(tmp_path: Path) -> None:
    compare = Compare(parameter="model", baseline="svm")
    arms = branching_study(**GRID, report=Report(compare=compare))
    assert SAID not in plan_notes(arms)
    assert SAID not in opening(find(run(arms, tmp_path))).warnings
    assert SAID not in plan_notes(branching_study())  # a search: no grid
    alike = {"rate": [0.1, 0.2], "model": {"mean": {}, "forest": {}}}
    notes = plan_notes(branching_study(**GRID | {"space": alike}))
    assert not any("not compared" in note for note in notes)


def test_one_branch_without_parameters_is_compared_with_another() -> None:
    space = {"model": {"mean": {}, "least": {}, "svm": {"C": [1, 10]}}}
    notes = plan_notes(branching_study(**GRID | {"space": space}))
    (note,) = (each for each in notes if "not compared" in each)
    assert note.startswith("model svm is not compared with mean,")


def test_a_value_that_valid_leaves_without_a_partner_is_noted() -> None:
    search = Grid(valid=lambda params: params["a"] == params["b"])
    study = branching_study(**GRID | {"space": {"a": [1, 2], "b": [1, 2]}, "search": search})
    said = [note for note in plan_notes(study) if "not compared" in note]
    assert [note.split(",")[0] for note in said] == [
        "a 2 is not compared with 1",
        "b 2 is not compared with 1",
    ]
