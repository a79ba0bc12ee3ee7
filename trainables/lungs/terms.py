"""Whose terms X-rays and masks come with, as far as the names of the images tell."""

from collections.abc import Iterable

_ASKED = (
    "publications are asked to attribute it and to cite Jaeger et al. and Candemir et al., IEEE"
    " Transactions on Medical Imaging 33(2), 2014; a licence was not found"
)
KNOWN = {
    "CHNCXR": "images of the Shenzhen set of the U.S. National Library of Medicine and Shenzhen"
    f" No. 3 People's Hospital: {_ASKED}. Masks of Stirenko et al., arXiv:1803.01199, are passed on"
    " as CC BY-NC-SA 4.0",
    "MCUCXR": "images and masks of the Montgomery County set of the U.S. National Library of"
    f" Medicine: {_ASKED}",
}
"""By what the names of the images of a public set begin with."""
UNKNOWN = "that of the source of the images and masks, which their names do not tell"


def licence(names: Iterable[str]) -> str:
    """The terms of images with these ``names``, in words: of each public set that they are of, and
    whether some are of none.
    """
    sets = {name.partition("_")[0] for name in names}
    terms = [KNOWN[each] for each in KNOWN if each in sets]
    return "; ".join([*terms, *([UNKNOWN] if sets - KNOWN.keys() else [])])
