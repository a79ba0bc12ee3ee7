"""Several brackets of successive halving, from early to no stopping."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from analysis.records.schema import ADDED
from tuning.runs.trial_record import TrialRecord
from tuning.search.asha import AshaScheduler
from tuning.search.base import NeverPauses
from tuning.spec.components import spec
from tuning.spec.scheduling import Asha
from tuning.spec.study import Study
from tuning.spec.trial import Trial


@spec
class Hyperband(Asha):
    """Stop the worse trials early, but not all at the same rungs, where ranks at early epochs may
    say little.

    Trials are dealt out to brackets. The first is ``Asha`` as it stands; each other one leaves out
    one rung more at the beginning, until the last stops nobody. A trial is compared with those of
    its bracket alone. Brackets get trials as in L. Li et al., "Hyperband: A Novel Bandit-Based
    Approach to Hyperparameter Optimization", JMLR 2018, more of them the earlier they stop; within
    one, trials are judged as they come.
    """

    counts: ClassVar[Mapping[str, int]] = {"reduction_factor": 2, "min_trials": 1}
    grace_period: int | None = 1
    pauses: bool = False
    """False alone: trials of a bracket are judged as they come, and end there."""

    def problems(self, epochs: Any) -> list[str]:
        pauses = [] if self.pauses is False else ["pauses must be False: no bracket pauses trials."]
        return super().problems(epochs) + pauses

    def brackets(self, epochs: int) -> list[Asha]:
        """The rule of each bracket; the last has no rung."""
        grace = [*self.rungs(epochs), epochs]
        rest: dict[str, Any] = {"reduction_factor": self.reduction_factor, "pauses": False}
        rest |= {"min_trials": self.min_trials, "spare": self.spare}
        return [Asha(grace_period=first, **rest) for first in grace]

    def shares(self, epochs: int) -> list[float]:
        """The share of the trials that each bracket gets: in the paper a bracket with s rungs
        begins with ceil((s_max + 1) / (s + 1) * reduction_factor ** s) of them.
        """
        most = len(self.rungs(epochs))
        sizes = [-(-(most + 1) * self.reduction_factor**s // (s + 1)) for s in range(most, -1, -1)]
        return [size / sum(sizes) for size in sizes]

    def text(self, study: Study) -> str:
        from analysis.text.format import epochs_text

        shares = ", ".join(f"{share:.0%}" for share in self.shares(study.epochs))
        return (
            f"at {epochs_text(study.rungs)} about one trial in"
            f" {self.reduction_factor} goes on, in {len(study.rungs) + 1} brackets ({shares} of the"
            " trials): each leaves out one rung more, and the last stops nobody"
        )

    def scheduler(self, study: Study, past: Iterable[TrialRecord] = ()) -> "HyperbandScheduler":
        return HyperbandScheduler(study, self, list(past))


class HyperbandScheduler(NeverPauses):
    """An ``AshaScheduler`` for each bracket. Which bracket a trial is of depends on its number
    alone.
    """

    def __init__(self, study: Study, rule: Hyperband, past: Iterable[TrialRecord] = ()) -> None:
        self._shares, self._dealt = rule.shares(study.epochs), list[int]()
        records = list(past)
        self._brackets = [
            AshaScheduler(
                study, [each for each in records if self.bracket(each.id) == number], bracket
            )
            for number, bracket in enumerate(rule.brackets(study.epochs))
        ]

    def judge(
        self, trial: Trial, epoch: int, score: float | None, can_pause: bool = True
    ) -> Mapping[str, Any] | None:
        return self._brackets[self.bracket(trial.id)].judge(trial, epoch, score)

    def completed(self, trial: str) -> None:
        self._brackets[self.bracket(trial)].completed(trial)

    def bracket(self, trial: str) -> int:
        """The number of the bracket of a trial: each trial goes to the one that lacks most of its
        share.
        """
        place = int(trial.removeprefix(ADDED))
        while len(self._dealt) < place:
            number = len(self._dealt) + 1
            lacking = [
                share * number - self._dealt.count(each) for each, share in enumerate(self._shares)
            ]
            self._dealt.append(lacking.index(max(lacking)))
        return self._dealt[place - 1]
