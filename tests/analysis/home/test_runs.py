"""The list of runs, its index, tags and notes."""

import json
import os
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from inline_runs import run as inline
from run_folders import Trial, without, write_run
from small_studies import small_study
from typer.testing import CliRunner

from analysis import load_run, load_runs, write_report
from analysis.home import index, row
from analysis.home.index import INDEX, rows_below
from analysis.home.query import condition, ordered, started_since, wanted
from analysis.records.labels import add_note, read_labels, set_tags
from analysis.records.lines import DamagedRun
from analysis.records.paths import RunPaths
from analysis.report.claims import claim
from analysis.stats.best import best_setting
from analysis.stats.findings import find
from tuning import Confirm, Random
from tuning.cli.app import app

GRID = [
    Trial(params={"width": 1}, epochs=[{"accuracy": [0.5, 0.6, 0.7]}] * 2),
    Trial(params={"width": 2}, epochs=[{"accuracy": [0.9, 0.8, 0.85]}] * 2),
]
SEARCH: dict[str, Any] = {"search": {"kind": "random", "trials": 2}}


def runs_of(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["runs", str(folder), "--json", *arguments])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_row_says_how_a_run_stands_and_what_it_found(tmp_path: Path) -> None:
    run = write_run(tmp_path / "bowls" / "a", GRID)
    (found,) = rows_below(tmp_path)
    assert found | {"best_low": 0, "best_high": 0, "best_text": ""} == {
        "run": str(run), "state": "complete", "study": "bowls", "question": "Does width help?",
        "started": "2026-01-02T03:04:05Z", "metric": "accuracy", "mode": "max", "planned": 2,
        "awaited": 0, "completed": 2, "pruned": 0, "paused": 0, "diverged": 0, "failed": 0,
        "unfinished": 0, "stopped by hand": 0, "dropped": 0,
        "best": 0.85, "best_low": 0, "best_high": 0, "best_n": 3, "best_params": {"width": 2},
        "best_kind": "mean", "best_text": "", "seeds": 6, "epochs": 4, "hours": 0.4 / 3600,
        "data": "ab" * 32, "code": "", "tags": [], "note": "",
        "curve": [0.85, 0.85],
    }  # fmt: skip


@pytest.mark.parametrize("about", [{}, {"folds": 3}])
def test_the_best_setting_reads_as_in_the_report(tmp_path: Path, about: dict[str, int]) -> None:
    run = load_run(write_run(tmp_path / "bowls" / "a", GRID, **about))
    (found,) = rows_below(tmp_path)
    mean_and_interval = found["best_text"].removesuffix(" n=3")
    assert f"mean accuracy {mean_and_interval}" in claim(find(run))


def test_a_search_names_its_score_until_it_is_confirmed(tmp_path: Path) -> None:
    plain = load_run(write_run(tmp_path / "a", GRID, **SEARCH))
    assert best_setting(plain).kind == "search score"  # type: ignore[union-attr]
    fresh = [
        Trial(
            params={"width": width},
            seeds=[7, 8],
            epochs=[{"accuracy": [value, value + 0.02]}] * 2,
            phase="confirm",
            name=f"c{width}",
        )
        for width, value in ((1, 0.8), (2, 0.7))
    ]
    confirm = {"confirm": {"top": 2, "seeds": 2, "baselines": []}}
    best = best_setting(load_run(write_run(tmp_path / "b", [*GRID, *fresh], **SEARCH, **confirm)))
    assert best is not None
    assert (best.kind, best.params, best.n) == ("confirmed", {"width": 1}, 2)
    assert best.mean == pytest.approx(0.81)
    assert best.low < 0.68, "wider than the t interval, for it is the best of two"


def test_one_seed_has_no_interval_and_no_result_no_best(tmp_path: Path) -> None:
    one = Trial(params={"width": 1}, seeds=[0], epochs=[{"accuracy": [0.5]}] * 2)
    lost = Trial(params={"width": 1}, epochs=[], status="failed", error="ValueError: no")
    write_run(tmp_path / "s" / "a", [one], seeds=[0], trials=1)
    write_run(tmp_path / "s" / "b", [lost])
    found = {Path(each["run"]).name: each for each in rows_below(tmp_path)}
    assert (found["a"]["best"], found["a"]["best_low"], found["a"]["best_text"]) == (
        0.5,
        None,
        "0.500 n=1",
    )
    assert (found["b"]["best"], found["b"]["best_text"], found["b"]["failed"]) == (None, "", 1)


def test_runs_that_have_not_changed_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / "s" / name, GRID)
    first = rows_below(tmp_path)
    read: list[str] = []
    original = row.row_of

    def noted(run: Path) -> dict[str, Any]:
        read.append(run.name)
        return original(run)

    monkeypatch.setattr(row, "row_of", noted)
    assert rows_below(tmp_path) == first
    assert read == []
    add_note(RunPaths(tmp_path / "s" / "b"), "once more")
    assert [each["note"] for each in rows_below(tmp_path)] == ["once more", ""]
    assert read == ["b"]


def test_what_there_is_no_time_to_read_is_left_to_the_next_call(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        write_run(tmp_path / "s" / name, GRID)

    def states() -> list[tuple[str, str]]:
        found = rows_below(tmp_path, seconds=-1.0)
        return [(Path(each["run"]).name, each["state"]) for each in found]

    assert states() == [("3", "complete"), ("2", "unread"), ("1", "unread")]
    assert states() == [("3", "complete"), ("2", "complete"), ("1", "unread")]
    assert states() == [(name, "complete") for name in ("3", "2", "1")]
    (tmp_path / INDEX).unlink()
    (tmp_path / INDEX).mkdir()
    assert {state for _, state in states()} == {"complete"}, "nothing is kept for a next call"


@pytest.mark.parametrize("damage", ["text", "other version", "wrong rows", "folder"])
def test_a_damaged_index_is_made_anew(damage: str, tmp_path: Path) -> None:
    write_run(tmp_path / "s" / "a", GRID)
    first = rows_below(tmp_path)
    file = tmp_path / INDEX
    if damage == "text":
        file.write_bytes(b"not a database" * 1000)
    elif damage == "folder":
        file.unlink()
        file.mkdir()
    else:
        with sqlite3.connect(file) as opened:
            opened.executescript(
                "PRAGMA user_version = 99"
                if damage == "other version"
                else "UPDATE runs SET row = '{'"
            )
    assert rows_below(tmp_path) == first


def test_an_index_that_another_process_holds_is_done_without(tmp_path: Path) -> None:
    write_run(tmp_path / "s" / "a", GRID)
    first = rows_below(tmp_path)
    with sqlite3.connect(tmp_path / INDEX) as held:
        held.execute("BEGIN EXCLUSIVE")
        assert rows_below(tmp_path) == first
    assert (tmp_path / INDEX).exists()


def test_a_folder_that_cannot_be_written_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "s" / "a", GRID)
    monkeypatch.setattr(index, "INDEX", "missing/index.sqlite")
    assert len(rows_below(tmp_path)) == 1


def test_a_run_that_is_gone_or_moved_is_known_as_it_is_now(tmp_path: Path) -> None:
    write_run(tmp_path / "s" / "a", GRID)
    rows_below(tmp_path)
    (tmp_path / "s" / "a").rename(tmp_path / "s" / "b")
    assert [Path(each["run"]).name for each in rows_below(tmp_path)] == ["b"]
    with sqlite3.connect(tmp_path / INDEX) as opened:
        assert len(opened.execute("SELECT run FROM runs").fetchall()) == 1


def test_a_damaged_run_is_listed_with_what_is_wrong(tmp_path: Path) -> None:
    run = write_run(tmp_path / "s" / "a", GRID)
    write_run(tmp_path / "s" / "b", GRID)
    RunPaths(run).trials.write_text("{}\n")
    states = {Path(each["run"]).name: each["state"] for each in rows_below(tmp_path)}
    assert states == {"a": "damaged", "b": "complete"}
    listed = CliRunner().invoke(app, ["runs", str(tmp_path)])
    assert "trials.jsonl, line 1 is damaged: it lacks" in listed.stderr


def test_states(tmp_path: Path) -> None:
    cut_off = Trial(params={"width": 1}, epochs=[{"accuracy": [0.5] * 3}], status="running")
    run = write_run(tmp_path / "s" / "a", [GRID[1], cut_off])
    assert [each["state"] for each in rows_below(tmp_path)] == ["interrupted"]
    RunPaths(run).lock.write_text("{}")
    assert [each["state"] for each in rows_below(tmp_path)] == ["running"]
    os.utime(RunPaths(run).lock, (0, 0))
    assert [each["state"] for each in rows_below(tmp_path)] == ["interrupted"]
    write_run(tmp_path / "t" / "a", GRID, trials=3)
    assert {each["state"] for each in rows_below(tmp_path)} == {"interrupted"}


def test_a_search_is_complete_with_settings_drawn_again_and_not_before_it_is_confirmed(
    tmp_path: Path,
) -> None:
    study = small_study(search=Random(trials=8), confirm=Confirm(top=2, seeds=2), seeds=1)
    done = inline(study, tmp_path)
    searched = len(done.phase("search").trials)
    assert len(done.repeated) == 8 - searched > 0
    (found,) = rows_below(tmp_path)
    assert (found["state"], found["planned"], found["awaited"]) == ("complete", searched + 2, 0)
    without(done.paths.root, "c")
    (found,) = rows_below(tmp_path)
    assert (found["state"], found["planned"], found["awaited"]) == ("interrupted", searched + 2, 2)


def test_a_confirmation_is_planned_before_the_first_trial_is_complete(tmp_path: Path) -> None:
    study = small_study(search=Random(trials=3), confirm=Confirm(top=2, seeds=2), seeds=1)
    without(inline(study, tmp_path).paths.root, "")
    assert [each["planned"] for each in rows_below(tmp_path)] == [3 + 2]


def test_filters_and_order(tmp_path: Path) -> None:
    for number, name in enumerate(["bowls", "vases"]):
        shifted = [
            Trial(params={"width": 1 + number}, epochs=[{"accuracy": [0.2 * (1 + number)] * 3}] * 2)
        ]
        write_run(
            tmp_path / name / "a",
            shifted,
            name=name,
            started=f"2026-0{1 + number}-01T00:00:00+00:00",
        )
    set_tags(RunPaths(tmp_path / "bowls" / "a"), ["quick", "baseline"])

    def studies(*arguments: str) -> list[str]:
        return [each["study"] for each in runs_of(tmp_path, *arguments)]

    assert studies() == ["vases", "bowls"]
    assert studies("--sort", "best") == ["bowls", "vases"]
    assert studies("--sort", "-best") == ["vases", "bowls"]
    assert studies("--study", "bowls") == ["bowls"]
    assert studies("--tag", "quick", "--tag", "baseline") == ["bowls"]
    assert studies("--tag", "quick", "--tag", "slow") == []
    assert CliRunner().invoke(app, ["runs", str(tmp_path), "--tag", "slow"]).stdout == "no runs\n"
    assert studies("--since", "2026-01-15") == ["vases"]
    assert studies("--where", "best > 0.3") == ["vases"]
    assert studies("--where", "best_params.width == 1") == ["bowls"]
    assert studies("--where", "state=complete", "--where", "hours < 1") == ["vases", "bowls"]
    frame = load_runs(tmp_path)
    assert list(frame["best"]) == [0.4, 0.2]
    head, *lines = CliRunner().invoke(app, ["runs", str(tmp_path)]).stdout.splitlines()
    assert "  time" in head
    assert all("  0.2 s" in line for line in lines)


def test_a_condition_on_a_missing_value_is_not_met() -> None:
    for text in ("best > 0", "best < 0", "best != 1", "best_params.x == 1"):
        assert not condition(text)({"best": None, "best_params": None})
    assert [
        each["best"] for each in ordered([{"best": None}, {"best": 2}, {"best": 1}], "-best")
    ] == [
        2,
        1,
        None,
    ]


def test_how_long_ago() -> None:
    now = datetime(2026, 1, 8, 12, tzinfo=UTC)
    row = {"started": "2026-01-01T12:30:00+00:00"}
    assert started_since("7d", now)(row)
    assert started_since("1w", now)(row)
    assert not started_since("12h", now)(row)
    assert started_since("2026-01-01", now)({"started": "2026-01-01T00:00:00Z"})
    assert not wanted(None, [], "1d", [])({"state": "damaged"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--where", "best"], "'best' is no condition"),
        (["--where", "bset > 1"], "no column 'bset'. It has run, study"),
        (["--sort", "-bset"], "no column 'bset'"),
        (["--since", "yesterday"], "'yesterday' is no time. Give a date as 2026-01-31"),
    ],
)
def test_what_cannot_be_asked(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["runs", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["runs", str(tmp_path / "no")])
    assert result.exit_code == 2
    assert "is no folder: give the one that run folders are in" in result.stderr


def test_tags_and_notes_stand_in_list_and_report(tmp_path: Path) -> None:
    run = write_run(tmp_path / "s" / "a", GRID)
    call = CliRunner().invoke
    assert call(app, ["tag", str(run), "quick", "old"]).stdout == "tags: quick, old\n"
    assert call(app, ["tag", str(run), "old", "--remove"]).stdout == "tags: quick\n"
    assert "<b>late</b> data" in call(app, ["note", str(run), "<b>late</b> data"]).stdout
    assert runs_of(tmp_path)[0]["note"] == "<b>late</b> data"
    page = write_report(load_run(run)).read_text()
    assert "&lt;b&gt;late&lt;/b&gt; data" in page
    assert "quick" in page
    assert "old" not in read_labels(RunPaths(run)).tags


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tag", "{run}", "two words"], "tag 'two words' is no name; names are letters"),
        (["tag", "{run}", "--remove", "x"], "has no tag 'x'. It has: none."),
        (["note", "{run}", "  "], "a note has 1 to 2,000 characters; this one has 0."),
        (["note", "{run}/..", "x"], "is no run folder"),
        (["tag", "s3://bucket/run", "x"], "is a URL: give the folder of the run on this machine."),
    ],
)
def test_labels_that_are_refused(arguments: list[str], said: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "s" / "a", GRID)
    result = CliRunner().invoke(app, [each.format(run=run) for each in arguments])
    assert result.exit_code == 2
    assert said in result.stderr
    assert not RunPaths(run).labels.exists()


def test_labels_given_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    paths = RunPaths(write_run(tmp_path / "s" / "a", GRID))
    ready = threading.Barrier(8)

    def label(number: int) -> None:
        ready.wait()
        for each in range(20):
            add_note(paths, f"{number} {each}")

    threads = [threading.Thread(target=label, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {text for _, text in read_labels(paths).notes} == {
        f"{number} {each}" for number in range(8) for each in range(20)
    }


def test_a_torn_label_is_left_out_and_not_written_behind(tmp_path: Path) -> None:
    paths = RunPaths(write_run(tmp_path / "s" / "a", GRID))
    set_tags(paths, ["kept"])
    with paths.labels.open("a") as file:
        file.write('{"at": "2026')
    assert read_labels(paths).tags == ["kept"]
    with pytest.raises(DamagedRun, match="in the middle of a line"):
        set_tags(paths, ["lost"])


def test_a_link_in_the_place_of_labels_is_not_followed(tmp_path: Path) -> None:
    paths = RunPaths(write_run(tmp_path / "s" / "a", GRID))
    other = tmp_path / "other"
    other.write_text("")
    paths.labels.symlink_to(other)
    with pytest.raises(OSError):  # noqa: PT011
        add_note(paths, "x")
    assert other.read_text() == ""


def test_a_terminal_is_given_no_orders(tmp_path: Path) -> None:
    write_run(tmp_path / "s" / "a", GRID, started="\x1b[2J2026")
    assert "\x1b" not in CliRunner().invoke(app, ["runs", str(tmp_path)]).stdout
