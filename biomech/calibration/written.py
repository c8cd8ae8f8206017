"""A calibration as a file that Pose2Sim and `biopose ik` read."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from biomech.calibration.cameras import Calibration
from biomech.files import whole_file


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write a .toml: metres, rotation vectors, and the vertical where it is known."""
    lines = []
    for number, camera in enumerate(calibration.cameras, 1):
        lines += [
            f"[camera_{number}]",
            f'name = "{_escaped(camera.name)}"',
            f"size = {_numbers(camera.size_px)}",
            f"matrix = [{', '.join(_numbers(row) for row in camera.matrix)}]",
            f"distortions = {_numbers(camera.distortion)}",
            f"rotation = {_numbers(cv2.Rodrigues(camera.rotation)[0].ravel())}",
            f"translation = {_numbers(camera.shift_m)}",
            "fisheye = false",
            "",
        ]
    lines += ["[metadata]", "adjusted = false", "error = 0.0"]
    if calibration.up is not None:
        lines.append(f"up = {_numbers(calibration.up)}")
    with whole_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _numbers(values: Sequence[float] | np.ndarray) -> str:
    return "[" + ", ".join(repr(float(value)) for value in np.ravel(values)) + "]"


def _escaped(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(letter if letter.isprintable() else " " for letter in plain)
