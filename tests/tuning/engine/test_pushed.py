"""A trainable that calls ``report``: in turns with what asks for its epochs."""

import os
import random
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import launching
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from inline_runs import crash_after, prepared, run
from ray import tune
from small_studies import small_study

from analysis import load_run
from tuning import Asha, Recovery, StopTrial, StudyError
from tuning.engine.backends.inline import run_inline
from tuning.engine.in_turn import in_turn
from tuning.engine.one_trial import try_first
from tuning.engine.pushed import pushed
from tuning.engine.ray_reporting import reports_refused
from tuning.engine.replay import replay, verdict
from tuning.engine.trial import iterate
from tuning.engine.yielded import NotReported
from tuning.process.signals import Interrupted, handled, interrupt
from tuning.spec.study import Trial

TRIAL = Trial(id="0001", params={"slope": 2}, seeds=[3])


def threads() -> int:
    return threading.active_count()


def net_and_optimizer() -> tuple[torch.nn.Module, Any]:
    net = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Dropout(0.3), torch.nn.Linear(16, 1))
    return net, torch.optim.Adam(net.parameters(), lr=0.05)


def epoch_loss(net: torch.nn.Module, optimizer: Any) -> float:
    """One step on data from the global generators of all three libraries."""
    x = torch.randn(32, 4) + random.random() + torch.from_numpy(np.random.randn(4)).float()
    loss = (net(x) - x.sum(1, keepdim=True)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def yields(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    net, optimizer = net_and_optimizer()
    for epoch in range(1, config["epochs"] + 1):
        yield {"epoch": epoch, "score": epoch_loss(net, optimizer)}, None


def pushes(config: Any, seed: int, report: Any) -> None:
    net, optimizer = net_and_optimizer()
    for epoch in range(1, config["epochs"] + 1):
        report(epoch=epoch, score=epoch_loss(net, optimizer))


def test_its_rows_equal_those_of_the_generator_bit_for_bit(tmp_path: Path) -> None:
    first, second = (
        run(
            small_study(each, epochs=20, seeds=3, seeds_per_trial=1),
            tmp_path / each.__name__,
        )
        for each in (yields, pushes)
    )
    columns = ["trial", "epoch", "seed", "score"]
    assert first.epochs[columns].equals(second.epochs[columns])
    assert len(first.epochs) == 180
    epochs = list(replay(small_study(pushes, epochs=20, seeds_per_trial=1), second, "0002"))
    assert verdict("0002", epochs).endswith("are equal to the record, bit for bit.")


def test_seeds_in_turn_give_what_each_gives_alone(tmp_path: Path) -> None:
    alone = run(small_study(pushes, epochs=5, seeds=3, seeds_per_trial=1), tmp_path / "alone")
    in_turns = run(small_study(pushes, epochs=5, seeds=3, seeds_per_trial=3), tmp_path / "turns")
    slope = {row["trial"]: row["slope"] for row in alone.trials.to_dict("records")}
    columns = ["slope", "seed", "epoch", "score"]
    one = alone.epochs.assign(slope=alone.epochs["trial"].map(slope)).sort_values(columns[:3])
    slope = {row["trial"]: row["slope"] for row in in_turns.trials.to_dict("records")}
    all_ = in_turns.epochs.assign(slope=in_turns.epochs["trial"].map(slope))
    all_ = all_.sort_values(columns[:3])
    assert one[columns].to_numpy().tolist() == all_[columns].to_numpy().tolist()


def in_no_grad(config: Any, seed: int, report: Any) -> None:
    """Reports from within ``no_grad``, as a validation loop does."""
    weight = torch.ones(1, requires_grad=True)
    for epoch in range(1, config["epochs"] + 1):
        (weight * epoch).backward()
        with torch.no_grad():
            report(epoch=epoch, score=weight.grad.item())


def test_what_one_seed_sets_for_its_thread_does_not_reach_the_others(tmp_path: Path) -> None:
    read = run(small_study(in_no_grad), tmp_path)
    assert set(read.trials["status"]) == {"completed"}
    assert read.epochs[read.epochs["epoch"] == 3]["score"].tolist() == [6.0] * 6
    assert torch.is_grad_enabled()


def threads_of_torch(config: Any, seed: int, report: Any) -> None:
    report(epoch=1, score=torch.get_num_threads(), here=seed)


def test_it_calculates_with_as_many_threads_as_it_would_without(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with np.errstate(over="raise"):
            (row,) = [row for row, _ in iterate(small_study(threads_of_torch, epochs=1), TRIAL, {})]
    finally:
        torch.set_num_threads(before)
    assert row["metrics"] == {"score": 2, "here": 3}


@given(st.integers(0, 6), st.integers(0, 6))
def test_it_ends_wherever_it_is_stopped_and_no_row_is_lost(epochs: int, asked: int) -> None:
    seen: list[Any] = []

    def train(report: Any) -> str:
        try:
            for epoch in range(1, epochs + 1):
                report(epoch=epoch, state=epoch)
                seen.append(epoch)
            return "done"
        except StopTrial:
            seen.append("stopped")
            raise
        finally:
            seen.append("cleaned")

    before, taken = threads(), []
    with closing(pushed(train)) as reported:
        for _ in range(asked):
            if (item := next(reported, None)) is None:
                break
            taken.append(item)
    assert taken == [({"epoch": n}, n) for n in range(1, min(epochs, asked) + 1)]
    assert threads() == before
    if asked > epochs:
        assert seen == [*range(1, epochs + 1), "cleaned"]
    elif asked:
        assert seen == [*range(1, asked), "stopped", "cleaned"]
    else:
        assert seen == [], "what nobody asks for is not begun"


def test_what_it_returns_is_returned() -> None:
    def gathered() -> Iterator[Any]:
        returned.append((yield from pushed(lambda report: "enough")))

    returned: list[Any] = []
    assert list(gathered()) == []
    assert returned == ["enough"]


def test_raising_stop_trial_with_a_reason_is_returning_it(tmp_path: Path) -> None:
    def train(config: Any, seed: int, report: Any) -> None:
        report(epoch=1, score=1.0)
        raise StopTrial("deep inside a framework")

    read = run(small_study(train, seeds=1), tmp_path)
    assert set(read.trials["reason"]) == {"deep inside a framework"}
    assert set(read.trials["epochs"]) == {1}


def breaks(config: Any, seed: int, report: Any) -> None:
    report(epoch=1, score=1.0)
    raise ZeroDivisionError("a line of theirs")


def test_an_error_comes_with_the_lines_it_was_raised_in() -> None:
    before = threads()
    with pytest.raises(ZeroDivisionError) as caught:
        list(iterate(small_study(breaks), TRIAL, {}))
    lines = traceback.format_exception(caught.value)
    assert 'raise ZeroDivisionError("a line of theirs")' in lines[-2]
    assert "in breaks" in lines[-2]
    assert threads() == before


def test_an_error_while_it_is_stopped_is_raised_by_closing() -> None:
    def train(report: Any) -> None:
        try:
            report(epoch=1)
        finally:
            raise OSError("the device is gone")

    reported, before = pushed(train), threads()
    next(reported)
    with pytest.raises(OSError, match="the device is gone"):
        reported.close()
    assert threads() == before


def test_code_that_catches_every_exception_does_not_go_on() -> None:
    def train(report: Any) -> None:
        for epoch in range(1, 100):
            try:
                report(epoch=epoch)
            except Exception:
                continue

    before = threads()
    reported = pushed(train)
    next(reported)
    reported.close()
    assert threads() == before


def test_an_interruption_is_raised_in_its_own_code() -> None:
    seen: list[str] = []

    def train(report: Any) -> None:
        report(epoch=1)
        try:
            os.kill(os.getpid(), signal.SIGINT)
            while True:
                threading.Event().wait(0.001)
        except KeyboardInterrupt:
            seen.append("interrupted")
            raise

    before = threads()
    with handled(interrupt), closing(pushed(train)) as reported:
        next(reported)
        with pytest.raises(Interrupted):
            next(reported)
    assert seen == ["interrupted"]
    assert threads() == before


def resumable(config: Any, seed: int, report: Any, resume: Any = None) -> str | None:
    """Seed 1 ends itself after epoch 3."""
    total = resume["total"] if resume else 0.0
    for epoch in range((resume["epoch"] if resume else 0) + 1, config["epochs"] + 1):
        if seed == 1 and epoch == 4:
            return "enough"
        total += random.Random(f"{seed}/{epoch}").random()
        report(epoch=epoch, score=config["slope"] * total, state={"epoch": epoch, "total": total})
    return None


@pytest.mark.parametrize("count", [3, 4, 5, 6, 7, 9, 13, 16])
def test_a_crash_changes_nothing(count: int, tmp_path: Path) -> None:
    study = small_study(resumable, epochs=6, recovery=Recovery(checkpoint_seconds=0.001))
    whole, paths = run(study, tmp_path / "whole"), prepared(study, tmp_path / "crashed")
    assert crash_after(count, study, paths)
    run_inline(study, paths)
    columns = ["trial", "epoch", "seed", "score"]
    assert load_run(paths.root).epochs[columns].equals(whole.epochs[columns])


def test_a_seed_that_ended_itself_stays_while_the_others_go_on(tmp_path: Path) -> None:
    read = run(small_study(resumable, epochs=6), tmp_path)
    values = read.epochs[read.epochs["trial"] == "0001"].pivot(
        index="epoch", columns="seed", values="score"
    )
    assert values.loc[[4, 5, 6], 1].tolist() == [values.loc[3, 1]] * 3
    assert values[0].is_monotonic_increasing
    assert "note: seed 1 after epoch 3: enough: its last values stand" in (
        read.paths.log("0001").read_text()
    )
    both = small_study(resumable, epochs=6, seeds=[1, 11], fixed={})
    rows = list(iterate(both, Trial(id="1", params={"slope": 1}, seeds=[1]), {}))
    assert len(rows) == 3


def test_seeds_that_report_different_epochs_are_refused() -> None:
    def train(config: Any, seed: int, report: Any) -> None:
        report(epoch=1 + seed, score=1.0)

    trial = Trial(id="0001", params={"slope": 1}, seeds=[0, 1])
    with pytest.raises(NotReported, match=r"the same epochs, .* seed 0 epoch 1, seed 1 epoch 2"):
        list(iterate(small_study(train), trial, {}))


def test_what_a_seed_records_besides_numbers_keeps_its_seed() -> None:
    def one(config: Any, seed: int, resume: Any) -> Any:
        yield {"epoch": 1, "score": 1.0, "arrays": {"x": [seed]}, "device": "cpu"}, None

    ((metrics, state),) = in_turn(one, {}, [4, 7], None)
    assert metrics == {
        "epoch": 1,
        "device": "cpu",
        "score": [1.0, 1.0],
        "arrays": {"x of seed 4": [4], "x of seed 7": [7]},
    }
    assert state is None


def test_asha_stops_it(tmp_path: Path) -> None:
    def train(config: Any, seed: int, report: Any) -> None:
        for epoch in range(1, config["epochs"] + 1):
            report(epoch=epoch, score=-config["slope"] * epoch)

    before = threads()
    asha = Asha(grace_period=2, reduction_factor=2)
    read = run(small_study(train, epochs=4, scheduler=asha), tmp_path)
    assert read.trials["status"].tolist() == ["completed", "pruned", "pruned"]
    assert read.epochs.groupby("trial")["epoch"].max().tolist() == [4, 2, 2]
    assert threads() == before


def test_try_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert try_first(small_study(pushes)) == 0
    assert capsys.readouterr().out.count("\nepoch ") == 3


def reports_nothing(config: Any, seed: int, report: Any) -> None:
    pass


def reports_to_tune(config: Any, seed: int, report: Any) -> None:
    tune.report({"score": 1.0})


@pytest.mark.parametrize(
    ("trainable", "message"),
    [
        (reports_nothing, r"reported nothing: it must call report\(epoch=..., ...\) after every"),
        (reports_to_tune, r"calls tune.report, .* has report\(...\) of its own"),
    ],
)
def test_what_reports_nothing_is_told_how_to(trainable: Any, message: str) -> None:
    with reports_refused(), pytest.raises(NotReported, match=message):
        list(iterate(small_study(trainable), TRIAL, {}))


def has_an_option(config: Any, seeds: Any, resume: Any = None, report: bool = True) -> Any:
    yield {"epoch": 1, "score": [1.0] * len(seeds)}, None


def test_a_generator_may_have_an_option_of_that_name() -> None:
    assert len(list(iterate(small_study(has_an_option, epochs=1), TRIAL, {}))) == 1


def takes_seeds(config: Any, seeds: Any, report: Any) -> None: ...


def takes_more(config: Any, seed: int, report: Any, net: Any) -> None: ...


def takes_two(config: Any, report: Any) -> None: ...


def yields_too(config: Any, seed: int, report: Any) -> Iterator[Any]:
    yield


@pytest.mark.parametrize(
    ("trainable", "message"),
    [
        (takes_seeds, r"takes \(config, seeds, report\): one that calls report takes \(config, se"),
        (takes_more, r"takes \(config, seed, report, net\): one that calls report takes"),
        (takes_two, r"takes \(config, report\): one that calls report takes"),
        (yields_too, r"takes report, and yields: leave one of both out"),
        (lambda: None, r"must take \(config, seeds, resume=None\); \(config, seed, report\), wh"),
    ],
)
def test_other_signatures_are_refused(trainable: Any, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        small_study(trainable)


def interrupts_itself(
    config: Any, seed: int, report: Any, resume: Any = None, *, once: Path
) -> str | None:
    """As ``resumable``; the first time, a signal comes while epoch 3 is trained."""

    def counted(**given: Any) -> None:
        if given["epoch"] == 3 and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGINT)
            while True:
                threading.Event().wait(0.001)
        report(**given)

    return resumable(config, seed, counted, resume)


def test_a_run_that_is_interrupted_goes_on_without_a_lost_row(tmp_path: Path) -> None:
    recovery, before = Recovery(checkpoint_seconds=0.001), threads()
    whole = run(small_study(resumable, epochs=6, recovery=recovery), tmp_path / "whole")
    trainable = partial(interrupts_itself, once=tmp_path / "once")
    study = small_study(trainable, epochs=6, recovery=recovery)
    paths = prepared(study, tmp_path / "interrupted")
    with pytest.raises(Interrupted):
        run_inline(study, paths)
    assert threads() == before
    assert load_run(paths.root).trials["status"].tolist() == ["unfinished"]
    run_inline(study, paths)
    columns = ["trial", "epoch", "seed", "score"]
    assert load_run(paths.root).epochs[columns].equals(whole.epochs[columns])


@pytest.mark.slow
def test_it_trains_on_ray_as_in_this_process(tmp_path: Path, private_ray: None) -> None:
    asha = Asha(grace_period=2, reduction_factor=2)
    study = small_study(resumable, epochs=6, scheduler=asha, space={"slope": [1, 2, 3, 4]})
    on_ray = launching.run(study, tmp_path / "ray")
    inline = run(study, tmp_path / "inline")
    columns = ["epoch", "seed", "score"]
    one = inline.epochs[inline.epochs["trial"] == "0001"][columns]
    rows = on_ray.epochs[on_ray.epochs["trial"] == "0001"][columns]  # it may be stopped at a rung
    assert rows.reset_index(drop=True).equals(one.head(len(rows)))
    assert set(on_ray.trials["status"]) <= {"completed", "pruned"}
    completed = on_ray.trials["trial"][on_ray.trials["status"] == "completed"].iloc[0]
    assert "its last values stand for it" in on_ray.paths.log(completed).read_text()
