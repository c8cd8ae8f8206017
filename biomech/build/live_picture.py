"""A picture of `biopose live`'s window, under a virtual display, a second before Escape ends it; for the documentation.

python -m biomech.build.live_picture biopose_demo/walk.mp4 docs/live.png

Needs Xvfb, xdotool and ImageMagick's ``import`` (Debian: xvfb, xdotool, imagemagick). The film is shown over and over.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from biomech.build.opensim_picture import PATIENCE_S, SETTLES_S, virtual_display, without_screen
from biomech.files import whole_file
from biomech.report.overlay import write_video
from biomech.report.still import write_small_png
from biomech.video import Video

SHOWN_S = 5  # after the window is there: angles need two seconds of the past
LASTS_S = 60
LIVE = "import sys; from biomech.cli.main import main; sys.argv[0] = 'biopose'; main()"


def _again_and_again(film: Path, path: Path) -> None:
    """Write the film after itself until it is long enough."""
    video = Video.open(film, every=None)
    pictures = [picture for _, picture in video.frames()]
    count = round(LASTS_S * video.rate_hz)
    frames = ((k / video.rate_hz, pictures[k % len(pictures)]) for k in range(count))
    write_video(path, frames, video.size_px, video.rate_hz)


def main() -> None:
    """Show the film live, photograph the window, press Escape in it."""
    parser = argparse.ArgumentParser(description="The window of `biopose live`.")
    parser.add_argument("film", type=Path)
    parser.add_argument("picture", type=Path)
    said = parser.parse_args()
    with virtual_display() as display, tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / said.film.name
        _again_and_again(said.film, film)
        under = {**os.environ, "DISPLAY": display}
        live = subprocess.Popen([sys.executable, "-c", LIVE, "live", str(film)], env=under)
        try:
            subprocess.run(["xdotool", "search", "--sync", "--name", "biopose live"], env=under, timeout=PATIENCE_S)
            time.sleep(SHOWN_S)
            screen = Path(folder) / "screen.png"
            subprocess.run(["import", "-window", "root", str(screen)], env=under, check=True)
            subprocess.run(["xdotool", "mousemove", "200", "200", "key", "Escape"], env=under, check=True)
            live.wait(PATIENCE_S)
        finally:
            live.kill()
            live.wait()
        time.sleep(SETTLES_S)
        picture = without_screen(np.asarray(cv2.imread(str(screen))))
    with whole_file(said.picture) as temporary:
        write_small_png(np.ascontiguousarray(picture[..., ::-1]), temporary)


if __name__ == "__main__":
    main()
