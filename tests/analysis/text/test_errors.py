"""What is shown of an error: its type and first line; long ones cut."""

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import Trial, write_run

from analysis import load_run, write_report
from analysis.live.details import trial_details
from analysis.live.state import Watched
from analysis.stats.statuses import KINDS, status_table
from analysis.text.errors import LINE, headline, shortened
from tuning.runs.records import LONGEST_ERROR, LONGEST_LOG, Records

CUDA = (
    "CUDA error: device-side assert triggered\nFor debugging consider"
    " CUDA_LAUNCH_BLOCKING=1\nCompile with `TORCH_USE_CUDA_DSA`.\n"
)
RAY = """Failure # 1 (occurred at 2026-01-02_03-04-05)
\x1b[36mray::ImplicitFunc.train()\x1b[39m (pid=12, ip=10.0.0.1, actor_id=ab)
  File "/ray/trainable.py", line 331, in train
    raise skipped from exception_cause(skipped)
  File "study.py", line 3, in train
    raise ValueError("first\\nsecond")
ValueError: first
second
"""
WRAPPED = """Traceback (most recent call last):
  File "/ray/execution.py", line 7, in _process
    result = ray.get(future)
ray.exceptions.RayTaskError(ValueError): ray::ImplicitFunc.train() (pid=12, ip=10.0.0.1)
  File "study.py", line 3, in train
    raise ValueError("first")
ValueError: first
"""


class Odd(Exception):
    pass


def raised(error: BaseException, cause: BaseException | None = None) -> str:
    try:
        raise error from cause
    except BaseException:
        return traceback.format_exc()


def handled(error: BaseException) -> str:
    try:
        try:
            raise KeyError("before\n\nlast")
        except KeyError:
            raise error  # noqa: B904
    except BaseException:
        return traceback.format_exc()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError(CUDA), "RuntimeError: CUDA error: device-side assert triggered"),
        (ValueError("first\nsecond\n\n   \nlast <b>\n"), "ValueError: first"),
        (ValueError(), "ValueError"),
        (MemoryError(), "MemoryError"),
        (ValueError("\n\n  the point\nmore"), "ValueError: the point"),
        (KeyError("x"), "KeyError: 'x'"),
        (
            ExceptionGroup("several", [ValueError("a"), TypeError("b\nc")]),
            "ExceptionGroup: several (2 sub-exceptions)",
        ),
        (
            RuntimeError(
                "worker 0.\nOriginal Traceback (most recent call last):\n"
                "  File \"x\"\nKeyError: 'y'"
            ),
            "RuntimeError: worker 0.",
        ),
        (
            RuntimeError("1 validation error\nwidth\n  Input: bad"),
            "RuntimeError: 1 validation error",
        ),
        (
            RuntimeError("Error(s) in loading state_dict for Net:\n\tsize mismatch"),
            "RuntimeError: Error(s) in loading state_dict for Net:",
        ),
        (Odd("own\nlines"), "Odd: own"),
        (ValueError("bad name \udce9 in file"), "ValueError: bad name \ufffd in file"),
        (ValueError("a\ttab and \x1b[31mred\x1b[0m\x00"), "ValueError: a tab and red "),
        (ImportError("No module named 'a.b'"), "ImportError: No module named 'a.b'"),
    ],
)  # fmt: skip
def test_the_type_and_first_line_of_what_was_raised(error, line):
    assert headline(raised(error)) == line.rstrip()
    assert headline(handled(error)) == line.rstrip()
    assert headline(raised(error, OSError("cause\nTypeError: not this"))) == line.rstrip()


def test_notes_are_no_error():
    error = ValueError("first")
    error.add_note("KeyError: a note")
    assert headline(raised(error)) == "ValueError: first"


def test_a_recursion_is_one_line():
    def deeper():
        deeper()

    try:
        deeper()
    except RecursionError:
        assert headline(traceback.format_exc()).startswith(
            "RecursionError: maximum recursion depth exceeded"
        )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("it reported nothing for 3600 s (stall_timeout=3600) and was taken for hung", None),
        ("the process of the trial died", None),
        ("loss became non-finite at epoch 3", None),
        (
            (
                "the trainable yielded str.\nTraceback (most recent call last):\n  File"
                " 'x'\nKeyError: y"
            ),
            "the trainable yielded str.",
        ),
        ("Traceback\nRuntimeError: out of memory", "RuntimeError: out of memory"),
        (RAY, "ValueError: first"),
        (WRAPPED, "ValueError: first"),
        (
            "ray.exceptions.ActorDiedError: The actor died.\n\tclass_name: X\n",
            "ray.exceptions.ActorDiedError: The actor died.",
        ),
        ("", ""),
        (None, ""),
        ("\n \n", ""),
    ],
)
def test_other_texts_are_told_by_their_first_line(text, line):
    assert headline(text) == (text if line is None else line)


@given(st.text(alphabet=st.characters(), max_size=300))
def test_a_headline_is_one_printable_line_that_begins_with_the_type(message):
    for text in (raised(RuntimeError(message)), handled(RuntimeError(message))):
        line = headline(text)
        assert line.startswith("RuntimeError")
        assert len(line) <= LINE
        assert line.isprintable()


@given(st.text(min_size=1, max_size=2000), st.integers(40, 3000))
def test_a_cut_text_has_the_headline_of_the_whole(message, most):
    whole = raised(ValueError("first: " + message), KeyError("k" * 500))
    short = shortened(whole, most, "elsewhere")
    assert headline(short) == headline(whole)
    assert len(short) <= max(len(whole) if len(whole) <= most else 0, most + LINE + 100)


def test_both_ends_of_a_long_text_are_kept_and_what_is_left_out_is_said():
    whole = raised(ValueError("\n".join(f"line {number}" for number in range(10_000))))
    short = shortened(whole, 1_000, "whole in logs/0001.log")
    assert short.startswith("Traceback")
    assert "line 9999" in short
    assert "characters left out; whole in logs/0001.log]" in short
    assert len(short) < 1_100


def records_of(tmp_path: Path) -> tuple[Records, Path]:
    run = load_run(
        write_run(tmp_path, [Trial(params={"width": 1}, epochs=[{"accuracy": 0.5}] * 2)])
    )
    return Records(run.paths), run.paths.log("t0000")


@pytest.mark.parametrize(
    ("size", "amount"), [(100, None), (100_000, "whole"), (20_000_000, "more")]
)
def test_a_record_keeps_the_ends_of_a_long_error_and_the_log_what_it_holds(tmp_path, size, amount):
    records, log = records_of(tmp_path)
    error = raised(ValueError("x" * size))
    kept = records.kept_error("t0000", error)
    assert len(kept) < LONGEST_ERROR + 200
    assert (amount is None) == (kept == error) == (not log.exists())
    if amount:
        assert f"{amount} in logs/t0000.log]" in kept
        assert log.stat().st_size <= LONGEST_LOG + 200
        assert (log.read_text() == error + "\n") == (amount == "whole")


def test_a_full_log_is_said(tmp_path):
    records, log = records_of(tmp_path)
    records.write_log("t0000", "x" * (LONGEST_LOG + 1))
    assert "its log is full]" in records.kept_error("t0000", "y" * 100_000)
    assert "y" not in log.read_text()


def test_a_page_shows_little_of_a_long_error_however_many_trials_had_it(tmp_path):
    errors = [raised(ValueError(f"same\n{'x' * 300_000}")) for _ in range(20)]
    trials = [
        Trial(params={"width": place}, epochs=[{"accuracy": 0.5}], status="failed", error=error)
        for place, error in enumerate(errors)
    ]
    fine = Trial(params={"width": 99}, epochs=[{"accuracy": 0.5}] * 2)
    run = load_run(write_run(tmp_path, [fine, *trials]))
    page = write_report(run).read_text()
    assert page.count("ValueError: same") > 20
    assert page.count("x" * 1_000) < 5
    assert "characters left out; more in trials.jsonl of the run]" in page
    statuses = (run.paths.tables / "statuses.csv").read_text()
    assert "20 x ValueError: same" in statuses
    assert len(statuses) < 500
    watched = Watched(run.paths.root)
    watched.refresh()
    shown = trial_details(watched, watched.trials["t0001"])["error"]
    assert len(shown) < 4_300
    assert headline(shown) == "ValueError: same"


def test_a_table_names_the_most_frequent_kinds_of_many(tmp_path):
    trials = [
        Trial(
            params={"width": place},
            epochs=[{"accuracy": 0.5}],
            status="failed",
            error=f"ValueError: {max(0, place - 3)}",
        )
        for place in range(KINDS + 8)
    ]
    failed = (
        status_table(load_run(write_run(tmp_path, trials)))
        .set_index("status")
        .loc["failed", "errors"]
    )
    assert failed.startswith("4 x ValueError: 0; 1 x ")
    assert failed.endswith("; 5 kinds more")
