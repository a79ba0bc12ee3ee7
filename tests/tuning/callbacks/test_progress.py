"""How far a study is and how long it still takes: held against studies whose time is known."""

import io
import json
import signal
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from recorded_progress import RecordedProgress
from rich.console import Console
from run_folders import write_run
from searched_studies import searched_study
from small_studies import small_study

from analysis.records.load import RunPaths
from analysis.report.sections.estimates import estimate_table, estimates_section, shown_estimates
from tuning import Study
from tuning.callbacks.console import Bar, Json, Lines
from tuning.callbacks.display import event_line
from tuning.callbacks.eta import Estimate, TimeLeft
from tuning.callbacks.progress import StudyProgress, clock, left_words
from tuning.cli import session as steps
from tuning.process.signals import Interrupted
from tuning.runs.history import History
from tuning.spec.study import Trial


def trial(number: int, phase: str = "search") -> Trial:
    return Trial(id=f"{number:04d}", params={"slope": number}, seeds=[0, 1], phase=phase)


def train(
    left: TimeLeft, number: int, seconds: list[float], status: str = "", phase: str = "search"
) -> None:
    one = trial(number, phase)
    for epoch, spent in enumerate(seconds, start=1):
        left.epoch(one, {"epoch": epoch, "seconds": spent})
    if status:
        left.end(one, status)


def many(**changes: Any) -> Study:
    return small_study(space={"slope": list(range(20))}, epochs=10, **changes)


def test_nothing_is_said_before_something_is_known() -> None:
    left = TimeLeft(many(), {"search": 20}, slots=2)
    assert left.estimate() is None
    train(left, 0, [30.0])
    assert left.estimate() is None


def test_the_start_of_the_first_trials_is_not_taken_for_their_pace() -> None:
    left = TimeLeft(many(), {"search": 20}, slots=2)
    train(left, 0, [30.0, 1.0])
    train(left, 1, [30.0, 1.0])
    # 2 trials have 8 epochs to go, 18 have 10: 196 seconds on two slots.
    found = left.estimate()
    assert found is not None
    assert found.low < 98 < found.high
    assert found.high < 250


def test_the_time_left_counts_down_to_a_deadline() -> None:
    assert Estimate(100.0, 80.0, 150.0).within(90.0) == Estimate(90.0, 80.0, 90.0)
    for until, most in ((time.monotonic() + 60, 60.0), (None, 1e6), (time.monotonic() - 1, 0.0)):
        progress = StudyProgress(many(), until=until)
        for number in range(2):
            for epoch in range(1, 4):
                progress.epoch(trial(number), {"epoch": epoch, "seconds": 30.0})
        progress.update_estimate()
        left = progress.left()
        assert left is not None
        assert left.high <= most
        assert (left.left > 1000) == (until is None)


def test_the_range_narrows_with_what_is_known_and_slots_share_the_work() -> None:
    left = TimeLeft(many(), {"search": 20}, slots=4)
    for number in range(12):
        train(left, number, [1.0] * 10, "completed")
    found = left.estimate()
    assert found is not None
    assert found.left == pytest.approx(20.0, rel=0.1)  # 8 trials of 10 seconds on 4 slots
    assert found.low < 20 < found.high
    assert found.high - found.low < 0.6 * found.left


def test_trials_that_are_stopped_early_count_as_long_as_such_trials_run() -> None:
    """Rungs at 2, 4, 8 of 8 epochs are 2 and 4; of 12 trials that were judged, 9 stopped at 2 and
    one at 4.
    """
    study = searched_study(confirm=None)
    left = TimeLeft(study, {"search": 112}, slots=1)
    for number in range(12):
        length = 2 if number < 9 else 4 if number < 10 else 8
        train(left, number, [1.0] * length, "completed" if length == 8 else "pruned")
    found = left.estimate()
    assert found is not None
    mean = (9 * 2 + 4 + 2 * 8) / 12
    assert found.low < 100 * mean < found.high
    assert found.high < 100 * 8 * 0.75


def test_the_confirmation_is_counted_with_its_seeds() -> None:
    study = searched_study(search=searched_study().search, seeds_per_trial=1)
    left = TimeLeft(study, {"search": 12, "confirm": study.planned_confirmations}, slots=1)
    for number in range(12):
        train(left, number, [1.0] * 8, "completed")
    assert study.planned_confirmations == 9
    found = left.estimate()
    assert found is not None
    assert found.left == pytest.approx(72.0, rel=0.15)


def test_one_epoch_per_trial_is_enough() -> None:
    left = TimeLeft(
        small_study(space={"slope": list(range(20))}, epochs=1), {"search": 20}, slots=1
    )
    train(left, 0, [9.0], "completed")
    for number in range(1, 10):
        train(left, number, [1.0], "completed")
    found = left.estimate()
    assert found is not None
    assert found.left == pytest.approx(10.0, rel=0.15)


def test_what_a_slot_does_between_trials_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    left = TimeLeft(
        small_study(space={"slope": list(range(20))}, epochs=1), {"search": 20}, slots=1
    )
    for number in range(10):
        now[0] += 3.0  # two seconds of which no epoch takes
        train(left, number, [1.0], "completed")
    assert left.overhead() == pytest.approx(2.0)
    found = left.estimate()
    assert found is not None
    assert found.left == pytest.approx(30.0, rel=0.1)


def test_the_end_is_near() -> None:
    left = TimeLeft(small_study(), {"search": 3}, slots=1)
    for number in range(3):
        train(left, number, [1.0] * 3, "completed")
    assert left.estimate() == Estimate(0.0, 0.0, 0.0)


def told(progress: StudyProgress) -> list[tuple[str, str]]:
    return [(event["event"], event["trial"]) for event in progress.news()]


def score(value: float, epoch: int = 3, attempt: int = 1) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "seconds": 0.1,
        "attempt": attempt,
        "metrics": {"score": [value, value + 1]},
    }


def test_a_time_left_that_has_passed_grows_with_the_silence() -> None:
    estimate = Estimate(left=10, low=8, high=15)
    assert estimate.after(3) == Estimate(7, 5, 12)
    assert estimate.after(10) == Estimate(0, 0, 5)
    assert estimate.after(28) == Estimate(18, 2, 162)


def test_what_is_notable_is_told_once() -> None:
    progress = RecordedProgress(small_study())
    progress.epoch(trial(1), score(1.0))
    progress.end(trial(1), "completed", None)
    assert told(progress) == [("completed", "0001"), ("best", "0001")]
    progress.epoch(trial(2), score(0.0, epoch=1))
    progress.epoch(trial(2), score(0.0, epoch=1, attempt=2))
    assert told(progress) == [("retried", "0002")]
    progress.end(trial(2), "failed", "Traceback\nValueError: no")
    (event,) = progress.news()
    assert event_line(event, progress) == "trial 0002 failed: ValueError: no"
    progress.epoch(trial(3), score(0.5))
    progress.end(trial(3), "completed", None)
    assert told(progress) == [("completed", "0003")]
    assert progress.best() == "best score 1.5 (n = 2) at slope=1"
    assert progress.counts() == "3 of 3 trials, 1 failed"
    assert progress.left() is None


def test_after_a_resume_the_best_and_the_counts_are_those_of_all_sessions(tmp_path: Path) -> None:
    from run_folders import Trial as Recorded

    from analysis import load_run

    recorded = Recorded(
        params={"slope": 2}, epochs=[{"score": [5.0, 7.0]}], seeds=[0, 1], name="0002"
    )
    cut = Recorded(
        params={"slope": 3},
        epochs=[{"score": [9.0, 9.0]}],
        seeds=[0, 1],
        name="0003",
        status="running",
    )
    space = {"slope": {"values": [1, 2, 3]}}
    run = load_run(
        write_run(
            tmp_path / "run", [recorded, cut], metric="score", space=space, fixed={}, seeds=[0, 1]
        )
    )
    progress = RecordedProgress(small_study(), History.of(small_study(), run))
    assert progress.best() == "best score 6 (n = 2) at slope=2"
    assert progress.counts() == "1 of 3 trials"


def test_a_setting_of_two_sessions_is_one_even_where_it_holds_none(tmp_path: Path) -> None:
    """A frame turns None beside 2 into NaN, and 2 into 2.0."""
    from run_folders import Trial as Recorded

    from analysis import load_run

    rows = [
        Recorded(params={"slope": slope}, epochs=[{"score": [5.0]}], seeds=[0], name=f"000{n}")
        for n, slope in ((1, None), (2, 2))
    ]
    run = load_run(
        write_run(
            tmp_path / "run",
            rows,
            metric="score",
            space={"slope": {"values": [None, 2]}},
            fixed={},
            seeds=[0],
        )
    )
    study = small_study(space={"slope": [None, 2]}, seeds=2, seeds_per_trial=1)
    progress = RecordedProgress(study, History.of(study, run))
    for number, slope, reached in ((3, None, 9.0), (4, 2, 7.0)):
        other = Trial(id=f"000{number}", params={"slope": slope}, seeds=[1])
        progress.epoch(other, {"epoch": 3, "seconds": 0.1, "metrics": {"score": [reached]}})
        progress.end(other, "completed", None)
    assert progress.best() == "best score 7 (n = 2) at slope=none"


def test_the_bar_fits_a_terminal_of_80_columns(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    progress = RecordedProgress(many())
    for number, status in enumerate(["completed", "pruned", "diverged", "failed"]):
        progress.epoch(trial(number), score(number))
        progress.end(trial(number), status, "why")
    progress.update_estimate()
    bar = Bar(progress, RunPaths(tmp_path), console)
    console.print(bar)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 3
    assert lines[0].endswith("4/20 1 completed 1 pruned 1 diverged 1 failed")
    assert "passed, about" in lines[1]
    assert lines[2] == "best score 0.5 (n = 2) at slope=0"


def test_the_best_by_fresh_seeds_is_told_as_such() -> None:
    progress = RecordedProgress(many())
    for phase, told in (("search", "(n = 2)"), ("confirm", "(n = 2 fresh)")):
        one = replace(trial(1, phase), id=f"{phase}1")
        progress.epoch(one, score(0.5))
        progress.end(one, "completed", None)
        assert told in progress.best()


def test_of_a_study_that_is_done_no_time_is_left() -> None:
    progress = RecordedProgress(small_study(space={"slope": [1]}, seeds=1))
    assert progress.times().endswith(" passed, time left not known yet")
    progress.epoch(trial(0), score(0))
    progress.end(trial(0), "completed", None)
    assert progress.times().endswith(" passed")


def lines(folder: Path, width: int = 80) -> tuple[Lines, io.StringIO]:
    out = io.StringIO()
    return (
        Lines(
            StudyProgress(small_study(epochs=100)), RunPaths(folder), Console(file=out, width=width)
        ),
        out,
    )


def test_a_line_that_says_nothing_new_is_left_out(tmp_path: Path) -> None:
    listener, out = lines(tmp_path)
    for _ in range(3):
        listener.show()
    assert out.getvalue() == "0 of 3 trials\n"


def test_a_long_trial_is_not_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    listener, out = lines(tmp_path)
    for epoch in range(1, 13):  # one per second
        now += 1
        listener.epoch(trial(1), {"epoch": epoch, "metrics": {"score": 1.0}, "seconds": 1.0})
    first, _ = out.getvalue().splitlines()
    assert first == "0 of 3 trials; about 5:04 left (3:25 to 8:29)"
    said = [json.loads(line) for line in RunPaths(tmp_path).estimates.read_text().splitlines()]
    assert [set(each) for each in said] == [
        {"at", "began"},
        *[{"at", "left", "low", "high", "done"}] * 2,
    ]
    assert said[1]["low"] < 294 < said[1]["high"]
    listener.finished()
    assert json.loads(RunPaths(tmp_path).estimates.read_text().splitlines()[-1])["ended"] is True


@pytest.mark.parametrize(("as_json", "least"), [(True, 100), (False, 4)])
def test_time_passes_between_epochs_of_ten_minutes(
    as_json: bool, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    listener, out = lines(tmp_path)
    if as_json:
        listener = Json(listener.progress, RunPaths(tmp_path), out)  # type: ignore[assignment]
    for epoch in (1, 2):
        now += 600
        listener.epoch(trial(1), {"epoch": epoch, "metrics": {"score": 1.0}, "seconds": 600.0})
    listener.progress.started -= 3600  # in the second hour
    before = len(out.getvalue().splitlines())
    for _ in range(2400):  # as Tune's loop comes round
        now += 0.25
        listener.tick()
    told = out.getvalue().splitlines()[before:]
    assert least <= len(told) <= least + 20
    if as_json:
        rows = [json.loads(line) for line in told]
        assert {row["event"] for row in rows} == {"progress"}
        assert rows[-1]["elapsed"] > rows[0]["elapsed"] + 500
        assert rows[-1]["seconds_left"]["left"] < rows[0]["seconds_left"]["left"]
    said = RunPaths(tmp_path).estimates.read_text().splitlines()
    assert len(said) < 20, (
        "estimates are held against the end: those of one epoch are not to outweigh the others"
    )


def test_json_lines_wait_for_room(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        listener = Json(StudyProgress(small_study()), RunPaths(tmp_path), full)
        listener.show()
        with suppress(OSError):
            full.close()


def test_json_lines_end_where_ray_is_left_behind_before_any_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, left = io.StringIO(), []
    monkeypatch.setattr("cluster.own_folders.abandon_own_folders", lambda: None)
    monkeypatch.setattr(steps, "leave", left.append)
    listener = Json(StudyProgress(small_study()), RunPaths(tmp_path), out)
    paths = RunPaths(tmp_path)
    session: Any = SimpleNamespace(paths=paths, display=listener, beside=ExitStack())
    steps._cut_off(session, Interrupted(signal.SIGTERM))
    last = json.loads(out.getvalue().splitlines()[-1])
    assert {key: last[key] for key in ("event", "code", "run", "error")} == {
        "event": "ended",
        "code": 143,
        "run": None,
        "error": "interrupted by SIGTERM",
    }
    assert left == [143]


def test_estimates_that_cannot_be_written_fail_nothing(tmp_path: Path) -> None:
    RunPaths(tmp_path).estimates.symlink_to("/dev/full")
    listener, out = lines(tmp_path)
    listener.finished()
    assert out.getvalue() == ""


def test_a_failure_is_one_line_however_long(tmp_path: Path) -> None:
    listener, out = lines(tmp_path, width=40)
    listener.end(trial(1), "failed", "Traceback\nValueError: " + "long " * 30)
    assert out.getvalue() == f"trial 0001 failed: ValueError: {('long ' * 30).strip()}\n"


def test_times_in_words() -> None:
    assert clock(3723) == "1:02:03"
    assert clock(59.6) == "1:00"
    assert left_words(Estimate(190, 160, 245)) == "about 3:10 left (2:40 to 4:05)"
    assert left_words(None) == ""


def test_estimates_are_held_against_the_end(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    cut_off = '{"at": 0, "began": true}\n{"at": 5, "left": 1, "low": 1, "high": 1, "done": 0.1}\n'
    rows = (
        '{"at": 100, "began": true}\n{"at": 110, "left": 80, "low": 60, "high": 95, "done": 0.1}\n'
    )
    rows += (
        '{"at": 150, "left": 30, "low": 20, "high": 40, "done": 0.5}\n{"at": 200, "ended": true,'
        ' "left": 0}\n'
    )
    paths.estimates.write_text(cut_off + rows)
    table = estimate_table(paths)
    assert table.to_dict("records") == [
        {"session": 2, "passed": 10, "left": 80, "low": 60, "high": 95, "actual": 90},
        {"session": 2, "passed": 50, "left": 30, "low": 20, "high": 40, "actual": 50},
    ]
    assert shown_estimates(table)["really left"].tolist() == [90, 50]
    text = estimates_section(table).tables[0].note
    assert "it did 1 of 2 times. Half of them were off by 15.0% of the session" in text
    assert "left out" not in text
    both = estimates_section(pd.concat([table.assign(session=1), table])).tables[0]
    assert (
        "nearest to 10, 25, 50, 75 and 90 % of the last session's time; the other 2 are left"
        in (both.note)
    )


def test_a_run_that_said_nothing_has_no_such_section(tmp_path: Path) -> None:
    assert estimates_section(estimate_table(RunPaths(tmp_path))) is None
