"""Functions and classes that were written for Ray Tune, trained as they are."""

import json
import os
import random
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from inline_runs import crash_after, prepared, run
from ray import tune
from small_studies import small_study

from analysis import load_run
from tuning import Asha, Recovery, StudyError, from_ray
from tuning.engine.backends.inline import run_inline
from tuning.engine.one_trial import try_first
from tuning.engine.ray_trainables import TrialNames, function_epochs
from tuning.engine.replay import replay, verdict
from tuning.engine.trial import iterate
from tuning.engine.yielded import NotReported
from tuning.spec.study import Trial

TRIAL = Trial(id="0001", params={"slope": 2}, seeds=[3])


def reports(config: dict[str, Any]) -> None:
    for step in range(3):
        tune.report({"score": config["slope"] * step + config["seed"] / 100, "epoch": step})


def test_a_function_is_recognised_and_its_reports_are_epochs(tmp_path: Path) -> None:
    read = run(small_study(reports), tmp_path)
    last = read.epochs[read.epochs["trial"] == "0003"]
    assert last[["epoch", "seed", "score"]].to_numpy().tolist() == [
        [1, 0, 0.0],
        [1, 1, 0.01],
        [2, 0, 3.0],
        [2, 1, 3.01],
        [3, 0, 6.0],
        [3, 1, 6.01],
    ]
    assert read.spec["trainable"] == "test_ray_trainables.reports"
    assert set(read.trials["status"]) == {"completed"}
    assert not read.paths.log("0003").exists(), "it ended where it was to end"


def test_it_is_tried_and_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = small_study(reports)
    assert try_first(study) == 0
    assert capsys.readouterr().out.count("\nepoch ") == 3
    epochs = list(replay(study, run(study, tmp_path), "0002"))
    assert verdict("0002", epochs).endswith("are equal to the record, bit for bit.")


def saves(config: dict[str, Any]) -> None:
    start, total = 0, 0.0
    if checkpoint := tune.get_checkpoint():
        with checkpoint.as_directory() as folder:
            kept = torch.load(os.path.join(folder, "net.pt"))
            start, total = kept["step"] + 1, kept["total"]
            assert Path(folder, "deeper", "empty").read_bytes() == b""
    for step in range(start, 6):
        total += random.Random(f"{config['seed']}/{step}").random()
        with tempfile.TemporaryDirectory() as folder:
            torch.save({"step": step, "total": total}, os.path.join(folder, "net.pt"))
            Path(folder, "deeper").mkdir()
            Path(folder, "deeper", "empty").touch()
            checkpoint = tune.Checkpoint.from_directory(folder) if step % 2 else None
            tune.report({"score": config["slope"] * total}, checkpoint=checkpoint)


class Walk(tune.Trainable):
    """A class of Ray Tune."""

    def setup(self, config: dict[str, Any]) -> None:
        self.slope, self.seed, self.total = config["slope"], config["seed"], 0.0
        self.name = self.trial_id

    def step(self) -> dict[str, Any]:
        self.total += random.Random(f"{self.seed}/{self.iteration}").random()
        return {"score": self.slope * self.total, "done": self.slope == 3 and self.iteration == 3}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        Path(checkpoint_dir, "total.json").write_text(json.dumps(self.total))

    def load_checkpoint(self, checkpoint: str) -> None:
        self.total = json.loads(Path(checkpoint, "total.json").read_text())


class Returning(Walk):
    """Its state is what it returns."""

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:  # type: ignore[override]
        return {"total": self.total}

    def load_checkpoint(self, checkpoint: Any) -> None:
        self.total = checkpoint["total"]


@pytest.mark.parametrize("trainable", [saves, Walk, Returning])
@pytest.mark.parametrize("count", [3, 6, 12])
def test_a_crash_changes_nothing(trainable: Any, count: int, tmp_path: Path) -> None:
    study = small_study(trainable, epochs=6, recovery=Recovery(checkpoint_seconds=0.001))
    whole, paths = run(study, tmp_path / "whole"), prepared(study, tmp_path / "crashed")
    assert crash_after(count, study, paths)
    run_inline(study, paths)
    columns = ["trial", "epoch", "seed", "score"]
    resumed = load_run(paths.root)
    assert resumed.epochs[columns].equals(whole.epochs[columns])
    assert resumed.trials["reason"].isna().tolist() == whole.trials["reason"].isna().tolist()


def test_it_goes_on_from_its_own_checkpoint() -> None:
    study = small_study(saves, epochs=6)
    rows = list(iterate(study, TRIAL, {}))
    assert [state is not None for _, state in rows] == [False, True] * 3
    again = list(iterate(study, TRIAL, {}, resume=rows[3][1]))
    assert [row["epoch"] for row, _ in again] == [5, 6]
    assert [row["metrics"] for row, _ in again] == [row["metrics"] for row, _ in rows[4:]]


def test_a_class_that_is_done_ends_itself(tmp_path: Path) -> None:
    read = run(small_study(Walk, epochs=6), tmp_path)
    assert read.trials["epochs"].tolist() == [6, 6, 4]
    assert read.trials["reason"][2] == (
        "seed 0 after epoch 4: the trainable reported that it is done after 4 of 6 reports; seed 1"
        " after epoch 4: the trainable reported that it is done after 4 of 6 reports"
    )


class Unsaved(tune.Trainable):
    def step(self) -> dict[str, Any]:
        return {"score": float(self.iteration)}


def test_a_class_without_checkpoints_trains() -> None:
    rows = list(iterate(small_study(Unsaved), TRIAL, {}))
    assert [(row["metrics"], state) for row, state in rows] == [
        ({"score": float(step)}, None) for step in range(3)
    ]


def asks(config: dict[str, Any]) -> None:
    context = tune.get_context()
    print(context.get_trial_id(), context.get_trial_name(), context.get_experiment_name())
    print(context.get_trial_resources().bundles, Path(context.get_trial_dir()).is_dir())
    for _ in range(3):
        tune.report({"score": 1.0})


def test_the_context_is_that_of_the_trial(tmp_path: Path) -> None:
    read = run(small_study(asks, seeds_per_trial=1, cpus=2), tmp_path)
    assert read.paths.log("0002").read_text().splitlines()[:2] == [
        "0002 small_0002 small",
        "[{'CPU': 2.0}] True",
    ]


def returns_a_mapping(config: dict[str, Any]) -> dict[str, Any]:
    return {"score": config["slope"]}


def returns_a_number(config: dict[str, Any]) -> float:
    return config["slope"]


def yields_mappings(config: dict[str, Any]) -> Any:
    yield {"score": config["slope"]}


@pytest.mark.parametrize(
    ("trainable", "metric"),
    [
        (returns_a_mapping, "score"),
        (yields_mappings, "score"),
        (returns_a_number, "_metric"),
        (partial(lambda config, offset: {"score": config["slope"] + offset}, offset=0), "score"),
    ],
)
def test_other_ways_to_report(trainable: Any, metric: str) -> None:
    study = small_study(trainable, epochs=1, metric=metric)
    ((row, _),) = iterate(study, TRIAL, {})
    assert row["metrics"] == {metric: 2}


def test_what_is_no_number_is_left_out_and_what_is_nested_gets_a_path() -> None:
    def nested(config: dict[str, Any]) -> None:
        tune.report(
            {
                "score": torch.tensor(0.5),
                "phase": "warm-up",
                "validation": {"loss": 2, "at": {"top": 1.0}},
                "should_checkpoint": True,
                "training_iteration": 7,
            }
        )

    ((row, _),) = iterate(small_study(nested, epochs=1), TRIAL, {})
    assert row["metrics"] == {"score": 0.5, "validation/loss": 2, "validation/at/top": 1.0}


def is_patient(config: dict[str, Any]) -> None:
    best, since = 0.0, 0
    for step in range(config["epochs"]):
        score = min(config["slope"] * step, 4.0)
        best, since = max(best, score), 0 if score > best else since + 1
        tune.report({"score": score})
        if since == 2:
            return


def test_a_function_that_returns_early_ended_itself(tmp_path: Path) -> None:
    study = small_study(is_patient, epochs=8, seeds_per_trial=1, seeds=1)
    read = run(study, tmp_path)
    assert read.trials["epochs"].tolist() == [7, 5, 5]
    assert read.trials["reason"].tolist() == [
        f"the trainable returned after {count} of 8 reports" for count in (7, 5, 5)
    ]


def goes_on_and_on(config: dict[str, Any]) -> None:
    step = 0
    while True:
        step += 1
        tune.report({"score": -config["slope"] * step})


def test_a_function_is_stopped_at_the_last_epoch_and_by_asha(tmp_path: Path) -> None:
    asha = Asha(grace_period=2, reduction_factor=2)
    read = run(small_study(goes_on_and_on, epochs=4, scheduler=asha), tmp_path)
    assert read.trials["status"].tolist() == ["completed", "pruned", "pruned"]
    assert read.epochs.groupby("trial")["epoch"].max().tolist() == [4, 2, 2]


def fails(config: dict[str, Any]) -> None:
    tune.report({"score": 1.0})
    raise ValueError("a line of theirs")


def test_an_error_of_a_function_is_recorded_with_its_lines(tmp_path: Path) -> None:
    read = run(small_study(fails), tmp_path)
    assert set(read.trials["status"]) == {"failed"}
    assert 'raise ValueError("a line of theirs")' in read.trials["error"][0]


def quiet(config: dict[str, Any]) -> None:
    pass


def test_a_function_that_reports_nothing_is_told_how_to() -> None:
    with pytest.raises(NotReported, match=r"must call tune.report\({...}\) after every epoch"):
        list(iterate(small_study(quiet), TRIAL, {}))


@pytest.mark.parametrize("trainable", [lambda config, data: None, Walk])
def test_with_parameters_is_refused_with_the_way_out(trainable: Any) -> None:
    with pytest.raises(StudyError, match=r"give functools.partial\(train, data=data\), or Task"):
        small_study(tune.with_parameters(trainable, data=2))


def forgets_the_seeds(config: dict[str, Any]) -> Any:
    yield {"epoch": 1, "score": 1.0}, None


def test_a_generator_that_forgot_its_seeds_is_told_so() -> None:
    message = (
        r"gave \(dict, None\). .* yields \(metrics, state\) takes \(config, seeds, resume=None\)"
    )
    with pytest.raises(NotReported, match=message):
        list(iterate(small_study(forgets_the_seeds), TRIAL, {}))


def two_parameters(config: dict[str, Any], scale: float = 2.0, more: Any = None) -> None:
    for step in range(config["epochs"]):
        tune.report({"score": scale * step})


def test_what_is_not_recognised_can_be_marked() -> None:
    marked = from_ray(two_parameters)
    assert [metrics for metrics, _ in marked({"epochs": 2}, [0])] == [
        {"score": 0.0, "epoch": 1},
        {"score": 2.0, "epoch": 2},
    ]
    assert len(list(iterate(small_study(marked), TRIAL, {}))) == 3
    assert len(list(from_ray(partial(two_parameters, scale=1.0))({"epochs": 2}, [0]))) == 2


def test_a_checkpoint_cannot_write_outside_of_its_folder() -> None:
    state = {"files": {"../../out": torch.zeros(1, dtype=torch.uint8)}, "reports": 1}
    with pytest.raises(ValueError, match="is not in its folder"):
        next(function_epochs(quiet, TrialNames(), {"epochs": 2}, 0, state))


def test_a_session_of_ray_is_as_it_was_between_epochs() -> None:
    from ray.train._internal.session import get_session

    before = get_session()
    for _ in iterate(small_study(reports), TRIAL, {}):
        assert get_session() is before
    assert get_session() is before


@pytest.mark.slow
@pytest.mark.parametrize("trainable", [saves, Walk])
def test_they_train_on_ray_and_go_on_after_their_process_died(
    trainable: Any, tmp_path: Path, private_ray: None
) -> None:
    from launching import run as run_on_ray

    once = tmp_path / "once"
    dying = partial(_dies_once, trainable, once) if trainable is saves else trainable
    study = small_study(dying, epochs=6, recovery=Recovery(checkpoint_seconds=0.001))
    read = run_on_ray(study, tmp_path / "ray")
    inline = run(small_study(trainable, epochs=6), tmp_path / "inline")
    columns = ["trial", "epoch", "seed", "score"]
    assert read.epochs[columns].equals(inline.epochs[columns])
    assert trainable is not saves or read.trials["attempt"].max() == 2


def _dies_once(function: Any, once: Path, config: dict[str, Any]) -> None:
    report = tune.report

    def counted(metrics: Any, checkpoint: Any = None) -> None:
        report(metrics, checkpoint=checkpoint)
        if checkpoint and config["slope"] == 2 and not once.exists():
            once.touch()
            os._exit(1)

    tune.report = counted
    try:
        function(config)
    finally:
        tune.report = report
