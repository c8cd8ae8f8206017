"""A picture of a run in OpenSim's own visualizer, under a virtual display; for the pages of the documentation.

python -m biomech.build.opensim_picture RUN picture.png

Needs Xvfb and ImageMagick's ``import`` (Debian: xvfb, imagemagick). The visualizer is another program, and may wait
for its window for ever: what hangs is ended after ``PATIENCE_S``.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

DISPLAY = ":96"
PATIENCE_S = 60
SIZE = "1000x760x24"


def take(run: Path, picture: Path) -> None:
    """Show the middle of a run's motion and photograph the window; ends the process, whose visualizer would stay.

    Args:
        run: folder of `biopose ik`.
        picture: .png.
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
    window.setShowSimTime(True)
    window.setBackgroundType(window.SolidColor)
    frame = len(motion.time_s) // 2
    state.setTime(float(motion.time_s[frame]))
    for name, value in zip(motion.names, motion.values[frame], strict=True):
        model.getCoordinateSet().get(name).setValue(state, float(value), False)
    model.realizePosition(state)
    for _ in range(3):
        model.getVisualizer().show(state)
        time.sleep(2)
    subprocess.run(["import", "-window", "root", str(picture)], check=True)
    os._exit(0)


def main(run: str, picture: str) -> None:
    """Start the display, and this again under it."""
    display = subprocess.Popen(["Xvfb", DISPLAY, "-screen", "0", SIZE], stderr=subprocess.DEVNULL)
    try:
        time.sleep(2)
        under = {**os.environ, "DISPLAY": DISPLAY, "LIBGL_ALWAYS_SOFTWARE": "1"}
        command = [sys.executable, "-m", "biomech.build.opensim_picture", "--here", run, picture]
        subprocess.run(command, env=under, timeout=PATIENCE_S, check=True)
    finally:
        display.terminate()


if __name__ == "__main__":
    if sys.argv[1] == "--here":
        take(Path(sys.argv[2]), Path(sys.argv[3]))
    main(*sys.argv[1:3])
