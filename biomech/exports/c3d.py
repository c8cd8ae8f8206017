"""Markers and joint angles as .c3d, written by ezc3d in an interpreter of its own.

After OpenSim has run in a process, ezc3d's writer can take its own vectors for OpenSim's and crash (tried with ezc3d
1.7 and OpenSim 4.6).
"""

import json
import subprocess
from pathlib import Path

import numpy as np

from biomech import __version__
from biomech.children import python_module
from biomech.errors import BioposeError, MachineError
from biomech.exports.take import Take
from biomech.files import whole_file
from biomech.leftovers import temporary_folder

MM = 1000.0
OFF_S = 1e-3
MOST_FRAMES = 65_535  # of a header's 16 bits


def write_c3d(take: Take, path: Path) -> list[str]:
    """Markers in mm; coordinates as points under their OpenSim names, the value in X, Y and Z 0.

    Angles (deg) are listed in POINT:ANGLES and lengths (mm) in POINT:SCALARS, as modelled outputs are (c3d.org, POINT
    section); what is missing has residual -1. Axes stay: Y up, which POINT:Y_SCREEN says.

    Args:
        take: to be written; at an even rate.
        path: the .c3d, written whole or not at all.

    Returns:
        What the user should know.

    Raises:
        BioposeError: the frames are not evenly apart or too many, or a marker has a coordinate's name.
        MachineError: the writer failed.
    """
    motion, beat = take.kinematics, take.beat
    if beat.frames > MOST_FRAMES:
        raise BioposeError(f"{beat.frames} frames: a .c3d holds {MOST_FRAMES}", mend="Export a shorter part.")
    recorded = motion.time_s if take.markers is None else take.markers.time_s
    marked = [] if take.markers is None else list(take.markers.names)
    if both := sorted(set(marked) & set(motion.names)):
        raise BioposeError(f"{both[0]} is both a marker and a coordinate", where=take.name, mend="Rename the marker.")
    points = np.full((beat.frames, len(marked) + len(motion.names), 3), np.nan)
    if take.markers is not None:
        points[beat.marker_rows, : len(marked)] = take.markers.positions_m * MM
    points[beat.pose_rows, len(marked) :] = 0.0
    values = motion.values * np.where(motion.rotational, 180 / np.pi, MM)
    points[beat.pose_rows, len(marked) :, 0] = values
    kinds = zip(motion.names, motion.rotational.tolist(), strict=True)
    named: dict[str, list[str]] = {"ANGLES": [], "SCALARS": []}
    for name, turns in kinds:
        named["ANGLES" if turns else "SCALARS"].append(name)
    first = beat.first if 0 <= beat.first and beat.first + beat.frames <= MOST_FRAMES else 0
    said = {
        "rate_hz": beat.rate_hz,
        "first_frame": first,
        "labels": marked + motion.names,
        "descriptions": [""] * len(marked) + ["OpenSim coordinate: the value is X"] * len(motion.names),
        "lists": {kind: names for kind, names in named.items() if names},
        "software": f"biopose {__version__}",
    }
    with temporary_folder("c3d") as aside, whole_file(path) as temporary:
        (aside / "said.json").write_text(json.dumps(said), encoding="utf-8")
        np.save(aside / "points.npy", points)
        command = python_module("biomech.exports.c3d_alone", str(aside.resolve()))
        child = subprocess.run(command, capture_output=True, text=True, cwd=aside)
        if child.returncode or not (aside / "written.c3d").is_file():
            why = (child.stderr.strip().splitlines() or [f"it ended with {child.returncode}"])[-1][:200]
            raise MachineError(f"ezc3d could not write this: {why}", where=str(path))
        temporary.write_bytes((aside / "written.c3d").read_bytes())
    off = float(np.concatenate([recorded, motion.time_s]).min()) - first / beat.rate_hz
    return [f"the .c3d counts frames from {first}: its times are {off:+.4f} s off"] if abs(off) > OFF_S else []
