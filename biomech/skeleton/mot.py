"""Coordinates as .mot, the form in which OpenSim and its GUI play a motion."""

import io
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.skeleton.kinematics import Kinematics


def is_translation(name: str) -> bool:
    """Whether a coordinate is a length, by the names of the Rajagopal and LaiUhlrich models."""
    return name.endswith(("_tx", "_ty", "_tz"))


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
    in_radians = {n for n in kinematics.names if is_coupled(n)} if coupled is None else set(coupled)
    degrees = kinematics.rotational & ~np.isin(kinematics.names, list(in_radians))
    table = np.column_stack([kinematics.time_s, np.where(degrees, np.rad2deg(kinematics.values), kinematics.values)])
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(f"{Path(path).stem}\nversion=1\nnRows={frames}\nnColumns={table.shape[1]}\ninDegrees=yes\n\n")
        file.write("Units are S.I. units (second, metres, ...); angles are in degrees.\n\nendheader\n")
        np.savetxt(file, table, fmt="%.8f", delimiter="\t", header="\t".join(["time", *kinematics.names]), comments="")


def read_mot(path: Path, *, rotational: Mapping[str, bool] | None = None) -> Kinematics:
    """Read coordinates into radians and metres.

    Args:
        path: .mot or .sto with a time column. Without an inDegrees line the angles are radians where the
            header has a version line and degrees where it has none (SIMM's files), as OpenSim takes them.
        rotational: which coordinates are angles (from a model); by name (``is_translation``) where not given.
            Coupled coordinates (``is_coupled``) are radians in either case.

    Raises:
        BioposeError: the file cannot be read as .mot.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise BioposeError(f"cannot be read ({error.strerror})", where=str(path)) from error
    end = next((i for i, line in enumerate(lines) if line.strip().lower() == "endheader"), None)
    if end is None:
        raise BioposeError("not a .mot file: there is no line `endheader`", where=str(path))
    table = _table(lines[end + 1 :], path)
    names = [str(name) for name in table.columns[1:]]
    if not names or str(table.columns[0]).lower() != "time":
        raise BioposeError("the first column must be `time`, and coordinates follow it", where=str(path))
    values: Float[np.ndarray, "frames coordinates"] = table.iloc[:, 1:].to_numpy(np.float64, copy=True)
    angles = np.array([not is_translation(n) if rotational is None else rotational.get(n, False) for n in names])
    if _in_degrees(lines[:end]):
        degrees = angles & ~np.array([is_coupled(n) for n in names])
        values[:, degrees] = np.deg2rad(values[:, degrees])
    return Kinematics(names, values, table.iloc[:, 0].to_numpy(np.float64), angles)


def _table(lines: list[str], path: Path) -> pd.DataFrame:
    rows = [line.strip() for line in lines if line.strip()]
    try:
        return pd.read_csv(io.StringIO("\n".join(rows)), sep=r"\s+", dtype=np.float64)
    except (ValueError, pd.errors.ParserError) as error:
        raise BioposeError(f"the rows cannot be read as numbers ({error})", where=str(path)) from error


def _in_degrees(header: list[str]) -> bool:
    for line in header:
        key, _, value = line.strip().partition("=")
        if key.strip().lower() == "indegrees":
            return value.strip().lower() == "yes"
    return not any(line.strip().startswith("version") for line in header)
