"""What a run notes and how it is held against another one, asked without a run."""

import os
from types import SimpleNamespace
from typing import Any

import pytest

from tuning.runs import provenance
from tuning.runs.budgets import Allowance
from tuning.runs.merging import _differences


def test_the_memory_of_the_machine_is_in_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 3 * 2**17}
    monkeypatch.setattr(os, "sysconf", said.__getitem__)
    assert provenance._memory_gib() == 1.5


def test_without_a_budget_there_is_no_limit_and_nothing_is_spent() -> None:
    assert Allowance.of({}) == Allowance(
        seconds=None, epochs=None, trials=None, total=0.0, since=0.0
    )


def test_searches_with_other_seeds_per_setting_are_not_one() -> None:
    spec = {"space": {"x": {"values": [1, 2]}}, "search": {"kind": "random"}}
    sources: Any = [
        SimpleNamespace(name=name, run=SimpleNamespace(recorded={**spec, "seeds": seeds}))
        for name, seeds in (("one", [0]), ("two", [1]))
    ]
    assert list(_differences(sources)) == ["seeds: [0] (one), [1] (two)."]
