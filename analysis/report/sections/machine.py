"""What a run cost its machines."""

from collections.abc import Callable

import pandas as pd

from analysis.report.claims.machine import advice, ledger_claim
from analysis.report.section import Section, Table, TableFile
from analysis.stats.findings import Findings
from analysis.stats.spending import slot_ledger, trial_costs
from analysis.text.format import amount_words, count
from analysis.text.memory import bytes_text
from analysis.text.rounding import number

NOTE = (
    "Of {n}, each with its processes, all its attempts and seeds together. Sampled about"
    " once a second: what came and went between two samples is missed, but for a peak of the main"
    " process that is higher than all it had before."
)
INLINE = " The trials ran in the process that drove the study: its memory is in the figures."


def _seconds(value: float) -> str:
    return amount_words("seconds", value)


def _joules(value: float) -> str:
    return f"{number(value / 3.6e6, 3)} kWh" if value >= 3.6e5 else f"{number(value / 1e3, 3)} kJ"


ROWS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("peak memory", "memory", bytes_text),
    ("CPU cores used", "cores", lambda value: number(value, 2)),
    ("peak GPU memory", "gpu_memory", bytes_text),
    ("GPUs used", "gpus", lambda value: number(value, 2)),
    ("energy of processors", "energy", _joules),
    ("energy of GPUs", "gpu_energy", _joules),
    ("waiting for a slot", "waiting", _seconds),
    ("start-up", "start", _seconds),
    ("in its process", "seconds", _seconds),
)
"""Each row of the table: its name, its column in ``trial_costs``, how a value is told."""


def machine(findings: Findings) -> Section | None:
    """Where the time went, and memory, use of processors and energy of trials."""
    run = findings.run
    trials, ledger = trial_costs(run), slot_ledger(run)
    if trials.empty:
        return None
    told, there = len(trials), len(run.trials)
    n = count(there, "trial") if told == there else f"{told:,} of {count(there, 'trial')}"
    note = NOTE.format(n=n)
    note += INLINE * bool((run.trials["node"] == "this process").any())
    claims = [] if ledger.empty else [ledger_claim(ledger)]
    return Section(
        anchor="machine",
        title="What it cost",
        notes=[*claims, *advice(run, trials)],
        tables=[Table(frame=_summary(trials), note=note, words=["of a trial", "trial"])],
        files=[TableFile("trial_costs", trials), TableFile("ledger", ledger)],
    )


def _summary(trials: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for name, column, text in ROWS:
        told = trials.dropna(subset=[column])
        if len(told):
            most = told.loc[told[column].idxmax()]
            middle = text(told[column].median())
            rows.append((name, middle, text(most[column]), most["trial"], str(len(told))))
    return pd.DataFrame(rows, columns=["of a trial", "median", "most", "trial", "n"], dtype=object)
