"""The 142 virtual markers: named anatomical points, bound to the Anny surface, to an OpenSim body and to SMPL.

The table ``virtual_markers.csv`` beside this file is the definition; ``marker_places`` filled in its locations. Names
and SMPL vertex numbers are the published ones of two marker sets, told apart by ``smpl_table``: ``bsm`` is the set of
SKEL/BSM (Keller et al., SIGGRAPH Asia 2023), ``d3ke`` the set of D3KE (Bittner et al., Sensors 2023).
"""

import csv
import functools
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import opensim
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from biomech.body.anny import AnnyBody
from biomech.body.body import Posed, Rest
from biomech.body.motion import BodyMotion
from biomech.body.neutral import neutral_pose
from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.markers.markers import Markers
from biomech.skeleton.model import print_whole

TABLE = Path(__file__).with_name("virtual_markers.csv")
FRAMES_AT_ONCE = 256
STATIC_RATE_HZ = 100.0

# Joint centres that lie midway between two landmarks.
MIDPOINTS = {"KJC": ("KNE", "KNI"), "AJC": ("ANK", "AKI"), "EJC": ("ELSO", "ELS"), "WJC": ("WRA", "WRB")}


@dataclass(frozen=True)
class VirtualMarkers:
    """The marker set, one entry per marker; left and right are exact mirror images (Z changes its sign)."""

    names: list[str]
    mirror: list[str]  # the partner on the other side; itself on the midline
    body: list[str]  # OpenSim body
    location_m: Float[np.ndarray, "markers 3"]  # in that body's frame, of the generic model
    weight: Float[np.ndarray, " markers"]  # IK task weight
    bony: Bool[np.ndarray, " markers"]
    smpl_vertex: Int[np.ndarray, " markers"]
    smpl_table: list[str]  # the published set that the vertex number is from
    bone: list[str]  # of Anny that carries the marker
    vertices: Int[np.ndarray, "markers 3"]  # corners of the Anny surface triangle; may repeat
    shares: Float[np.ndarray, "markers 3"]  # barycentric, sum 1
    description: list[str]

    def index(self, names: list[str]) -> Int[np.ndarray, " n"]:
        """Rows of the named markers."""
        return np.array([self.names.index(name) for name in names])

    def weights_by_name(self) -> dict[str, float]:
        """IK task weight of every marker."""
        return dict(zip(self.names, self.weight.tolist(), strict=True))

    def on_model(self) -> list[tuple[str, str, tuple[float, float, float]]]:
        """(name, body, location in m) of every marker, as a model builder takes them."""
        locations = [(float(x), float(y), float(z)) for x, y, z in self.location_m]
        return list(zip(self.names, self.body, locations, strict=True))


@functools.cache
def load_virtual_markers() -> VirtualMarkers:
    """The marker set of the package."""
    with open(TABLE, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    def column(key: str) -> list[str]:
        return [row[key] for row in rows]

    def numbers(keys: list[str], kind: type) -> np.ndarray:
        return np.array([[kind(row[key]) for key in keys] for row in rows])

    return VirtualMarkers(
        names=column("name"),
        mirror=column("mirror"),
        body=column("body"),
        location_m=numbers(["x_m", "y_m", "z_m"], float),
        weight=numbers(["weight"], float)[:, 0],
        bony=numbers(["bony"], int)[:, 0] == 1,
        smpl_vertex=numbers(["smpl_vertex"], int)[:, 0],
        smpl_table=column("smpl_table"),
        bone=column("bone"),
        vertices=numbers(["vertex_a", "vertex_b", "vertex_c"], int),
        shares=numbers(["share_a", "share_b", "share_c"], float),
        description=column("description"),
    )


def in_words(name: str, names: Collection[str]) -> str:
    """A marker's name with its place in words, where it is one of a set that is mostly of these 142.

    Args:
        name: of the marker.
        names: of the whole set.

    Returns:
        The name and, after a comma, where it is; the name alone in other sets.
    """
    table = load_virtual_markers()
    if name not in table.names or 2 * len(set(names) & set(table.names)) < len(names):
        return name
    return f"{name}, {table.description[table.names.index(name)]}"


def marker_body(*, anatomical: bool = True) -> AnnyBody:
    """The Anny body reduced to the vertices that carry markers; its joints as for ``AnnyBody.load``."""
    return AnnyBody.load(torch.from_numpy(np.unique(load_virtual_markers().vertices)), anatomical=anatomical)


def from_vertices(body: AnnyBody, vertices: Float[Tensor, "*batch vertices 3"]) -> Float[Tensor, "*batch markers 3"]:
    """Marker positions from the body's (kept) vertices, with gradients.

    Args:
        body: ``marker_body()``, or any that keeps the vertices that carry markers.
        vertices: the kept ones, as ``rest`` or ``skin`` give them (m).

    Returns:
        The 142 markers in their table's order, m, in the vertices' axes.

    Raises:
        ValueError: the body was loaded without some of the vertices that carry markers.
    """
    markers = load_virtual_markers()
    row = torch.full((int(body.vertices.max()) + 1,), -1)
    row[body.vertices] = torch.arange(len(body.vertices))
    wanted = torch.from_numpy(markers.vertices)
    if wanted.max() >= len(row) or (row[wanted] < 0).any():
        raise ValueError("the body lacks vertices that carry markers; load it with marker_body()")
    shares = torch.from_numpy(markers.shares).to(vertices)
    return (vertices[..., row[wanted], :] * shares[..., None]).sum(-2)


def carried(body: AnnyBody, rest: Rest, posed: Posed) -> Float[Tensor, "frames markers 3"]:
    """Marker positions of a posed body, with gradients.

    A marker is bound to the surface at rest and then goes with its bone, as with a body of the skeleton: the skin of
    any linearly blended mesh slides by centimetres over knees, elbows and the front of the pelvis when they bend.

    Args:
        body: as of ``from_vertices``.
        rest: of the subject.
        posed: by ``pose``, from the same ``rest``.

    Returns:
        The 142 markers in the world, m.
    """
    table = load_virtual_markers()
    bones = [body.bone_names.index(bone) for bone in table.bone]
    arms = (from_vertices(body, rest.vertices) - rest.joints[bones])[..., None]
    return posed.joints[:, bones] + (posed.rotations[:, bones] @ arms)[..., 0]


def extract(body: AnnyBody, motion: BodyMotion) -> Markers:
    """The 142 markers of a motion (m, world axes).

    Args:
        body: ``marker_body()``, or any AnnyBody that holds the vertices that carry markers.
        motion: of that body.

    Returns:
        Every marker in every frame, also where nothing of the person was seen, at the motion's times (s).

    Raises:
        BioposeError: the motion is one of another body, or of another shape space.
    """
    if motion.body != body.name or motion.bone_names != body.bone_names or motion.shape_names != body.shape_names:
        raise BioposeError(
            f"the motion is of the body '{motion.body}' with {len(motion.bone_names)} bones and "
            f"{len(motion.shape_names)} shape numbers; the markers are bound to this version's '{body.name}'",
            mend="Recover the motion again with this version.",
        )
    with torch.no_grad():
        rest = body.rest(torch.as_tensor(motion.shape, dtype=torch.float32))
        rotations = torch.as_tensor(motion.rotations, dtype=torch.float32)
        root = torch.as_tensor(motion.root_position_m, dtype=torch.float32)
        positions = [
            carried(body, rest, body.pose(rest, turned, placed))
            for turned, placed in zip(rotations.split(FRAMES_AT_ONCE), root.split(FRAMES_AT_ONCE), strict=True)
        ]
    return Markers(list(load_virtual_markers().names), torch.cat(positions).double().numpy(), motion.time_s)


def only_seen(markers: Markers, motion: BodyMotion, *, fill: bool = False) -> tuple[Markers, list[str]]:
    """The markers of the frames that show something of the person, NaN in the others; and a note on those.

    Where nobody is seen the body goes on as it must to come out where it is seen again, which is no measurement.

    Args:
        markers: by ``extract``, the motion's frames.
        motion: whose ``quality`` is 0 where nothing shows; None counts as seen throughout.
        fill: keep them nevertheless.

    Returns:
        The markers (m), and no note or one.
    """
    unseen = np.zeros(len(motion.time_s), dtype=bool) if motion.quality is None else motion.quality == 0
    if not unseen.any():
        return markers, []
    what = "interpolated" if fill else "left out of the motion (`fill` interpolates them)"
    note = f"nothing of the person is seen well enough in {int(unseen.sum())} of {len(unseen)} frames, which are {what}"
    if fill:
        return markers, [note]
    return Markers(markers.names, np.where(unseen[:, None, None], np.nan, markers.positions_m), markers.time_s), [note]


def extract_seen(motion: BodyMotion, *, fill: bool = False) -> Markers:
    """``extract`` and ``only_seen`` together: what a recovered body's motion shows (m; its notes say what it does not).

    Args:
        motion: of our own body.
        fill: keep the frames that show nothing of the person; they are NaN otherwise.

    Returns:
        The 142 markers, at the motion's times.

    Raises:
        BioposeError: as ``extract``.
    """
    motion.check()
    markers, notes = only_seen(extract(marker_body(), motion), motion, fill=fill)
    return Markers(markers.names, markers.positions_m, markers.time_s, notes)


def neutral_motion(body: AnnyBody, shape: Float[np.ndarray, " shape"], n: int = 5) -> BodyMotion:
    """The body standing still in the neutral pose, facing +X, soles at Y = 0, hips over the origin.

    Args:
        body: Anny's, any vertices.
        shape: of the person.
        n: equal frames, at 100 Hz.

    Returns:
        The motion (m; Y up).
    """
    world = neutral_pose(shape)
    rotations = np.stack([turn if p < 0 else world[p].T @ turn for turn, p in zip(world, body.parents, strict=True)])
    soles = AnnyBody.load(torch.cat([v for name, v in body.foot_vertices.items() if name.startswith("sole")]))
    feet = soles.rest(torch.as_tensor(shape, dtype=torch.float32))
    turned = torch.as_tensor(rotations, dtype=torch.float32)[None]
    height = -float(soles.skin(feet, soles.pose(feet, turned, torch.zeros(1, 3)))[..., 1].min())
    return BodyMotion(
        body=body.name,
        bone_names=list(body.bone_names),
        rotations=np.repeat(rotations[None], n, 0),
        root_position_m=np.tile([0.0, height, 0.0], (n, 1)),
        shape=np.asarray(shape, dtype=float),
        shape_names=list(body.shape_names),
        time_s=np.arange(n) / STATIC_RATE_HZ,
    )


def neutral_static(body: AnnyBody, shape: Float[np.ndarray, " shape"], n: int = 5) -> Markers:
    """A static trial for scaling: the markers of the subject's body standing still in the neutral pose.

    Args:
        body: ``marker_body()``, or any AnnyBody that holds the vertices that carry markers.
        shape: of the person.
        n: equal frames, at 100 Hz.

    Returns:
        The 142 virtual markers (m; Y up), soles at Y = 0.
    """
    return extract(body, neutral_motion(body, shape, n))


def joint_centres(markers: Markers) -> Markers:
    """Joint centres regressed from the bony landmarks, for reports and benches (m; world axes as the input).

    Hip: Harrington et al., J Biomech 40 (2007): with pelvis depth PD and width PW, 0.24 PD + 9.9 mm behind, 0.30 PW +
    10.9 mm below and 0.33 PW + 7.3 mm beside the midpoint of the ASIS, in the axes of ASIS and PSIS. Knee, ankle,
    elbow, wrist: midpoints of epicondyles, malleoli, styloids. Shoulder: 17 % of the breadth between the acromia below
    the acromion (Rab et al., Gait Posture 15 (2002)). Trunk axes for "below": from the hips' midpoint to C7.
    """

    def at(name: str) -> Float[np.ndarray, "frames 3"]:
        return markers.positions_m[:, markers.names.index(name)]

    def unit(v: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3"]:
        return v / np.linalg.norm(v, axis=1, keepdims=True)

    front, back = (at("RASI") + at("LASI")) / 2, (at("RPSI") + at("LPSI")) / 2
    right = unit(at("RASI") - at("LASI"))
    up = unit(np.cross(right, front - back))
    forward = np.cross(up, right)
    depth = np.linalg.norm(front - back, axis=1, keepdims=True)
    width = np.linalg.norm(at("RASI") - at("LASI"), axis=1, keepdims=True)
    hip_middle = front - forward * (0.24 * depth + 0.0099) - up * (0.30 * width + 0.0109)
    shoulder_drop = 0.17 * np.linalg.norm(at("RSHO") - at("LSHO"), axis=1, keepdims=True)
    trunk_up = unit(at("C7") - hip_middle)
    centres = {}
    for side, sign in (("R", 1.0), ("L", -1.0)):
        centres[f"{side}HJC"] = hip_middle + sign * right * (0.33 * width + 0.0073)
        for joint, (one, other) in MIDPOINTS.items():
            centres[side + joint] = (at(side + one) + at(side + other)) / 2
        centres[f"{side}SJC"] = at(f"{side}SHO") - trunk_up * shoulder_drop
    return Markers(list(centres), np.stack(list(centres.values()), 1), markers.time_s)


def write_marker_set(path: Path) -> None:
    """The marker set as an OpenSim MarkerSet file, for any model with this skeleton's body names."""
    with whole_file(path) as temporary:
        marker_set = opensim.MarkerSet()
        marker_set.setName("biopose_virtual_markers")
        for name, body, location in load_virtual_markers().on_model():
            marker = opensim.Marker()
            marker.setName(name)
            marker.setParentFrameName(f"/bodyset/{body}")
            marker.set_location(opensim.Vec3(*location))
            marker_set.cloneAndAppend(marker)
        print_whole(marker_set, temporary)
