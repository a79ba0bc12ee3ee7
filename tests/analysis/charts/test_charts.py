"""What the pictures show, against literals; that what is drawn is valid Vega-Lite, small and always
the same.
"""

import numpy as np
import pandas as pd
import pytest
from report_pages import is_valid
from run_folders import Trial, scores, write_run, xor_like
from scipy import stats

from analysis import load_run, seed_table, summary_table
from analysis.charts import seeds, settings
from analysis.charts.boundaries import boundaries, raster_runs
from analysis.charts.curves import learning_curves, whole_ticks
from analysis.charts.layout import panels, shown_settings
from analysis.charts.pictures import OF_SETTINGS, draw
from analysis.charts.seeds import seed_dots
from analysis.charts.settings import heat_facts
from analysis.report.picture_files import write_picture
from analysis.stats.findings import find

SQUARE = {
    "surface": np.array([[[0.0, 0.0], [0.0, 1.0]], [[0.6, 0.6], [0.6, 0.6]]], dtype=np.float16),
    "surface_seeds": np.array([2, 0]),
    "points": np.array([[0.1, 0.2, 1.0], [0.3, 0.4, 0.0]], dtype=np.float32),
    "extent": np.array([-1.0, 1.0]),
}


def run_of(folder, *trials, **spec):
    return load_run(write_run(folder, trials, **spec))


def drawn(run, pictures=OF_SETTINGS):
    return draw(find(run), pictures)


def three_seeds(**options):
    return Trial(params={"width": 1}, epochs=scores([0.5, 0.75, 1.0]), **options)


def test_dots_of_one_step_stand_three_abreast_in_the_order_of_their_values(tmp_path):
    trial = Trial(
        params={"width": 1}, epochs=scores([0.0, 1.0, 0.999, 0.998, 0.997]), seeds=range(5)
    )
    run = run_of(tmp_path, trial)
    facts = seed_dots(run, seed_table(run), [0])
    assert facts["seed"].tolist() == [0, 4, 3, 2, 1]
    assert facts["y"].tolist() == [0, 0, 0, 0, 1]
    np.testing.assert_allclose(facts["x"] * 72, [0.5, 69.5, 70.5, 71.5, 69.5])
    assert facts["value"].tolist() == [0.0, 0.997, 0.998, 0.999, 1.0]


def test_no_dot_is_lost_and_none_covers_another(tmp_path):
    run = load_run(xor_like(tmp_path, seeds=50, epochs=2))
    facts = seed_dots(run, seed_table(run), list(range(12)))
    assert len(facts) == 600
    assert not facts.duplicated(["column", "row", "x", "y"]).any()
    assert list(dict.fromkeys(facts["column"])) == ["width 1", "width 2", "width 3"]
    assert list(dict.fromkeys(facts["row"])) == ["depth 0", "depth 1", "depth 2", "depth 3"]


def test_equal_values_still_stack(tmp_path):
    run = run_of(
        tmp_path, Trial(params={"width": 1}, epochs=scores([0.5, 0.5, 0.5, 0.5]), seeds=range(4))
    )
    facts = seed_dots(run, seed_table(run), [0])
    assert facts["y"].tolist() == [0, 0, 0, 1]
    assert facts["x"].between(0.5, 0.52).all()


def test_learning_curves_are_the_mean_and_the_t_interval_by_epoch(tmp_path):
    trial = Trial(
        params={"width": 2},
        epochs=[{"accuracy": [0.1, 0.3]}, {"accuracy": [0.5, 0.5]}],
        seeds=[0, 1],
    )
    running = Trial(
        params={"width": 1}, epochs=[{"accuracy": [0.9, 0.9]}], seeds=[0, 1], status="running"
    )
    facts = learning_curves(run_of(tmp_path, trial, running), [0, 1])
    low, high = stats.t.interval(0.95, 1, loc=0.2, scale=stats.sem([0.1, 0.3]))
    assert facts["label"].unique().tolist() == ["width 2"]
    np.testing.assert_allclose(
        facts[["epoch", "mean", "low", "high", "n"]],
        [[1, 0.2, low, high, 2], [2, 0.5, 0.5, 0.5, 2]],
    )


def test_the_curve_of_one_seed_has_no_band(tmp_path):
    facts = learning_curves(
        run_of(tmp_path, Trial(params={"width": 1}, epochs=scores([0.5]), seeds=[3])), [0]
    )
    assert facts["mean"].tolist() == [0.25, 0.5]
    assert facts[["low", "high"]].isna().all(axis=None)


def test_a_metric_of_the_last_epoch_alone_has_no_curve(tmp_path):
    late = [{"loss": 1.0}, {"loss": 0.5, "accuracy": [0.25, 0.75]}]
    run = run_of(tmp_path, Trial(params={"width": 1}, epochs=late, seeds=[0, 1]))
    assert learning_curves(run, [0])[["epoch", "mean", "n"]].to_numpy().tolist() == [[2, 0.5, 2]]
    assert [picture.name for picture in drawn(run)] == ["mean", "seeds"]


def test_long_curves_are_thinned_and_keep_their_end(tmp_path):
    facts = learning_curves(
        run_of(
            tmp_path,
            three_seeds(),
            Trial(params={"width": 2}, epochs=scores([0.4], 350), seeds=[0]),
        ),
        [0, 1],
    )
    of_the_second = facts[facts["label"] == "width 2"]
    assert len(of_the_second) == 88
    assert of_the_second["epoch"].max() == 350


def test_shares_come_with_their_wilson_interval(tmp_path):
    facts = heat_facts(
        run_of(tmp_path, three_seeds(), target=0.7),
        summary_table(run_of(tmp_path, three_seeds(), target=0.7)),
    )
    interval = stats.binomtest(2, 3).proportion_ci(method="wilson")
    assert facts.loc[0, ["solved", "solved_low", "solved_high"]].tolist() == pytest.approx(
        [2 / 3, interval.low, interval.high]
    )
    assert facts["label"].tolist() == ["width 1"]  # the setting without a result is not drawn


def test_two_parameters_make_a_grid_and_others_a_list(tmp_path):
    pair = {"width": {"values": [1, 2]}, "depth": {"values": [0]}}
    trial = Trial(params={"width": 1, "depth": 0}, epochs=scores([0.5]), seeds=[0])
    assert panels(run_of(tmp_path / "2", trial, space=pair)).loc[0].tolist() == [
        "width 1",
        "depth 0",
        "width 1",
        "depth 0",
        "width 1, depth 0",
    ]
    assert panels(run_of(tmp_path / "1", three_seeds())).loc[0].tolist() == [
        "width 1",
        "",
        "",
        "width 1",
        "width 1",
    ]


def test_two_ranges_are_no_grid(tmp_path):
    space = {name: {"kind": "uniform", "low": 0, "high": 1} for name in "ab"}
    trials = [
        Trial(params={"a": value, "b": 1 - value}, epochs=scores([value, 1.0]), seeds=[0, 1])
        for value in (0.1, 0.7)
    ]
    run = run_of(tmp_path, *trials, space=space, search={"kind": "random"})
    assert panels(run)["column"].tolist() == ["a 0.1, b 0.9", "a 0.7, b 0.3"]
    (mean, *_) = drawn(run, [settings.draw])
    assert mean.note.endswith("with its 95 % interval.")


@pytest.mark.parametrize(
    ("epochs", "ticks"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([2], [2]),
        (range(1, 11), [2, 4, 6, 8, 10]),
        (range(1, 101), [20, 40, 60, 80, 100]),
        ([3, 7], [3, 4, 5, 6, 7]),
    ],
)
def test_epochs_are_marked_once_each(epochs, ticks):
    assert whole_ticks(pd.Series(epochs)) == ticks


def test_the_note_of_the_dots_says_how_wide_their_steps_are(tmp_path):
    run = run_of(tmp_path, Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.98])))
    (dots,) = drawn(run, [seeds.draw])
    assert "falls into one of 24 steps, each 0.02 wide" in dots.note  # (0.98 - 0.5) / 24


def test_many_settings_are_cut_to_the_best_and_the_note_says_so(tmp_path):
    space = {"rate": {"values": list(range(40))}}
    trials = [
        Trial(params={"rate": rate}, epochs=scores([rate / 40, rate / 40]), seeds=[0, 1])
        for rate in range(40)
    ]
    run = run_of(tmp_path, *trials, space=space)
    assert shown_settings(run, summary_table(run)) == list(range(16, 40))
    (dots,) = drawn(run, [seeds.draw])
    assert dots.note.endswith("The best 24 of 40 settings are shown.")
    worst = run_of(tmp_path, *trials, space=space, mode="min")
    assert shown_settings(worst, summary_table(worst)) == list(range(24))


def test_neighbours_of_one_step_are_one_rectangle():
    surface = np.array([[0.01, 0.02, 0.99], [0.5, 0.5, 0.5], [1.0, 0.0, 0.0]])
    expected = pd.DataFrame(
        [
            [0, 2, 0, 1, 0.05],
            [2, 3, 0, 1, 0.95],
            [0, 3, 1, 2, 0.55],
            [0, 1, 2, 3, 0.95],
            [1, 3, 2, 3, 0.05],
        ],
        columns=["x0", "x1", "y0", "y1", "probability"],
    )
    pd.testing.assert_frame_equal(raster_runs(surface, 0.0, 3.0), expected, check_dtype=False)


def test_a_solved_and_an_unsolved_network_are_chosen_and_named(tmp_path):
    found = boundaries(*with_seeds(run_of(tmp_path, three_seeds(arrays=SQUARE), target=0.99)))
    assert [boundary.title for boundary in found] == [
        "width 1, seed 2: accuracy 1 (solved)",
        "width 1, seed 0: accuracy 0.5 (not solved)",
    ]
    assert found[0].raster.to_numpy().tolist() == [
        [-1, 1, -1, 0, 0.05],
        [-1, 0, 0, 1, 0.05],
        [0, 1, 0, 1, 0.95],
    ]
    assert found[0].points["label"].tolist() == ["class 1", "class 0"]
    np.testing.assert_allclose(found[0].points[["x", "y"]], [[0.1, 0.2], [0.3, 0.4]], rtol=1e-6)


def test_without_a_word_on_solved_the_best_and_the_worst_are_shown(tmp_path):
    found = boundaries(*with_seeds(run_of(tmp_path, three_seeds(arrays=SQUARE), mode="min")))
    assert [boundary.title for boundary in found] == [
        "width 1, seed 0: accuracy 0.5",
        "width 1, seed 2: accuracy 1",
    ]


def test_a_single_recorded_network_is_shown_once(tmp_path):
    one = {**SQUARE, "surface": SQUARE["surface"][:1], "surface_seeds": np.array([2])}
    assert len(boundaries(*with_seeds(run_of(tmp_path, three_seeds(arrays=one), target=0.99)))) == 1


def test_trials_without_surfaces_get_no_such_picture(tmp_path):
    run = run_of(tmp_path, three_seeds(arrays={"points": SQUARE["points"]}))
    assert boundaries(*with_seeds(run)) == []
    assert [picture.name for picture in drawn(run)] == ["mean", "seeds", "curves"]


def with_seeds(run):
    return run, seed_table(run)


def spaces():
    one = {"width": {"values": [1, 2]}}
    two = {**one, 'de"pth.[0]': {"values": ["</script>", "b"]}}
    return [one, two, {**two, "rate": {"kind": "loguniform", "low": 1e-3, "high": 1}}]


@pytest.mark.parametrize(
    ("space", "count"), list(zip(spaces(), [1, 4, 4], strict=True)), ids=["one", "two", "three"]
)
def test_every_picture_is_valid_and_can_be_drawn(tmp_path, space, count):
    setting = {key: domain.get("values", [0.01])[0] for key, domain in space.items()}
    trials = [
        Trial(
            params={**setting, "width": width},
            epochs=scores(np.linspace(0.4, 1, count)),
            seeds=range(count),
        )
        for width in (1, 2)
    ]
    found = drawn(run_of(tmp_path, *trials, space=space, target=0.99))
    assert [picture.name for picture in found] == ["mean", "solved", "seeds", "curves"]
    for picture in found:
        assert is_valid(picture)
        svg, png = write_picture(tmp_path / "charts", picture)
        assert "NaN" not in svg.read_text()
        assert png.read_bytes().startswith(b"\x89PNG")


def test_the_pictures_of_a_full_grid_say_what_they_show(tmp_path):
    run = load_run(xor_like(tmp_path, seeds=10, epochs=3))
    found = {picture.name: picture for picture in drawn(run)}
    assert list(found) == ["mean", "solved", "seeds", "curves", "boundaries"]
    svgs = {
        name: write_picture(tmp_path / "charts", picture)[0].read_text()
        for name, picture in found.items()
    }
    for name, words in {
        "mean": ["width", "depth", "mean accuracy"],
        "solved": ["share solved"],
        "seeds": ["width 3", "depth 0", "accuracy"],
        "curves": ["epoch", "depth 3"],
        "boundaries": ["(solved)", "(not solved)", "first coordinate", "probability of class 1"],
    }.items():
        assert [word for word in words if word not in svgs[name]] == []
    mean = summary_table(run).loc[0, "accuracy_mean"]
    assert f">{mean:.3f}<" in svgs["mean"]


def test_a_thousand_seeds_a_setting_stay_a_small_file(tmp_path):
    run = load_run(xor_like(tmp_path, seeds=1_000, epochs=1))
    (dots,) = drawn(run, [seeds.draw])
    assert len(dots.spec["datasets"]["facts"]) == 12_000
    svg, _ = write_picture(tmp_path / "charts", dots)
    assert svg.stat().st_size < 1_500_000
