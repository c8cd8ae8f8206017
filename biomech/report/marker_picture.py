"""Pictures of the virtual markers on the body, from the front and from the back:

python -m biomech.report.marker_picture docs            # writes docs/markers_front.png and docs/markers_back.png
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import pyvista
import torch
from jaxtyping import Float, UInt8

from biomech.body.anny import AnnyBody
from biomech.files import whole_file
from biomech.markers.virtual import from_vertices, load_virtual_markers
from biomech.report.still import write_small_png

SIZE_PX = (1800, 1800)  # width, height
FRAME_HEIGHT_M = 1.95
MARGIN_PX = 20
SKIN_RGB, BONY_RGB, SOFT_RGB, TEXT_RGB = (222, 200, 178), (200, 30, 30), (30, 90, 200), (20, 20, 20)
# The viewer's direction and the world axis that points to the right of the picture.
VIEWS = {
    "front": (np.array([1.0, 0, 0]), np.array([0, 0, -1.0])),
    "back": (np.array([-1.0, 0, 0]), np.array([0, 0, 1.0])),
}


def marker_picture(view: str) -> UInt8[np.ndarray, "height width 3"]:
    """The average adult in the rest pose with every marker that faces the viewer, named; RGB.

    Args:
        view: ``front`` or ``back``.
    """
    markers = load_virtual_markers()
    body = AnnyBody.load()
    vertices = body.rest(body.default_shape()).vertices
    points = from_vertices(body, vertices).numpy()
    faces = body.faces.numpy()
    surface = pyvista.PolyData(vertices.numpy(), np.c_[np.full(len(faces), 3), faces].ravel())
    towards, rightward = VIEWS[view]
    normals = from_vertices(body, torch.from_numpy(np.array(surface.point_normals))).numpy()
    middle = (vertices.min(0).values + vertices.max(0).values).numpy()[1] / 2 * np.array([0.0, 1.0, 0.0])

    plotter = pyvista.Plotter(off_screen=True, window_size=list(SIZE_PX))
    plotter.background_color = pyvista.Color("white")
    plotter.add_mesh(surface, color=SKIN_RGB, smooth_shading=True)
    plotter.camera.focal_point = tuple(middle)
    plotter.camera.position = tuple(middle + 3 * towards)
    plotter.camera.up = (0, 1, 0)
    plotter.camera.parallel_projection = True
    plotter.camera.parallel_scale = FRAME_HEIGHT_M / 2
    plotter.reset_camera_clipping_range()
    picture = np.array(plotter.screenshot(return_img=True))
    plotter.close()

    px_per_m = SIZE_PX[1] / FRAME_HEIGHT_M
    across, down = (points - middle) @ rightward, -(points - middle)[:, 1]
    pixels = np.stack((SIZE_PX[0] / 2 + across * px_per_m, SIZE_PX[1] / 2 + down * px_per_m), 1)
    seen = np.flatnonzero(normals @ towards > 0)
    # The midline's names stand on both sides in turn, so that neither column is crowded.
    midline = [i for i in seen if markers.mirror[i] == markers.names[i]]
    midline.sort(key=lambda i: pixels[i, 1])
    left = [i for i in seen if across[i] < 0 and i not in midline] + midline[::2]
    for column, x in ((left, MARGIN_PX), ([i for i in seen if i not in left], SIZE_PX[0] - MARGIN_PX)):
        _name(picture, [(markers.names[i], pixels[i]) for i in column], x)
    for i in seen:
        centre = (int(pixels[i, 0]), int(pixels[i, 1]))
        cv2.circle(picture, centre, 7, BONY_RGB if markers.bony[i] else SOFT_RGB, -1, cv2.LINE_AA)
    for row, (colour, text) in enumerate(((BONY_RGB, "bony landmark"), (SOFT_RGB, "other"))):
        cv2.circle(picture, (SIZE_PX[0] // 2 + 210, 34 + 34 * row), 9, colour, -1, cv2.LINE_AA)
        _write(picture, text, (SIZE_PX[0] // 2 + 230, 41 + 34 * row))
    return picture


def _name(
    picture: UInt8[np.ndarray, "height width 3"], named: list[tuple[str, Float[np.ndarray, " 2"]]], x: int
) -> None:
    """Names in a column at the picture's edge, evenly spaced and in the order of height, with a line to each point."""
    step = SIZE_PX[1] / (len(named) + 1)
    sizes = {name: cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.65, 1)[0] for name, _ in named}
    clear = max(width for width, _ in sizes.values()) + 10  # beyond here a line crosses no name
    for row, (name, point) in enumerate(sorted(named, key=lambda pair: pair[1][1]), start=1):
        width, height = sizes[name]
        at_left = x < SIZE_PX[0] / 2
        origin = (x if at_left else x - width, int(row * step) + height // 2)
        start = (origin[0] + width + 6 if at_left else origin[0] - 6, int(row * step))
        bend = (x + clear if at_left else x - clear, start[1])
        way = np.array([start, bend, (int(point[0]), int(point[1]))], np.int32)
        cv2.polylines(picture, [way], False, (150, 150, 150), 1, cv2.LINE_AA)
        _write(picture, name, origin)


def _write(picture: UInt8[np.ndarray, "height width 3"], text: str, origin: tuple[int, int]) -> None:
    cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.65, TEXT_RGB, 1, cv2.LINE_AA)


def main() -> None:
    parser = argparse.ArgumentParser(description="Pictures of the virtual markers on the body.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for view in VIEWS:
        with whole_file(folder / f"markers_{view}.png") as temporary:
            write_small_png(marker_picture(view), temporary)
        print(folder / f"markers_{view}.png")


if __name__ == "__main__":
    main()
