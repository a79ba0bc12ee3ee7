"""Several seeds or folds of a trial, each trained for itself: epoch by epoch, in turn."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from tuning.engine.yielded import NotReported, is_epoch, kinds, plain
from tuning.process.random_state import OwnState
from tuning.spec.callables import CONTRACT
from tuning.spec.values import own

Epochs = Generator[tuple[Mapping[str, Any], Any], None, Any]
OneSeed = Callable[[Mapping[str, Any], int, Any], Epochs]
"""From config, seed and state to the epochs of that seed; returns why it ended early."""


class Turn:
    """One of those that take turns. ``kind`` and ``number``: as in "seed 3"; ``seed``: of its
    random generators; ``opened``: from its state to its epochs; ``last``: the last epoch.
    """

    def __init__(
        self,
        kind: str,
        number: int,
        opened: Callable[[Any], Iterator[Any]],
        *,
        seed: int,
        last: int | None,
    ) -> None:
        self.kind, self.name, self._opened = kind, f"{kind} {number}", opened
        self._own, self._last = OwnState(seed), last
        self._epochs: Iterator[Any] | None = None
        self.metrics: Mapping[str, Any] = {}
        self.reason: Any = None
        self.state: Any = None
        self.ended = False

    def go_on_from(self, kept: Mapping[str, Any]) -> None:
        """``kept``: as ``kept`` gave it."""
        self.metrics, self.reason, self.state = kept["metrics"], kept["reason"], kept["state"]
        self.ended = self.reason is not None

    def step(self) -> None:
        """Train one epoch, unless it has ended."""
        if self.ended:
            return
        try:
            with self._own.set():
                if self._epochs is None:
                    self._epochs = self._opened(self.state)
                item = next(self._epochs)
        except StopIteration as end:
            self.ended, self.reason, self.state = True, end.value, None
            if self.reason and self.metrics.get("epoch") != self._last:
                print(f"note: {self.why()}: its last values stand for it at later epochs.")
        else:
            if not is_epoch(item):
                raise NotReported(f"the trainable yielded {kinds(item)}; {CONTRACT}.")
            self.metrics, self.state = item

    def why(self) -> str:
        return f"{self.name} after epoch {self.metrics.get('epoch', 0)}: {self.reason}"

    def kept(self) -> dict[str, Any] | None:
        """What it goes on from; None where it cannot."""
        if not self.ended and self.state is None:
            return None
        numbers = {name: plain(value) for name, value in self.metrics.items() if name != "arrays"}
        return {"state": self.state, "reason": self.reason, "metrics": numbers}

    def close(self) -> None:
        if close := getattr(self._epochs, "close", None):
            with self._own.set():
                close()


def in_turn(train: OneSeed, config: Mapping[str, Any], seeds: Sequence[int], resume: Any) -> Epochs:
    """The epochs of all ``seeds`` of a trainable that knows one seed, as ``take_turns`` gives them.
    Of one seed metrics and state are its own.
    """
    if len(seeds) == 1:
        return (yield from train(config, seeds[0], resume))
    last = config.get("epochs")
    turns = [
        Turn("seed", seed, partial(train, own(config), seed), seed=seed, last=last)
        for seed in seeds
    ]
    return (yield from take_turns(turns, resume, list))


def take_turns(
    turns: Sequence[Turn], resume: Any, merged: Callable[[Sequence[Any]], list[Any]]
) -> Epochs:
    """The epochs of all turns: each metric as ``merged`` makes it of their values, the state a
    mapping of their states.

    Each has the global random generators for itself, so its numbers are those of a trial of its
    own. One that ended itself stays at its last values while the others go on.

    Raises:
        NotReported: they report different epochs.
    """
    key = f"{turns[0].kind}s"
    for turn, kept in zip(turns, resume[key] if resume else (), strict=bool(resume)):
        turn.go_on_from(kept)
    with ExitStack() as stack:
        for turn in turns:
            stack.callback(turn.close)
        while True:
            for turn in turns:
                turn.step()
            if any(turn.ended and not turn.reason for turn in turns):
                return None
            going = [turn for turn in turns if not turn.ended]
            if not going:
                return "; ".join(turn.why() for turn in turns)
            _check(going)
            states = [turn.kept() for turn in turns]
            yield (
                _together(turns, going[0].metrics, merged),
                None if None in states else {key: states},
            )


def _check(going: Sequence[Turn]) -> None:
    epochs = {str(turn.metrics.get("epoch")): turn.name for turn in going}
    if len(epochs) > 1:
        said = ", ".join(f"{name} epoch {epoch}" for epoch, name in epochs.items())
        raise NotReported(
            f"the {going[0].kind}s of a trial report the same epochs, one after the other; here"
            f" {said}."
        )


def _together(
    turns: Sequence[Turn], last: Mapping[str, Any], merged: Callable[[Sequence[Any]], list[Any]]
) -> dict[str, Any]:
    """The metrics of all as one epoch; ``last``: those of one that goes on."""
    names = dict.fromkeys(name for turn in turns for name in turn.metrics)
    own = {name: last[name] for name in ("epoch", "device") if name in last}
    arrays = {
        f"{name} of {turn.name}": array
        for turn in turns
        if not turn.ended
        for name, array in turn.metrics.get("arrays", {}).items()
    }
    values = {
        name: merged([turn.metrics.get(name) for turn in turns])
        for name in names
        if name not in (*own, "arrays")
    }
    return values | own | {"arrays": arrays}
