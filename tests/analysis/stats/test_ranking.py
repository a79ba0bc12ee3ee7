"""Which setting is the best: everything that ranks settings ranks them alike, down to the last bit
of a mean.
"""

import tempfile
from pathlib import Path

from ended_trials import EndedTrials
from hypothesis import example, given
from hypothesis import strategies as st
from run_folders import Trial, write_run
from search_runs import fresh, run_of, tried
from searched_studies import searched_study

from analysis import leaderboard, load_run
from analysis.live.state import Watched
from analysis.numerics.means import epoch_means, mean
from analysis.stats.best import best_setting
from analysis.stats.leaderboard import awaited, confirmed_table
from analysis.stats.ranking import ranked_settings
from analysis.stats.search_trials import trial_epochs
from analysis.stats.tables import settings_table
from tuning.runs.history import History
from tuning.runs.recorded_trials import trial_records
from tuning.runs.store import Folder
from tuning.search.confirmation import confirmations
from tuning.spec.study import Confirm, Random

CLOSE = st.sampled_from([0.1, 0.2, 0.3, 0.6, 0.7, 0.1 + 0.2])
"""Numbers whose sums depend on their order: 0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1."""
ENDS = st.lists(CLOSE, min_size=3, max_size=3)
DRAWN = st.tuples(
    st.sampled_from([0.25, 0.5, 0.75]),
    ENDS,
    st.sampled_from(["completed", "completed", "pruned", "diverged"]),
)
EPOCHS = {"completed": 8}
CONFIRM = {"top": 2, "seeds": 2, "baselines": []}
STUDY = searched_study(
    search=Random(trials=6),
    scheduler=None,
    seeds=3,
    seeds_per_trial=3,
    confirm=Confirm(top=2, seeds=2),
    mode="max",
)


def drawn(folder, trials, *fresh):
    """A search over x with these trials, x, ends and status each, and these of the confirmation: x
    and ends.
    """
    written = [
        Trial(
            name=f"{number:04}",
            params={"x": x, "kind": "a"},
            epochs=[{"score": ends}] * (8 if status == "completed" else 3),
            status=status,
        )
        for number, (x, ends, status) in enumerate(trials, start=1)
    ]
    written += [
        Trial(
            name=f"c{number:04}",
            phase="confirm",
            params={"x": x, "kind": "a"},
            epochs=[{"score": ends}] * 8,
            seeds=[3, 4],
        )
        for number, (x, ends) in enumerate(fresh, start=1)
    ]
    space = {
        "x": {"kind": "float", "low": 0.0, "high": 1.0, "log": False, "step": None},
        "kind": {"values": ["a", "b"]},
    }
    about = {
        "search": {"kind": "random", "trials": len(trials)},
        "seeds": [0, 1, 2],
        "confirm": CONFIRM,
    }
    return load_run(
        write_run(Path(folder), written, space=space, metric="score", epochs=8, fixed={}, **about)
    )


def chosen(run):
    return list(
        dict.fromkeys(
            trial.params["x"] for trial in confirmations(STUDY, History.of(STUDY, run).to_confirm())
        )
    )


@given(st.lists(DRAWN, min_size=1, max_size=6))
@example(
    [
        (0.25, [0.1, 0.2, 0.3], "completed"),
        (0.5, [0.3, 0.2, 0.1], "completed"),
        (0.75, [0.2, 0.2, 0.2], "completed"),
    ]
)
@example(
    [
        (0.25, [0.1] * 3, "pruned"),
        (0.5, [0.7] * 3, "completed"),
        (0.75, [0.7] * 3, "completed"),
        (0.25, [0.7] * 3, "completed"),
    ]
)
@example(
    [
        (0.25, [0.1] * 3, "completed"),
        (0.25, [0.1, 0.1, 0.2], "completed"),
        (0.5, [0.1, 0.1, 0.2], "completed"),
    ]
)
def test_what_is_confirmed_is_what_the_report_waits_for_and_what_is_told_on_the_way(trials):
    with tempfile.TemporaryDirectory() as folder:
        run = drawn(folder, trials)
        search, watched = run.phase("search"), Watched(Path(folder))
        watched.refresh()
        best = chosen(run)
        ranked = settings_table(search)["x"][ranked_settings(search)].tolist()
        assert best == ranked[:2]
        board = leaderboard(run)
        assert board["x"].tolist()[: len(ranked)] == ranked
        told, seen = History.of(STUDY, run).best_params(), watched.best()
        assert [told[0]["x"] if told else None, seen["setting"][0] if seen else None] == (
            [best[0], str(best[0])] if best else [None] * 2
        )
        assert awaited(run) == len(best)
        for done in range(len(best) + 1):
            part = drawn(folder, trials, *((x, [0.5, 0.6]) for x in best[:done]))
            board = leaderboard(part)
            assert awaited(part) == len(best) - done
            assert confirmed_table(part, board)["x"].tolist() == best[:done]


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9), st.randoms()
)
def test_a_mean_does_not_depend_on_the_order_and_lies_among_its_numbers(values, order):
    mixed = list(values)
    order.shuffle(mixed)
    assert mean(mixed) == mean(values)
    assert mean([values[0]] * len(values)) == values[0]


@given(st.lists(st.lists(ENDS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_a_resumed_search_judges_by_the_same_bits_as_one_that_went_on(trials):
    written = [
        Trial(params={"x": 0.5, "kind": "a"}, epochs=[{"score": ends} for ends in epochs])
        for epochs in trials
    ]
    space = {"x": {"values": [0.5]}, "kind": {"values": ["a"]}}
    with tempfile.TemporaryDirectory() as folder:
        run = load_run(
            write_run(
                Path(folder), written, space=space, metric="score", epochs=len(trials[0]), fixed={}
            )
        )
    live = [
        {epoch: STUDY.score({"score": ends}) for epoch, ends in enumerate(epochs, start=1)}
        for epochs in trials
    ]
    assert [dict(one.scores) for one in trial_records(run)] == live
    means = [value for epochs in live for value in epochs.values()]
    assert epoch_means(run.epochs, "score").tolist() == means
    assert trial_epochs(run)["value"].tolist() == means


def test_of_equal_trials_the_checkpoint_of_the_first_is_kept_whichever_ends_first(tmp_path):
    run = drawn(
        tmp_path, [(0.25, [0.1, 0.2, 0.3], "completed"), (0.5, [0.3, 0.2, 0.1], "completed")]
    )
    past = trial_records(run)
    for order in (past, past[::-1]):
        trials = EndedTrials(STUDY, Folder.at(tmp_path / "checkpoints"))
        for one in order:
            trials.end(one.trial, list(one.ends.values()))
        assert trials.kept == {"0001"}


def test_of_equals_the_table_has_first_whom_the_report_calls_best(tmp_path: Path) -> None:
    early, long = tried("0001", 0.1, [0.5]), tried("0002", 0.2, [0.1, 0.5])
    run = run_of(tmp_path / "ended-early", early, long)
    assert leaderboard(run)["rank"].tolist() == [1, 1]
    assert leaderboard(run)["trial"].tolist() == ["0001", "0002"]
    # The confirmation begins with the best of the search.
    confirmed = [fresh("c0001", 0.2, [0.25, 0.75]), fresh("c0002", 0.1, [0.5, 0.5])]
    searched = [tried("0001", 0.1, [0.5]), tried("0002", 0.2, [0.75])]
    run = run_of(tmp_path / "confirmed", *searched, *confirmed, confirm=CONFIRM)
    board = leaderboard(run)
    assert best_setting(run).params == {"rate": 0.2}
    assert board["rank"].tolist() == [1, 1]
    assert board["rate"].tolist() == [0.2, 0.1]
    assert confirmed_table(run, board)["rate"].tolist() == [0.2, 0.1]


def test_trials_that_have_not_completed_do_not_stand_for_the_best_setting(tmp_path: Path) -> None:
    begun = tried("0001", 0.1, [0.9], seeds=(0,), status="running")
    run = run_of(tmp_path, begun, tried("0002", 0.1, [0.5, 0.6], seeds=(1,)))
    assert best_setting(run).trials == ["0002"]
