"""Metrics so large or so small that their squares are no floats."""

from pathlib import Path

import pytest
from run_folders import Trial, scores, write_run

from analysis import Run, correlations, importances, load_run, summary_table
from analysis.stats.paired import best_vs_rest, comparison_table

VALUES = {1: [1.0, 2.0, 6.0], 2: [2.0, 4.0, 3.0], 3: [4.0, 5.0, 9.0], 4: [8.0, 7.0, 9.0]}
SCALES = pytest.mark.parametrize("unit", [1e-300, 1e-170, 1e170, 1e300])


def scaled(folder: Path, unit: float) -> Run:
    trials = [
        Trial(params={"width": width}, epochs=scores([unit * each for each in row]), seeds=range(3))
        for width, row in VALUES.items()
    ]
    space = {"width": {"values": list(VALUES)}}
    return load_run(write_run(folder, trials, space=space, seeds=[0, 1, 2]))


@SCALES
def test_spreads_and_intervals_are_scaled_with_the_values(tmp_path: Path, unit: float) -> None:
    first = summary_table(scaled(tmp_path, unit)).loc[0]
    # 1, 2 and 6: variance 7, and Student's t of two degrees of freedom is 4.302653 at 95 %.
    numbers = ["accuracy_mean", "accuracy_std", "ci_low", "ci_high"]
    width = 4.30265273 * (7 / 3) ** 0.5
    wanted = [3.0, 7**0.5, 3 - width, 3 + width]
    assert [first[name] / unit for name in numbers] == pytest.approx(wanted, rel=1e-8)


@SCALES
def test_differences_are_judged_as_those_of_plain_numbers(tmp_path: Path, unit: float) -> None:
    plain, run = scaled(tmp_path / "plain", 1.0), scaled(tmp_path / "run", unit)
    lengths = ["difference", "ci_low", "ci_high", "corrected_low", "corrected_high"]
    for of in (comparison_table, lambda run: best_vs_rest(run, student=True)):
        wanted, table = of(plain), of(run)
        table[lengths] /= unit
        for name in [*lengths, "p", "p_corrected"]:
            assert table[name].tolist() == pytest.approx(wanted[name].tolist(), nan_ok=True)


@SCALES
def test_associations_do_not_depend_on_the_unit(tmp_path: Path, unit: float) -> None:
    plain, run = scaled(tmp_path / "plain", 1.0), scaled(tmp_path / "run", unit)
    for of in (correlations, importances):
        columns = of(plain).select_dtypes("number").columns
        assert of(run)[columns].to_numpy() == pytest.approx(of(plain)[columns].to_numpy(), nan_ok=1)
