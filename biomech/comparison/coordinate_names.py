"""Which coordinate of one model is which of another's, and to what part of the body it belongs.

The names are LaiUhlrich2022's (Rajagopal's); the synonyms in coordinate_names.csv are those of OpenSim's older models
and Pose2Sim's, as far as axis and sign are the same in the models themselves. Toe and wrist angles whose axes point the
other way there are left apart.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

SIDES = {"r": "r", "l": "l", "right": "r", "left": "l"}
COUPLED_GROUP = "patella"  # follows the knee: shown, but not in any mean


def standard_name(name: str) -> str:
    """LaiUhlrich's name of a coordinate: case, separators, the side's place and known synonyms aside.

    An unknown name stays as it is, but for the same things: ``Right Wing-Angle`` is ``wing_angle_r``.
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    parts = [part for part in re.split(r"[\s._-]+", spaced.casefold()) if part]
    sides = [part for part in parts if part in SIDES]
    if len(sides) == 1:
        parts.remove(sides[0])
    base = "_".join(parts)
    base = _synonyms().get(base, base)
    return f"{base}_{SIDES[sides[0]]}" if len(sides) == 1 else base


def group(name: str) -> str:
    """The part of the body: pelvis, hip, knee …; ``other`` for a coordinate that is not in the table."""
    base = standard_name(name)
    if base.endswith(("_r", "_l")):
        base = base[:-2]
    return COUPLED_GROUP if base.endswith("_beta") else _groups().get(base, "other")


def group_order(name: str) -> int:
    """Where a group stands in tables: from the pelvis up and down as in the table of names, others last."""
    order = list(dict.fromkeys(_groups().values()))
    return order.index(name) if name in order else len(order)


def match_coordinates(reference: Sequence[str], other: Sequence[str]) -> dict[str, str]:
    """The other motion's name of each of the reference's coordinates that both have, in the reference's order.

    The same name goes first; of the rest, those whose standard name one and only one of either side has.

    Args:
        reference: its coordinates' names.
        other: the names in the other motion.

    Returns:
        By the reference's name the other's; what only one of them has is left out.
    """
    matched = {name: name for name in reference if name in set(other)}
    ours = _by_standard_name(name for name in reference if name not in matched)
    theirs = _by_standard_name(name for name in other if name not in matched)
    for standard, names in ours.items():
        if len(names) == len(theirs.get(standard, [])) == 1:
            matched[names[0]] = theirs[standard][0]
    return {name: matched[name] for name in reference if name in matched}


def _by_standard_name(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(standard_name(name), []).append(name)
    return found


@cache
def _rows() -> list[dict[str, str]]:
    text = files("biomech.comparison").joinpath("coordinate_names.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _synonyms() -> dict[str, str]:
    return {synonym: row["coordinate"] for row in _rows() for synonym in row["synonyms"].split()}


@cache
def _groups() -> dict[str, str]:
    return {row["coordinate"]: row["group"] for row in _rows()}
