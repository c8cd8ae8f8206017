"""What a detector's crop of one person shows, drawn straight into the crop: a small z-buffer, no pictures around it.

A full picture through a full renderer costs some 0.2 s of one core's time; the landmark network only ever sees
256 × 256 pixels of it, which take a tenth of that here.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import pyvista as pv
from jaxtyping import Float, Int, UInt8
from scipy import sparse
from scipy.spatial import cKDTree

from biomech.body.anny import AnnyBody
from biomech.body.body import Rest
from biomech.keypoints.blazepose import CROP_SIZE
from biomech.keypoints.detector import Region
from biomech.train.synthetic.people import clothes, clothing

SIMPLER = 0.6  # share of the triangles that are left out: what is left is 2 pixels wide in the crop
NEAREST_M = 0.1
BACKDROP_PX = 512  # longer side of what stands for the picture behind the person


class Skin:
    """The body's skin with fewer triangles; its vertices are some of the body's."""

    def __init__(self, simpler: float = SIMPLER):
        whole = AnnyBody.load()
        rest = whole.rest(whole.default_shape()).vertices.detach().numpy()
        mesh = pv.PolyData.from_regular_faces(rest, whole.faces.numpy())
        mesh = mesh.decimate_pro(simpler, preserve_topology=True)
        kept = np.asarray(cKDTree(rest).query(np.asarray(mesh.points))[1])
        self.body = AnnyBody.load(kept.tolist())
        self.meshed(mesh.regular_faces.T)

    def meshed(self, corners: Int[np.ndarray, "3 triangles"]) -> None:
        """Take these triangles, of the body's vertices."""
        self.corners = np.ascontiguousarray(corners)
        count = self.corners.shape[1]
        touching = (np.ones(3 * count, np.float32), (self.corners.ravel(), np.tile(np.arange(count), 3)))
        self._triangles_of_vertex = sparse.csr_array(touching, shape=(len(self.body.vertices), count))

    def normals(self, points: Float[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "vertices 3"]:
        """Of every vertex: those of its triangles, weighted by their area."""
        a, b, c = (points[corner] for corner in self.corners)
        normals = self._triangles_of_vertex @ np.cross(b - a, c - a)
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)

    def dressed(self, rest: Rest, rng: np.random.Generator) -> Rest:
        """At rest, in random clothes.

        Args:
            rest: of the bare body; m.
            rng: of what is worn.

        Returns:
            The same joints, and vertices as cloth, shoes and hair carry them outwards.
        """
        return rest._replace(vertices=rest.vertices + clothing(self.body, self.normals(rest.vertices.numpy()), rng))

    def coloured(self, rng: np.random.Generator) -> Float[np.ndarray, "vertices 3"]:
        """Random colours of skin and clothes, 0 to 1."""
        return clothes(self.body, rng)


def rasterise(
    xy: Float[np.ndarray, "vertices 2"],
    depth_m: Float[np.ndarray, " vertices"],
    corners: Int[np.ndarray, "3 triangles"],
    size: int,
) -> tuple[Int[np.ndarray, " pixels"], Int[np.ndarray, "pixels 3"], Float[np.ndarray, "pixels 3"]]:
    """Which pixels of a square picture a mesh covers, and with what: number of the pixel, corners and their shares.

    Triangles that face the lens are those whose corners run counterclockwise to the eye (x right, y down). Of triangles
    over one pixel the nearest wins, by the depth of their middles: they are small.

    Args:
        xy: px of the square picture; a pixel is drawn by what lies over its whole number.
        depth_m: away from the lens; triangles that come nearer than ``NEAREST_M`` are left out.
        corners: of the triangles, numbers of vertices.
        size: of the picture's side, px.

    Returns:
        Ascending numbers of the pixels that are covered (row · ``size`` + column), the vertices over each, and what
        each of these counts there (sum 1).
    """
    a, b, c = (xy[corner] for corner in corners)
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    low = np.ceil(np.minimum(np.minimum(a, b), c)).clip(0, size)
    high = np.floor(np.maximum(np.maximum(a, b), c)).clip(-1, size - 1)
    near = np.minimum(np.minimum(*depth_m[corners[:2]]), depth_m[corners[2]])
    drawn = (area < 0) & (near > NEAREST_M) & (high >= low).all(1)
    triangles = np.flatnonzero(drawn)
    triangles = triangles[np.argsort(-depth_m[corners[:, triangles]].sum(0))]  # the nearest last
    low, width = low[triangles].astype(int), (high - low + 1)[triangles].astype(int)
    count = width.prod(1)
    row = np.repeat(np.arange(len(triangles)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    down = within // width[row, 0]
    x, y = low[row, 0] + within - down * width[row, 0], low[row, 1] + down
    # Edge functions, linear in x and y: the share of the corner opposite each edge.
    shares = []
    for start, end in ((b, c), (c, a), (a, b)):
        start, end = start[triangles], end[triangles]
        slope = (end - start) / area[triangles, None]
        offset = slope[:, 1] * start[:, 0] - slope[:, 0] * start[:, 1]
        shares.append(slope[row, 0] * y - slope[row, 1] * x + offset[row])
    inside = (shares[0] >= 0) & (shares[1] >= 0) & (shares[2] >= 0)
    pixel = (y * size + x)[inside]
    chosen = np.full(size * size, -1)
    chosen[pixel] = np.flatnonzero(inside)  # of several for one place numpy keeps the last: the nearest
    covered = np.flatnonzero(chosen >= 0)
    best = chosen[covered]
    return covered, corners[:, triangles[row[best]]].T, np.stack([share[best] for share in shares], 1)


@dataclass
class Scene:
    """What does not change during a clip: colours, light, what is behind and in front."""

    colours: Float[np.ndarray, "vertices 3"]  # 0 … 1
    light_from: Float[np.ndarray, "3"]  # camera axes, unit length
    ambient: float
    backdrop: UInt8[np.ndarray, "height width 3"]  # the picture without people, of any size
    size_px: tuple[int, int]  # of the picture
    objects: list[tuple[Float[np.ndarray, "corners 2"], Float[np.ndarray, "3"]]]  # in front: outlines (px), colours
    blur: float  # cells of the crop
    grain: float

    def crop(
        self,
        surface: Skin,
        points_m: Float[np.ndarray, "vertices 3"],
        xy: Float[np.ndarray, "vertices 2"],
        region: Region,
        rng: np.random.Generator,
        size: int = CROP_SIZE,
    ) -> UInt8[np.ndarray, "size size 3"]:
        """The region of the picture as the detector cuts it out.

        Args:
            surface: has the triangles.
            points_m: of the surface, camera axes.
            xy: where they are in the picture, px.
            region: what the detector looks at; may reach beyond the picture.
            rng: of the grain.
            size: of the crop's side, px; the detector's where not given.

        Returns:
            RGB, as ``region.matrix(size)`` maps the picture.
        """
        matrix = region.matrix(size)
        width, height = self.size_px
        to_picture = np.diag([width / self.backdrop.shape[1], height / self.backdrop.shape[0], 1.0])
        behind = matrix @ to_picture
        crop = cv2.warpAffine(self.backdrop, behind, (size, size), borderMode=cv2.BORDER_REPLICATE)
        cells = (xy @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
        pixel, corners, shares = rasterise(cells, points_m[:, 2], surface.corners, size)
        lit = surface.normals(points_m) @ self.light_from
        shade = self.ambient + (1 - self.ambient) * lit.clip(0, None)
        colours = (self.colours * shade[:, None] * 255).clip(0, 255).astype(np.float32)
        flat = crop.reshape(-1, 3)
        flat[pixel] = np.einsum("pc,pci->pi", shares.astype(np.float32), colours[corners])
        for outline, colour in self.objects:
            drawn = np.round((outline @ matrix[:, :2].T + matrix[:, 2]) * 16).clip(-1e6, 1e6).astype(np.int32)
            cv2.fillPoly(crop, [drawn], (colour * 255).tolist(), shift=4)
        crop = self._bordered(crop, matrix)
        sharp = region.size_px / size
        blur = max(self.blur, 0.4 / sharp if sharp < 1 else 0.0)
        crop = cv2.GaussianBlur(crop, (0, 0), blur)
        if self.grain > 0:
            noise = rng.integers(-128, 128, (size, size, 1), np.int8).astype(np.float32)
            crop = (crop + noise * self.grain).clip(0, 255).astype(np.uint8)
        return crop

    def _bordered(self, crop: UInt8[np.ndarray, "size size 3"], matrix: Float[np.ndarray, "2 3"]) -> np.ndarray:
        """Beyond the picture's rim its last pixels go on, as in the detector's own crops."""
        right, bottom = (float(side - 1) for side in self.size_px)
        back = np.linalg.inv(matrix[:, :2])
        last = len(crop) - 1
        corners = (np.array([[0, 0], [last, 0], [last, last], [0, last]]) - matrix[:, 2]) @ back.T
        if (corners >= 0).all() and (corners <= [right, bottom]).all():
            return crop
        back, there, cells = back.astype(np.float32), matrix.astype(np.float32), np.arange(len(crop), dtype=np.float32)
        x, y = cells - there[0, 2], cells[:, None] - there[1, 2]
        across = (back[0, 0] * x + back[0, 1] * y).clip(0, right)
        down = (back[1, 0] * x + back[1, 1] * y).clip(0, bottom)
        x = there[0, 0] * across + there[0, 1] * down + there[0, 2]
        y = there[1, 0] * across + there[1, 1] * down + there[1, 2]
        return cv2.remap(crop, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def backdrop(size_px: tuple[int, int], rng: np.random.Generator) -> UInt8[np.ndarray, "height width 3"]:
    """A picture of no place: plain or clouded colours, a floor, things that stand about.

    Args:
        size_px: width and height of the picture that it stands for.
        rng: of all that is in it.

    Returns:
        Colours of no order; smaller than the picture: its longer side is ``BACKDROP_PX``.
    """
    scale = BACKDROP_PX / max(size_px)
    width, height = (max(64, round(side * scale)) for side in size_px)
    picture = np.broadcast_to(rng.uniform(20, 240, 3), (height, width, 3)).astype(np.float32)
    if rng.random() < 0.8:
        for cells in (3, 9, 40):
            clouds = rng.normal(0, rng.uniform(0, 25), (cells, cells, 3)).astype(np.float32)
            picture = picture + cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.6:
        floor = round(height * rng.uniform(0.4, 0.9))
        picture[floor:] = picture[floor:] * 0.3 + rng.uniform(20, 240, 3) * 0.7
    picture = np.ascontiguousarray(picture.clip(0, 255).astype(np.uint8))
    for _ in range(rng.integers(0, 12)):
        corner = rng.uniform(-0.2, 1.0, 2) * [width, height]
        sides = rng.uniform(0.02, 0.4, 2) * [width, height]
        box = np.round(np.stack([corner, corner + sides])).astype(int)
        thick = -1 if rng.random() < 0.7 else int(rng.integers(1, 6))
        cv2.rectangle(picture, box[0].tolist(), box[1].tolist(), rng.uniform(0, 255, 3).tolist(), thick)
    return picture


def scene(
    colours: Float[np.ndarray, "vertices 3"],
    size_px: tuple[int, int],
    joints_px: Float[np.ndarray, "joints 2"],
    rng: np.random.Generator,
) -> Scene:
    """A random scene; objects stand before some of the joints.

    Args:
        colours: of the vertices, 0 to 1.
        size_px: width and height of the picture.
        joints_px: that are in the picture; at least one.
        rng: of light, backdrop, objects and blur.

    Returns:
        For a whole clip.
    """
    light = rng.normal([0, -1, -0.6], 0.8)
    reach = float(np.nanmax(np.ptp(joints_px, axis=0)))
    objects = []
    for _ in range(rng.integers(1, 3) if rng.random() < 0.3 else 0):
        center = joints_px[rng.integers(len(joints_px))] + rng.normal(0, 0.1 * reach, 2)
        angles = np.linspace(0, 2 * np.pi, rng.integers(4, 12), endpoint=False) + rng.uniform(0, 2 * np.pi)
        radii = reach * rng.uniform(0.04, 0.22, 2)
        objects.append((center + np.stack([np.cos(angles), np.sin(angles)], 1) * radii, rng.uniform(0, 1, 3)))
    return Scene(
        colours=colours,
        light_from=light / np.linalg.norm(light),
        ambient=rng.uniform(0.15, 0.6),
        backdrop=backdrop(size_px, rng),
        size_px=size_px,
        objects=objects,
        blur=rng.uniform(0.45, 1.1),
        grain=rng.uniform(0, 0.08) if rng.random() < 0.5 else 0.0,
    )
