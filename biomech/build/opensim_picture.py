"""A picture of a run in OpenSim's own visualizer, under a virtual display; for the pages of the documentation.

python -m biomech.build.opensim_picture biopose_demo/result docs/opensim.png --at 0.65 0.9 1.1 1.3

Needs Xvfb and ImageMagick's ``import`` (Debian: xvfb, imagemagick). The visualizer is another program, and may wait
for its window for ever: what hangs is ended after ``PATIENCE_S``.
"""

import argparse
import contextlib
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from biomech.files import whole_file
from biomech.report.still import write_small_png

DISPLAY = ":96"
PATIENCE_S = 120
SIZE = "1280x800x24"
SETTLES_S = 2  # until the window shows what it was given
CAMERA_M = (2.0, -0.03, 3.0)  # from the pelvis: before the person, at the body's middle, to their right
FIELD_OF_VIEW = 0.58  # radians
WIDTH_PX = 340  # of each moment, from the middle of the window

Picture = UInt8[np.ndarray, "height width 3"]


def take(run: Path, folder: Path, times_s: list[float]) -> None:
    """Show moments of a run's motion and photograph the screen; ends the process, whose visualizer would stay.

    Args:
        run: folder of `biopose ik`.
        folder: gets 0.png, 1.png …
        times_s: of the motion; none for its middle.
    """
    import opensim

    from biomech.pipeline.gui import run_files
    from biomech.skeleton.model import read_motion

    files = run_files(run)
    model = opensim.Model(str(files.model))
    model.setUseVisualizer(True)
    state = model.initSystem()
    motion = read_motion(model, files.motions[0])
    window = model.updVisualizer().updSimbodyVisualizer()
    window.setBackgroundType(window.SolidColor)
    window.setCameraFieldOfView(FIELD_OF_VIEW)
    turned = opensim.Rotation(math.atan2(CAMERA_M[0], CAMERA_M[2]), opensim.CoordinateAxis(1))
    frames = [int(np.argmin(np.abs(motion.time_s - at))) for at in times_s] or [len(motion.time_s) // 2]
    for number, frame in enumerate(frames):
        state.setTime(float(motion.time_s[frame]))
        for name, value in zip(motion.names, motion.values[frame], strict=True):
            model.getCoordinateSet().get(name).setValue(state, float(value), False)
        model.realizePosition(state)
        at = model.getBodySet().get("pelvis").getPositionInGround(state)
        place = [at.get(axis) + CAMERA_M[axis] for axis in range(3)]
        window.setCameraTransform(opensim.Transform(turned, opensim.Vec3(*place)))
        for _ in range(2):
            model.getVisualizer().show(state)
            time.sleep(SETTLES_S)
        subprocess.run(["import", "-window", "root", str(folder / f"{number}.png")], check=True)
    os._exit(0)


def without_screen(screen: Picture) -> Picture:
    """The window alone: the black screen around it is cut away."""
    rows, columns = np.nonzero(screen.max(-1) > 0)
    return screen[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def side_by_side(screens: list[Picture]) -> Picture:
    """The middle of the window in each, beside one another."""
    parts = []
    for window in map(without_screen, screens):
        left = max(0, (window.shape[1] - WIDTH_PX) // 2)
        parts.append(window[:, left : left + WIDTH_PX])
    return np.hstack(parts)


@contextlib.contextmanager
def virtual_display() -> Iterator[str]:
    """A screen that nobody sees, as long as it is needed.

    Yields:
        Its name, for ``DISPLAY``.
    """
    display = subprocess.Popen(["Xvfb", DISPLAY, "-screen", "0", SIZE], stderr=subprocess.DEVNULL)
    try:
        time.sleep(SETTLES_S)
        yield DISPLAY
    finally:
        display.terminate()
        display.wait()


def main() -> None:
    """Start the display, and this again under it."""
    parser = argparse.ArgumentParser(description="A run in OpenSim's own visualizer.")
    parser.add_argument("run", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--at", type=float, nargs="*", default=[], help="times, s  [default: the middle]")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.here:
        take(said.run, said.picture, said.at)
    with virtual_display() as display, tempfile.TemporaryDirectory() as folder:
        under = {**os.environ, "DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1"}
        command = [sys.executable, "-m", "biomech.build.opensim_picture", "--here", str(said.run), folder]
        subprocess.run([*command, "--at", *map(str, said.at)], env=under, timeout=PATIENCE_S, check=True)
        files = sorted(Path(folder).glob("*.png"), key=lambda path: int(path.stem))
        picture = side_by_side([np.asarray(cv2.imread(str(path))) for path in files])
    with whole_file(said.picture) as temporary:
        write_small_png(np.ascontiguousarray(picture[..., ::-1]), temporary)


if __name__ == "__main__":
    main()
