"""Options and the flags that set them."""

import typing
from dataclasses import fields

from biomech.cli.ik import ik
from biomech.street import Options, flag_of


def test_messages_name_flags_that_there_are() -> None:
    known = set()
    for name, hint in typing.get_type_hints(ik, include_extras=True).items():
        if name != "return":
            said = getattr(typing.get_args(hint)[1], "param_decls", None) or ()
            known |= {flag for one in said for flag in one.split("/") if flag.startswith("--")}
            known.add(f"--{name.replace('_', '-')}")
    assert {flag_of(option.name) for option in fields(Options)} <= known
