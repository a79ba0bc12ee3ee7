"""Runs of one study, made one: what keeps them from it, and which of their trials count."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import digits
from typing import Any

from analysis.records.lines import TRIAL_KEYS, read_lines, trial_problem
from analysis.records.load import Run
from analysis.records.schema import REPEATED, Phase, Status, status_of
from analysis.stats.comparable import run_names
from tuning.runs.code import changes, kept
from tuning.runs.code_changes import last_version
from tuning.runs.reopen import WORDS, differ
from tuning.runs.trial_record import params_key
from tuning.spec.errors import StudyError
from tuning.spec.trial import trial_id
from tuning.spec.values import cut

Row = dict[str, Any]
Key = tuple[str, str, int]
"""Phase, setting and seed."""
OWN = frozenset(
    {"reference", "overrides", "mirrors", "command", "provenance", "started", "job", "storage"}
    | {"sessions", "merged", "trials", "seeds", "search"}
)
"""What ``study.json`` says of a run rather than of its study, and what is held against the others
by itself.
"""


@dataclass
class Source:
    """One of the runs. ``rows``: of its ``trials.jsonl``; ``last``: trial -> the last of them, in
    the order of the ids; ``names``: trial -> its id in the merged run; ``left_out``: those of which
    another run has the setting and the seeds -> the id of that one.
    """

    run: Run
    name: str
    rows: Sequence[Row]
    last: Mapping[str, Row]
    names: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run, name: str) -> "Source":
        rows = read_lines(run.paths.trials, TRIAL_KEYS, trial_problem, [])
        last = {row["trial"]: row for row in rows}
        return cls(run, name, rows, {trial: last[trial] for trial in sorted(last, key=_number)})


def sources_of(runs: Sequence[Run], *, accept: bool = False) -> list[Source]:
    """The runs with their trials renamed: what counts of them, and once.

    Of trials with the same setting and seeds the one counts that ended, and of several the one of
    the run that was named first. ``accept``: whether their code may differ.

    Raises:
        StudyError: the runs cannot be one; all reasons.
    """
    sources = [Source.of(*each) for each in zip(runs, run_names(runs), strict=True)]
    roots = [run.paths.root for run in runs]
    problems = [
        f"{root} is given more than once." for root in dict.fromkeys(roots) if roots.count(root) > 1
    ]
    if len(runs) < 2:
        problems.append("give two runs or more.")
    problems += [*_differences(sources), *([] if accept else _code_differences(sources))]
    if problems:
        raise StudyError(["These runs cannot be merged:", *problems])
    _name(sources, _owners(sources))
    return sources


def merged_seeds(runs: Sequence[Run]) -> list[int]:
    """The seeds of all runs, those of the first one first."""
    return list(dict.fromkeys(seed for run in runs for seed in run.recorded["seeds"]))


def _differences(sources: Sequence[Source]) -> Iterator[str]:
    specs = [source.run.recorded for source in sources]
    keys = dict.fromkeys(key for spec in specs for key in spec)
    for key in keys:
        if key not in OWN and key not in WORDS:
            yield from _difference(key, sources, [spec.get(key) for spec in specs])
    # Searches of one study may have drawn with seeds of their own, and so many settings.
    ways = [
        {key: value for key, value in spec["search"].items() if key not in ("trials", "seed")}
        for spec in specs
    ]
    yield from _difference("search", sources, ways)
    first = specs[0]
    if first.get("until_settled") or (first.get("confirm") or {}).get("until_settled"):
        yield (
            "their seeds stop themselves, by looks that are shared out over one run: two of them"
            " have the same seeds."
        )
    fixed = not is_grid(first) or first.get("scheduler") or first.get("confirm")
    if fixed or first.get("folds"):
        # Settings of a search are compared by the seeds they have: each is to have all of them.
        yield from _difference("seeds", sources, [spec["seeds"] for spec in specs])


def _difference(key: str, sources: Sequence[Source], values: Sequence[Any]) -> Iterator[str]:
    if any(differ(key, values[0], value) for value in values):
        each = [f"{cut(str(v))} ({s.name})" for v, s in zip(values, sources, strict=True)]
        yield f"{key}: {', '.join(each)}."


def _code_differences(sources: Sequence[Source]) -> Iterator[str]:
    first = sources[0].run
    was = last_version(first)
    for source in sources[1:]:
        now = last_version(source.run)
        if was == now and len(set(source.run.versions.values()) | set(first.versions.values())) < 2:
            continue
        code, other = (kept(one.paths, str(v)) for one, v in ((first, was), (source.run, now)))
        said = "; ".join(changes(code, other)) if code and other else f"{was} and {now}"
        yield (
            f"code: that of {source.name} is not that of {sources[0].name} ({said or 'several'})."
            " --accept-code-change (in Python accept_code_change=True) merges them all the same:"
            " every record says which code it is of, and the report that they are pooled."
        )


def is_grid(spec: Mapping[str, Any]) -> bool:
    return bool(spec["search"].get("kind") == "grid")


def _owners(sources: Sequence[Source]) -> dict[Key, tuple[int, str]]:
    """Which trial, of which run, stands for each seed of each setting.

    Raises:
        StudyError: trials have some of their seeds in common, but not all.
    """
    owners: dict[Key, tuple[int, str]] = {}
    problems = []
    each = [(place, name) for place, source in enumerate(sources) for name in source.last]
    for place, name in sorted(each, key=lambda one: not _has_ended(sources[one[0]], one[1])):
        keys = _keys(sources[place].last[name])
        others = {owners[key] for key in keys if key in owners and owners[key][0] != place}
        taken = [key for key in keys if owners.get(key, (place,))[0] != place]
        if taken and len(taken) < len(keys):
            problems.append(
                f"trial {name} of {sources[place].name} has seeds"
                f" {', '.join(str(seed) for *_, seed in sorted(taken))} in common with"
                f" {', '.join(f'{n} of {sources[p].name}' for p, n in sorted(others))}, and others"
                " not: what was trained together cannot be counted in part. `study drop` leaves"
                " one of them out."
            )
        for key in keys:
            owners.setdefault(key, (place, name))
    if problems:
        raise StudyError(["These runs cannot be merged:", *problems])
    return owners


def _has_ended(source: Source, name: str) -> bool:
    row = source.last[name]
    return row["status"] != REPEATED and status_of(row).has_ended


def _keys(row: Row) -> list[Key]:
    """What a trial stands for; nothing where it is left out, or was drawn again."""
    if row["status"] in (REPEATED, Status.DROPPED):
        return []
    return [(row.get("phase") or Phase.SEARCH, params_key(row["params"]), s) for s in row["seeds"]]


def _name(sources: Sequence[Source], owners: Mapping[Key, tuple[int, str]]) -> None:
    """Number the trials that count, run by run, and find who stands for the others."""
    counts: Counter[str] = Counter()
    total = sum(len(source.last) for source in sources)
    for place, source in enumerate(sources):
        for name, row in source.last.items():
            if all(owners[key][0] == place for key in _keys(row)):
                prefix = name.rstrip(digits)
                counts[prefix] += 1
                source.names[name] = trial_id(counts[prefix], total, prefix)
    for source in sources:
        for name, row in source.last.items():
            if name not in source.names:
                owner, other = owners[_keys(row)[0]]
                source.left_out[name] = sources[owner].names[other]


def _number(name: str) -> tuple[str, int]:
    prefix = name.rstrip(digits)
    return prefix, int(name.removeprefix(prefix))
