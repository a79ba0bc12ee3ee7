"""Who is stopped: held against Ray's own scheduler, and against a rebuild from the records."""

import math
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ray.tune.schedulers import ASHAScheduler, TrialScheduler
from searched_studies import searched_study

from tuning.runs.history import TrialRecord
from tuning.search.asha import AshaScheduler, percentile
from tuning.spec.study import Asha, Study, Trial

SCORES = st.lists(st.lists(st.integers(0, 20), min_size=9, max_size=9), min_size=1, max_size=12)


def asha_study(reduction_factor: int, mode: Any = "max") -> Study:
    return searched_study(
        scheduler=Asha(grace_period=1, reduction_factor=reduction_factor), epochs=9, mode=mode
    )


def ray_trial(name: str) -> Any:
    return types.SimpleNamespace(trial_id=name, config={"trial": name})


@given(
    scores=SCORES,
    reduction_factor=st.integers(2, 4),
    mode=st.sampled_from(["max", "min"]),
    order=st.randoms(use_true_random=False),
)
def test_decisions_are_those_of_rays_own_scheduler(
    scores: list[list[int]], reduction_factor: int, mode: str, order: Any
) -> None:
    study = asha_study(reduction_factor, mode)
    ours = AshaScheduler(study)
    theirs = ASHAScheduler(
        time_attr="epoch",
        metric="score",
        mode=mode,
        max_t=9,
        grace_period=1,
        reduction_factor=reduction_factor,
    )
    trials = {str(i): iter(enumerate(values, start=1)) for i, values in enumerate(scores)}
    for name in trials:
        theirs.on_trial_add(None, ray_trial(name))
    while trials:
        name = order.choice(sorted(trials))
        epoch, score = next(trials[name])
        if (
            epoch == study.epochs
        ):  # Ray stops every trial at its last epoch; ours has then ended by itself
            del trials[name]
            continue
        expected = theirs.on_trial_result(None, ray_trial(name), {"epoch": epoch, "score": score})
        assert ours.goes_on(name, epoch, score) == (expected == TrialScheduler.CONTINUE)
        if expected == TrialScheduler.STOP:
            assert ours.stopped[name] == epoch
            del trials[name]


@given(scores=SCORES, cut=st.integers(0, 12))
def test_rungs_built_from_the_records_decide_as_those_that_lived_on(
    scores: list[list[int]], cut: int
) -> None:
    """One trial after the other; after ``cut`` of them the scheduler is built anew from what was
    recorded.
    """
    study = asha_study(3)
    whole, past, decisions = AshaScheduler(study), [], []
    for number, values in enumerate(scores):
        decisions.append(_run(whole, str(number), values))
        past.append(
            _past(
                str(number), values[: decisions[-1]], "pruned" if decisions[-1] < 9 else "completed"
            )
        )
    rebuilt = AshaScheduler(study, past[:cut])
    assert [
        _run(rebuilt, str(number), values) for number, values in list(enumerate(scores))[cut:]
    ] == decisions[cut:]


def test_a_trial_cut_off_at_its_rung_is_judged_there_when_it_comes_again() -> None:
    study = asha_study(3)
    past = [
        _past("a", [9, 9, 9, 9], "completed"),
        _past("b", [1], "unfinished"),
        _past("c", [8, 8], "unfinished"),
    ]
    halving = AshaScheduler(study, past)
    assert not halving.goes_on("b", 1, 1)
    assert halving.goes_on("c", 1, 0), "it passed that rung before"


def test_a_trial_cut_off_at_its_rung_was_judged_there_if_it_comes_again_beyond_it() -> None:
    """Its process went on for a moment after the driver had gone, and kept a later epoch."""
    halving = AshaScheduler(asha_study(3), [_past("a", [9], "unfinished")])
    assert halving.goes_on("a", 2, 9)
    assert not halving.goes_on("b", 1, 1)


def test_a_trial_counts_at_no_rung_at_which_it_diverged_and_at_those_before() -> None:
    """Its loss may have become non-finite at an epoch whose metric is a number."""
    halving = AshaScheduler(asha_study(3), [_past("a", [9], "diverged")])
    assert halving.goes_on("b", 1, 1), "the first at that rung"
    halving = AshaScheduler(asha_study(3), [_past("a", [9, 9], "diverged")])
    assert not halving.goes_on("b", 1, 1)


def test_a_rung_stops_nobody_before_enough_trials_have_reached_it() -> None:
    halving = AshaScheduler(
        searched_study(
            scheduler=Asha(grace_period=1, reduction_factor=3, min_trials=3, pauses=False), epochs=9
        )
    )
    assert [
        halving.goes_on(name, 1, score)
        for name, score in [("a", 9), ("b", 1), ("c", 2), ("d", 4), ("e", 9)]
    ] == [
        True,
        True,
        True,
        False,
        True,
    ]


def test_between_rungs_every_trial_goes_on() -> None:
    assert AshaScheduler(asha_study(3)).goes_on("a", 2, -100)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40), st.integers(2, 9))
@example([0.1, 1.1], 3)  # further from the first, so counted from the second
def test_percentiles_are_those_of_numpy_to_the_last_bit(values: list[float], factor: int) -> None:
    share = 100 * (1 - 1 / factor)
    assert percentile(sorted(values), share) == np.percentile(values, share)


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_counts_at_no_rung(wrong: float, mode: str) -> None:
    halving = AshaScheduler(asha_study(3, mode))
    assert halving.goes_on("diverged", 1, None), "it ends by itself"
    assert halving.goes_on("infinite", 1, wrong)
    best = [5.0, 6.0, 7.0] if mode == "max" else [5.0, 4.0, 3.0]
    assert [halving.goes_on(str(score), 1, score) for score in best] == [
        True,
        True,
        True,
    ], "each beats those before it"
    assert not halving.goes_on(
        "bad", 1, wrong if math.isfinite(wrong) else -9.0 if mode == "max" else 9.0
    )


GAPPED = st.lists(st.sets(st.integers(1, 27), min_size=1).map(sorted), min_size=1, max_size=8)


@given(
    epochs=GAPPED,
    cut=st.integers(0, 8),
    mode=st.sampled_from(["max", "min"]),
    order=st.randoms(use_true_random=False),
)
def test_epochs_may_be_left_out_and_rungs_are_rebuilt_all_the_same(
    epochs: list[list[int]], cut: int, mode: str, order: Any
) -> None:
    study = searched_study(scheduler=Asha(grace_period=1, reduction_factor=3), epochs=27, mode=mode)
    whole, past, decisions = AshaScheduler(study), [], []
    for number, reported in enumerate(epochs):
        scores = {epoch: float(order.randint(0, 20)) for epoch in reported}
        ended = _ends(whole, str(number), scores)
        decisions.append((whole.stopped.get(str(number)), ended, scores))
        kept = {epoch: score for epoch, score in scores.items() if ended is None or epoch <= ended}
        trial = Trial(id=str(number), params={}, seeds=[0])
        status = "pruned" if ended else "completed"
        past.append(TrialRecord(trial=trial, status=status, scores=kept, last_epoch=max(kept)))
    rebuilt = AshaScheduler(study, past[:cut])
    for number, (rung, ended, scores) in list(enumerate(decisions))[cut:]:
        assert _ends(rebuilt, str(number), scores) == ended
        assert rebuilt.stopped.get(str(number)) == rung


@pytest.mark.parametrize(
    ("reported", "judged_at"),
    [
        ([2, 4, 6, 8, 10], {2: 1, 4: 3}),
        ([3, 6, 9, 10], {3: 3, 9: 9}),
        ([9, 10], {9: 9}),
        ([10], {}),
        ([1, 5, 10], {1: 1, 5: 3}),
    ],
)
def test_a_trial_is_judged_at_the_first_epoch_at_or_after_a_rung(
    reported: list[int], judged_at: dict[int, int]
) -> None:
    study = searched_study(scheduler=Asha(grace_period=1, reduction_factor=3), epochs=10)
    found = {
        epoch: study.scheduler.rung_between(before, epoch, study.epochs)
        for before, epoch in zip([0, *reported], reported, strict=False)
    }
    assert {epoch: rung for epoch, rung in found.items() if rung} == judged_at
    halving = AshaScheduler(study)
    for name, score in (("good", 9.0), ("bad", 1.0)):
        goes_on = [halving.goes_on(name, epoch, score) for epoch in reported]
        assert goes_on[0] == (name == "good" or not judged_at or reported[0] not in judged_at)


def _ends(halving: AshaScheduler, trial: str, scores: dict[int, float]) -> int | None:
    """The epoch after which the trial was stopped; one that was not is complete with its last."""
    for epoch, score in scores.items():
        if not halving.goes_on(trial, epoch, score):
            return epoch
    halving.completed(trial)
    return None


def _run(halving: AshaScheduler, name: str, values: list[int]) -> int:
    """The epoch after which the trial was stopped, or the last."""
    return next(
        (
            epoch
            for epoch, value in enumerate(values[:-1], start=1)
            if not halving.goes_on(name, epoch, value)
        ),
        len(values),
    )


def _past(name: str, values: list[int], status: str) -> TrialRecord:
    scores = {epoch: float(value) for epoch, value in enumerate(values, start=1)}
    return TrialRecord(
        trial=Trial(id=name, params={}, seeds=[0]),
        status=status,
        scores=scores,
        last_epoch=len(values),
    )
