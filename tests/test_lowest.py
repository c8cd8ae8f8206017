"""The lowest versions that CI installs are those that pyproject.toml declares."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = {"pip", "torch"}  # the installer itself; and see tests/lowest.txt


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_lowest_versions_are_the_declared_ones() -> None:
    declared = re.search(r"(?s)\ndependencies = \[(.*?)\n\]", (ROOT / "pyproject.toml").read_text())
    assert declared
    lowest = dict(re.findall(r'"([\w.-]+)>=([\d.]+)"', declared[1]))
    pinned = dict(re.findall(r"(?m)^([\w.-]+)==([\d.]+)$", (ROOT / "tests/lowest.txt").read_text()))
    assert set(pinned) == set(lowest) - LEFT_OUT
    for name, version in pinned.items():
        assert numbers(version)[: len(numbers(lowest[name]))] == numbers(lowest[name]), name
