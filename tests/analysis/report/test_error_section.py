"""What went wrong in which trial: few as they are, many of a kind as one entry."""

import re

from run_folders import Trial, write_run

from analysis import load_run
from analysis.report.page import section_html
from analysis.report.section import Section
from analysis.report.sections.trials import SHOWN, errors_of


def error_section(run):
    return section_html(Section(anchor="trials", title="", errors=errors_of(run)))


def ended(number: int, status: str, error: str) -> Trial:
    return Trial(params={"width": number}, epochs=[{"accuracy": 0.5}], status=status, error=error)


def test_no_error_no_section(tmp_path):
    assert (
        error_section(
            load_run(
                write_run(tmp_path, [Trial(params={"width": 1}, epochs=[{"accuracy": 0.5}] * 2)])
            )
        )
        == ""
    )


def test_one_error_is_an_entry_with_its_traceback(tmp_path):
    trial = ended(1, "failed", "Traceback\nValueError: <b>")
    assert error_section(load_run(write_run(tmp_path, [trial]))).strip().splitlines() == [
        "<h3>Errors</h3>",
        "<details><summary>t0000 (width 1), failed: ValueError: &lt;b&gt;</summary><pre>Traceback",
        "ValueError: &lt;b&gt;</pre></details>",
    ]


def test_errors_of_a_kind_share_an_entry_the_most_frequent_kind_first(tmp_path):
    trials = [
        ended(0, "failed", "Traceback\nValueError: no"),
        *(ended(number, "diverged", "loss is nan") for number in range(1, 25)),
    ]
    markup = error_section(load_run(write_run(tmp_path, trials)))
    summaries = re.findall("<summary>(.*?)</summary>", markup)
    assert summaries[0] == "diverged: loss is nan"
    assert summaries[1] == "t0001 (width 1), diverged: loss is nan"
    assert summaries[SHOWN + 1 :] == ["t0000 (width 0), failed: ValueError: no"]
    assert "<p>4 trials more; all errors are in trials.jsonl of the run.</p>\n</details>" in markup


def test_of_many_kinds_the_first_are_shown(tmp_path):
    trials = [ended(number, "failed", f"ValueError: {number}") for number in range(SHOWN + 1)]
    markup = error_section(load_run(write_run(tmp_path, trials)))
    assert len(re.findall("<summary>", markup)) == SHOWN
    assert markup.rstrip().endswith(
        "<p>1 kind more; all errors are in trials.jsonl of the run.</p>"
    )
