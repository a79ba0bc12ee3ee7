"""What a run cost, from rows whose every number is given."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from run_folders import Trial, scores, write_run

from analysis import Run, load_run
from analysis.charts.ledger import COLOUR
from analysis.charts.pictures import pictures
from analysis.report.claims.machine import WORDS, advice, ledger_claim
from analysis.report.page import section_html
from analysis.report.sections.machine import machine
from analysis.stats.findings import find
from analysis.stats.spending import slot_ledger, trial_costs
from analysis.text.memory import bytes_text, memory_words

GB = 10**9
COST = {"began": 1000.0, "seconds": 100.0, "slots": 2, "start": 5.0, "training": 70.0,
    "evaluation": 10.0, "checkpoint": 10.0, "reporting": 5.0, "waiting": 1.0, "sampled": 50.0,
    "cpu": 15.0, "memory": 2 * GB, "memory_total": 16 * GB}  # fmt: skip
SESSION = {"at": 970.0, "data": 20.0, "start": 10.0}


def spent(folder: Path, *costs: Mapping[str, Any], lost: float = 0.0, **spec: Any) -> Run:
    """A run of a trial for each of ``costs``, told with the last of its two epochs; the first one
    tells of its session.
    """
    trials = [
        Trial(params={"width": 1 + i}, epochs=scores([0.5, 0.6, 0.7])) for i in range(len(costs))
    ]
    write_run(folder, trials, **spec)
    rows = [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()]
    for number, cost in enumerate(costs):
        rows[2 * number + 1]["cost"] = cost | ({} if number else {"session": SESSION})
    (folder / "epochs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    lines[-1]["lost"] = lost
    (folder / "trials.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return load_run(folder)


def test_a_clock_that_ticked_once_tells_of_no_cores(tmp_path: Path) -> None:
    run = spent(tmp_path / "run", COST, {**COST, "sampled": 0.001, "cpu": 0.01})
    cores = trial_costs(run)["cores"]
    assert (cores[0], pd.isna(cores[1])) == (0.3, True)


def test_the_time_of_all_slots_adds_up(tmp_path: Path) -> None:
    """From 970 to 1110, two slots: 280 s."""
    run = spent(tmp_path / "run", COST, {**COST, "began": 1010.0}, lost=15.0)
    ledger = slot_ledger(run).set_index("part")["seconds"]
    assert ledger.to_dict() == {
        "start": 2 * 10.0 + 10, "data": 2 * 20.0, "training": 140.0, "evaluation": 20.0,
        "checkpoint": 20.0, "reporting": 10.0, "lost": 15.0, "idle": 5.0,
    }  # fmt: skip
    assert ledger.sum() == 280
    assert ledger_claim(slot_ledger(run)) == (
        "Of 4.67 min of slot time, 50 % went to training. The largest loss: data, 14 % (40 s)."
    )


def test_a_session_that_goes_on_has_its_own_start(tmp_path: Path) -> None:
    """The pause between two sessions is nobody's time."""
    later = {**COST, "began": 9000.0, "session": {"at": 8990.0, "data": 0.0, "start": 10.0}}
    run = spent(tmp_path / "run", COST, later)
    assert run.costs["session"].tolist() == [0, 1]
    ledger = slot_ledger(run).set_index("part")["seconds"]
    assert ledger.sum() == 2 * 130 + 2 * 110
    assert ledger["start"] == 2 * 10 + 5 + 2 * 10 + 5


def test_all_attempts_of_a_trial_are_its_cost(tmp_path: Path) -> None:
    run = spent(tmp_path / "run", COST)
    row = {"trial": "t0000", "epoch": 1, "cost": {**COST, "memory": 3 * GB, "cpu": 35.0}}
    again = json.loads((tmp_path / "run" / "epochs.jsonl").read_text().splitlines()[0])
    with (tmp_path / "run" / "epochs.jsonl").open("a") as file:
        file.write(json.dumps({**again, **row, "attempt": 2}) + "\n")
    run = load_run(tmp_path / "run")
    (trial,) = trial_costs(run).to_dict("records")
    assert (trial["starts"], trial["seconds"], trial["memory"]) == (2, 200.0, 3 * GB)
    assert trial["cores"] == (15 + 35) / 100
    assert pd.isna(trial["gpus"])


def test_a_trial_that_was_paused_has_cost_twice_in_one_attempt(tmp_path: Path) -> None:
    spent(tmp_path / "run", COST)
    row = json.loads((tmp_path / "run" / "epochs.jsonl").read_text().splitlines()[0])
    with (tmp_path / "run" / "epochs.jsonl").open("a") as file:
        for seconds in (20.0, 30.0):  # of the same stretch the last word counts
            cost = {**COST, "began": 2000.0, "seconds": seconds}
            file.write(json.dumps({**row, "cost": cost}) + "\n")
    (trial,) = trial_costs(load_run(tmp_path / "run")).to_dict("records")
    assert (trial["starts"], trial["seconds"]) == (2, 130.0)


def test_runs_that_recorded_none_have_no_section(tmp_path: Path) -> None:
    run = load_run(
        write_run(tmp_path / "run", [Trial(params={"width": 1}, epochs=scores([0.5] * 3))])
    )
    assert run.costs.empty
    assert slot_ledger(run).empty
    assert trial_costs(run).empty
    assert machine(find(run)) is None
    assert "ledger" not in pictures(run)


@pytest.mark.parametrize(
    "cost", [None, 3, "much", [], {}, {"seconds": "long", "memory": None, "session": 4, "x": {}}]
)
def test_a_cost_that_no_run_writes_is_missing(cost: Any, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [Trial(params={"width": 1}, epochs=scores([0.5] * 3))])
    rows = [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()]
    text = "".join(json.dumps({**row, "cost": cost}) + "\n" for row in rows)
    (folder / "epochs.jsonl").write_text(text)
    run = load_run(folder)
    assert slot_ledger(run).empty
    assert not trial_costs(run)["memory"].notna().any()
    section = machine(find(run))
    assert section is None or section_html(section)


def advised(folder: Path, changes: Mapping[str, Any], n: int = 3, **resources: float) -> list[str]:
    asked = {"cpus": 1, "gpus": 0, **resources}
    run = spent(folder, *[{**COST, **changes}] * n, resources=asked)
    return advice(run, trial_costs(run))


GPU = {"gpu": 12.5, "gpu_memory": 10 * GB, "gpu_total": 80 * GB}


@pytest.mark.parametrize(
    ("changes", "resources", "said"),
    [
        (
            {},
            {},
            "None of 3 trials that took 5 s or longer used more than 0.3 of its 1 CPU: unless other"
            " work kept this machine busy, cpus=0.33 would fit 3",
        ),
        ({"memory": 3.5 * GB}, {}, "cpus=0.5 would fit 2"),
        ({"memory": 5 * GB}, {}, None),
        ({"cpu": 30.0}, {}, None),
        ({"sampled": 4.0, "cpu": 0.4}, {}, None),
        ({"cpu": 60.0}, {"cpus": 4}, "cpus=1.33 would fit 3"),
        ({"cpu": 185.0}, {}, "use 3.7 CPUs or more and ask for 1 (n = 3 trials): cpus=4"),
        (GPU, {"gpus": 1}, "used more than 0.25 of its 1 GPU: gpus=0.25"),
        ({**GPU, "gpu_memory": 30 * GB}, {"gpus": 1}, "gpus=0.5 would fit 2"),
        ({**GPU, "gpu_memory": 60 * GB}, {"gpus": 1}, None),
        (GPU, {"gpus": 0.5}, None),
        ({"gpu": 12.5}, {"gpus": 1}, None),
    ],
)
def test_advice_follows_from_what_all_trials_used(
    changes: Mapping[str, Any], resources: dict[str, float], said: str | None, tmp_path: Path
) -> None:
    given = advised(tmp_path / "run", changes, **resources)
    assert len(given) == (said is not None)
    assert said is None or said in given[0]


def test_two_trials_are_too_few_for_advice(tmp_path: Path) -> None:
    assert advised(tmp_path / "run", {}, n=2) == []


def test_the_section_names_the_loss_and_shows_what_was_told(tmp_path: Path) -> None:
    run = spent(tmp_path / "run", COST, {**COST, "memory": 3 * GB, "energy": 7200.0})
    section = machine(find(run))
    assert section is not None
    assert section.tables[0].note.startswith("Of 2 trials, each")
    assert section.notes[0].startswith("Of 4.33 min of slot time, 54 % went to training.")
    rows = section.tables[0].frame.to_numpy().tolist()
    assert rows[0] == ["peak memory", "2.50 GB", "3.00 GB", "t0001", "2"]
    assert ["energy of processors", "7.2 kJ", "7.2 kJ", "t0001", "1"] in rows
    assert not any("GPU" in row[0] for row in rows)
    assert pictures(run)["ledger"].section == "machine"
    assert list(COLOUR) == list(WORDS.values())


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 MB"), (4e4, "0.04 MB"), (312e6, "312 MB"), (999.6e6, "1.00 GB"), (1.25e9, "1.25 GB"),
     (25.3e9, "25.3 GB"), (128e9, "128 GB"), (2e12, "2.00 TB")],
)  # fmt: skip
def test_memory_reads_in_three_figures(amount: float, text: str) -> None:
    assert bytes_text(amount) == text


def test_what_is_not_known_of_memory_is_not_said() -> None:
    assert memory_words({}) == ""
    assert memory_words({"memory": 2 * GB, "memory_total": 16 * GB}) == (
        "Memory: the trial used 2.00 GB at most when sampled, and there are 16.0 GB."
    )
