"""What can be wrong with a list of recordings (.toml): other types anywhere, keys not known, files not there."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from biomech.bench.faults.mutation import Mutation, written_content

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# As they are written.
BAD_VALUES = (
    *("true", '"x"', "-1", "0", "1e300", "[]", "{}", "nan", "inf", '"1,78"', "1979-05-27", "[[1]]", '""'),
    *('["a", 1]', "99999999999999999999", '"a\\u0000b"', '"../x"', '"$HOME"', "{a = 1}", "1.5", '"new\\nline"'),
)
NEW_KEYS = ('heigth = "1.78"', "nothing = 1", '"" = 1', '"a b" = 1', "out = 5", "overwrite = true", "json = true")
OPTIONS = (
    "height",
    "mass",
    "sex",
    "solver",
    "up",
    "smooth",
    "person",
    "start",
    "camera_motion",
    "static",
    "tasks",
    "fill",
    "workers",
)


def of_toml(data: bytes, rng: np.random.Generator) -> Iterator[Mutation]:
    """Values of other types, keys missing and unknown, entries twice, files that are not there.

    Args:
        data: the whole file.
        rng: draws the values.

    Yields:
        Changes that can be made to the file at its path.
    """
    tree = tomllib.loads(data.decode())
    for path in _paths(tree):
        name = ".".join(map(str, path))
        yield written_content(f"no {name}", _inline(_changed(tree, path, None)))
        for bad in rng.permutation(BAD_VALUES)[:8]:
            yield written_content(f"{name} is {bad}", _inline(_changed(tree, path, _Raw(str(bad)))))
    for key in NEW_KEYS:
        for section in ("[defaults]", "[subjects.walk]", "[[files]]"):
            yield written_content(f"{section} has {key}", data.decode().replace(section, f"{section}\n{key}"))
    for option in OPTIONS:
        for bad in rng.permutation(BAD_VALUES)[:6]:
            text = data.decode().replace("[[files]]", f"[[files]]\n{option} = {bad}")
            yield written_content(f"{option} of a file is {bad}", text)
    for extra in (
        '[[files]]\npath = "walk.trc"',
        '[[files]]\npath = "nowhere.mp4"',
        '[[files]]\npath = "."',
        "[[files]]",
    ):
        yield written_content(f"and {extra.replace(chr(10), ' ')}", f"{data.decode()}\n{extra}\n")
    yield written_content("nothing but a comment", "# nothing\n")
    yield written_content("100,000 deep", f"a = {'[' * 100_000}{']' * 100_000}\n")
    yield written_content("10,000 tables deep", f"[{'.'.join('a' * 10_000)}]\n")


class _Raw(str):
    """A value as it is written."""


def _paths(tree: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*above, key)
        yield from _paths(value, (*above, key))


def _changed(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a place; None: without the place."""
    key, *below = path
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    if below:
        copy[key] = _changed(tree[key], tuple(below), value)
    elif value is None:
        del copy[key]
    else:
        copy[key] = value
    return copy


def _inline(tree: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(key)} = {_value(value)}\n" for key, value in tree.items())


def _value(value: Any) -> str:
    if isinstance(value, _Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)
