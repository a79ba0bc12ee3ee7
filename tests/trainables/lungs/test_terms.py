"""The terms of public X-rays, by the names of their images."""

import pytest

from trainables.lungs.terms import licence

SETS = ("Shenzhen set", "Montgomery County set", "do not tell")


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["CHNCXR_0002_0", "CHNCXR_0662_1"], SETS[:1]),
        (["MCUCXR_0001_0"], SETS[1:2]),
        (["P3", "MCUCXR_0001_0", "CHNCXR_0002_0"], SETS),
        (["P3", "image 4", "0 CHNCXR"], SETS[2:]),
    ],
)
def test_each_source_is_named_and_no_other(names: list[str], named: tuple[str, ...]) -> None:
    assert tuple(each for each in SETS if each in licence(names)) == named
