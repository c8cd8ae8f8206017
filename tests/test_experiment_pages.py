"""The commands that docs/experiments and docs/eval.md name are there, with the options that they are given."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from biomech.cli import main

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [DOCS / "eval.md", *sorted((DOCS / "experiments").glob("*.md"))]
SPOKEN = re.compile(r"biopose ((?:[^;`|\n])+)")


@pytest.fixture(scope="module")
def whole() -> Any:
    if not main.app.registered_commands:
        main._register()
    return typer.main.get_command(main.app)


def said(page: Path) -> list[list[str]]:
    """What stands in the page's blocks of commands, word by word."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("    ")]
    return [found.split() for line in lines for found in SPOKEN.findall(line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_are_there(page: Path, whole: Any) -> None:
    commands = said(page)
    assert commands
    for words in commands:
        command = whole
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        given = {word.split("=")[0] for word in words if word.startswith("-")}
        assert given <= known, (command.name, given - known)


def test_every_page_says_what_was_run() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert "## What was run" in text or "## What has been run" in text, page.name
