"""The report of a search: its sentence, its sections, pictures and files; at every stage of a run,
and for any study.
"""

import base64
import zlib

import numpy as np
import pandas as pd
import pytest
from report_pages import HOSTILE, files_of, is_valid, page_of
from run_folders import Trial, searched_like, write_run
from search_runs import ASHA, CONFIRM, FIVE, RANGE, SEARCH, four, fresh, run_of, sentence, tried

from analysis import load_run, status_table, write_report
from analysis.charts.losses import metric_curves
from analysis.charts.overlays import GREYS, outlined, overlay_facts, palette
from analysis.charts.pictures import OF_SEARCHES, draw
from analysis.report.claims.words import missing
from analysis.report.sections.confirmed import confirmed
from analysis.report.sections.leaderboard import readable_board
from analysis.report.sections.opening import searched_by
from analysis.stats.findings import find
from analysis.stats.predictions import png

GAIN = np.array([0.05, 0.06, 0.04, 0.05, 0.055])
TWO = {**CONFIRM, "baselines": []}
PICTURES = [
    "confirmed",
    "overlays",
    "losses",
    "scores",
    "trials",
    "rungs",
    "trials_by_loss",
    "progress",
    "parameters",
]
RELATIONS = ["correlations", "importances", "parallel"]


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def lungs(tmp_path_factory):
    """The folder of the search for lungs, and its page."""
    folder = searched_like(tmp_path_factory.mktemp("lungs"))
    return folder, page_of(folder)


@pytest.fixture(scope="module")
def lungs_pictures(lungs):
    return pictures_of(load_run(lungs[0]))


def pictures_of(run):
    return {picture.name: picture for picture in draw(find(run), OF_SEARCHES)}


def test_without_confirmation_no_winner_is_claimed(tmp_path):
    assert (
        sentence(run_of(tmp_path, *four(), scheduler=ASHA))
        == "The best search score is accuracy 0.6, n = 1: trial 0002 (rate 0.2). It is the best of"
        " 2 settings, picked by the same numbers, so it is too good on average; no winner is"
        " claimed, fresh seeds would tell. 2 of 4 planned trials completed; 1 was stopped early"
        " by design; 1 diverged stands behind no number here."
    )
    assert "its confirmation on fresh seeds is still to come" in sentence(
        run_of(tmp_path / "planned", *four(), confirm=CONFIRM)
    )


def test_one_setting_is_the_best_of_none(tmp_path):
    assert (
        "n = 1: trial 0001 (rate 0.1). No other setting has one; no winner is claimed"
        in sentence(run_of(tmp_path, tried("0001", 0.1, [0.5])))
    )


def test_equal_best_scores_are_said(tmp_path):
    run = run_of(tmp_path, *(tried(f"{number:04d}", number / 10, [0.5]) for number in range(1, 5)))
    assert "accuracy 0.5, n = 1, shared with 3 other settings: trial 0001 (rate 0.1)" in sentence(
        run
    )


def test_a_winner_is_named_where_it_is_apart_from_all_others(tmp_path):
    tests = {"test_accuracy": (FIVE - 0.1).tolist(), "test_accuracy_min": (FIVE - 0.5).tolist()}
    run = run_of(
        tmp_path,
        *four(),
        fresh("c0001", 0.1, FIVE),
        fresh("c0002", 0.2, FIVE + GAIN, **tests),
        confirm=TWO,
    )
    assert sentence(run).startswith(
        "The winner on fresh seeds is trial 0002 (rate 0.2): accuracy 0.855 [0.829, 0.876], n = 5;"
        " better than the other confirmed setting (+0.051; the corrected interval excludes 0). Its"
        " search score, 0.600 with n = 1, did not shrink (+0.255) on fresh seeds. On the test data"
        " it has test_accuracy 0.704 on average (0.29 at the least). 2 of 4"
    )


def test_lower_is_better_and_a_score_that_grew(tmp_path):
    confirmed = [fresh("c0001", 0.1, FIVE), fresh("c0002", 0.2, FIVE + GAIN)]
    text = sentence(run_of(tmp_path, *four(), *confirmed, confirm=TWO, mode="min"))
    assert "The winner on fresh seeds is trial 0001 (rate 0.1)" in text
    assert "Its search score, 0.400 with n = 1, grew by 0.404 on fresh seeds." in text


def test_settings_that_cannot_be_told_apart_are_named(tmp_path):
    confirmed = [
        fresh("c0001", 0.1, FIVE),
        fresh("c0002", 0.2, FIVE + GAIN),
        fresh("c0003", 0.5, (FIVE + GAIN)[::-1]),
    ]
    assert sentence(run_of(tmp_path, *four(), *confirmed, confirm=CONFIRM)).startswith(
        "No winner: trial 0002 (rate 0.2) has the best mean on fresh seeds, accuracy 0.855 [0.826,"
        " 0.876], n = 5, but cannot be told apart from published best (no evidence of a difference:"
        " -0.00439 to +0.00439, n = 5); it is better than trial 0001 (+0.051, corrected interval"
        " +0.0379 to +0.0641, n = 5)."
    )


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (FIVE, FIVE, "cannot be told apart from trial 0002 (no difference at any seed, n = 5)"),
        (
            FIVE[:1],
            FIVE[:1] - 0.1,
            (
                "accuracy 0.800, n = 1, but cannot be told apart from trial 0002 (too few results,"
                " n = 1)"
            ),
        ),
        (
            FIVE,
            FIVE[:1] - 0.5,
            "cannot be told apart from trial 0002 (too few results, n = 1 unpaired)",
        ),
    ],
)
def test_ties_and_single_seeds_support_no_claim(tmp_path, first, second, expected):
    planned = {**TWO, "seeds": len(second)}
    run = run_of(
        tmp_path, *four(), fresh("c0001", 0.1, first), fresh("c0002", 0.2, second), confirm=planned
    )
    assert expected in sentence(run)
    assert sentence(run).startswith("No winner: ")


def test_no_winner_before_all_are_confirmed(tmp_path):
    running = Trial(
        name="c0003",
        phase="confirm",
        params={"rate": 0.5},
        epochs=[],
        status="running",
        seeds=range(5),
    )
    for place, more in enumerate(([], [running])):
        run = run_of(
            tmp_path / f"{place}",
            *four(),
            fresh("c0001", 0.1, FIVE),
            fresh("c0002", 0.2, FIVE + GAIN),
            *more,
            confirm=CONFIRM,
        )
        assert sentence(run).startswith("So far the best on fresh seeds is trial 0002")
        assert (
            "The confirmation is not complete, 1 setting still to be trained on all fresh seeds:"
            " no winner is claimed." in sentence(run)
        )
    assert (
        "Of the confirmation, 2 of 3 planned trials completed; 1 unfinished stands behind no number"
        " here." in sentence(run)
    )


def test_no_winner_before_all_seeds_of_a_setting_have_ended(tmp_path):
    """A trial of the confirmation may be one seed of several."""
    for place, (seeds, expected) in enumerate([(5, "So far the best"), (3, "The winner")]):
        trials = [fresh("c0001", 0.1, FIVE), fresh("c0002", 0.2, FIVE[:3] + GAIN[:3] * 4)]
        run = run_of(tmp_path / f"{place}", *four(), *trials, confirm={**TWO, "seeds": seeds})
        assert sentence(run).startswith(f"{expected} on fresh seeds is trial 0002")


def test_a_best_mean_over_more_seeds_is_no_winner_over_one_that_is_better_seed_by_seed(tmp_path):
    first = np.array([0.5, 0.51, 0.49, 0.52, 0.50, 0.99, 0.99, 0.99])
    trials = [fresh("c0001", 0.1, first), fresh("c0002", 0.2, first[:5] + GAIN)]
    text = sentence(run_of(tmp_path, *four(), *trials, confirm=TWO))
    assert text.startswith("No winner: trial 0001 (rate 0.1) has the best mean on fresh seeds")
    assert "but is worse, seed by seed, than trial 0002 (-0.051, corrected interval" in text


def test_a_failed_confirmation_is_counted(tmp_path):
    failed = Trial(
        name="c0002",
        phase="confirm",
        params={"rate": 0.2},
        epochs=[],
        status="failed",
        error="no",
        seeds=range(5),
    )
    text = sentence(run_of(tmp_path, *four(), fresh("c0001", 0.1, FIVE), failed, confirm=TWO))
    assert text.startswith(
        "The only setting with a result on fresh seeds is trial 0001 (rate 0.1): accuracy 0.804"
    )
    assert text.endswith(
        "Of the confirmation, 1 of 2 planned trials completed; 1 failed stands behind no number"
        " here."
    )


def test_stopped_trials_are_not_missing(tmp_path):
    run = run_of(
        tmp_path,
        tried("0001", 0.1, [0.5]),
        tried("0002", 0.2, [0.5], status="pruned", rung=1),
        trials=2,
    )
    assert (
        missing(status_table(run))
        == "1 of 2 planned trials completed; 1 was stopped early by design"
    )


def test_a_full_report_has_every_section_and_file_in_order(lungs):
    folder, page = lungs
    text = page.text
    parts = [
        "The images of this study are generated phantoms, no X-rays", "Study lungs_unet",
        "Which U-Net outlines lungs best?", "No winner:",
        "generated chest phantoms (200 images, data seed 0); training 120",
        "5 settings with a search score, n = 1 each; 4 settings",
        "optuna, 40 trials, seed 0; stopped early by asha: one in 3 goes on at epochs 2 and 6;"
        " confirmed: the best 3, and published best",
        "Trials diverge with learning_rate at or above",
        "Settings trained again come first, ranked by",
        "Settings trained again on seeds",
        "Prediction and truth on test images", "Which parameters matter",
        "What became of the trials that reached each rung",
        "Epochs and seconds", "Errors",
        "Only completed trials have a search score",
    ]  # fmt: skip
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert text.startswith("The images of this study are generated phantoms")
    report = folder / "report"
    written = set(files_of(report))
    tables = [
        "leaderboard.csv",
        "leaderboard.tex",
        "leaderboard.md",
        "confirmed.csv",
        "rungs.csv",
        "cost_table.csv",
        "seeds.csv",
        "statuses.csv",
        "health.csv",
        "correlations.csv",
        "correlations.tex",
        "correlations.md",
        "importances.csv",
    ]
    assert written == {".files.json", "index.html", *(f"tables/{name}" for name in tables)} | {
        f"charts/{name}.{kind}" for name in PICTURES + RELATIONS for kind in ("svg", "png")
    }
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    anchors = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert [
        link for link in links if not (link in written or link.removeprefix("#") in anchors)
    ] == []
    assert (report / "index.html").stat().st_size < 3_000_000


def test_the_files_hold_the_tables(lungs):
    folder, _ = lungs
    board = pd.read_csv(folder / "report" / "tables" / "leaderboard.csv", dtype={"trial": str})
    assert len(board) == 41
    assert board["search_score"].notna().sum() == 5
    assert {
        "confirmed_mean",
        "shrinkage",
        "test_f1_mean",
        "test_f1_min",
        "test_f1_std_mean",
    } <= set(board)
    seeds = pd.read_csv(folder / "report" / "tables" / "seeds.csv")
    assert seeds["phase"].value_counts().to_dict() == {"confirm": 20, "search": 5}


def test_pictures_are_valid(lungs_pictures):
    assert list(lungs_pictures) == PICTURES
    assert all(is_valid(picture) for picture in lungs_pictures.values())


def test_end_states_differ_by_more_than_colour(lungs_pictures):
    scales = lungs_pictures["rungs"].spec["layer"][-1]["encoding"]
    assert (
        scales["color"]["scale"]["domain"]
        == scales["shape"]["scale"]["domain"]
        == ["completed", "pruned", "diverged", "failed"]
    )
    assert len(set(scales["shape"]["scale"]["range"])) == 4


def test_data_of_another_source_are_reported_apart(tmp_path):
    values = {
        "test_dice": FIVE.tolist(),
        "extra_test_dice": (FIVE - 0.2).tolist(),
        "extra_test_dice_min": [0.5, 0.4, 0.5, 0.5, 0.5],
    }
    data = {"name": "X-rays", "extra_test_name": "<b>elsewhere</b>", "extra_test": 138}
    folder = write_run(
        tmp_path,
        [*four(), fresh("c0001", 0.2, FIVE, **values)],
        **SEARCH,
        trials=4,
        confirm=TWO,
        data=data,
    )
    text = write_report(load_run(folder)).read_text(encoding="utf-8")
    _, tests, extra = text.split('id="confirmed"')[1].split("<h3>")[:3]
    assert "extra_test" not in tests
    assert (
        "On data of another source (&lt;b&gt;elsewhere&lt;/b&gt;, 138), which took part in no"
        " training and no choice" in extra
    )
    assert "0.604 ± 0.011" in extra.replace("\u00b1", "±")
    assert "<td>0.400</td>" in extra
    board = pd.read_csv(folder / "report" / "tables" / "leaderboard.csv")
    assert board["extra_test_dice_mean"].max() == pytest.approx(np.mean(FIVE) - 0.2)


def test_data_set_aside_judge_the_best_setting_and_the_given_ones_alone(tmp_path):
    aside = {"test_dice": FIVE.tolist(), "set_aside_dice": (FIVE - 0.3).tolist()}
    other = {"test_dice": FIVE.tolist(), "set_aside_dice": (FIVE - 0.1).tolist()}
    trials = [
        fresh("c0001", 0.2, FIVE, **aside),
        fresh("c0002", 0.1, FIVE - GAIN, **other),
        fresh("c0003", 0.7, FIVE - 2 * GAIN, **other),
    ]
    confirm = {**CONFIRM, "baselines": [{"name": "published", "setting": {"rate": 0.7}}]}
    data = {"name": "X-rays", "set_aside": 44}
    folder = write_run(tmp_path, [*four(), *trials], **SEARCH, trials=4, confirm=confirm, data=data)
    text = write_report(load_run(folder)).read_text(encoding="utf-8").replace("\u00b1", "±")
    _, tests, aside_part = text.split('id="confirmed"')[1].split("<h3>")[:3]
    assert tests.count("<tr") == 4
    assert (
        "On data that were set aside before anything else (44 images): the best setting, and those"
        " it was to be compared" in aside_part
    )
    rows = aside_part.split("<tbody>")[1].split("</tbody>")[0]
    assert rows.count("<tr") == 2
    assert "published" in rows
    assert f"{np.mean(FIVE) - 0.3:.3f}" in rows
    assert "On the data set aside it has set_aside_dice" in sentence(load_run(folder))


def test_losses_and_scores_of_the_best_setting_by_epoch(tmp_path):
    epochs = [
        {
            "accuracy": [0.5, 0.7],
            "loss": [1.0, 3.0],
            "validation_loss": [2.0, 2.0],
            "validation_f1": [0.4, 0.6],
        }
    ]
    epochs += [
        {
            "accuracy": [0.6, 0.8],
            "loss": [0.5, 1.5],
            "validation_loss": [1.0, 3.0],
            "validation_f1": [0.5, 0.6],
        }
    ]
    best = Trial(name="c0001", phase="confirm", params={"rate": 0.2}, seeds=[5, 6], epochs=epochs)
    run = load_run(
        write_run(tmp_path, [*four(), best], **{**SEARCH, "epochs": 2}, trials=4, confirm=CONFIRM)
    )
    found = metric_curves(run, run.phase("confirm").trials, ["loss", "validation_loss"])
    assert found[["colour", "epoch", "mean", "n"]].to_dict("list") == {
        "colour": ["loss", "loss", "validation_loss", "validation_loss"],
        "epoch": [1, 2, 1, 2],
        "mean": [2.0, 1.0, 2.0, 2.0],
        "n": [2, 2, 2, 2],
    }
    # The t interval of two seeds 1 and 3: 2 -+ 12.706 * 1.
    assert found.loc[0, ["low", "high"]].tolist() == pytest.approx(
        [2 - 12.7062, 2 + 12.7062], abs=1e-4
    )
    drawn = pictures_of(run)
    assert {"losses", "scores"} <= set(drawn)
    assert "the best confirmed setting" in drawn["losses"].note


def test_a_search_that_records_no_score_but_its_loss_has_a_picture_of_it(tmp_path):
    epochs = [{"validation_loss": 2.0}, {"validation_loss": 1.0}]
    only = Trial(name="0001", phase="search", params={"rate": 0.2}, seeds=[0], epochs=epochs)
    spec = {**SEARCH, "epochs": 2, "metric": "validation_loss", "mode": "min"}
    drawn = pictures_of(load_run(write_run(tmp_path, [only], **spec, trials=1)))
    assert "losses" in drawn
    assert "scores" not in drawn


def test_the_trials_by_loss_are_drawn_where_another_metric_compares_them(tmp_path):
    run = load_run(searched_like(tmp_path / "one", trials=6, confirm=None))
    note = pictures_of(run)["trials_by_loss"].note
    assert "by their validation_loss; they were compared by validation_dice" in note
    assert "only trials of one loss can be compared" in note
    by_loss = load_run(
        searched_like(
            tmp_path / "two", trials=6, confirm=None, metric="validation_loss", mode="min"
        )
    )
    assert "trials_by_loss" not in pictures_of(by_loss)


def test_many_trials_are_drawn_in_part_and_the_note_says_so(tmp_path):
    run = run_of(
        tmp_path,
        *(tried(f"{number:04d}", number / 200, [0.1, number / 200]) for number in range(1, 101)),
        scheduler=ASHA,
    )
    picture = pictures_of(run)["trials"]
    assert len({row["trial"] for row in picture.spec["datasets"]["facts"]}) == 60
    assert "60 of 100 trials are drawn" in picture.note


def test_outlines_lie_outside_the_truth_and_inside_the_prediction():
    truth = np.zeros((6, 6), dtype=np.uint8)
    truth[2:4, 2:4] = 1
    picture = outlined(np.full((6, 6), 255, np.uint8), truth, truth)
    factor = len(picture) // 6
    assert picture.max() == GREYS + 1
    assert (picture[:factor] == GREYS - 1).all()
    assert picture[2 * factor - 1, 3 * factor] == GREYS
    assert picture[2 * factor, 3 * factor] == GREYS + 1
    assert picture[3 * factor, 3 * factor] == GREYS - 1  # the middle shows the image


def test_a_picture_with_a_palette_is_a_png_of_colours():
    numbers = np.array([[0, 255], [254, 253]], dtype=np.uint8)
    content = png(numbers, palette(["#56B4E9", "#E69F00"]))
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert content[24:26] == b"\x08\x03"  # eight bits, palette
    colours = content[content.index(b"PLTE") + 4 :][: 3 * 256]
    assert (colours[:3], colours[-6:]) == (b"\0\0\0", bytes.fromhex("56B4E9E69F00"))
    start = content.index(b"IDAT")
    length = int.from_bytes(content[start - 4 : start], "big")
    assert zlib.decompress(content[start + 4 : start + 4 + length]) == b"\0\0\xff\0\xfe\xfd"


def test_images_are_those_of_the_best_trial_that_recorded_some(lungs):
    run = load_run(lungs[0])
    trials = run.trials[run.trials["trial"].isin(["c0001", "c0002"])]
    trial, facts, shape = overlay_facts(run, trials, ["#000000", "#ffffff"])
    assert (trial, shape) == ("c0002", 1.0)
    assert facts["title"].tolist() == [
        "best image, Dice 1.000, phantom 12",
        "median image, Dice 0.846, phantom 3",
        "worst image, Dice 0.547, phantom 31",
    ]
    assert base64.b64decode(facts["image"][0].removeprefix("data:image/png;base64,"))[1:4] == b"PNG"
    assert overlay_facts(run, run.trials.head(0), ["#000000", "#ffffff"])[1].empty


@pytest.mark.parametrize("stage", ["nothing", "begun", "running", "failed", "diverged", "one"])
def test_a_report_at_every_stage(tmp_path, stage):
    trials = {
        "nothing": [],
        "begun": [tried("0001", 0.1, [], status="running")],
        "running": [*four()[1:], tried("0001", 0.1, [0.1, 0.3], status="running")],
        "failed": [
            tried(
                f"000{place}",
                place / 10,
                [],
                status="failed",
                error=f"Traceback\nValueError: {place}",
            )
            for place in (1, 2)
        ],
        "diverged": [
            tried("0001", 0.1, [float("inf")], status="diverged"),
            tried("0002", 0.2, [float("nan")], status="diverged"),
        ],
        "one": [tried("0001", 0.1, [0.5])],
    }[stage]
    text = page_of(
        write_run(
            tmp_path, trials, **{**SEARCH, "trials": 4, "scheduler": ASHA, "confirm": CONFIRM}
        )
    ).text
    assert "This run is not complete" in text
    assert ("there is no answer yet" in text) == (stage not in ("running", "one"))
    assert "X-rays" not in text


def test_a_study_of_others_with_their_names(tmp_path):
    space = {
        "rank": {"values": [1, 2]},
        HOSTILE: {"kind": "int", "low": 1, "high": 9, "log": False, "step": None},
    }
    rows = [{HOSTILE + "2": [0.5, 0.25], "test_x": [0.1, 0.2]}]
    trials = [
        Trial(
            name=f"000{n}",
            phase="search",
            params={"rank": n, HOSTILE: n},
            epochs=rows,
            seeds=[0, 1],
        )
        for n in (1, 2)
    ]
    trials += [
        Trial(
            name=f"c000{n}",
            phase="confirm",
            params={"rank": n, HOSTILE: n},
            epochs=rows,
            seeds=[7, 8],
        )
        for n in (1, 2)
    ]
    spec = {
        "space": space,
        "metric": HOSTILE + "2",
        "mode": "min",
        "question": HOSTILE,
        "data": {"name": HOSTILE},
        "epochs": 1,
    }
    confirm = {
        "top": 2,
        "seeds": 2,
        "baselines": [{"name": HOSTILE, "setting": {"rank": 1, HOSTILE: 9}}],
    }
    page = page_of(
        write_run(
            tmp_path,
            trials,
            search={"kind": "random", "trials": 2, "seed": HOSTILE},
            confirm=confirm,
            **spec,
        )
    )
    assert [tag for tag, _ in page.elements if tag == "img"] == []
    assert [
        name for _, attributes in page.elements for name in attributes if name.startswith("on")
    ] == []
    assert [script for script in page.scripts if script.lstrip().startswith("alert")] == []
    board = pd.read_csv(tmp_path / "report" / "tables" / "leaderboard.csv")
    assert board["rank (parameter)"].tolist() == [1, 2, 1]
    assert board["rank"].tolist()[:2] == [1, 1]
    assert "ranked by their mean on fresh seeds" in page.text
    assert (
        "over the seeds of each setting at the last epoch" in page.text
    )  # several seeds each: settings are told as well


def test_a_grid_that_stops_keeps_its_settings(tmp_path):
    space = {"rate": {"values": [0.1, 0.2]}}
    trials = [
        tried("0001", 0.1, [[0.5, 0.6]] * 2, seeds=(0, 1)),
        tried("0002", 0.2, [[0.1, 0.2]], seeds=(0, 1), status="pruned", rung=1),
    ]
    found = find(
        run_of(tmp_path, *trials, space=space, search={"kind": "grid"}, scheduler=ASHA, trials=2)
    )
    assert found.over_seeds
    assert found.search.board["rank"].tolist() == [1, pd.NA]


def test_a_plain_grid_is_no_search_and_phantoms_are_said_of_any(tmp_path):
    trial = Trial(params={"width": 1}, epochs=[{"accuracy": [0.5, 0.6, 0.7]}] * 2)
    run = load_run(
        write_run(tmp_path, [trial], confirm=None, scheduler=None, data={"name": "12 Phantoms"})
    )
    assert find(run).search is None
    text = write_report(run).read_text(encoding="utf-8")
    assert "Leaderboard" not in text
    assert "generated phantoms, no X-rays" in text


def test_settings_to_begin_with_are_counted_not_spelled_out(tmp_path):
    search = {
        "kind": "optuna",
        "trials": 4,
        "seed": 0,
        "points_to_evaluate": [{"rate": 0.1}, {"rate": 0.2}],
    }
    run = load_run(write_run(tmp_path, [], confirm=None, scheduler=None, search=search))
    assert searched_by(run) == "optuna, 4 trials, seed 0, begun with 2 given settings"


def test_same_search_same_bytes(lungs):
    folder, _ = lungs
    before = files_of(folder / "report")
    write_report(load_run(folder))
    assert files_of(folder / "report") == before


def test_one_mean_has_one_interval(lungs):
    found = find(load_run(lungs[0]))
    board = readable_board(found.search)
    table = confirmed(found).tables[0]
    assert table.frame["interval"].tolist() == board["interval"].head(len(table.frame)).tolist()
    assert "that of the best reaches further on its worse side" in table.note


def test_dots_that_are_spread_sideways_are_explained(tmp_path):
    words = "Trials of one listed value are spread sideways"
    ranges = pictures_of(run_of(tmp_path / "ranges", *four(), space=RANGE))["parameters"]
    listed = {"rate": {"values": [0.001, 0.01, 0.1, 1.0]}}
    lists = pictures_of(run_of(tmp_path / "lists", *four(), space=listed))["parameters"]
    assert (words in ranges.note, words in lists.note) == (False, True)


def test_a_range_need_not_be_logarithmic(tmp_path):
    space = {"rate": {**RANGE["rate"], "log": False}}
    panels = pictures_of(run_of(tmp_path, *four(), space=space))["parameters"].spec["concat"]
    assert panels[0]["encoding"]["x"]["scale"]["domain"] == [0.001, 1.0]
    assert "type" not in panels[0]["encoding"]["x"]["scale"]
