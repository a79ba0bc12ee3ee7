"""What is said about the time that a run took of its machines, and what follows."""

import math

import pandas as pd

from analysis.records.load import Run
from analysis.stats.spending import IDLE, LOST
from analysis.text.format import amount_words, count
from analysis.text.rounding import number, percent

WORDS = {
    "start": "start-up",
    "data": "data",
    "training": "training",
    "evaluation": "evaluation",
    "checkpoint": "checkpoints",
    "reporting": "reporting",
    LOST: "failed attempts",
    IDLE: "idle slots",
}
FEWEST, LONG_ENOUGH = 3, 5.0
"""Advice rests on no fewer trials, each of them sampled for so many seconds."""
ROOM = 0.9
"""The share of a memory that advice fills."""
WORTH_A_WORD = 0.05


def ledger_claim(ledger: pd.DataFrame) -> str:
    """How much of the time was training, and what the largest loss is."""
    shares = ledger.set_index("part")["share"]
    seconds = ledger.set_index("part")["seconds"]
    losses = shares.drop("training")
    said = (
        f"Of {amount_words('seconds', seconds.sum())} of slot time,"
        f" {percent(shares['training'], 0)} went to training"
    )
    worst = losses.idxmax()
    if losses[worst] < WORTH_A_WORD:
        return f"{said}; nothing else took {percent(WORTH_A_WORD, 0)} of it."
    return (
        f"{said}. The largest loss: {WORDS[worst]}, {percent(losses[worst], 0)}"
        f" ({amount_words('seconds', seconds[worst])})."
    )


def advice(run: Run, trials: pd.DataFrame) -> list[str]:
    """What to ask for instead, where all trials measured agree; ``trials``: of ``trial_costs``.
    The inline backend gives nothing that could be asked for.
    """
    asked = run.spec.get("resources") or {}
    cpus, gpus = asked.get("cpus") or 0, asked.get("gpus") or 0
    measured = trials[trials["sampled"] >= LONG_ENOUGH]
    inline = (run.trials["node"] == "this process").any()
    if len(measured) < FEWEST or not cpus or inline:
        return []
    if gpus:
        return _gpu_advice(measured, gpus)
    return _cpu_advice(measured, cpus, _together(run))


def _cpu_advice(trials: pd.DataFrame, cpus: float, together: float) -> list[str]:
    n, middle = count(len(trials), "trial"), trials["cores"].median()
    if middle > 1.5 * cpus:
        return [
            f"Half of the trials or more use {number(middle, 2)} CPUs or more and ask for"
            f" {number(cpus)} (n = {n}): cpus={math.ceil(middle)} would have fewer of them share"
            " cores."
        ]
    fits = _times(cpus, trials["cores"].max())
    if trials["memory"].notna().all():
        there = trials["memory_total"].min() * ROOM
        fits = min(fits, math.floor(there / (trials["memory"].max() * together)))
    if fits < 2:
        return []
    less = math.floor(100 * cpus / fits) / 100
    return [
        f"None of {n} that took {LONG_ENOUGH:g} s or longer used more than"
        f" {number(trials['cores'].max(), 2)} of its {count_of(cpus, 'CPU')}: unless other work"
        f" kept this machine busy, cpus={less:g} would fit {fits} in the place of one, also by"
        " their memory."
    ]


def _gpu_advice(trials: pd.DataFrame, gpus: float) -> list[str]:
    """None where trials share a GPU: how busy it is says little of each."""
    told = trials.dropna(subset=["gpus", "gpu_memory", "gpu_total"])
    if gpus < 1 or len(told) < len(trials):
        return []
    used = (told["gpus"] / gpus).max()
    room = ROOM * (told["gpu_total"] / told["gpu_memory"].where(told["gpu_memory"] > 0)).min()
    fits = min(_times(gpus, used * gpus), math.floor(room) if room == room else 1)
    if fits < 2:
        return []
    return [
        f"None of {count(len(told), 'trial')} that took {LONG_ENOUGH:g} s or longer used more than"
        f" {number(used, 2)} of its {count_of(gpus, 'GPU')}:"
        f" gpus={math.floor(100 * gpus / fits) / 100:g} would fit {fits} in the place of one, also"
        " by their memory."
    ]


def _times(asked: float, used: float) -> int:
    """How often ``used`` fits into what was asked for."""
    return math.floor(asked / used) if used > 0 else 1


def _together(run: Run) -> float:
    """How many trials ran at once on a node, at the most."""
    nodes = max(1, run.trials["node"].nunique())
    return math.ceil(run.costs["slots"].max() / nodes) if len(run.costs) else 1


def count_of(amount: float, noun: str) -> str:
    return f"{number(amount)} {noun}" + ("" if amount == 1 else "s")
