"""One trial of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from analysis.records.schema import is_added

if TYPE_CHECKING:  # they know what a study is
    from tuning.spec.study import Study


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One setting over some of its seeds: the unit that is scheduled and recorded."""

    id: str
    params: Mapping[str, Any]
    """The values of the space's active parameters; the fixed ones are the study's."""
    seeds: Sequence[int]
    phase: Literal["search", "confirm"] = "search"
    refused: Sequence[Mapping[str, Any]] = ()
    """The settings that were drawn before it and are not valid."""
    drawn: Mapping[str, Any] | None = None
    """Where the sampler is chosen by its cost: ``by`` which the params were drawn, "gp" or "tpe",
    and the ``seconds`` that a Gaussian process took for them.
    """


def trial_id(number: int, planned: int = 0, prefix: str = "") -> str:
    """The id of a trial, counted from 1, as wide as the number of planned trials needs;
    confirmations have a prefix.
    """
    return f"{prefix}{number:0{max(4, len(str(planned)))}}"


def turn(trial: str) -> tuple[bool, str]:
    """By what trials that wait for a process are sorted: those that a person added come first."""
    return not is_added(trial), trial


def trial_of(study: "Study", config: Mapping[str, Any]) -> Trial:
    """The trial that a configuration that Ray Tune was given stands for."""
    return Trial(
        id=config["trial"],
        params=config["params"],
        seeds=config["seeds"] or study.seed_list,
        phase=config["phase"],
    )
