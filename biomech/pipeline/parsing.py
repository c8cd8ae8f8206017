"""Values of options that are given as text, as on a command line: who, when a person stands, several names."""

import math
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from biomech.errors import BioposeError

MOST_PX = 100_000


def parse_person(text: str) -> int | tuple[float, float] | Literal["all"]:
    """Who: a number from left to right, a pixel, or all.

    Raises:
        BioposeError: neither of them.
    """
    if text == "all":
        return "all"
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) == 1 and values[0].is_integer() and values[0] >= 0:
        return int(values[0])
    if len(values) == 2:
        return values[0], values[1]
    raise BioposeError(
        f"`person` {text} is neither a number nor a pixel, nor all",
        mend="Say `person=1` (0 is leftmost), `person=(640,360)` or `person=all`.",
    )


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of a picture, px: 1280x720.

    Raises:
        BioposeError: not two whole numbers above 0.
    """
    parts = text.lower().replace("×", "x").replace(",", "x").split("x")
    if len(parts) == 2 and all(part.strip().isdecimal() and 0 < int(part) < MOST_PX for part in parts):
        return int(parts[0]), int(parts[1])
    raise BioposeError(
        f"`size_px` {text} is no size of a picture", mend="Give its width and height: `size_px=1280x720`."
    )


def parse_neutral(text: str) -> tuple[float, float] | Path:
    """Seconds from and to, or a film.

    Raises:
        BioposeError: one number alone.
    """
    parts = text.replace(",", " ").replace(":", " ").split()
    if len(parts) == 2 and all(map(is_number, parts)):
        return float(parts[0]), float(parts[1])
    if is_number(text):
        raise BioposeError(
            f"`neutral` {text} says no stretch", mend="Give its beginning and its end in seconds, or another film."
        )
    return Path(text)


def parse_names(texts: list[str]) -> tuple[str, ...]:
    """Names, of which one text may hold several: a,b."""
    return tuple(name for text in texts for name in text.split(","))


def parse_offsets(texts: list[str]) -> tuple[float, ...]:
    """Seconds, of which one text may hold several: 0.25,-1.2.

    Raises:
        BioposeError: something is no number.
    """
    parts = parse_names(texts)
    if not all(map(is_number, parts)):
        raise BioposeError(
            f"`offsets_s` {','.join(parts)} are not numbers", mend="Give seconds: `offsets_s=(0.25,-1.2)`."
        )
    return tuple(float(part) for part in parts)


def is_number(text: str) -> bool:
    """Whether Python takes it for one."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of an option's type: a truth is no number, and a number is finite.

    Args:
        value: from a file of the user's.
        hint: the type, as ``get_type_hints`` has it.

    Returns:
        Of tuples each part is looked at.
    """
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if kind is Literal:
        return value in parts
    if kind is tuple:
        if not isinstance(value, tuple) or (parts[-1] is not ... and len(value) != len(parts)):
            return False
        return all(fits(one, parts[0]) for one in value)
    if hint in (int, float):
        whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53
        return whole or (hint is float and isinstance(value, float) and math.isfinite(value))
    return isinstance(value, hint)


def in_words(hint: Any) -> str:
    """What an option takes, for a message; nothing of Python's."""
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", Path: "a path"}
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return " or ".join(dict.fromkeys(in_words(part) for part in parts if part is not NoneType))
    if kind is Literal:
        return " or ".join(f"'{part}'" for part in parts)
    if kind is tuple:
        return f"a list of {'' if parts[-1] is ... else f'{len(parts)} '}{words[parts[0]].split()[-1]}s"
    return words[hint]
