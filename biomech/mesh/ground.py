"""Which way is up, where the floor is, and when a foot stands on it: the camera's tilt is not known beforehand."""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view

from biomech.body.anny import AnnyBody
from biomech.body.linkage import Pose
from biomech.camera import Camera
from biomech.mesh.chain import BonePoints

STILL_M_S, LIFTED_M = 0.35, 0.12
# In the picture: over so long before and after a frame, since detectors tremble, and a foot that swings towards the
# lens goes slowly there.
IN_PICTURE_S, IN_PICTURE_M_S = 0.2, 0.12
SOLES = tuple(f"{part}_{side}" for side in "lr" for part in ("heel", "ball", "toe"))
# The keypoints that tell of points of the soles; heels rise long before the foot leaves the floor.
TOES = {f"{part}_{side[0]}": f"{side}_foot_index" for side in ("left", "right") for part in ("ball", "toe")}
LEAST_FACING = 0.5  # of the mean of unit vectors: less if the person turns about
# Who stands bears on the middle of the foot, 5 cm ahead of the ankle (Winter 1995): between heel and ball.
BEARING = np.array([1.0, 1.0, 0.0] * 2)
# Where the mass of a body is, by bone: fractions of the whole at the joints of the Anny rig, after the segments of
# de Leva 1996 (both sexes), each segment's shared between its ends.
MASSES = {
    "Head": 0.07,
    "Spine1": 0.22,
    "Spine": 0.12,
    "Hips": 0.10,
    **{f"{side}{bone}": mass for side in ("Left", "Right") for bone, mass in
       {"Arm": 0.014, "ForeArm": 0.021, "Hand": 0.013, "UpLeg": 0.085, "Leg": 0.083, "Foot": 0.029}.items()},
}  # fmt: skip


@dataclass(frozen=True)
class Floor:
    """A plane in camera axes."""

    up: Float[np.ndarray, "3"]
    height_m: float  # up · p of the points p of the floor

    def height(self, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n"]:
        """Height of points above the floor, m."""
        return points @ self.up - self.height_m


def world_from_camera(up: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Into the world whose Y is ``up`` (in camera axes) and whose X is the level way towards the lens."""
    ahead = np.array([0.0, 0.0, -1.0]) + up[2] * up
    ahead /= np.linalg.norm(ahead)
    return np.stack([ahead, up, np.cross(ahead, up)])


def against_gravity(pose: Pose, up: Float[np.ndarray, "3"]) -> Pose:
    """A pose in camera axes, in the world of ``world_from_camera``.

    Args:
        pose: its pelvis' turn is camera from pelvis; left as it is.
        up: of unit length, camera axes.

    Returns:
        The same joints; only the pelvis' turn differs.
    """
    balls = pose.balls.copy()
    balls[:, 0] = world_from_camera(up) @ balls[:, 0]
    return Pose(balls, pose.hinges)


@functools.cache
def sole_points() -> BonePoints:
    """Heel, ball and toe of either sole, fixed to foot and toes, as the default shape has them.

    Returns:
        ``SOLES``, in statures about the joints of foot and toes; of all the body's bones.
    """
    with torch.no_grad():
        patches = AnnyBody.load([0]).foot_vertices
        body = AnnyBody.load(torch.cat(list(patches.values())))
        rest, stature_m = body.rest(body.default_shape()), float(body.stature(body.default_shape()))
        split = torch.split(rest.vertices, [len(vertices) for vertices in patches.values()])
        vertices = dict(zip(patches, split, strict=True))
    bones, offsets = [], []
    for sole in SOLES:
        part, side = sole.split("_")
        patch = vertices[sole]
        point = patch.mean(0)
        point[1] = patch[:, 1].min()
        bone = body.bone_names.index(("Left" if side == "l" else "Right") + ("ToeBase" if part == "toe" else "Foot"))
        bones.append(bone)
        offsets.append((point - rest.joints[bone]).double().numpy() / stature_m)
    return BonePoints(list(SOLES), np.array(bones), np.array(offsets))


def still_in_picture(
    xy: Float[np.ndarray, "frames points 2"],
    confidence: Float[np.ndarray, "frames points"],
    m_per_px: Float[np.ndarray, " frames"],
    names: list[str],
    interval_s: float,
) -> Float[np.ndarray, "frames soles"]:
    """How surely each of ``SOLES`` stands, from the picture alone, before anything is known in space.

    What is still in the picture of a camera that stands does not move in space: hardly anything moves exactly along
    its ray. This is what tells a person who squats from one who goes away.

    Args:
        xy, confidence: of the keypoints ``names``; without those of the feet nothing stands.
        m_per_px: at the person's distance.

    Returns:
        0 … 1; 0 in the first and last ``IN_PICTURE_S``.
    """
    frames, reach = len(xy), max(1, round(IN_PICTURE_S / interval_s))
    still = np.zeros((frames, len(SOLES)))
    if frames <= 2 * reach:
        return still
    time_s = interval_s * np.arange(-reach, reach + 1)
    slope = time_s / np.square(time_s).sum()
    for sole, name in TOES.items():
        if name in names:
            point = names.index(name)
            around = sliding_window_view(xy[:, point], len(slope), axis=0)  # frames but those at the ends, 2, times
            speed = np.linalg.norm(around @ slope, axis=1) * m_per_px[reach:-reach]
            sure = sliding_window_view(confidence[:, point], len(slope)).min(1)
            still[reach:-reach, SOLES.index(sole)] = sure / (1 + (speed / IN_PICTURE_M_S) ** 4)
    return still


def upright_camera(
    floor: Floor,
    first_root: Float[np.ndarray, "3"],
    facing: Float[np.ndarray, "frames 3"],
    focal_px,
    center_px,
    size_px,
) -> Camera:
    """The camera in the world whose Y is up, whose X is where the person faces, and whose origin is under them.

    Only so is OpenSim's pelvis tilt a tilt: seen from the side, with X towards the camera, it would be a list. Where
    the person turns about, X is towards the camera, or, where that looks straight down, towards the top of the picture.

    Args:
        floor: in camera axes.
        first_root: the root's joint in the first frame, camera axes, m.
        facing: forwards of the pelvis, frame by frame, camera axes.
        focal_px: of the picture as it is seen upright.
        center_px: principal point, x and y.
        size_px: width and height.

    Returns:
        A camera whose world is that one.
    """
    ahead, towards_lens, top = facing.mean(0), np.array([0.0, 0.0, -1.0]), np.array([0.0, -1.0, 0.0])
    for forwards, least in ((ahead, LEAST_FACING), (towards_lens, 0.1), (top, 0.0)):
        level = forwards - (forwards @ floor.up) * floor.up
        if np.linalg.norm(level) > least:
            break
    level /= np.linalg.norm(level)
    world_from_camera = np.stack((level, floor.up, np.cross(level, floor.up)))
    origin = first_root - floor.height(first_root) * floor.up
    return Camera(focal_px, center_px, size_px, world_from_camera.T, origin)
