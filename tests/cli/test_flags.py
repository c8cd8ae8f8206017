"""Options in the library's messages: by name in Python, as flags on the command line."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import biomech
from biomech.cli import main as command
from biomech.pipeline.flags import NAMED, flag_of, flags_of, in_flags

# These speak of command lines, or are scripts that read their own.
# Installed, `cli` and `osim_models` lie beside the library.
OF_COMMANDS = (
    "cli/",
    "osim_models/build",
    "bench/doubts.py",
    "bench/faults",
    "build",
    "pipeline/flags.py",
    "report/still.py",
    "train/sequence.py",
    "train/habit.py",
    "assets.py",
    "keypoints/mmpose_install.py",
)
FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]+|-o\b)")
WHOLE_COMMAND = re.compile(r"`(?:biopose|OpenPose) [^`]*`|biopose (?:ik|detect|train|label) |dask worker .*")


@pytest.mark.parametrize(
    ("said", "flags"),
    [
        ("Give `height_m` in metres.", "Give --height in metres."),
        ("Give `height_m=1.78`.", "Give --height 1.78."),
        ('Give `solver="fast"`.', "Give --solver fast."),
        ("`marker_set=SET.xml` for `model`", "--markers SET.xml for --model"),
        ("Say `person=(640, 360)`.", "Say --person 640,360."),
        ("`refine` and `overlay` are off", "--no-refine and --no-overlay are off"),
        ("`focal_px` or `fov_deg`", "--focal-px or --fov"),
        ("Leave `time` away.", "Leave --align time away."),
        ("Make one with `biopose detect VIDEO`.", "Make one with `biopose detect VIDEO`."),
    ],
)
def test_names_become_flags(said: str, flags: str) -> None:
    assert in_flags(said) == flags


def test_what_is_left_to_be_read_names_options_as_they_are_typed() -> None:
    assert in_flags("(`every=1` looks at each)", "`") == "(`--every 1` looks at each)"
    named = flags_of(["height_m", "every", "refine", "marker_set", "folder"])
    assert named == {"height_m": "--height", "every": "--every", "refine": "--refine", "marker_set": "--markers"}


def known_flags() -> set[str]:
    command._register()

    def of(one: Any) -> Iterator[str]:
        for param in one.params:
            yield from (*param.opts, *param.secondary_opts)
        for inner in getattr(one, "commands", {}).values():
            yield from of(inner)

    return set(of(typer.main.get_command(command.app)))


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the library that is no docstring, with where it stands; what f-strings fill in is …"""
    room = Path(biomech.__file__).parent
    for path in sorted(room.rglob("*.py")):
        where = path.relative_to(room).as_posix()
        if where.startswith(OF_COMMANDS):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        skip = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                skip |= {id(part) for part in node.values}
                parts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values]
                yield f"{where}:{node.lineno}", "".join(parts)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skip:
                yield f"{where}:{node.lineno}", node.value


def test_the_library_speaks_of_no_flags() -> None:
    assert [(where, text) for where, text in texts() if FLAG.search(WHOLE_COMMAND.sub("", text))] == []


def test_every_option_in_a_message_has_a_flag() -> None:
    known = known_flags()
    unknown = [
        (where, found[0])
        for where, text in texts()
        for found in NAMED.finditer(text)
        if flag_of(found[1]).split()[0] not in known
    ]
    assert unknown == []
