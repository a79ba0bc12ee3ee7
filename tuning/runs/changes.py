"""What may be asked of a run that goes on, as the overrides that it then has."""

from collections.abc import Mapping
from typing import Any

from analysis.records.dropped import begun_trials
from analysis.records.load import Run
from analysis.records.schema import Phase, Status, is_added
from analysis.records.space import as_declared
from analysis.stats.identity import identity
from analysis.text.format import count
from tuning.spec.branches import parameters
from tuning.spec.errors import unknown_name
from tuning.spec.space import text
from tuning.spec.study import Confirm, Folds, Study, StudyError, UntilSettled
from tuning.spec.values import holds, shown


def resumed(found: Study, study: Study, run: Run, *, trials: int | None = None) -> dict[str, Any]:
    """The overrides of a run that just goes on, or with so many ``trials`` of its search in all.

    Raises:
        StudyError: the study has no such number, or more trials have begun.
    """
    overrides = dict(run.spec["overrides"])
    return overrides if trials is None else {**overrides, "trials": _total(study, run, trials)}


def extended(
    found: Study,
    study: Study,
    run: Run,
    *,
    trials: int | None = None,
    seeds: int | None = None,
    values: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The overrides of a run that is to have so many more ``trials``, or fewer where negative, more
    ``seeds``, or a grid with more ``values`` of its parameters. More seeds are seeds of every
    setting of a grid, and of every confirmed setting of a search.

    Raises:
        StudyError: the study has no such number or values, or nothing was given.
    """
    overrides = dict(run.spec["overrides"])
    if trials is None and seeds is None and not values:
        raise StudyError(
            "say by how much: --trials N for more settings (-N for fewer), --seeds N for more"
            ' seeds, --set "KEY=[...]" for more values of a grid; in Python trials=N, seeds=N or'
            ' values={"KEY": [...]}.'
        )
    if trials == 0 or (seeds is not None and seeds < 1):
        raise StudyError(
            "seeds must be 1 or more, and trials not 0: they are added to what there is. A negative"
            " number of trials is taken away."
        )
    if trials is not None:
        wanted = study.search.trials + trials if not study.search.exhaustive else trials
        overrides["trials"] = _total(study, run, wanted)
    if seeds is not None and study.confirm:
        _refuse_more(study, study.races)
        overrides["confirm"] = {"top": study.confirm.top, "seeds": study.confirm.most + seeds}
    elif seeds is not None:
        overrides["seeds"] = _more_seeds(study, seeds)
    return {**overrides, **_more_values(study, values or {})}


def confirmed(found: Study, study: Study, run: Run, *, now: bool = False) -> dict[str, Any]:
    """The overrides of a run whose best settings are to be confirmed: as it was to be, as its study
    says, else three settings over five seeds. ``now``: without the rest of the search.

    Raises:
        StudyError: that is asked before any trial of the search is complete.
    """
    trials = run.phase(Phase.SEARCH).trials
    if now and not (trials["status"] == Status.COMPLETED).any():
        raise StudyError(
            f"no trial of {run.paths.root} is complete, so there is nothing to confirm: `study"
            " resume` goes on with its search."
        )
    wanted = study.confirm or found.confirm or Confirm()
    return {**run.spec["overrides"], "confirm": {"top": wanted.top, "seeds": wanted.most}}


def _total(study: Study, run: Run, trials: int) -> int:
    if study.search.exhaustive:
        raise StudyError(
            f"{study.name} is a grid: it has a trial for every setting and seed. Give more seeds"
            ' (--seeds N, in Python seeds=N) or values (--set "KEY=[...]", in Python'
            ' values={"KEY": [...]}).'
        )
    drawn = begun_trials(run.phase(Phase.SEARCH))["trial"]
    begun = int((~drawn.map(is_added).astype(bool)).sum()) + len(run.repeated)
    if trials < max(1, begun):
        raise StudyError(
            f"that is {count(trials, 'trial')}, but {begun} have begun, and nothing is deleted:"
            f" {begun} is the least. `study confirm RUN --now` confirms what there is."
        )
    return trials


def _more_values(study: Study, values: Mapping[str, Any]) -> dict[str, Any]:
    """Lists that take the place of those of a grid; a trained value stays."""
    if values and not study.search.exhaustive:
        raise StudyError(
            f"{study.name} is no grid: values are added to a grid alone; a search is given more"
            " trials (--trials N, in Python trials=N)."
        )
    known = parameters(study.space)
    problems = [unknown_name("key", key, list(known)) for key in values if key not in known] + [
        f"{key}={shown(new)} must be a list with the values that there are, {text(known[key])}, and"
        " more: what was trained stays."
        for key, new in values.items()
        if key in known and not _holds_all(new, known[key])
    ]
    if problems:
        raise StudyError(problems)
    return {key: _with_old(new, known[key]) for key, new in values.items()}


def _holds_all(new: Any, old: Any) -> bool:
    return isinstance(new, list) and all(holds(new, value) for value in old)


def _with_old(new: list[Any], old: list[Any]) -> list[Any]:
    """The new values, with those that were trained as they were: 1.0 where 1 is given for it."""
    written = set(map(identity, new))
    kept = [as_declared({"values": old}, value) for value in new]
    return [
        value if identity(was) in written else was for value, was in zip(new, kept, strict=True)
    ]


def _more_seeds(study: Study, seeds: int) -> int | list[int]:
    if not study.search.exhaustive or study.scheduler:
        raise StudyError(
            f"{study.name} compares its settings by the seeds they have: more of them would need"
            " every trial again."
        )
    _refuse_more(study, study.settles)
    assert not isinstance(study.seeds, UntilSettled)
    if isinstance(study.seeds, Folds):
        return study.seeds.seeds + seeds
    first = max(study.seed_list) + 1
    return (
        study.seeds + seeds
        if isinstance(study.seeds, int)
        else [*study.seeds, *range(first, first + seeds)]
    )


def _refuse_more(study: Study, settles: UntilSettled | None) -> None:
    if settles:
        raise StudyError(
            f"{study.name} shares its error out over {settles.at_most} seeds a setting, the"
            " most that it may take; more of them, once these have been seen, would make its"
            " intervals too narrow. Start a new run with another at_most."
        )
