"""The keywords of ``biomech.ik`` are the table of options."""

import inspect
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

from biomech.api.ik import ik
from biomech.api.ik_options import IkOptions
from biomech.pipeline.options import Options
from biomech.skeleton.osim import Model

ALSO: dict[str, set[Any]] = {"solvers": {str}, "model": {Model}}


def kinds(hint: Any) -> set[Any]:
    return set(get_args(hint)) if isinstance(hint, UnionType) else {hint}


def test_the_keywords_are_the_table_s() -> None:
    said, hints = get_type_hints(IkOptions), get_type_hints(Options)
    # ``person`` is a parameter of its own: what it is says what is given.
    assert kinds(inspect.signature(ik).parameters["person"].annotation) == kinds(hints.pop("person"))
    assert list(said) == [option.name for option in fields(Options) if option.name != "person"]
    for name, hint in hints.items():
        own = kinds(hint)
        assert kinds(said[name]) == own | ({str} if Path in own else set()) | ALSO.get(name, set()), name
