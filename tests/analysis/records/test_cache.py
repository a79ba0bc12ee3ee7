"""What is computed from a run once."""

from dataclasses import replace

from run_folders import Trial, scores, write_run

from analysis import load_run, seed_table, settings_table
from analysis.records.cache import once


def test_computed_once_per_run_and_never_shared(tmp_path):
    calls = []

    @once
    def counted(run, factor=1):
        calls.append(factor)
        return settings_table(run) * factor

    run = load_run(
        write_run(
            tmp_path,
            [Trial(params={"width": 3}, epochs=scores([0.5]), seeds=[0])],
            space={"width": {"values": [3]}},
        )
    )
    first = counted(run)
    first["width"] = 99
    assert counted(run)["width"].tolist() == [3]
    assert counted(run, 2)["width"].tolist() == counted(run, factor=2)["width"].tolist() == [6]
    assert calls == [1, 2, 2]
    assert run.phase("search") is run.phase("search")


def test_another_run_made_from_it_starts_anew(tmp_path):
    run = load_run(
        write_run(
            tmp_path,
            [Trial(params={"width": 3}, epochs=scores([0.5]), seeds=[0])],
            space={"width": {"values": [3]}},
        )
    )
    assert seed_table(run)["accuracy"].tolist() == [0.5]
    assert seed_table(replace(run, epochs=run.epochs.assign(accuracy=0.7)))[
        "accuracy"
    ].tolist() == [0.7]
