"""Runs of which people order things while they are trained in this process."""

import random
from typing import Any

from analysis.records.orders import ADD, END, PAUSE, STOP, Order, give
from analysis.records.paths import RunPaths

THIS = "this"
"""Stands for the trial whose epoch it was."""


class Person:
    """A callback of a session that gives orders: ``what`` are those after an epoch, counted over
    all trials, as ``(do, facts)``.
    """

    def __init__(
        self, paths: RunPaths, what: dict[int, list[tuple[str, dict[str, Any]]]] | None = None
    ) -> None:
        self.paths, self._what, self._epochs = paths, what or {}, 0
        self.given: list[Order] = []

    def order(self, do: str, **facts: Any) -> None:
        self.given.append(give(self.paths, do, **facts))

    def epoch(self, trial: Any, row: Any) -> None:
        self._epochs += 1
        for do, facts in self._what.get(self._epochs, ()):
            here = {key: trial.id if value == THIS else value for key, value in facts.items()}
            self.order(do, **here)

    def pause(self, trial: Any) -> None: ...

    def end(self, trial: Any, status: str, error: str | None) -> None: ...


class Whimsical(Person):
    """Gives ``left`` orders at random: sound, late, twice, contradictory and nonsense."""

    def __init__(self, paths: RunPaths, rng: random.Random, left: int) -> None:
        super().__init__(paths)
        self._rng, self.left, self._seen = rng, left, ["9999"]

    def epoch(self, trial: Any, row: Any) -> None:
        self._seen.append(trial.id)
        while self.left and self._rng.random() < 0.4:
            self.orders(trial.id)

    def orders(self, trial: str) -> None:
        self.left -= 1
        do = self._rng.choices([STOP, ADD, PAUSE, END], [6, 4, 2, 0.3])[0]
        facts: dict[str, Any] = {}
        if do == STOP:
            facts["trial"] = self._rng.choice([trial, trial, self._rng.choice(self._seen)])
        if do == ADD:
            x = self._rng.choice([round(self._rng.uniform(-0.2, 1.2), 2), 0.25])
            facts["params"] = {"x": x, "kind": self._rng.choice("abc")}
        self.order(do, **facts)
        if self._rng.random() < 0.2:  # sent twice, as by a page that tries again
            lines = self.paths.orders.read_bytes().splitlines(keepends=True)
            with self.paths.orders.open("ab") as file:
                file.write(self._rng.choice(lines))
