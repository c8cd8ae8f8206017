"""A picture of the upper part of a page, such as a run's report, as a browser shows it; for the documentation.

python -m biomech.build.page_picture biopose_demo/result/walk_report.html docs/report.png --at 1.2

Needs chromium (Debian: chromium), which runs without a display.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from biomech.files import whole_file
from biomech.report.still import write_small_png

SIZE_PX = (1280, 1330)
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=6000")
PATIENCE_S = 90
# The report's slider is moved once the page is ready, as somebody who looks at it would.
MOVE = """<script>(async () => {{
while (!document.documentElement.dataset.ready) await new Promise(done => setTimeout(done, 50));
await new Promise(done => setTimeout(done, 800));
const time = document.getElementById("time"); time.value = {at}; time.oninput();
}})();</script></body>"""


def main() -> None:
    """Open the page, wait, photograph it."""
    parser = argparse.ArgumentParser(description="The upper part of a page, as a browser shows it.")
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--at", type=float, help="of a report: the time that is shown, s")
    parser.add_argument("--size", type=int, nargs=2, default=SIZE_PX, help="width and height, px")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page, screen = Path(folder) / "page.html", Path(folder) / "screen.png"
        text = said.page.read_text(encoding="utf-8")
        page.write_text(text if said.at is None else text.replace("</body>", MOVE.format(at=said.at)), encoding="utf-8")
        where = [
            f"--screenshot={screen}",
            f"--user-data-dir={folder}/profile",
            "--window-size={},{}".format(*said.size),
        ]
        subprocess.run(["chromium", *FLAGS, *where, page.as_uri()], timeout=PATIENCE_S, check=True, capture_output=True)
        picture = np.asarray(cv2.imread(str(screen)))
    with whole_file(said.picture) as temporary:
        write_small_png(np.ascontiguousarray(picture[..., ::-1]), temporary)


if __name__ == "__main__":
    main()
