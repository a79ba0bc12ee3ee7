"""What a study would take, before it runs."""

from small_studies import small_study

from tuning import Asha, Confirm
from tuning.engine.probe import Probe, probe_text, probed
from tuning.search.base import first_trial
from tuning.spec.plan import epochs_bounds, plan_text


def test_epochs_are_bounded_by_what_the_scheduler_stops() -> None:
    assert epochs_bounds(small_study()) == (9, 9)
    study = small_study(epochs=9, scheduler=Asha(grace_period=1, reduction_factor=3))
    # of 3 trials each trains 1 epoch, a third 2 more, a ninth 6 more
    assert epochs_bounds(study) == (3 * (1 + 2 / 3 + 6 / 9), 27)
    confirmed = small_study(epochs=9, confirm=Confirm(top=2, seeds=2))
    assert epochs_bounds(confirmed) == (27 + 2 * 9, 27 + 2 * 9)
    assert "cost         5 trials, 45 epochs" in plan_text(confirmed)


def test_one_epoch_is_trained_of_each_kind(tmp_path: object) -> None:
    seen = []

    def counts(config, seeds, resume=None):  # type: ignore[no-untyped-def]
        for epoch in range(1, config["epochs"] + 1):
            seen.append((config["kind"], epoch))
            yield {"epoch": epoch, "score": [1.0] * len(seeds)}, {"weights": [0.0] * 100}

    study = small_study(counts, space={"kind": ["a", "b"], "slope": [1, 2]})
    probes = probed(study)
    assert seen == [("a", 1), ("b", 1)]
    assert [each.trial.params["kind"] for each in probes] == ["a", "b"]
    assert all(each.state_bytes > 100 for each in probes)


def test_of_one_kind_the_first_and_the_last_are_probed() -> None:
    assert [each.trial.params["slope"] for each in probed(small_study())] == [1, 3]


def test_time_and_disk_are_said_with_a_range() -> None:
    study = small_study(gpus=1)  # one trial at a time: 9 epochs
    trial = first_trial(study)
    probes = [Probe(trial, 20.0, 1_000_000, 100), Probe(trial, 40.0, 2_000_000, 100)]
    assert probe_text(study, probes) == (
        "3 min to 6 min with 1 trial at a time here, 10.0 MB: an epoch took 20 s to 40 s in"
        " 2 probes, the start of its trial included"
    )
