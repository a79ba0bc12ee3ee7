"""How often a trial that fails is started again."""

from collections import Counter

from tuning.runs.history import History


class Retries:
    """Counts the failures of the trials of a session."""

    def __init__(self, history: History, most: int) -> None:
        self._history, self._most = history, most
        self._failures: Counter[str] = Counter()
        self._first_raised: dict[str, str] = {}
        self._in_vain: set[str] = set()

    def may_start_again(self, trial: str, raised: str, lost: bool) -> bool:
        """``raised``: the headline of what a trial has raised, empty where its process died;
        ``lost``: whether that was no fault of the trial. An error that another trial raised as
        often as it was started, before any epoch of the study was recorded, is one of every trial.
        """
        self._failures[trial] += bool(raised) or not lost
        same = self._first_raised.setdefault(trial, raised) == raised
        if self._failures[trial] > self._most:
            if same and not self._history.any_epoch:
                self._in_vain.add(raised)
            return False
        return not raised or raised not in self._in_vain or self._history.any_epoch
