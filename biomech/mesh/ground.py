"""Which way is up, where the floor is, and when a foot stands on it: the camera's tilt is not known beforehand."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view
from scipy.optimize import least_squares

from biomech.body.anny import AnnyBody
from biomech.camera import Camera
from biomech.mesh.chain import BonePoints

# People hold cameras level, chest high and tilted down a little.
ROLL_SD, PITCH, PITCH_SD = np.radians(5), np.radians(8), np.radians(12)
BALANCE_SD = np.radians(4)  # how far the mean of mass above the feet strays from the vertical over a clip
FLOOR_SD_M = 0.03
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
    """A plane in camera axes and the weight with which each point of the soles stands on it in each frame."""

    up: Float[np.ndarray, "3"]
    height_m: float  # up · p of the points p of the floor
    contact: Float[np.ndarray, "frames points"]  # 0..1

    def height(self, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n"]:
        """Height of points above the floor, m."""
        return points @ self.up - self.height_m


def sole_points(body: AnnyBody, stature_m: float) -> BonePoints:
    """Heel, ball and toe of either sole, fixed to foot and toes; offsets from the default shape."""
    with torch.no_grad():
        rest = body.rest(body.default_shape())
        whole = AnnyBody.load(torch.cat(list(body.foot_vertices.values())))
        vertices = dict(
            zip(
                body.foot_vertices,
                torch.split(whole.rest(body.default_shape()).vertices, [len(v) for v in body.foot_vertices.values()]),
                strict=True,
            )
        )
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


def find_floor(
    joints: Float[np.ndarray, "frames bones 3"],
    soles: Float[np.ndarray, "frames points 3"],
    bone_names: list[str],
    interval_s: float,
) -> Floor:
    """The floor that explains where the feet stand, keeps the body in balance, and that a level camera would see.

    Args:
        joints: of the fitted body, camera axes, m.
        soles: heel, ball and toe of the left sole, then of the right, camera axes, m.
    """
    frames = len(joints)
    speed = np.zeros(soles.shape[:2])
    if frames > 2:
        speed = np.linalg.norm(np.gradient(soles, interval_s, axis=0), axis=-1)
    feet = speed.reshape(frames, 2, 3).min(-1)
    still = np.repeat(1 / (1 + (feet / STILL_M_S) ** 4), 3, axis=1)  # frames, points
    # A foot held in the air may be as still: it is above the other, whatever the camera's tilt.
    lowest = (soles @ _up(PITCH, 0.0)).reshape(frames, 2, 3).min(-1)
    lifted = np.repeat(lowest - lowest.min(1, keepdims=True), 3, axis=1)
    weight = still / (1 + (lifted / LIFTED_M) ** 4) + 1e-3
    places = [bone_names.index(bone) for bone in MASSES]
    mass = np.array(list(MASSES.values()))
    centre = (joints[:, places] * mass[:, None]).sum(1) / mass.sum()
    under = weight * BEARING
    support = (soles * under[..., None]).sum(1) / under.sum(1, keepdims=True)
    upwards = centre - support
    upwards /= np.linalg.norm(upwards, axis=1, keepdims=True)
    balance = np.average(upwards, axis=0, weights=weight.sum(1))
    balance /= np.linalg.norm(balance)
    share = np.sqrt(weight / weight.sum() * min(frames, 12))  # neighbouring frames tell the same story

    def residuals(unknowns: np.ndarray) -> np.ndarray:
        pitch, roll, height = unknowns
        up = _up(pitch, roll)
        above = soles @ up - height
        # The lowest points of a standing foot are on the floor; a lifted heel is above it.
        lowest = above.reshape(frames, 2, 3).min(-1)
        floor = np.repeat(lowest, 3, axis=1) * share / FLOOR_SD_M
        return np.concatenate(
            [
                [(pitch - PITCH) / PITCH_SD, roll / ROLL_SD],
                np.cross(up, balance) / BALANCE_SD,
                np.arctan(floor.ravel() / 2) * 2,
            ]
        )

    level = least_squares(residuals, [PITCH, 0.0, float(np.median(soles @ _up(PITCH, 0.0)))]).x
    up = _up(level[0], level[1])
    above = soles @ up - level[2]
    near = 1 / (1 + np.clip(above / 0.06, 0, None) ** 4)
    return Floor(up, float(level[2]), still * near if frames > 2 else near)


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
        facing: forwards of the pelvis, frame by frame, camera axes.
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


def _up(pitch: float, roll: float) -> Float[np.ndarray, "3"]:
    """Up in camera axes for a camera tilted down by ``pitch`` and turned clockwise by ``roll``."""
    return np.array([np.sin(roll) * np.cos(pitch), -np.cos(roll) * np.cos(pitch), -np.sin(pitch)])
