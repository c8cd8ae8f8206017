"""CMU's motion capture, as .bvh, replayed on a body with the ``cmu_mb`` bones.

Source: the CMU Graphics Lab Motion Capture Database (free for any use) in cgspeed's DAZ-friendly conversion: one
skeleton for all files, cm, Y up, facing Z, zero pose a T-pose with the palms down and the thumbs forward, 120 Hz. In it
the collars never move, knees and elbows are pure hinges (the elbow's axis, measured from the data, is ``ELBOW_AXIS``)
and the hands only turn about the forearm. Its bone offsets are another figure's, so they do not say where the segments
point in the zero pose. The directions below do: the mean of the segments' true directions, from CMU's own .asf/.amc of
subjects 1–3 (26 of the same trials), seen from the converted bones.
"""

import zipfile
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.bvh import Bvh, parse_bvh
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError

HELD_OUT_SUBJECTS = ("09", "13")  # for figures only: nothing in the package learned from them
# The first rows hold the zero pose and the swing from it into the motion.
FIRST_FRAME = 10
# Body axes (X forward, Y up, Z right) from the file's (X left, Y up, Z forward).
BODY_FROM_CMU = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
# Axis of right elbow flexion in the zero pose, file's axes: flexing brings the hand forward and up.
ELBOW_AXIS = np.array([-0.12, 0.86, -0.5])
# Directions of the right limbs in the zero pose, and how far the head then looks up; body axes.
LEG = np.array([-0.05, -0.998, -0.02])
ARM = np.array([0.0, -0.137, 0.991])
HEAD_UP_RAD = np.radians(15.8)
# Elbows of a few files bend backwards, with the upper arm turned half about to make up for it.
BACKWARD_RAD = np.radians(-10.0)


def cmu_names(archive: Path) -> list[str]:
    """Names ("02_01": subject 2, trial 1) of the motions in a zip of .bvh files."""
    with _open(archive) as files:
        return sorted(Path(name).stem for name in files.namelist() if name.endswith(".bvh"))


def read_cmu(archive: Path, name: str) -> Bvh:
    """One motion of the zip, in body axes and metres, without the swing from the zero pose.

    Raises:
        BioposeError: there is no such zip, or no such motion in it.
    """
    with _open(archive) as files:
        found = [n for n in files.namelist() if Path(n).name == f"{name}.bvh"]
        if not found:
            raise BioposeError(f"no motion {name}", where=str(archive), mend="Names look like 02_01.")
        raw = parse_bvh(files.read(found[0]).decode(), f"{archive}/{found[0]}")
    axes = BODY_FROM_CMU
    return Bvh(
        raw.names,
        raw.parents,
        raw.offsets @ axes.T / 100,
        axes @ raw.rotations[FIRST_FRAME:] @ axes.T,
        raw.root_position[FIRST_FRAME:] @ axes.T / 100,
        raw.rate_hz,
    )


def replay(clip: Bvh, body: AnnyBody, shape: Float[torch.Tensor, " shape"] | None = None, every: int = 1) -> BodyMotion:
    """The motion on a body of the given shape, every so many frames.

    World rotations of the segments are the recorded ones times a constant that brings the body's rest pose (A) to the
    recording's (T): thigh and upper arm by their direction and the hinge below them, shank and forearm likewise, the
    hand by fingers and thumb; trunk, head and feet rest alike in both. A turn of the hand about the forearm is
    halved between forearm and hand; a bend of CMU's abdomen and of its head between the two bones that we have there.
    The hips travel as recorded, scaled by the length of the leg, and the soles stand on Y = 0.

    ``quality`` is 0 where an elbow of the recording bends backwards.
    """
    shape = body.default_shape() if shape is None else shape
    with torch.no_grad():
        rest = body.rest(shape)
    joints = dict(zip(body.bone_names, rest.joints.double().numpy(), strict=True))
    local = dict(zip(clip.names, np.moveaxis(clip.rotations[::every], 1, 0), strict=True))
    world: dict[str, np.ndarray] = {}
    for name, parent in zip(clip.names, clip.parents, strict=True):
        world[name] = local[name] if parent < 0 else world[clip.names[parent]] @ local[name]
    at = _zero_pose(clip)

    frames = len(local["hip"])
    ours = {bone: np.tile(np.eye(3), (frames, 1, 1)) for bone in body.bone_names}  # relative to the parent
    ours["Hips"] = local["hip"]
    ours["LowerBack"] = ours["Spine"] = _half(local["abdomen"])
    ours["Spine1"] = local["chest"]
    ours["Neck"] = local["neck"]
    ours["Neck1"] = ours["Head"] = _half(local["head"] @ Rotation.from_euler("z", -HEAD_UP_RAD).as_matrix())
    for side, s, sign in (("Right", "r", 1.0), ("Left", "l", -1.0)):
        _leg(ours, world, joints, side, s, sign)
        _arm(ours, world, joints, side, s, sign)

    rotations = np.stack([ours[bone] for bone in body.bone_names], 1)
    root = _travel(clip, world, joints, at, every)
    root[:, 1] -= _floor_height(body, shape, rotations, root)
    root[:, [0, 2]] -= root[0, [0, 2]].copy()
    elbows = np.stack([elbow_flexion(clip, side)[::every] for side in ("r", "l")])
    return BodyMotion(
        body=body.name,
        bone_names=list(body.bone_names),
        rotations=rotations,
        root_position_m=root,
        shape=shape.detach().numpy(),
        shape_names=list(body.shape_names),
        time_s=np.arange(frames) * every / clip.rate_hz,
        quality=(elbows > BACKWARD_RAD).all(0).astype(float),
    )


def elbow_flexion(clip: Bvh, side: str) -> Float[np.ndarray, " frames"]:
    """Flexion, rad, of the recorded elbow ("r" or "l") from the zero pose, negative where it bends backwards."""
    vectors = Rotation.from_matrix(clip.rotations[:, clip.names.index(f"{side}ForeArm")]).as_rotvec()
    return vectors @ _elbow_axis(1.0 if side == "r" else -1.0)


def _open(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise BioposeError(f"not a zip of CMU motions ({error})", where=str(archive)) from error


def _elbow_axis(sign: float) -> np.ndarray:
    axis = BODY_FROM_CMU @ ELBOW_AXIS
    axis /= np.linalg.norm(axis)
    return axis * [sign, sign, 1.0]  # an axis is mirrored left to right as a turn is


def _zero_pose(clip: Bvh) -> dict[str, np.ndarray]:
    places: dict[str, np.ndarray] = {}
    for name, parent, offset in zip(clip.names, clip.parents, clip.offsets, strict=True):
        places[name] = offset if parent < 0 else places[clip.names[parent]] + offset
    return places


def _half(rotations: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(Rotation.from_matrix(rotations).as_rotvec() / 2).as_matrix()


def _frame(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    first = along / np.linalg.norm(along)
    third = np.cross(first, across)
    third /= np.linalg.norm(third)
    return np.stack((first, np.cross(third, first), third), 1)


def _turn(from_along: np.ndarray, from_across: np.ndarray, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """The rotation that takes one direction to the other exactly, and the second pair as near as it can."""
    return _frame(along, across) @ _frame(from_along, from_across).T


def _leg(ours: dict, world: dict, joints: dict, side: str, s: str, sign: float) -> None:
    recorded, flexion = LEG * [1, 1, sign], np.array([0.0, 0.0, -1.0])  # the knee's axis, in both rest poses
    thigh = joints[f"{side}Leg"] - joints[f"{side}UpLeg"]
    shank = joints[f"{side}Foot"] - joints[f"{side}Leg"]
    toes = joints[f"{side}ToeBase"] - joints[f"{side}Foot"]
    upper = world[f"{s}Thigh"] @ _turn(thigh, flexion, recorded, flexion)
    lower = world[f"{s}Shin"] @ _turn(shank, flexion, recorded, flexion)
    # The recorded feet rest flat and straight ahead, ours flat and toes out.
    foot = world[f"{s}Foot"] @ Rotation.from_euler("y", np.arctan2(toes[2], toes[0])).as_matrix()
    ours[f"{side}UpLeg"] = _between(ours["Hips"], upper)
    ours[f"{side}Leg"] = _between(upper, lower)
    ours[f"{side}Foot"] = _between(lower, foot)


def _arm(ours: dict, world: dict, joints: dict, side: str, s: str, sign: float) -> None:
    upper_arm = joints[f"{side}ForeArm"] - joints[f"{side}Arm"]
    forearm = joints[f"{side}Hand"] - joints[f"{side}ForeArm"]
    fingers = joints[f"{side}HandFinger1"] - joints[f"{side}Hand"]
    thumb = joints[f"{side[0]}Thumb"] - joints[f"{side}Hand"]
    recorded, recorded_flexion, forward = ARM * [1, 1, sign], _elbow_axis(sign), np.array([1.0, 0.0, 0.0])
    flexion = np.cross(upper_arm, forearm)
    upper = world[f"{s}Shldr"] @ _turn(upper_arm, flexion, recorded, recorded_flexion)
    lower = world[f"{s}ForeArm"] @ _turn(forearm, flexion, recorded, recorded_flexion)
    hand = world[f"{s}Hand"] @ _turn(fingers, thumb, recorded, forward)
    along = forearm / np.linalg.norm(forearm)
    quaternion = Rotation.from_matrix(_between(lower, hand)).as_quat()
    twist = 2 * np.arctan2(quaternion[:, :3] @ along, quaternion[:, 3])
    twist = (twist + np.pi) % (2 * np.pi) - np.pi
    lower = lower @ Rotation.from_rotvec(twist[:, None] / 2 * along).as_matrix()
    ours[f"{side}Arm"] = _between(world["chest"], upper)
    ours[f"{side}ForeArm"] = _between(upper, lower)
    ours[f"{side}Hand"] = _between(lower, hand)


def _between(parent: np.ndarray, child: np.ndarray) -> np.ndarray:
    return np.swapaxes(parent, -1, -2) @ child


def _travel(clip: Bvh, world: dict, joints: dict, at: dict, every: int) -> np.ndarray:
    """Where our root joint is, when the hip joints' midpoint travels as recorded, times our leg over theirs."""
    middle = (at["rThigh"] + at["lThigh"]) / 2 - at["hip"]
    travelled = clip.root_position[::every] + world["hip"] @ middle
    recorded_leg = np.linalg.norm(at["rShin"] - at["rThigh"]) + np.linalg.norm(at["rFoot"] - at["rShin"])
    leg = np.linalg.norm(joints["RightLeg"] - joints["RightUpLeg"])
    leg += np.linalg.norm(joints["RightFoot"] - joints["RightLeg"])
    our_middle = (joints["RightUpLeg"] + joints["LeftUpLeg"]) / 2 - joints["Hips"]
    return travelled * (leg / recorded_leg) - world["hip"] @ our_middle


def _floor_height(
    body: AnnyBody, shape: torch.Tensor, rotations: np.ndarray, root: np.ndarray
) -> Float[np.ndarray, " frames"]:
    """Height of the recorded floor below the root. It slopes by about 2 cm per metre, so it is a plane fitted to the
    lower sole of every frame; the toes, stiff here, go a few cm below it at push-off."""
    soles = AnnyBody.load(torch.cat((body.foot_vertices["sole_r"][::8], body.foot_vertices["sole_l"][::8])))
    with torch.no_grad():
        rest = soles.rest(shape)
        posed = soles.pose(rest, torch.tensor(rotations).float(), torch.tensor(root).float())
        lowest = soles.skin(rest, posed)[..., 1].amin(1).numpy()
    away = root[:, [0, 2]] - root[:, [0, 2]].mean(0)
    # A ridge: who stays in place says nothing about the slope.
    slope = np.linalg.solve(away.T @ away + len(away) * 0.1 * np.eye(2), away.T @ (lowest - lowest.mean()))
    slope *= min(1.0, 0.03 / max(float(np.linalg.norm(slope)), 1e-9))  # steeper, and they climbed
    return away @ slope + np.quantile(lowest - away @ slope, 0.4)
