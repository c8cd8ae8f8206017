"""Options that are given as text."""

from pathlib import Path

import pytest

from biomech.errors import BioposeError
from biomech.pipeline.parsing import parse_names, parse_neutral, parse_person


@pytest.mark.parametrize(("text", "who"), [("2", 2), ("640,360.5", (640.0, 360.5))])
def test_person(text: str, who: object) -> None:
    assert parse_person(text) == who


@pytest.mark.parametrize("text", ["left", "-1", "1.5", "1,2,3", ""])
def test_person_that_is_none(text: str) -> None:
    with pytest.raises(BioposeError, match="neither a number nor a pixel"):
        parse_person(text)


@pytest.mark.parametrize(
    ("text", "neutral"), [("1 2.5", (1.0, 2.5)), ("1:2.5", (1.0, 2.5)), ("stand.mp4", Path("stand.mp4"))]
)
def test_neutral(text: str, neutral: object) -> None:
    assert parse_neutral(text) == neutral


def test_half_a_stretch() -> None:
    with pytest.raises(BioposeError, match="says no stretch"):
        parse_neutral("1")


def test_names() -> None:
    assert parse_names(["neural,fast", "opensim"]) == ("neural", "fast", "opensim")
