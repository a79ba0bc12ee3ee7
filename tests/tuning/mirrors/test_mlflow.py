"""The mirror to MLflow: what a server is told of the records, whatever happens on the way."""

from pathlib import Path

import pytest
from fake_mlflow import PLACE, FakeServer, mirror, whole
from live_runs import begin, epoch
from mirror_processes import FAILED, GOOD
from run_folders import write_run

from analysis.records.labels import add_note, set_tags
from analysis.records.lines import read_spec
from analysis.records.paths import RunPaths
from tuning.mirrors.mlflow import MlflowRuns, _key


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    return RunPaths(write_run(tmp_path / "r1", [GOOD, FAILED]))


def test_a_run_per_trial_says_what_the_records_say(paths: RunPaths) -> None:
    shown = whole(paths, FakeServer())
    assert sorted(shown) == ["summary", "t0000", "t0001"]
    good, failed, study = shown["t0000"], shown["t0001"], shown["summary"]
    assert good["params"] == {"noise": "0.1", "width": "1"}
    assert good["title"] == "t0000 width=1"
    assert good["state"] == "FINISHED"
    assert good["tags"] | {"study.sent": ""} == {
        "mlflow.parentRunId": "summary",
        "study.name": "bowls",
        "study.question": "Does width help?",
        "study.run": "r1",
        "study.trial": "t0000",
        "study.phase": "search",
        "study.seeds": "[0, 1, 2]",
        "study.status": "completed",
        "study.epochs": "2",
        "study.seconds": "1.5",
        "study.sent": "",
    }
    values = {(name, step): float(value) for name, value, _, step in good["numbers"]}
    assert values == {
        ("accuracy", 1): pytest.approx(0.6),
        ("std/accuracy", 1): pytest.approx(0.1),
        ("parameters", 1): 9,
        ("accuracy", 2): pytest.approx(0.8),
        ("std/accuracy", 2): pytest.approx(0.1),
        ("parameters", 2): 9,
    }
    assert good["files"] == {"seeds.csv": "seed,accuracy\n0,0.7\n1,0.8\n2,0.9\n"}
    assert (failed["state"], failed["tags"]["study.error"]) == ("FAILED", "ValueError: too wide")
    assert (study["title"], study["state"]) == ("bowls r1", "FINISHED")
    assert study["tags"]["study.trials/failed"] == "1"
    assert '"question": "Does width help?"' in study["files"]["study.json"]


def test_what_is_whole_is_not_sent_again(paths: RunPaths) -> None:
    server = FakeServer()
    first = whole(paths, server)
    server.messages.clear()
    assert whole(paths, server) == first
    assert server.messages == []


def test_without_notes_of_its_own_it_goes_on_behind_what_the_server_has(paths: RunPaths) -> None:
    server = FakeServer()
    first = whole(paths, server)
    (paths.mlflow / "mirror.jsonl").unlink()
    server.messages.clear()
    assert whole(paths, server) == first
    assert not [message for message in server.messages if message[0] in ("create", "delete")]
    assert not [message for message in server.messages if message[0] == "log" and message[2]]


def test_an_epoch_that_has_other_numbers_now_is_not_beside_the_old_ones(paths: RunPaths) -> None:
    server = FakeServer()
    process = mirror(paths, server)
    begin(paths, "0001")
    epoch(paths, "0001", 1, 0.25)
    epoch(paths, "0001", 2, 0.5)
    process.look()
    epoch(paths, "0001", 2, 0.5, at=1.8e9)
    process.look()
    assert server.deleted == [], "trained again to the same numbers"
    epoch(paths, "0001", 2, 0.75)
    process.look()
    numbers = server.shown()["0001"]["numbers"]
    assert [(value, step) for _, value, _, step in numbers] == [("0.25", 1), ("0.75", 2)]
    assert len(server.deleted) == 1


def test_a_trial_that_goes_on_is_running_and_its_error_gone(tmp_path: Path) -> None:
    paths, server = RunPaths(write_run(tmp_path / "r1", [FAILED])), FakeServer()
    whole(paths, server)
    begin(paths, "t0000", attempt=2)
    epoch(paths, "t0000", 2, 1.0, 1.0, 1.0)
    mirror(paths, server).look()
    trial = server.shown()["t0000"]
    assert (trial["state"], trial["tags"]["study.status"]) == ("RUNNING", "running")
    assert "study.error" not in trial["tags"]
    begin(paths, "t0000", attempt=2, status="completed", epochs=2)
    assert whole(paths, server)["t0000"]["state"] == "FINISHED"
    assert server.deleted == []


def test_tags_and_notes_are_those_of_the_run(paths: RunPaths) -> None:
    server = FakeServer()
    set_tags(paths, ["quick", "baseline"])
    add_note(paths, "the one for the paper")
    tags = whole(paths, server)["summary"]["tags"]
    assert (tags["quick"], tags["baseline"], tags["study.tags"]) == (
        "true",
        "true",
        "quick baseline",
    )
    assert tags["mlflow.note.content"].endswith(": the one for the paper")
    set_tags(paths, ["quick"], remove=True)
    study = server.runs("bowls", {"study.trial": "summary"})[0].id
    server.kept[study].tags |= {"mlflow.note.content": "mine", "theirs": "true"}
    tags = whole(paths, server)["summary"]["tags"]
    assert "quick" not in tags
    assert (tags["theirs"], tags["mlflow.note.content"]) == ("true", "mine"), "of somebody else"


def test_a_damaged_file_of_tags_holds_nothing_up(paths: RunPaths) -> None:
    paths.labels.write_text('{"at": "now"}\n')
    assert "study.tags" not in whole(paths, FakeServer())["summary"]["tags"]


def test_a_study_of_thousands_of_trials_is_one_run(tmp_path: Path) -> None:
    paths = RunPaths(write_run(tmp_path / "r1", [GOOD, FAILED], trials=1001))
    assert list(whole(paths, FakeServer())) == ["summary"]


def test_a_server_that_does_not_answer_is_waited_for_once(
    paths: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, said = FakeServer(), []
    server.errors = [OSError("API request failed with exception timed out")]
    asked = []
    answer = server.experiment

    def experiment(name: str) -> str:
        asked.append(name)
        return answer(name)

    monkeypatch.setattr(server, "experiment", experiment)
    process = mirror(paths, server, said)
    process.look(all_of_them=True)
    assert (asked, process.missing) == (["bowls"], 2)
    assert said == [{"problem": f"{PLACE} does not answer"}]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("API request to endpoint /x failed with error code 401 != 200. Body: 'x'", "refuses"),
        ("API request to endpoint /x failed with error code 503 != 200. Body: 'x'", "answers 503"),
        ("failed with exception Retry (Caused by 'too many 500 error responses')", "answers 500"),
        ("one\nINVALID: two", "INVALID: two"),
    ],
)
def test_what_is_in_the_way_is_one_line(paths: RunPaths, error: str, words: str) -> None:
    sink = MlflowRuns(paths.root, read_spec(paths.study), PLACE, FakeServer())
    assert words in sink.reason(OSError(error))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("val/accuracy", "val/accuracy"),
        ("F1 (macro)", "F1 _28_macro_29_"),
        ("acc@1", "acc_40_1"),
        ("größe: x-y.z", "größe: x-y.z"),
        ("a//b", "a_2f__2f_b"),
        ("../x", "_2e__2e__2f_x"),
        ("/x", "_2f_x"),
        ("..x", "_2e__2e_x"),
        (".", "_2e_"),
        ("", "_"),
    ],
)
def test_names_that_mlflow_refuses_are_written_otherwise(name: str, key: str) -> None:
    assert _key(name) == key
