"""What is known of the trials of a run: read from its records once a session, then kept up to date
with every row that is recorded.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from analysis.numerics.means import standard_error
from analysis.records.load import Run
from analysis.records.orders import Steering, ended_by
from analysis.records.schema import Phase, Status, is_added
from analysis.records.settled import settled_facts
from analysis.records.space import declared
from analysis.stats.ranking import Ranking
from analysis.stats.summary import seed_numbers
from tuning.runs.earlier import EarlierRun as EarlierRun
from tuning.runs.earlier import kept_earlier
from tuning.runs.recorded_trials import dropped_records, repeated_trials, trial_records
from tuning.runs.trial_record import TrialRecord as TrialRecord
from tuning.runs.trial_record import params_key as params_key
from tuning.spec.branches import space_record
from tuning.spec.study import Study, Trial


class History:
    """The trials of a run by their ids, those of both phases."""

    def __init__(self, study: Study, version: str | None = None) -> None:
        """``version``: of the code that this session runs."""
        self.study, self.version = study, version
        self.trials: dict[str, TrialRecord] = {}
        self.rankings = {phase: Ranking[str](study.mode) for phase in Phase}
        """The settings that completed a trial, by their ``params_key``."""
        self._params: dict[str, Mapping[str, Any]] = {}
        self._searched: dict[str, str] = {}
        self._repeats: dict[str, TrialRecord] = {}
        self._dropped: dict[str, TrialRecord] = {}
        self._begun: Counter[str] = Counter()
        self._added = 0
        self.any_epoch = False
        """Whether an epoch of any trial was recorded."""
        self.searches = True
        """Whether this session goes on with the search, or confirms what there is alone."""
        self.answered: set[str] = set()
        """The orders that were carried out, or refused."""
        self.ordered: Mapping[str, list[str]] = {}
        """The trials that each order stopped or added in earlier sessions."""
        self.has_orders = False
        """Whether any was given that was neither."""
        self.ended_by: str | None = None
        """The order that ended the search."""
        self.settlements: list[Mapping[str, Any]] = []
        """Each time that the search was settled, as ``settled_facts``."""
        self.earlier: Sequence[EarlierRun] = ()
        """The runs that the search begins with."""

    @classmethod
    def of(cls, study: Study, run: Run, version: str | None = None) -> "History":
        """What ``run`` holds. A trial that other code began and did not end counts as not begun:
        it is trained anew.
        """
        history = cls(study, version)
        history.any_epoch, history.ordered = not run.epochs.empty, run.ordered
        steering = Steering(run.paths).refresh()
        history.answered, history.has_orders = set(steering.answers), bool(steering.open())
        history.ended_by = ended_by(steering.answers, study.planned)
        history.searches = not history.ended_by
        history.settlements = settled_facts(steering.answers.values())
        history.earlier = kept_earlier(run.paths, study)
        for phase in Phase:
            for record in trial_records(run, phase):
                if not record.ended and record.version not in (None, version):
                    record.scores, record.errors, record.ends, record.rung = {}, {}, {}, None
                    record.last_epoch, record.seconds, record.status = 0, 0.0, Status.UNFINISHED
                history._add(record)
                if record.ended:
                    history._rank(record)
        history._dropped = {each.id: each for each in dropped_records(run)}
        for trial, same_as in repeated_trials(run):
            history.repeat(trial, same_as).lines = run.lines[trial.id]
        return history

    @property
    def settled(self) -> bool:
        """Whether the search draws no more, because its last trials gained too little; one that is
        given more trials goes on.
        """
        return any(each["planned"] == self.study.planned for each in self.settlements)

    def phase(self, name: str) -> Iterator[TrialRecord]:
        """The trials of one phase, in the order in which they were begun."""
        return (each for each in self.trials.values() if each.trial.phase == name)

    def drawn(self) -> list[TrialRecord]:
        """What the search drew itself, in order; a setting that was drawn again with the status,
        scores and end of the trial that answers for it. What was left out by hand has none.
        """
        known = {**self._dropped, **self.trials}
        again = []
        for each in self._repeats.values():
            first = known[str(each.same_as)]
            lines = each.lines[0], max(each.lines[0], first.lines[1])
            again.append(replace(each, status=first.status, scores=first.scores, lines=lines))
        own = (each for each in self.begun(Phase.SEARCH) if not is_added(each.id))
        return sorted([*own, *again], key=lambda each: int(each.id))

    def added(self) -> list[TrialRecord]:
        """The trials whose settings a person added, in order."""
        return [each for each in self.phase(Phase.SEARCH) if is_added(each.id)]

    def begun(self, name: str) -> list[TrialRecord]:
        """The trials of one phase, with those that were left out by hand."""
        return [*self.phase(name), *self.dropped(name)]

    @property
    def ids(self) -> set[str]:
        """Of all trials, those that were left out by hand too."""
        return {*self.trials, *self._dropped}

    def dropped(self, name: str) -> list[TrialRecord]:
        """The trials of one phase that were left out by hand."""
        return [each for each in self._dropped.values() if each.trial.phase == name]

    @property
    def repeated(self) -> int:
        """How many settings were drawn again, and not trained again."""
        return len(self._repeats)

    def planned(self) -> dict[str, int]:
        """How many trials each phase has once the run is complete, as far as is known by now: a
        setting that is drawn again needs none, seeds that stop themselves may need more, and where
        another setting has become one of the best, its confirmation comes beside those that were
        there.
        """
        fewer = {phase: sum(not e.retrain for e in self.dropped(phase)) for phase in Phase}
        own = self.study.planned - self.repeated + self._added - fewer[Phase.SEARCH]
        search = max(0 if self.settled else own, self._begun[Phase.SEARCH])
        if not self.searches:  # what is left of it stays as it is
            search = sum(each.ended for each in self.phase(Phase.SEARCH))
        confirm = self.study.planned_confirmations + self._superseded() - fewer[Phase.CONFIRM]
        return {Phase.SEARCH: search, Phase.CONFIRM: max(confirm, self._begun[Phase.CONFIRM])}

    def _superseded(self) -> int:
        """How many trials of the confirmation had settings that it would not choose any more."""
        if not self.study.confirm or not self._begun[Phase.CONFIRM]:
            return 0
        chosen = self.to_confirm()
        return sum(params_key(each.params) not in chosen for each in self.phase(Phase.CONFIRM))

    def to_confirm(self) -> dict[str, Mapping[str, Any]]:
        """The settings that the confirmation trains, by their ``params_key``."""
        assert self.study.confirm
        best, space = self.ranked_params(Phase.SEARCH), space_record(self.study.space)
        named = [declared(space, params) for params in self.study.confirm.baselines.values()]
        settings = [*best[: self.study.confirm.top], *named]
        return {params_key(params): params for params in settings}

    def same(self, trial: Trial) -> TrialRecord | None:
        """The trial of the search that had these params with the same seeds and the code of this
        session already; None where there is none.
        """
        record = self.trials.get(self._searched.get(params_key(trial.params), ""))
        if record is None or record.id == trial.id or list(record.trial.seeds) != [*trial.seeds]:
            return None
        return record if record.version in (None, self.version) else None

    def repeat(self, trial: Trial, same_as: str) -> TrialRecord:
        """The setting of ``trial`` was drawn again."""
        self._repeats[trial.id] = TrialRecord(trial=trial, same_as=same_as)
        return self._repeats[trial.id]

    def repeats_of(self, trial: str) -> list[Trial]:
        return [each.trial for each in self._repeats.values() if each.same_as == trial]

    def of_params(self, params: Mapping[str, Any], phase: str) -> list[TrialRecord]:
        """The trials of one setting."""
        key = params_key(params)
        return [each for each in self.phase(phase) if params_key(each.params) == key]

    def left_race(self, keys: Collection[str]) -> None:
        """These settings, by their ``params_key``, rank last among those that are confirmed."""
        self.rankings[Phase.CONFIRM].put_last(keys)

    def open(self, trial: Trial) -> TrialRecord | None:
        """The record of a trial that has begun and not ended."""
        record = self.trials.get(trial.id)
        return None if record is None or record.ended else record

    def begin(self, trial: Trial) -> TrialRecord:
        """A trial is started, or started again."""
        record = self.trials.get(trial.id) or self._add(TrialRecord(trial=trial))
        record.attempt, record.version = record.attempt + 1, self.version
        return record

    def pause(self, trial: Trial, rung: int) -> None:
        """A trial waits at a rung."""
        record = self.trials[trial.id]
        record.status, record.rung = Status.PAUSED, rung

    def promote(self, trial: Trial) -> None:
        """A paused trial is to go on."""
        self.trials[trial.id].status = Status.UNFINISHED

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        """An epoch of a trial, as its row says."""
        record, score = self.trials[trial.id], self.study.score(row["metrics"])
        record.ends = seed_numbers(trial.seeds, row["metrics"][self.study.metric])
        record.take(row["epoch"], score, standard_error([*record.ends.values()]))
        record.seconds += row["seconds"]
        self.any_epoch = True

    def end(self, trial: Trial, status: str) -> None:
        record = self.trials[trial.id]
        record.status = status
        record.scores = {at: s for at, s in record.scores.items() if at <= record.last_epoch}
        self._rank(record)

    def trial_seconds(self) -> float | None:
        """What a trial of the search took so far: mean of those with an epoch; None before."""
        known = [each.seconds for each in self.phase(Phase.SEARCH) if each.last_epoch]
        return sum(known) / len(known) if known else None

    def ranked_params(self, phase: str) -> list[Mapping[str, Any]]:
        """The settings that completed a trial, as ``analysis.stats.ranking`` ranks them."""
        return [self._params[key] for key in self.rankings[Phase(phase)].ranked()]

    def best_params(self) -> tuple[Mapping[str, Any], list[float]] | None:
        """The best setting so far, and the metric of each of its seeds; None before the first trial
        is complete. Once a confirmation has a result, those of the search, which are too good, do
        not count any more.
        """
        ranking = self.rankings[Phase.CONFIRM] or self.rankings[Phase.SEARCH]
        best = ranking.best()
        return None if best is None else (self._params[best], ranking.values(best))

    def _add(self, record: TrialRecord) -> TrialRecord:
        self.trials[record.id] = record
        self._begun[record.trial.phase] += 1
        self._added += is_added(record.id)
        if record.trial.phase == Phase.SEARCH:
            self._searched[params_key(record.params)] = record.id
        return record

    def _rank(self, record: TrialRecord) -> None:
        if record.status == "completed" and record.ends:
            key = params_key(record.trial.params)
            self._params.setdefault(key, record.trial.params)
            self.rankings[Phase(record.trial.phase)].add(key, record.trial.id, record.ends)
