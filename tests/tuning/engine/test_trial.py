import enum
import functools
import gc
import itertools
import json
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ray import tune
from small_studies import small_study

from analysis.records.lines import finite
from tuning import StudyError
from tuning.engine.ray_reporting import reports_refused
from tuning.engine.trial import Exited, iterate
from tuning.engine.yielded import NotReported, is_epoch, plain
from tuning.runs.prepare import describe_study, source_of
from tuning.spec.study import Trial

TRIAL = Trial(id="0001", params={"slope": 2}, seeds=[0])
OF_TWO_SEEDS = replace(TRIAL, seeds=[0, 1])


def rows_of(*items: Any, epochs: int | None = None, **changes: Any) -> list[dict[str, Any]]:
    def trainable(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        yield from items

    study = small_study(trainable, epochs=epochs or max(1, len(items)), **changes)
    metrics = [value for item in items if is_epoch(item) for value in item[0].values()]
    trial = OF_TWO_SEEDS if any(isinstance(plain(value), list) for value in metrics) else TRIAL
    return [row for row, _ in iterate(study, trial, {})]


def test_rows_carry_what_was_yielded() -> None:
    rows = [row for row, _ in iterate(small_study(), OF_TWO_SEEDS, {})]
    assert [(row["trial"], row["epoch"], row["metrics"], row["diverged"]) for row in rows] == [
        ("0001", 1, {"score": [2.0, 2.01], "parameters": 3}, []),
        ("0001", 2, {"score": [4.0, 4.01], "parameters": 3}, []),
        ("0001", 3, {"score": [6.0, 6.01], "parameters": 3}, []),
    ]
    assert all(row["seconds"] >= 0 and row["at"] > 1_700_000_000 for row in rows)


def test_one_number_is_not_that_of_several_seeds() -> None:
    def once(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        yield {"epoch": 1, "score": 0.5}, None

    with pytest.raises(NotReported, match="'score' is one number, and the trial has 2 seeds"):
        list(iterate(small_study(once, epochs=1), OF_TWO_SEEDS, {}))
    assert list(iterate(small_study(once, epochs=1), TRIAL, {}))


def test_tensors_and_arrays_become_plain_numbers() -> None:
    (row,) = rows_of(
        ({"epoch": 1, "score": torch.tensor([0.5, 0.25]), "loss": np.float32(0.5)}, None)
    )
    assert row["metrics"] == {"score": [0.5, 0.25], "loss": 0.5}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        (["a", "bc"], ["a", "bc"]),
        (np.array(["a", "bc"], dtype=object), ["a", "bc"]),
        (torch.tensor([0.5], requires_grad=True), [0.5]),
        (torch.tensor([0.5], dtype=torch.bfloat16), [0.5]),
        (True, True),
    ],
)
def test_what_is_recorded_besides_numbers_becomes_arrays_that_can_be_read_again(
    given: Any, expected: Any, tmp_path: Path
) -> None:
    (row,) = rows_of(({"epoch": 1, "score": 1.0, "arrays": {"x": given}}, None))
    np.savez(tmp_path / "x.npz", **row["arrays"])
    with np.load(tmp_path / "x.npz", allow_pickle=False) as stored:
        assert stored["x"].tolist() == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, [1.0, -math.inf]])
def test_a_non_finite_metric_is_named(value: Any) -> None:
    score = [1.0, 1.0] if isinstance(value, list) else 1.0
    (row,) = rows_of(({"epoch": 1, "score": score, "loss": value}, None))
    assert row["diverged"] == ["loss"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"epoch": 1, "score": 1.0}, r"yielded dict; it must yield \(metrics, state\)"),
        (({"epoch": 1, "scores": 1.0}, None), "does not report 'score'; did you mean 'scores'"),
        (({"score": 1.0}, None), "does not report 'epoch'"),
        (({"epoch": 1, "score": [1.0, 2.0, 3.0]}, None), "metric 'score' has 3 values for 2 seeds"),
        (({"epoch": 1, "score": None}, None), "metric 'score' is None, not a number"),
        (
            ({"epoch": 1, "score": 1.0, "note": "fine"}, None),
            "metric 'note' is 'fine', not a number",
        ),
        (({"epoch": 1, "score": "1.0"}, None), "metric 'score' is '1.0', not a number"),
        (({"epoch": "1", "score": 1.0}, None), "^epoch is '1'; it must be a whole number, [^;]*$"),
        (({"epoch": 1, "score": 1 + 1j}, None), r"metric 'score' is \(1\+1j\), not a number"),
        (({"epoch": 1, "score": 1.0, "loss": None}, None), "metric 'loss' is None, not a number"),
        (({"epoch": 1, "score": [0.5, None]}, None), "metric 'score' is None, not a number"),
        (
            ({"epoch": 1, "score": 1.0, "validation": {"loss": 1.0}}, None),
            "metric 'validation' is {'loss': 1.0}, not a number or one",
        ),
        (
            ({"epoch": 1, "score": 1.0, "history": [[1.0], [2.0]]}, None),
            r"metric 'history' is \[1.0\], not a number or one number per seed",
        ),
        (
            ({"epoch": 1, "score": 1.0, "note": "x" * 10**6}, None),
            "metric 'note' is 'xxx.*xxx[.][.][.], not a number",
        ),
        (
            ({"epoch": 1, "score": 1.0, 0: 0.5, ("a", "b"): 1.0}, None),
            r"a metric is called 0; its name must be text .*; .* called \('a', 'b'\)",
        ),
        (
            ({"epoch": 1, "score": 1.0, None: 0.5}, None),
            "a metric is called None; its name must be text",
        ),
        (
            ({"epoch": 1, "score": 1.0, "caf\udce9": 0.5}, None),
            r"a metric is called 'caf\\udce9'; its name must be text that can be printed",
        ),
        (
            ({"epoch": 1, "score": 1.0, "": 0.5}, None),
            "a metric is called ''; its name must be text",
        ),
        (({"epoch": 1, 1: 1.0}, None), "a metric is called 1"),
        (
            ({"epoch": 1, "score": 1.0}, None, 3),
            r"yielded \(dict, None, int\); it must yield \(metrics, state\) after every epoch",
        ),
        (({"epoch": 1, "score": 1.0},), r"yielded \(dict\); it must yield \(metrics, state\)"),
        ([{"epoch": 1, "score": 1.0}, None], r"yielded list; it must yield \(metrics, state\)"),
        ((0.5, {"w": 1}), r"yielded \(float, dict\); it must yield \(metrics, state\)"),
        ("score", r"yielded str; it must yield \(metrics, state\)"),
        (None, r"yielded None; it must yield \(metrics, state\)"),
        (
            ({"epoch": 10**400, "score": 1.0}, None),
            "epoch is 1000.*; it must be a whole number, 1 after the first",
        ),
        (
            ({"epoch": 1, "score": 1.0, "arrays": [1, 2]}, None),
            "'arrays' is list; it must map names to arrays",
        ),
        (
            ({"epoch": 1, "score": 1.0, "arrays": {"x": object()}}, None),
            "array 'x' must hold numbers, text or truth values",
        ),
        (
            ({"epoch": 1, "score": 1.0, "arrays": {"x": [[1, 2], [3]]}}, None),
            "array 'x' must hold .*, in rows of one length",
        ),
        (
            ({"epoch": 1, "score": 1.0, "arrays": {"x": np.array([None, 1])}}, None),
            "array 'x' must hold",
        ),
        (
            ({"epoch": 1, "score": 1.0, "arrays": {"file": [1]}}, None),
            "an array is called 'file'; its name must be text that can be printed, and neither",
        ),
        (
            ({"epoch": 1, "score": 1.0, "arrays": {"caf\udce9": [1]}}, None),
            r"an array is called 'caf\\udce9'; its name must be text",
        ),
    ],
)
def test_what_cannot_be_recorded_is_said(item: Any, message: str) -> None:
    with pytest.raises(NotReported, match=message):
        rows_of(item)


class Name(enum.StrEnum):
    SCORE = "score"


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (6 * 10**19, 6e19),
        (-6 * 10**19, -6e19),
        (2**63 - 1, 2**63 - 1),
        (2**63, float(2**63)),
        (10**400, math.inf),
        (-(10**400), -math.inf),
        ([10**400, 2**60 + 1], [math.inf, 2**60 + 1]),
        (True, 1),
        (np.bool_(False), 0),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.int64(2**62 + 1), 2**62 + 1),
        (np.uint64(2**64 - 1), float(2**64)),
        (np.longdouble(0.5), 0.5),
        (torch.tensor(0.5, dtype=torch.bfloat16), 0.5),
        (torch.tensor([0.5, 0.25], requires_grad=True), [0.5, 0.25]),
        ([torch.tensor(0.5), np.float16(0.25)], [0.5, 0.25]),
        ((np.int32(1), Fraction(1, 4)), [1, 0.25]),
        (Decimal("0.5"), 0.5),
        (Fraction(10**400), math.inf),
    ],
)
def test_numbers_of_every_kind_are_recorded(value: Any, recorded: Any) -> None:
    (row,) = rows_of(({Name("score"): value, "epoch": np.int64(1)}, None))
    found = row["metrics"]["score"]
    assert (type(found), found) == (type(recorded), recorded)
    assert [type(name) for name in row["metrics"]] == [str]
    assert row["epoch"] == 1
    text = json.dumps(finite(row["metrics"]), allow_nan=False)
    assert orjson.loads(text) == json.loads(text) == finite({"score": recorded})


@given(
    st.integers()
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.booleans()
    | st.integers(10**300)
)
def test_every_number_is_the_nearest_one_that_the_records_hold(value: Any) -> None:
    (row,) = rows_of(({"epoch": 1, "score": value}, None))
    found = row["metrics"]["score"]
    exact = isinstance(value, int) and abs(value) < 2**63
    assert found == (
        value
        if exact or abs(value) == math.inf
        else float(value)
        if abs(value) < 10**308
        else found
    )
    assert type(found) is (int if exact else float)


@pytest.mark.parametrize(("value", "found"), [(None, [math.nan]), ([None, 0.5], [math.nan, 0.5])])
def test_none_stands_for_a_number_that_is_missing_unless_it_must_be_finite(
    value: Any, found: list[float]
) -> None:
    score = [1.0, 1.0] if isinstance(value, list) else 1.0
    (row,) = rows_of(({"epoch": 1, "score": score, "validation": value}, None))
    assert np.array_equal(np.atleast_1d(row["metrics"]["validation"]), found, equal_nan=True)


def epoch_of(epoch: int) -> tuple[dict[str, Any], None]:
    return {"epoch": epoch, "score": 1.0}, None


class Epochs:
    """Can be called, and gives objects that can be iterated."""

    def __call__(self, config: Any, seeds: Any, resume: Any = None) -> Any:
        return map(epoch_of, range(1, config["epochs"] + 1))

    def train(self, config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        yield from self(config, seeds)


class Run:
    def __init__(self, config: Any, seeds: Any, resume: Any = None) -> None:
        self.epochs = config["epochs"]

    def __iter__(self) -> Iterator[Any]:
        return map(epoch_of, range(1, self.epochs + 1))


def scaled(config: Any, seeds: Any, resume: Any = None, *, scale: float) -> Iterator[Any]:
    yield from Epochs()(config, seeds)


def wrapped(function: Any) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **others: Any) -> Any:
        return function(*args, **others)

    return call


@pytest.mark.parametrize(
    ("trainable", "name"),
    [
        (functools.partial(scaled, scale=2.0), "functools.partial(test_trial.scaled, scale=2.0)"),
        (functools.partial(Epochs()), "functools.partial(test_trial.Epochs)"),
        (Epochs(), "test_trial.Epochs"),
        (Epochs().train, "test_trial.Epochs.train"),
        (Run, "test_trial.Run"),
        (lambda config, seeds, resume=None: Epochs()(config, seeds), "test_trial.<lambda>"),
        (
            lambda config, seeds, resume=None: [epoch_of(epoch) for epoch in (1, 2, 3)],
            "test_trial.<lambda>",
        ),
        (wrapped(small_study().task.train), "small_studies.scores"),
        (torch.no_grad()(small_study().task.train), "small_studies.scores"),
    ],
)
def test_whatever_gives_epochs_when_it_is_called_is_a_trainable(trainable: Any, name: str) -> None:
    study = small_study(trainable)
    assert describe_study(study)["trainable"] == name
    assert source_of(study).name in ("test_trial.py", "small_studies.py")
    assert [row["epoch"] for row, _ in iterate(study, TRIAL, {})] == [1, 2, 3]


async def waits(config: Any, seeds: Any, resume: Any = None) -> None:
    """Never runs."""


async def yields_and_waits(config: Any, seeds: Any, resume: Any = None) -> Any:
    yield epoch_of(1)


def has_no_yield(config: Any, seeds: Any, resume: Any = None) -> None:
    for seed in seeds:
        if seed:
            return
        print("trained")


@pytest.mark.parametrize(
    ("trainable", "message"),
    [
        (
            has_no_yield,
            (
                "trainable=test_trial.has_no_yield has no `yield`: it must yield (metrics, state)"
                " after every epoch"
            ),
        ),
        (
            functools.partial(has_no_yield),
            "trainable=functools.partial(test_trial.has_no_yield) has no `yield`: it must yield",
        ),
        (
            waits,
            (
                "trainable=test_trial.waits is an async function: leave `async` out; it must yield"
                " (metrics, state)"
            ),
        ),
        (yields_and_waits, "trainable=test_trial.yields_and_waits is an async function"),
        (
            Epochs,
            (
                "trainable=test_trial.Epochs is a class: give an object of it that can be called,"
                " or a function train(config, seeds"
            ),
        ),
        (tune.Trainable, "is a class: give an object of it"),
        (3, "trainable=3 must be a function train(config, seeds, resume=None)"),
        (isinstance, "trainable must take (config, seeds, resume=None); (config, seed, report)"),
    ],
)
def test_what_can_be_seen_to_train_nothing_is_refused_before_it_starts(
    trainable: Any, message: str
) -> None:
    with pytest.raises(StudyError, match=re.escape(message)) as caught:
        small_study(trainable)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("returned", "kind"),
    [
        ({"score": 1.0}, "dict"),
        (({"epoch": 1, "score": 1.0}, None), "(dict, None)"),
        (0.5, "float"),
        ("done", "str"),
        (None, "None"),
    ],
)
def test_what_a_trainable_returns_in_the_place_of_epochs(returned: Any, kind: str) -> None:
    with pytest.raises(
        NotReported,
        match=re.escape(
            f"the trainable returned {kind} instead of yielding; it must yield (metrics, state)"
        ),
    ):
        list(iterate(small_study(lambda config, seeds, resume=None: returned), TRIAL, {}))


def test_a_coroutine_that_is_returned_is_refused_without_a_warning() -> None:
    with pytest.raises(NotReported, match="the trainable returned coroutine instead of yielding"):
        list(
            iterate(small_study(lambda config, seeds, resume=None: waits(config, seeds)), TRIAL, {})
        )
    gc.collect()


def test_a_trainable_that_yields_nothing() -> None:
    with pytest.raises(NotReported, match="yielded nothing"):
        rows_of()


def goes_on(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """Yields no epoch after the third."""
    for epoch in range(resume + 1 if resume else 1, min(config["epochs"], 3) + 1):
        yield {"epoch": epoch, "score": 1.0}, epoch


@pytest.mark.parametrize(
    ("resume", "message"),
    [
        (
            None,
            (
                "the trainable ended after epoch 3 of 5: it may leave epochs out, but must report"
                " the last one"
            ),
        ),
        (
            2,
            (
                "the trainable ended after epoch 3 of 5: it may leave epochs out, but must report"
                " the last one"
            ),
        ),
        (3, "the trainable yielded nothing after the state that it was to go on from"),
    ],
)
def test_a_trainable_that_ends_early(resume: int | None, message: str) -> None:
    with pytest.raises(NotReported, match=message):
        list(iterate(small_study(goes_on, epochs=5), TRIAL, {}, resume))


def test_a_trial_that_goes_on_at_its_last_epoch_is_complete() -> None:
    assert [row["epoch"] for row, _ in iterate(small_study(goes_on), TRIAL, {}, 2)] == [3]


@pytest.mark.parametrize("epochs", [[1, 1], [1, 3, 2], [2, 4, 4], [5, 1]])
def test_an_epoch_that_comes_twice_or_out_of_order(epochs: list[int]) -> None:
    with pytest.raises(
        NotReported,
        match=(
            f"yielded epoch {epochs[-1]} after epoch {epochs[-2]}: each epoch is yielded once, in"
            " order"
        ),
    ):
        rows_of(*(({"epoch": epoch, "score": 1.0}, None) for epoch in epochs), epochs=9)


@pytest.mark.parametrize("epoch", [0, 1.0, True, [1, 1]])
def test_an_epoch_that_is_no_count(epoch: Any) -> None:
    with pytest.raises(NotReported, match="it must be a whole number, 1 after the first"):
        rows_of(({"epoch": epoch, "score": 1.0}, None))


@pytest.mark.parametrize(("code", "said"), [(3, "sys.exit(3)"), (None, "sys.exit()")])
def test_a_trainable_that_calls_exit_ends_one_trial(code: Any, said: str) -> None:
    def leaves(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        yield {"epoch": 1, "score": 1.0}, None
        sys.exit(code)

    with pytest.raises(Exited, match=re.escape(f"the trainable called {said}")):
        list(iterate(small_study(leaves), TRIAL, {}))


def epochs_of(*epochs: int, last: int) -> list[int]:
    return [
        row["epoch"]
        for row in rows_of(
            *(({"epoch": epoch, "score": 1.0}, None) for epoch in epochs), epochs=last
        )
    ]


def test_epochs_may_be_left_out_but_not_the_last_one() -> None:
    assert epochs_of(2, 4, 6, last=6) == [2, 4, 6]
    assert epochs_of(3, 5, last=5) == [3, 5]
    with pytest.raises(
        NotReported,
        match="ended after epoch 9 of 10: it may leave epochs out, but must report the last one",
    ):
        epochs_of(3, 6, 9, last=10)
    with pytest.raises(NotReported, match="yielded epoch 12 after epoch 9, and the last one is 10"):
        epochs_of(3, 6, 9, 12, last=10)
    with pytest.raises(NotReported, match="yielded epoch 12, and the last one is 10"):
        epochs_of(12, last=10)


def test_a_trial_ends_at_its_last_epoch_whatever_the_trainable_does_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert epochs_of(1, 2, 3, 4, 5, last=3) == [1, 2, 3]
    assert epochs_of(1, 2, 2, last=2) == [1, 2]
    assert capsys.readouterr().out.count("what it yields there is not recorded") == 2
    assert epochs_of(1, 2, last=2) == [1, 2]
    assert capsys.readouterr().out == ""


def test_a_trainable_without_an_end_is_left_and_what_follows_the_last_yield_runs() -> None:
    done = []

    def forever(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        try:
            for epoch in itertools.count(1):
                yield {"epoch": epoch, "score": 1.0}, None
        finally:
            done.append("closed")

    def tidies(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        yield {"epoch": config["epochs"], "score": 1.0}, None
        done.append("tidied")

    for trainable in (forever, tidies):
        assert list(iterate(small_study(trainable), TRIAL, {}))[-1][0]["epoch"] == 3
    assert done == ["closed", "tidied"]


VALUES = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=5),
    st.sampled_from(["list", "array", "tensor", "nested"]),
)
def test_what_is_yielded_is_taken_as_it_is_then_and_not_as_it_becomes(
    steps: list[tuple[float, float]], kind: str
) -> None:
    made: dict[str, Any] = {
        "list": [0.0, 0.0],
        "array": np.zeros(2),
        "tensor": torch.zeros(2, dtype=torch.float64),
        "nested": [torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)],
    }

    def refills(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        scores, image, metrics = made[kind], np.zeros(2), {}
        for epoch, values in enumerate(steps, start=1):
            for place, value in enumerate(values):
                image[place] = value
                if kind == "nested":
                    scores[place].fill_(value)
                else:
                    scores[place] = value
            metrics.update(epoch=epoch, score=scores, arrays={"image": image})
            yield metrics, None

    rows = [row for row, _ in iterate(small_study(refills, epochs=len(steps)), OF_TWO_SEEDS, {})]
    assert [tuple(row["metrics"]["score"]) for row in rows] == steps
    assert [tuple(row["arrays"]["image"].tolist()) for row in rows] == steps


def test_only_decisive_metrics_end_a_trial_as_diverged() -> None:
    metrics = {
        "epoch": 1,
        "score": [1.0, 1.0],
        "loss": math.inf,
        "perplexity": math.inf,
        "gap": [1.0, math.nan],
    }
    (row,) = rows_of((metrics, None))
    assert row["diverged"] == ["loss"]
    (row,) = rows_of((metrics, None), must_be_finite=["gap", "unheard of"])
    assert row["diverged"] == ["loss", "gap"]
    (row,) = rows_of((metrics | {"loss": 1.0, "score": math.nan}, None))
    assert row["diverged"] == ["score"]


@pytest.mark.parametrize("error", [GeneratorExit(), BaseException("odd")])
def test_what_would_pass_for_an_order_to_the_process_ends_one_trial(error: BaseException) -> None:
    def raises(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        raise error
        yield

    with pytest.raises(Exited, match=f"raised {type(error).__name__}"):
        list(iterate(small_study(raises), TRIAL, {}))


def test_tune_report_in_a_trainable_is_refused_however_it_was_imported() -> None:
    from ray import tune
    from ray.tune import report

    for function in (tune.report, report):

        def reports(
            config: Any, seeds: Any, resume: Any = None, function: Any = function
        ) -> Iterator[Any]:
            function({"score": 1.0})
            yield {"epoch": 1, "score": 1.0}, None

        with (
            reports_refused(),
            pytest.raises(NotReported, match=r"calls tune.report, .* yield \(metrics, state\)"),
        ):
            list(iterate(small_study(reports, epochs=1), OF_TWO_SEEDS, {}))
