"""Seeds that a setting lost: what is left of it wins nothing, unless it would with these counted as
the worst.
"""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import Trial, scores, write_run

from analysis import best_vs_rest, comparison_table, load_run, summary_table
from analysis.report.claims import claim
from analysis.report.compare_page import sentences
from analysis.stats.arms import compare_arms
from analysis.stats.findings import find
from analysis.stats.lost import worst
from analysis.stats.runs import compare_runs

SEEDS = range(12)
SPREAD = np.linspace(-0.004, 0.004, len(SEEDS))


def run_of(folder, means, lost, phase=None, status="diverged", **spec):
    """A run of one trial per setting and seed: ``means`` by width, of which ``lost`` says how many
    seeds each lost.
    """
    trials = [
        Trial(
            name=f"{'c' if phase else ''}{width}{seed:03}",
            phase=phase,
            params={"width": width},
            seeds=[seed],
            epochs=scores([mean + SPREAD[(7 * width + seed * 5) % 12]])[
                : 1 if seed < lost.get(width, 0) else 2
            ],
            status=status if seed < lost.get(width, 0) else "completed",
        )
        for width, mean in means.items()
        for seed in SEEDS
    ]
    if phase:
        trials += [
            Trial(name=f"{width:04}", params={"width": width}, seeds=[99], epochs=scores([0.5]))
            for width in means
        ]
        spec |= {
            "search": {"kind": "random"},
            "confirm": {"top": len(means), "seeds": len(SEEDS), "baselines": []},
        }
    return load_run(
        write_run(Path(folder), trials, space={"width": {"values": list(means)}}, **spec)
    )


@pytest.mark.parametrize(("phase", "status"), [(None, "diverged"), ("confirm", "failed")])
def test_a_setting_that_lost_half_of_its_seeds_is_no_winner(tmp_path, phase, status):
    sound = claim(find(run_of(tmp_path / "sound", {1: 0.97, 2: 0.93}, {}, phase)))
    answer = claim(find(run_of(tmp_path / "lost", {1: 0.97, 2: 0.93}, {1: 6}, phase, status)))
    name = "Trial 0001" if phase else "Width 1"
    assert (
        f"{name} lost 6 of 12 seeds: before anything is called better, a lost seed counts as the"
        " worst (accuracy 0)." in answer
    )
    assert ("No winner" if phase else "not distinguishable from 1 other setting") in answer
    assert ("The winner on fresh seeds" if phase else "best setting") in sound
    assert "lost" not in sound


def test_tables_and_files_say_how_many_seeds_were_lost(tmp_path):
    run = run_of(tmp_path / "grid", {1: 0.97, 2: 0.93}, {1: 6})
    assert summary_table(run)[["n", "lost"]].to_numpy().tolist() == [[6, 6], [12, 0]]
    for table in (comparison_table(run), best_vs_rest(run), compare_arms(run, "width")):
        assert table["lost"].tolist() == [6]
        assert not table["supported"].any()
    assert "lost" not in summary_table(run_of(tmp_path / "sound", {1: 0.97, 2: 0.93}, {}))
    found = find(run_of(tmp_path / "search", {1: 0.97, 2: 0.93}, {1: 6}, "confirm")).search
    assert found.confirmed["confirmed_lost"].tolist() == [6, 0]


@given(
    st.integers(1, 11),
    st.sampled_from([0.02, 0.3]),
    st.sampled_from(["max", "min"]),
    st.sampled_from([1, 30]),
    st.booleans(),
)
def test_survivors_win_nothing_that_they_would_not_win_with_the_lost_ones_as_the_worst(
    lost, gap, mode, scale, fresh
):
    sign = 1 if mode == "max" else -1
    means = {1: scale * (0.5 + sign * gap), 2: scale * 0.5}
    with tempfile.TemporaryDirectory() as folder:
        run = run_of(folder, means, {1: lost}, "confirm" if fresh else None, mode=mode).phase(
            "confirm" if fresh else "search"
        )
    low = worst([run], "accuracy")
    seen = run.epochs["accuracy"]
    assert sign * low < sign * (seen.min() if mode == "max" else seen.max())
    row = best_vs_rest(run, student=fresh).iloc[0]
    ours = [means[1] + SPREAD[(7 + seed * 5) % 12] for seed in SEEDS]
    counted = np.where(np.arange(12) < lost, low, ours).mean()
    if row["supported"]:
        assert sign * counted > sign * means[2]


def test_the_setting_that_kept_its_seeds_is_not_kept_from_winning(tmp_path):
    answer = claim(find(run_of(tmp_path, {1: 0.97, 2: 0.93}, {2: 3}, "confirm")))
    assert "The winner on fresh seeds is trial 0001" in answer
    assert "Trial 0002 lost 3 of 12 seeds" in answer


def test_seeds_that_all_settings_lost_speak_against_none(tmp_path):
    answer = claim(find(run_of(tmp_path, {1: 0.97, 2: 0.93}, {1: 3, 2: 3}, "confirm")))
    assert "The winner on fresh seeds is trial 0001" in answer


def test_runs_beside_each_other_count_lost_seeds_too(tmp_path):
    runs = [
        run_of(tmp_path / name, {1: mean}, lost)
        for name, mean, lost in (("a", 0.93, {}), ("b", 0.97, {1: 3}))
    ]
    found = compare_runs(runs)
    assert found.runs["lost"].tolist() == [0, 3]
    assert not found.differences["supported"].any()
    assert "no evidence of a difference where lost seeds count as the worst" in sentences(found)[0]
    assert "The setting of b lost 3 of 12 seeds" in found.notes[-1]
