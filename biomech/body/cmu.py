"""CMU's motion capture, as .bvh, replayed on a body with the ``cmu_mb`` bones.

Source: the CMU Graphics Lab Motion Capture Database (free for any use) in cgspeed's DAZ-friendly conversion: one
skeleton for all files, cm, Y up, facing Z, zero pose a T-pose with the palms down and the thumbs forward, 120 Hz. In it
the collars never move, knees and elbows are pure hinges (the elbow's axis, measured from the data, is ``ELBOW_AXIS``)
and the hands only turn about the forearm. Its bone offsets are another figure's, so they do not say where the segments
point in the zero pose. The directions below do: the mean of the segments' true directions, from CMU's own .asf/.amc of
subjects 1–3 (26 of the same trials), seen from the converted bones.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import binary_dilation
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.bvh import Bvh, parse_bvh
from biomech.body.motion import BodyMotion
from biomech.body.retarget import FORWARD, SIDES, UP, Limbs, RecordedMotion, half, mirrored, retarget
from biomech.errors import BioposeError
from biomech.files import open_zip

HELD_OUT_SUBJECTS = ("09", "13")  # for figures only: nothing in the package learned from them
# The first rows hold the zero pose and the swing from it into the motion.
FIRST_FRAME = 10
# Our bones and the joints of one side that move them.
LIMBS = {"UpLeg": "Thigh", "Leg": "Shin", "Foot": "Foot", "Arm": "Shldr", "ForeArm": "ForeArm", "Hand": "Hand"}
JOINTS = ["hip", "abdomen", "chest", "neck", "head", *(side + part for side in "rl" for part in LIMBS.values())]
# Body axes (X forward, Y up, Z right) from the file's (X left, Y up, Z forward).
BODY_FROM_CMU = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
# Axis of right elbow flexion in the zero pose, file's axes: flexing brings the hand forward and up.
ELBOW_AXIS = np.array([-0.12, 0.86, -0.5])
# Directions of the right limbs in the zero pose, and how far the head then looks up; body axes.
LEG = np.array([-0.05, -0.998, -0.02])
ARM = np.array([0.0, -0.137, 0.991])
HEAD_UP_RAD = np.radians(15.8)
BACKWARD_RAD = np.radians(-10.0)
# The conversion broke the legs of some files (01_14, 05_05, 05_06, 05_17, 07_12, 09_10): beside CMU's own .amc of 01_14
# thighs and shanks are tens of degrees off. It shows in knees that leave their hinge, which elsewhere keep to it within
# 6°. Many such frames, and the others are no better; a few, and those around them are not.
OFF_HINGE_RAD = np.radians(6.0)
OFF_HINGE_SHARE = 0.1
AROUND_S = 0.25


def cmu_names(archive: Path) -> list[str]:
    """Names ("02_01": subject 2, trial 1) of the motions in a zip of .bvh files."""
    with open_zip(archive, "a zip of CMU motions") as files:
        return sorted(Path(name).stem for name in files.namelist() if name.endswith(".bvh"))


def read_cmu(archive: Path, name: str) -> Bvh:
    """One motion of the zip, in body axes and metres, without the swing from the zero pose.

    Args:
        archive: the zip.
        name: such as ``02_01``: subject 2, trial 1.

    Returns:
        The motion (m; X forward, Y up, Z right).

    Raises:
        BioposeError: there is no such zip, or no such motion in it.
    """
    with open_zip(archive, "a zip of CMU motions") as files:
        found = [n for n in files.namelist() if Path(n).name == f"{name}.bvh"]
        if not found:
            raise BioposeError(f"no motion {name}", where=str(archive), mend="Names look like 02_01.")
        return cmu_clip(files.read(found[0]).decode(), f"{archive}/{found[0]}")


def cmu_clip(text: str, where: str) -> Bvh:
    """One motion, in body axes and metres, without the swing from the zero pose, from the text of its .bvh file.

    Args:
        text: of the whole file; lengths in cm.
        where: the file, for the message.

    Returns:
        The motion (m; X forward, Y up, Z right); elbows that bend the wrong way throughout are turned round.

    Raises:
        BioposeError: it is no .bvh file, or one with another skeleton.
    """
    raw = parse_bvh(text, where)
    missing = [name for name in JOINTS if name not in raw.names]
    if missing:
        raise BioposeError(
            f"the skeleton is not that of CMU's motions in cgspeed's conversion: no joint {', '.join(missing)}",
            where=where,
        )
    axes = BODY_FROM_CMU
    rotations = axes @ raw.rotations[FIRST_FRAME:] @ axes.T
    clip = Bvh(
        raw.names,
        raw.parents,
        raw.offsets @ axes.T / 100,
        rotations,
        raw.root_position[FIRST_FRAME:] @ axes.T / 100,
        raw.rate_hz,
    )
    for side in "rl":
        # Elbows of a few files (01_01, 13_18, 14_23) have the wrong sign throughout: CMU's own .amc of 01_01 has the
        # same upper arm, and the forearm of the turn the other way.
        if np.median(elbow_flexion(clip, side)) < 0:
            forearm = clip.names.index(f"{side}ForeArm")
            rotations[:, forearm] = np.swapaxes(rotations[:, forearm], -1, -2).copy()
    return clip


def replay(clip: Bvh, body: AnnyBody, shape: Float[torch.Tensor, " shape"] | None = None, every: int = 1) -> BodyMotion:
    """The motion on a body of the given shape, every so many frames (see ``retarget``).

    A bend of CMU's abdomen and of its head is halved between the two bones that we have there. ``quality`` is 0 where
    the recording is broken.

    Args:
        clip: by ``read_cmu`` or ``cmu_clip``.
        body: Anny's, any vertices.
        shape: of the person to move; the default shape where not given.
        every: keep every Nth frame.

    Returns:
        The motion (m; Y up).
    """
    local = dict(zip(clip.names, np.moveaxis(clip.rotations[::every], 1, 0), strict=True))
    world: dict[str, np.ndarray] = {}
    at: dict[str, np.ndarray] = {}  # joints in the zero pose
    for name, parent, offset in zip(clip.names, clip.parents, clip.offsets, strict=True):
        above = clip.names[parent]
        world[name] = local[name] if parent < 0 else world[above] @ local[name]
        at[name] = offset if parent < 0 else at[above] + offset
    middle = (at["rThigh"] + at["lThigh"]) / 2 - at["hip"]
    head = half(local["head"] @ Rotation.from_euler("z", -HEAD_UP_RAD).as_matrix())
    recording = RecordedMotion(
        trunk={
            "Hips": local["hip"],
            "LowerBack": half(local["abdomen"]),
            "Spine": half(local["abdomen"]),
            "Spine1": local["chest"],
            "Neck": local["neck"],
            "Neck1": head,
            "Head": head,
        },
        limbs={side + bone: world[side[0].lower() + name] for bone, name in LIMBS.items() for side, _ in SIDES},
        zero={side: _limbs(sign) for side, sign in SIDES},
        hips_m=clip.root_position[::every] + world["hip"] @ middle,
        leg_m=float(np.linalg.norm(at["rShin"] - at["rThigh"]) + np.linalg.norm(at["rFoot"] - at["rShin"])),
        rate_hz=clip.rate_hz / every,
        trusted=trusted(clip)[::every].astype(float),
    )
    return retarget(recording, body, body.default_shape() if shape is None else shape)


def _limbs(sign: float) -> Limbs:
    leg, arm = mirrored(LEG, sign), mirrored(ARM, sign)
    return Limbs(
        thigh=leg,
        shank=leg,
        knee_axis=np.array([0.0, 0.0, -1.0]),
        toes=FORWARD,
        sole_up=UP,
        upper_arm=arm,
        forearm=arm,
        elbow_axis=_elbow_axis(sign),
        fingers=arm,
        thumb=FORWARD,
    )


def trusted(clip: Bvh) -> Bool[np.ndarray, " frames"]:
    """Where no elbow bends backwards and no knee leaves its hinge."""
    good = np.ones(len(clip.rotations), bool)
    for side in "rl":
        good &= elbow_flexion(clip, side) > BACKWARD_RAD
        knee = Rotation.from_matrix(clip.rotations[:, clip.names.index(f"{side}Shin")]).as_rotvec()
        off = np.hypot(knee[:, 0], knee[:, 1]) > OFF_HINGE_RAD
        if off.mean() > OFF_HINGE_SHARE:
            good[:] = False
        good &= ~binary_dilation(off, iterations=max(1, round(AROUND_S * clip.rate_hz)))
    return good


def elbow_flexion(clip: Bvh, side: str) -> Float[np.ndarray, " frames"]:
    """Flexion, rad, of the recorded elbow ("r" or "l") from the zero pose, negative where it bends backwards.

    Args:
        clip: by ``read_cmu`` or ``cmu_clip``.
        side: ``r`` or ``l``.

    Returns:
        The angle in every frame, rad.
    """
    vectors = Rotation.from_matrix(clip.rotations[:, clip.names.index(f"{side}ForeArm")]).as_rotvec()
    return vectors @ _elbow_axis(1.0 if side == "r" else -1.0)


def _elbow_axis(sign: float) -> np.ndarray:
    axis = BODY_FROM_CMU @ ELBOW_AXIS
    axis /= np.linalg.norm(axis)
    return axis * [sign, sign, 1.0]  # an axis is mirrored left to right as a turn is
