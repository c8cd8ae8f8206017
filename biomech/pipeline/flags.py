"""Options as a user types them.

The library speaks of an option by its name, in backticks and with a value where it says one: `height_m=1.78`. On the
command line and in what a run leaves to be read it becomes the flag: --height 1.78.
"""

import re
from collections.abc import Iterable

from biomech.pipeline.options import Options, table

UNITS = r"_(m|mm|kg|s|hz|deg)$"
NAMED = re.compile(r"`([a-z][a-z0-9_]*)(?:=([^`]*))?`")
DEFAULTS = Options()
FLAGS = {"time": "align time", "heading": "align heading"}  # of options that are not in the table


def flag_of(name: str) -> str:
    """The flag that sets an option, of the table or a command's own; of what is on by default, that turns it off."""
    about = table().get(name)
    if flag := FLAGS.get(name) or (about and about.flag):
        return f"--{flag}"
    plain = re.sub(UNITS, "", name).replace("_", "-")
    return f"--no-{plain}" if getattr(DEFAULTS, name, None) is True else f"--{plain}"


def flags_of(names: Iterable[str]) -> dict[str, str]:
    """The flags of those that are options of the table, by name; of what is on by default, that which says so."""
    known = table()
    plain = {name: re.sub(UNITS, "", name).replace("_", "-") for name in names if name in known}
    return {name: f"--{plain[name] if getattr(DEFAULTS, name) is True else flag_of(name)[2:]}" for name in plain}


def in_flags(text: str, quote: str = "") -> str:
    """A message of the library with flags in place of its options' names.

    Args:
        text: with names in backticks.
        quote: what each flag and its value stand in; nothing, or the backticks again.

    Returns:
        The message.
    """

    def flag(found: "re.Match[str]") -> str:
        name, value = found.groups()
        plain = (value or "").strip("()\"'").replace(", ", ",")
        return quote + " ".join(filter(None, (flag_of(name), plain))) + quote

    return NAMED.sub(flag, text)
