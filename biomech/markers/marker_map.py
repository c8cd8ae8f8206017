"""Real marker sets on our skeleton: whose name is which model marker, and where that marker sits.

A map is a table (.csv) with a row per model marker:

    source   names under which files know it, the usual one first, separated by spaces; capitals, a subject's prefix and
             what separates a name's parts do not matter
    marker   name in the model
    body     OpenSim body of the skeleton (the body names of LaiUhlrich2022 and Rajagopal2016; ``head`` besides)
    x_m, y_m, z_m  location in that body of the generic, unscaled model
    weight   IK task weight
    fixed    1 for a bony landmark, which scaling trusts; 0 where the marker was put somewhere near and may be moved
    from     where the location is from
"""

import csv
import io
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from biomech.errors import BioposeError
from biomech.files import read_text
from biomech.markers.markers import Markers
from biomech.markers.matching import listed, normalised, one_person, without_prefixes
from biomech.markers.same_person import bony

FOLDER = Path(__file__).with_name("marker_maps")
COLUMNS = ("source", "marker", "body", "x_m", "y_m", "z_m", "weight", "fixed", "from")
FURTHEST_M, HEAVIEST = 2.0, 1e6  # of a marker from its body's origin; of its weight
# Medial markers are taken off after standing, a sacral one stands for two spines, arms have wands at times.
NOT_ALWAYS_WORN = {f"{side}{name}" for side in "RL" for name in ("KNM", "MED", "PSI", "UPA", "FRM")} | {"SACR", "RBAK"}
FEWEST = 12  # markers that a whole-body solution needs at the very least


@dataclass(frozen=True)
class MarkerMap:
    """A marker set on the generic model, one entry per model marker."""

    name: str
    sources: list[tuple[str, ...]]  # names in the files
    names: list[str]  # names in the model
    bodies: list[str]
    locations_m: Float[np.ndarray, "markers 3"]
    weights: Float[np.ndarray, " markers"]
    fixed: Bool[np.ndarray, " markers"]

    def on_model(self) -> list[tuple[str, str, tuple[float, float, float]]]:
        """(name, body, location in m) of every marker, as a model builder takes them."""
        locations = [(float(x), float(y), float(z)) for x, y, z in self.locations_m]
        return list(zip(self.names, self.bodies, locations, strict=True))

    def tasks(self) -> dict[str, float]:
        """IK task weight of every marker."""
        return dict(zip(self.names, self.weights.tolist(), strict=True))

    def expected(self, seen: Collection[str]) -> dict[str, float]:
        """The same, without those that are not seen and that laboratories leave away: their absence is no fault."""
        return {name: weight for name, weight in self.tasks().items() if name in seen or name not in NOT_ALWAYS_WORN}

    @property
    def bony(self) -> dict[str, str]:
        """Body of every bony landmark, by marker."""
        return bony(dict(zip(self.names, zip(self.bodies, self.fixed.tolist(), strict=True), strict=True)))

    def found(self, names: list[str]) -> dict[str, str]:
        """Model marker → the name among these that means it."""
        plain = [name.rpartition(":")[2].strip() for name in names]
        return max((self._found(names, short) for short in (plain, *without_prefixes(plain))), key=len)

    def _found(self, names: list[str], short: list[str]) -> dict[str, str]:
        """Names as they are spelled go before names in other letters, and these before normalised ones."""
        spellings: tuple[Callable[[str], str], ...] = (str, str.casefold, normalised)
        chosen: dict[str, str] = {}
        for spelled in spellings:
            groups: dict[str, list[str]] = {}
            for name, part in zip(names, short, strict=True):
                groups.setdefault(spelled(part), []).append(name)
            known = {key: own[0] for key, own in groups.items() if len(own) == 1}
            for marker, group in zip(self.names, self.sources, strict=True):
                means = [known[key] for source in group if (key := spelled(source)) in known]
                if marker not in chosen and (free := [name for name in means if name not in chosen.values()]):
                    chosen[marker] = free[0]
        return {marker: chosen[marker] for marker in self.names if marker in chosen}

    def apply(self, markers: Markers, where: str | None = None) -> Markers:
        """The markers that the map knows, under the model's names; the notes say which it lacks.

        Args:
            markers: under the file's names.
            where: the file, for the messages.

        Returns:
            The markers that the map knows; the others are left out.

        Raises:
            BioposeError: too few of the map's markers are there, or those of several people.
        """
        one_person(markers.names, where or "the markers")
        chosen = self.found(markers.names)
        absent = [name for name in self.names if name not in chosen]
        if len(chosen) < min(FEWEST, len(self.names)):
            raise BioposeError(
                f"only {len(chosen)} of the {len(self.names)} markers of the marker map '{self.name}' are there; "
                f"missing are {', '.join(absent)}",
                where=where,
                mend=f"The markers there are {', '.join(markers.names)}. "
                f"Choose another map ({', '.join(marker_maps())}) or write one like them.",
            )
        mapped = markers.select(list(chosen.values()))
        notes = [f"not in the file: {', '.join(absent)} of the marker map '{self.name}'"] if absent else []
        if others := [name for name in markers.names if name not in chosen.values()]:
            count = f"{len(others)} of {len(markers.names)} measured markers"
            notes.append(f"not in the marker map '{self.name}', {count}: {listed(others)}")
        return Markers(list(chosen), mapped.positions_m, mapped.time_s, markers.notes + notes)


def marker_maps() -> list[str]:
    """Names of the maps of the package."""
    return sorted(path.stem for path in FOLDER.glob("*.csv"))


def read_marker_map(name_or_path: str | Path) -> MarkerMap:
    """A map of the package by its name, or one's own by its path.

    Raises:
        BioposeError: there is no such map, or its table is not whole.
    """
    path = map_file(name_or_path)
    if not os.path.isfile(path):  # also of what is no path, such as one too long
        raise BioposeError(
            f"there is no marker map '{name_or_path}'", mend=f"There are {', '.join(marker_maps())}, or give a .csv."
        )
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
    except csv.Error as error:
        raise BioposeError("the marker map is no table (.csv)", where=str(path)) from error
    lacking = [column for column in COLUMNS[:-1] if not rows or any(row.get(column) is None for row in rows)]
    if lacking:
        raise BioposeError(f"the marker map lacks the columns {', '.join(lacking)}", where=str(path))
    names = [row["marker"].strip() for row in rows]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BioposeError(f"the marker map repeats {', '.join(repeated)}", where=str(path))
    numbers = np.array([[_number(row[key], path) for key in ("x_m", "y_m", "z_m", "weight", "fixed")] for row in rows])
    if (
        not (np.abs(numbers[:, :3]) <= FURTHEST_M).all()
        or not ((numbers[:, 3] >= 0) & (numbers[:, 3] <= HEAVIEST)).all()
    ):
        raise BioposeError("the marker map holds places or weights that cannot be", where=str(path))
    return MarkerMap(
        name=path.stem,
        sources=[tuple(row["source"].split()) for row in rows],
        names=names,
        bodies=[row["body"].strip() for row in rows],
        locations_m=numbers[:, :3],
        weights=numbers[:, 3],
        fixed=numbers[:, 4] == 1,
    )


def map_file(name_or_path: str | Path) -> Path:
    """The table of a map of the package, or one's own."""
    own = Path(name_or_path)
    return own if own.suffix.lower() == ".csv" else FOLDER / f"{name_or_path}.csv"


def _number(cell: str, path: Path) -> float:
    try:
        return float(cell)
    except ValueError:
        said = cell[:20].encode("ascii", "replace").decode()
        raise BioposeError(f"the marker map holds '{said}' where a number should be", where=str(path)) from None


def recognise(names: list[str], where: str | None = None) -> MarkerMap:
    """The map of the package that knows the most of these names, and of those the one that misses the least.

    Args:
        names: of the measured markers.
        where: the file, for the message.

    Returns:
        The map, which knows at least half of its own markers among the names.

    Raises:
        BioposeError: none of them fits.
    """

    def fit(known: MarkerMap) -> tuple[int, float]:
        found = len(known.found(names))
        return found, found / len(known.names)

    best = max((read_marker_map(name) for name in marker_maps()), key=fit)
    found = len(best.found(names))
    if found < FEWEST or found < len(best.names) / 2:
        raise BioposeError(
            f"no marker map of the package knows these markers: {', '.join(names)}",
            where=where,
            mend=f"Give a marker map of your own; those there are ({', '.join(marker_maps())}) show the columns.",
        )
    return best
