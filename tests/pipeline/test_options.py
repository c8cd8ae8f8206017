"""Options and the flags that set them."""

import typing
from dataclasses import fields
from pathlib import Path

import pytest

from biomech.cli.ik import ik
from biomech.pipeline.options import Options, Result, flag_of, plain_name


def test_messages_name_flags_that_there_are() -> None:
    known = set()
    for name, hint in typing.get_type_hints(ik, include_extras=True).items():
        if name != "return":
            said = getattr(typing.get_args(hint)[1], "param_decls", None) or ()
            known |= {flag for one in said for flag in one.split("/") if flag.startswith("--")}
            known.add(f"--{name.replace('_', '-')}")
    assert {flag_of(option.name) for option in fields(Options)} <= known


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("walk_", "walk_"),
        ("my film*+(1)", "my_film_1"),
        ("a & b", "a_b"),
        ("$HOME;x", "HOME_x"),
        ("Läufer-2.5", "Läufer-2.5"),
        ("***", "recording"),
    ],
)
def test_names_that_opensim_would_not_take(name: str, plain: str, tmp_path: Path) -> None:
    """ScaleTool ended on a blank, ``*`` or ``+`` in a file's name."""
    assert plain_name(name) == plain
    assert Result.of(tmp_path, name, {}).model == tmp_path / f"{plain}_scaled.osim"
