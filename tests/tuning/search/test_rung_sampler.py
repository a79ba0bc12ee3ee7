"""Settings by a Gaussian process over params and epochs."""

import math
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.integrate import quad
from scipy.stats import norm

from tuning.search.gaussian import Seen, log_improvement, suggested
from tuning.search.process import believing, fitted
from tuning.search.rung_sampler import RungSampler
from tuning.search.unit_cube import UnitCube

SPACE: dict[str, Any] = {
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "share": FloatDistribution(0.0, 1.0, step=0.25),
    "width": IntDistribution(16, 512, log=True),
    "layers": IntDistribution(1, 5),
    "batch": CategoricalDistribution((64, 8, 16)),
    "kind": CategoricalDistribution(("adam", "sgd", None)),
    "only": CategoricalDistribution((True,)),
}
CUBE = UnitCube(SPACE)


def params(**changes: Any) -> dict[str, Any]:
    middle = {"rate": 1e-2, "share": 0.5, "width": 64, "layers": 3, "batch": 16, "kind": "sgd"}
    return {**middle, "only": True, **changes}


@given(st.lists(st.floats(0.0, 1.0), min_size=7, max_size=7))
def test_every_point_of_the_cube_is_a_setting_of_the_space_and_back(units: list[float]) -> None:
    snapped = CUBE.snapped(np.array([units]))[0]
    setting = CUBE.params(snapped)
    for key, value in setting.items():
        assert SPACE[key]._contains(SPACE[key].to_internal_repr(value)), key
    assert CUBE.point(setting) == pytest.approx(snapped, abs=1e-9)
    assert CUBE.snapped(snapped[None])[0] == pytest.approx(snapped, abs=1e-9)


def test_numbers_are_in_their_order_and_other_values_apart() -> None:
    features = CUBE.features(np.stack([CUBE.point(params(batch=batch)) for batch in (8, 16, 64)]))
    assert features[:, 4].tolist() == [0.0, 0.5, 1.0]
    kinds = CUBE.features(np.stack([CUBE.point(params(kind=kind)) for kind in ("adam", None)]))
    assert np.linalg.norm(kinds[0] - kinds[1]) == pytest.approx(1.0)
    assert CUBE.ordered.tolist() == [True] * 5 + [False, False]
    assert CUBE.features(CUBE.point(params(rate=1e-4))[None])[0, 0] == 0.0


def test_what_a_setting_does_not_have_lies_in_the_middle() -> None:
    space = {
        "kind": CategoricalDistribution(("net", "tree")),
        "depth": IntDistribution(1, 9),
        "shape": CategoricalDistribution(("wide", "deep")),
        "layers": IntDistribution(1, 9),
    }
    when = {"depth": {"kind": ["tree"]}, "shape": {"kind": ["net"]}, "layers": {"shape": ["deep"]}}
    cube = UnitCube(space, when)
    tree, wide = {"kind": "tree", "depth": 9}, {"kind": "net", "shape": "wide"}
    deep = {"kind": "net", "shape": "deep", "layers": 1}
    points = np.stack([cube.point(each) for each in (tree, wide, deep)])
    assert (points == 0.5).tolist() == [
        [False, False, True, True],
        [False, True, False, True],
        [False, True, False, False],
    ]
    anywhere = points + (points == 0.5) * 0.3
    assert cube.snapped(anywhere) == pytest.approx(points)


@pytest.mark.parametrize(
    ("mean", "deviation", "best"), [(0.0, 1.0, 0.5), (2.0, 0.3, 1.0), (0, 2, 9)]
)
def test_the_improvement_is_what_integration_gives(
    mean: float, deviation: float, best: float
) -> None:
    gain = quad(lambda y: (y - best) * norm.pdf(y, mean, deviation), best, best + 40 * deviation)[0]
    found = log_improvement(np.array([mean]), np.array([deviation]), best)[0]
    assert found == pytest.approx(math.log(gain), rel=1e-6)


def test_the_improvement_falls_on_where_no_float_holds_it() -> None:
    logs = log_improvement(np.linspace(0.0, -60.0, 400), np.ones(400), 0.0)
    assert np.isfinite(logs).all()
    assert (np.diff(logs) < 0).all()
    assert abs(np.diff(logs, n=2)).max() < 0.05, "no jump where the formula changes"


def seen(points: np.ndarray, scores: Any, depths: Any = None, pending: Any = ()) -> Seen:
    depths = np.ones(len(points)) if depths is None else np.asarray(depths)
    waiting, unknown = np.array(pending).reshape(-1, points.shape[1]), np.full(len(points), np.nan)
    return Seen(points, depths, np.asarray(scores), waiting, unknown)


PLANE = UnitCube({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)})


def hill(points: np.ndarray) -> np.ndarray:
    return -((points[:, 0] - 0.3) ** 2) - (points[:, 1] - 0.6) ** 2


def test_it_finds_the_top_of_a_hill() -> None:
    points = np.random.default_rng(0).random((10, 2))
    for step in range(12):
        point = suggested(PLANE, seen(points, hill(points)), np.random.default_rng(step))
        assert point is not None
        points = np.vstack([points, point])
    assert hill(points).max() > -2e-3


def test_what_early_epochs_say_shows_where_the_top_is_at_full_length() -> None:
    """Forty values from the first rung, which are lower, and three at full length."""
    rng = np.random.default_rng(1)
    early, late = rng.random((40, 2)), rng.random((3, 2))
    points = np.vstack([early, late])
    depths = np.r_[np.zeros(40), np.ones(3)]
    scores = hill(points) - 0.5 * (depths == 0)
    point = suggested(PLANE, seen(points, scores, depths), np.random.default_rng(0))
    assert point == pytest.approx([0.3, 0.6], abs=0.12)


def test_what_is_pending_is_not_suggested_again() -> None:
    points = np.random.default_rng(0).random((15, 2))
    first = suggested(PLANE, seen(points, hill(points)), np.random.default_rng(0))
    assert first is not None
    again = suggested(PLANE, seen(points, hill(points), pending=[first]), np.random.default_rng(0))
    assert again is not None
    assert np.linalg.norm(first - again) > 0.01
    model = fitted(np.column_stack([points, np.ones(15)]), hill(points), np.zeros(15))
    here = np.append(first, 1.0)[None]
    _, before = model.predict(here, return_std=True)
    _, after = believing(model, here).predict(here, return_std=True)
    assert after[0] < before[0]


def test_a_small_space_is_tried_out_and_then_nothing_is_suggested() -> None:
    cube = UnitCube({"kind": CategoricalDistribution(("a", "b", "c")), "n": IntDistribution(1, 2)})
    every = [{"kind": kind, "n": n} for kind in "abc" for n in (1, 2)]
    points = np.stack([cube.point(each) for each in every])
    left = suggested(cube, seen(points[:-1], [0.1, 0.2, 0.3, 0.4, 0.5]), np.random.default_rng(0))
    assert left is not None
    assert cube.params(left) == every[-1]
    assert suggested(cube, seen(points, range(6)), np.random.default_rng(0)) is None


def asked(direction: str) -> dict[str, Any]:
    """The setting that is suggested after random ones whose score at epoch 9 is x."""
    space = {"x": FloatDistribution(0.0, 1.0), "kind": CategoricalDistribution(("a", "b"))}
    study = optuna.create_study(direction=direction)
    rng = np.random.default_rng(0)
    for x in rng.random(12):
        trial = optuna.trial.create_trial(
            params={"x": x, "kind": "a"},
            distributions=space,
            intermediate_values={1: x / 2, 9: x},
            value=x,
        )
        study.add_trial(trial)
    study.sampler = RungSampler(0, 10, [1, 3, 9], space)
    return study.ask(space).params


def test_it_goes_up_or_down_as_the_study_wants() -> None:
    assert asked("maximize")["x"] > 0.9
    assert asked("minimize")["x"] < 0.1
    assert asked("maximize") == asked("maximize")


def test_before_enough_is_known_settings_are_drawn_at_random() -> None:
    space = {"x": FloatDistribution(0.0, 1.0)}
    study = optuna.create_study(sampler=RungSampler(3, 10, [9], space))
    drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    assert study.ask(space).params == drawn.ask(space).params


def test_settings_that_failed_are_kept_away_from() -> None:
    """x is good, and above 0.5 every training fails."""
    space = {"x": FloatDistribution(0.0, 1.0)}
    study = optuna.create_study(direction="maximize")
    for x in np.linspace(0.02, 0.98, 24):
        fails = x > 0.5
        state = optuna.trial.TrialState.FAIL if fails else optuna.trial.TrialState.COMPLETE
        study.add_trial(
            optuna.trial.create_trial(
                params={"x": x},
                distributions=space,
                intermediate_values={} if fails else {9: x},
                value=None if fails else x,
                state=state,
            )
        )
    study.sampler = RungSampler(0, 10, [9], space)
    assert study.ask(space).params["x"] < 0.56
