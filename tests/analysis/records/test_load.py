"""The way back from a run folder into frames."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import DamagedRun, load_run

SPEC = {
    "schema": 2, "name": "mine", "question": "?", "space": {"a": {"values": [1, 2]}},
    "fixed": {"b": 5}, "search": {"kind": "grid"},
    "seeds": [3, 4], "metric": "score", "mode": "max", "epochs": 2,
}  # fmt: skip


def trial(name: str, a: int, status: str, **facts: Any) -> dict[str, Any]:
    return {"trial": name, "params": {"a": a}, "seeds": [3, 4], "status": status, **facts}


def epoch(name: str, number: int, metrics: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {
        "trial": name,
        "epoch": number,
        "metrics": metrics,
        "seconds": 0.5,
        "at": 10.0 + number,
        **facts,
    }


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(
    folder: Path, trials: list[dict[str, Any]], epochs: list[dict[str, Any]], spec: Any = SPEC
) -> Path:
    (folder / "study.json").write_text(json.dumps(spec))
    for name, rows in (("trials", trials), ("epochs", epochs)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_frames_have_a_row_per_trial_and_per_trial_epoch_and_seed(tmp_path: Path) -> None:
    trials = [
        trial("0001", 1, "running"),
        trial("0002", 2, "running"),
        trial("0001", 1, "completed", epochs=2, seconds=1.5, node="n"),
    ]
    epochs = [
        epoch("0001", 1, {"score": [0.1, 0.2], "size": 7}),
        epoch("0002", 1, {"score": [0.3, None]}),
        epoch("0001", 2, {"score": 0.5}),
    ]
    run = load_run(write(tmp_path, trials, epochs))
    assert run.trials[["trial", "status", "epochs", "a"]].values.tolist() == [
        ["0001", "completed", 2, 1],
        ["0002", "unfinished", 0, 2],
    ]
    assert run.epochs[["trial", "epoch", "seed"]].values.tolist() == [
        ["0001", 1, 3],
        ["0001", 1, 4],
        ["0001", 2, 3],
        ["0001", 2, 4],
        ["0002", 1, 3],
        ["0002", 1, 4],
    ]
    np.testing.assert_array_equal(run.epochs["score"], [0.1, 0.2, 0.5, 0.5, 0.3, np.nan])
    np.testing.assert_array_equal(run.epochs["size"], [7, 7, np.nan, np.nan, np.nan, np.nan])
    assert (run.metric, run.parameters, run.notes) == ("score", ["a"], [])


def test_the_last_row_of_an_epoch_counts(tmp_path: Path) -> None:
    epochs = [
        epoch("0001", 1, {"score": 1.0}),
        epoch("0001", 2, {"score": 2.0}),
        epoch("0001", 1, {"score": 9.0}),
    ]
    run = load_run(write(tmp_path, [trial("0001", 1, "running")], epochs))
    assert run.epochs["score"].tolist() == [9.0, 9.0, 2.0, 2.0]


def test_a_torn_last_line_is_left_out_and_said(tmp_path: Path) -> None:
    write(tmp_path, [trial("0001", 1, "running")], [epoch("0001", 1, {"score": 1.0})])
    with (tmp_path / "epochs.jsonl").open("a") as file:
        file.write('{"trial": "0001", "epoch": 2, "metr')
    run = load_run(tmp_path)
    assert run.epochs["epoch"].unique().tolist() == [1]
    assert run.notes == [
        "The last line of epochs.jsonl is torn (its writer was stopped in the middle of it) and is"
        " left out."
    ]


def test_a_run_that_has_not_begun_is_empty(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text(json.dumps(SPEC))
    run = load_run(tmp_path)
    assert run.trials.empty
    assert run.epochs.empty
    assert {"trial", "status", "a", "b"} <= set(run.trials)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("study.json", "{", r"study\.json is damaged"),
        (
            "study.json",
            '{"schema": 1}',
            r"study\.json is of schema 1; this program reads schema 2\. Read the run with the"
            r" version of the program that wrote it\.",
        ),
        ("study.json", "[]", r"study\.json is of schema None; this program reads schema 2"),
        ("study.json", '{"schema": 99}', r"study\.json is of schema 99"),
        (
            "study.json",
            json.dumps({**SPEC, "mode": "most"}),
            r"study\.json is damaged: mode 'most' must be max or min\.",
        ),
        (
            "epochs.jsonl",
            '{"trial": "0001"\n',
            r"epochs\.jsonl, line 1 is damaged: unexpected end of data at column 17\.",
        ),
        ("epochs.jsonl", "3\n", r"epochs\.jsonl, line 1 is damaged: it lacks at, epoch, metrics"),
        (
            "epochs.jsonl",
            json.dumps(epoch("0009", 1, {})) + "\n",
            r"epochs\.jsonl, line 1 is damaged: it is of trial 0009, which trials\.jsonl does",
        ),
        (
            "epochs.jsonl",
            '{"trial": "0001", "epoch": 1}\n',
            r"epochs\.jsonl, line 1 is damaged: it lacks at, metrics, seconds",
        ),
        (
            "epochs.jsonl",
            json.dumps(epoch("0001", 1, {"score": [1, 2, 3]})) + "\n",
            r"epochs\.jsonl, line 1 is damaged: score has 3 values for 2 seeds",
        ),
        (
            "trials.jsonl",
            '{"trial": "0001"}\n',
            r"trials\.jsonl, line 1 is damaged: it lacks params, seeds, status",
        ),
        (
            "study.json",
            '{"schema": 2}',
            (
                r"study\.json is damaged: it does not say name, question, space, fixed, search,"
                r" seeds, metric"
            ),
        ),
        (
            "epochs.jsonl",
            lines(epoch("0001", 1, {}), epoch("0001", 1, {}, epoch="x")),
            r"epochs\.jsonl, line 2 is damaged: .* it has epoch 'x'",
        ),
        (
            "epochs.jsonl",
            lines(epoch("0001", 1, {"score": [1, "x"]})),
            r"epochs\.jsonl, line 1 is damaged: score is 'x', must be a number",
        ),
        (
            "epochs.jsonl",
            lines(epoch("0001", 1, {"score": {"a": 1}})),
            r"epochs\.jsonl, line 1 is damaged: score is {'a': 1}",
        ),
        (
            "epochs.jsonl",
            lines({**epoch("0001", 1, {}), "metrics": 5}),
            r"epochs\.jsonl, line 1 is damaged: must hold as",
        ),
        (
            "trials.jsonl",
            lines({**trial("0001", 1, "running"), "seeds": 5}),
            r"trials\.jsonl, line 1 is damaged: seeds is 5",
        ),
        (
            "trials.jsonl",
            lines({**trial("0001", 1, "running"), "params": []}),
            r"trials\.jsonl, line 1 is damaged: trial must be text",
        ),
        (
            "trials.jsonl",
            lines(trial("0001", 1, "done")),
            r"trials\.jsonl, line 1 is damaged: status is 'done', must be one of completed",
        ),
        ("trials.jsonl", "\x00\x00\n", r"trials\.jsonl, line 1 is damaged"),
    ],
)
def test_any_other_damage_names_file_and_line(
    tmp_path: Path, file: str, content: str, message: str
) -> None:
    write(tmp_path, [trial("0001", 1, "running")], [])
    (tmp_path / file).write_text(content)
    with pytest.raises(DamagedRun, match=message):
        load_run(tmp_path)


def test_arrays_that_cannot_be_read_name_their_file(tmp_path: Path) -> None:
    run = load_run(write(tmp_path, [trial("0001", 1, "running")], []))
    (tmp_path / "arrays").mkdir()
    for content in (b"no archive", b"PK\x03\x04 half an archive", b""):
        (tmp_path / "arrays" / "0001.npz").write_bytes(content)
        with pytest.raises(DamagedRun, match=r"arrays/0001\.npz is damaged: "):
            run.arrays("0001")


@pytest.mark.parametrize(("recorded", "last"), [([1], 1), ([], 0), ([1, 2, 3], 3)])
def test_a_trial_that_lacks_epochs_it_ended_with_is_unfinished_and_said(
    tmp_path: Path, recorded: list[int], last: int
) -> None:
    trials = [
        trial("0001", 1, "completed", epochs=2),
        trial("0002", 2, "completed", epochs=1),
        trial("0003", 2, "failed", epochs=7),
    ]
    epochs = [epoch("0001", number, {"score": 1.0}) for number in recorded]
    run = load_run(write(tmp_path, trials, [*epochs, epoch("0002", 1, {"score": 1.0})]))
    assert run.trials["status"].tolist() == ["unfinished", "completed", "failed"]
    assert run.notes == [
        f"Trial 0001 completed 2 epochs, but the last one recorded is {last}: it counts as"
        " unfinished."
    ]


def test_a_metric_that_must_be_finite_and_is_never_reported_is_said(tmp_path: Path) -> None:
    spec = SPEC | {"must_be_finite": ["score", "perplexty"]}
    trials = [trial("0001", 1, "completed", epochs=1)]
    rows = [epoch("0001", 1, {"score": 1.0, "perplexity": None})]
    (_, note) = load_run(write(tmp_path, trials, rows, spec)).notes
    assert note == (
        "must_be_finite names 'perplexty', which no epoch recorded has: they have 'perplexity',"
        " 'score'."
    )
    assert load_run(write(tmp_path, [], [], spec)).notes == []


def test_values_that_were_not_finite_are_counted_unless_they_ended_their_trial(
    tmp_path: Path,
) -> None:
    trials = [trial("0001", 1, "completed", epochs=2), trial("0002", 2, "diverged", epochs=1)]
    epochs = [
        epoch("0001", 1, {"score": [0.1, 0.2], "perplexity": None, "gap": [1.0, None]}),
        epoch("0001", 2, {"score": [0.1, 0.2], "perplexity": None, "gap": [1.0, 2.0]}),
        epoch("0002", 1, {"score": [0.1, None], "perplexity": 1.0, "loss": None, "norm": None}),
    ]
    notes = load_run(write(tmp_path, trials, epochs, SPEC | {"must_be_finite": ["norm"]})).notes
    assert not any("must_be_finite names" in note for note in notes)
    assert [note.split(":")[0] for note in notes] == [
        "perplexity was no finite number in 2 of the epochs recorded (1 of the trials)",
        "gap was no finite number in 1 of the epochs recorded (1 of the trials)",
    ]
