"""Coordinates as .mot, the form in which OpenSim and its GUI play a motion."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from biomech.errors import BioposeError
from biomech.files import on_one_line, whole_file
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.storage import read_storage


def is_translation(name: str) -> bool:
    """Whether a coordinate is a length, by the names of the Rajagopal and LaiUhlrich models (``sh_tx_r`` too)."""
    return re.search(r"_t[xyz](_[lr])?$", name) is not None


def is_coupled(name: str) -> bool:
    """Whether a coordinate follows another through a spline (the patella), by the names of the same models.

    OpenSim calls their motion Coupled, writes them in radians into files marked inDegrees=yes, and leaves them
    unconverted when it reads such a file (SimbodyEngine, tried with 4.6): in degrees the patella would turn 57 times.
    """
    return name.endswith("_beta")


def write_mot(kinematics: Kinematics, path: Path, *, coupled: Collection[str] | None = None) -> None:
    """Write degrees and metres, whole or not at all; coupled coordinates in radians, as OpenSim reads them.

    Args:
        kinematics: every coordinate of the model; one that is left out would keep a stale value in the GUI.
        path: the .mot.
        coupled: coordinates of motion type Coupled; by name (``is_coupled``) where not given.

    Raises:
        BioposeError: a value is not finite (OpenSim stops reading there without a word), or time does not increase.
    """
    finite = np.isfinite(kinematics.values)
    if not finite.all():
        frame, column = np.argwhere(~finite)[0]
        raise BioposeError(
            f"{kinematics.names[column]} is not a number at {kinematics.time_s[frame]:g} s; a .mot cannot hold that",
            where=str(path),
            mend="Interpolate or cut the frames without a pose first.",
        )
    frames = len(kinematics.time_s)
    if not frames or not np.isfinite(kinematics.time_s).all() or (np.diff(kinematics.time_s) <= 0).any():
        raise BioposeError("a motion needs at least one frame, and time that increases", where=str(path))
    degrees = kinematics.rotational & ~_in_radians(kinematics.names, coupled)
    table = np.column_stack([kinematics.time_s, np.where(degrees, np.rad2deg(kinematics.values), kinematics.values)])
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(
            f"{on_one_line(Path(path).stem)}\nversion=1\nnRows={frames}\nnColumns={table.shape[1]}\ninDegrees=yes\n\n"
        )
        file.write("Units are S.I. units (second, metres, ...); angles are in degrees.\n\nendheader\n")
        np.savetxt(file, table, fmt="%.8f", delimiter="\t", header="\t".join(["time", *kinematics.names]), comments="")


def read_mot(
    path: Path, *, rotational: Mapping[str, bool] | None = None, coupled: Collection[str] | None = None
) -> Kinematics:
    """Read coordinates into radians and metres.

    Args:
        path: .mot or .sto with a time column. Without an inDegrees line the angles are radians where the
            header has a version line and degrees where it has none (SIMM's files), as OpenSim takes them.
        rotational: which coordinates are angles (from a model); by name (``is_translation``) where not given.
        coupled: coordinates of motion type Coupled, whose angles are radians in either case; by name (``is_coupled``)
            where not given.

    Returns:
        Every column but the time, rad and m, at the file's own times.

    Raises:
        BioposeError: the file cannot be read as .mot.
    """
    storage = read_storage(path)
    names, values = storage.names, storage.values
    angles = np.array([not is_translation(n) if rotational is None else rotational.get(n, False) for n in names])
    if storage.in_degrees:
        degrees = angles & ~_in_radians(names, coupled)
        values[:, degrees] = np.deg2rad(values[:, degrees])
    return Kinematics(names, values, storage.time_s, angles)


def _in_radians(names: list[str], coupled: Collection[str] | None) -> Bool[np.ndarray, " names"]:
    return np.array([is_coupled(name) if coupled is None else name in coupled for name in names], dtype=bool)
