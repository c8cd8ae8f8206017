"""Run by ``c3d`` as a process without OpenSim: writes a .c3d of what lies in a folder."""

import json
import sys
from pathlib import Path

import ezc3d
import numpy as np


def write(folder: Path) -> None:
    """From ``said.json`` and ``points.npy`` (frames, points, 3; NaN where missing) to ``written.c3d``."""
    said = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    points = np.load(folder / "points.npy", allow_pickle=False).transpose(2, 1, 0)
    missing = ~np.isfinite(points).all(0)
    file = ezc3d.c3d()
    file["header"]["points"]["first_frame"] = said["first_frame"]
    about = file["parameters"]["POINT"]
    about["RATE"]["value"] = [said["rate_hz"]]
    about["LABELS"]["value"] = said["labels"]
    about["DESCRIPTIONS"]["value"] = said["descriptions"]
    about["UNITS"]["value"] = ["mm"]
    file.add_parameter("POINT", "X_SCREEN", ["+X"])
    file.add_parameter("POINT", "Y_SCREEN", ["+Y"])
    for kind, names in said["lists"].items():
        file.add_parameter("POINT", kind, names)
    file.add_parameter("POINT", "ANGLE_UNITS", ["deg"])
    file.add_parameter("POINT", "SCALAR_UNITS", ["mm"])
    file.add_parameter("POINT", "TYPE_GROUPS", ["ANGLES", "SCALARS"])
    file.add_parameter("MANUFACTURER", "SOFTWARE", [said["software"]])
    places = np.where(missing, 0.0, points)
    file["data"]["points"] = np.concatenate([places, np.ones((1, *places.shape[1:]))])
    masks = np.zeros((7, *places.shape[1:]), dtype=bool)
    file["data"]["meta_points"]["residuals"] = np.where(missing, -1.0, 0.0)[None]
    file["data"]["meta_points"]["camera_masks"] = masks
    file.write(str(folder / "written.c3d"))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
