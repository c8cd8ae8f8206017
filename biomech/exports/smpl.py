"""The motion as AMASS keeps one: turns of SMPL-H's 52 joints and the way of its root, from the OpenSim skeleton.

Every joint of SMPL takes the turn of the body that stands for it since the pose in which SMPL at rest and an OpenSim
skeleton of Rajagopal's kind are laid over each other: a T-pose (all coordinates 0, arms out by ``arm_add`` −90°, palms
down by ``pro_sup`` 90°), and from there the limbs along those of the user's own model file, where there is one; feet
stay flat. The form is AMASS's (Mahmood et al., "AMASS", ICCV 2019): Z up, m, rotation vectors.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech import __version__
from biomech.errors import BioposeError
from biomech.exports.take import Take
from biomech.files import whole_file
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.smpl import BODY_FROM_SMPL, UPRIGHT_FROM_AMASS, find_model, load_smpl
from biomech.skeleton.model import body_transforms, coordinate_names, load_model

NUMBERS, BETAS = 156, 16
T_POSE_RAD = {"arm_add": -np.pi / 2, "pro_sup": np.pi / 2}
# By SMPL's order of joints, the body that turns with each. Those between two bodies, (first, last, share), are that far
# from the one to the other: the spine is one joint in the model.
SPINE = ("pelvis", "torso")
TURNS_WITH: tuple[str | tuple[str, str, float], ...] = (
    *("pelvis", "femur_l", "femur_r", (*SPINE, 1 / 3), "tibia_l", "tibia_r", (*SPINE, 2 / 3), "calcn_l", "calcn_r"),
    *("torso", "toes_l", "toes_r", ("torso", "head", 0.5), "torso", "torso", "head", "humerus_l", "humerus_r"),
    *("radius_l", "radius_r", "hand_l", "hand_r"),
)
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
BODIES = sorted({name for one in TURNS_WITH for name in ([one] if isinstance(one, str) else one[:2])} - {"head"})
BODIES += [f"{body}_{side}" for body in ("talus", "ulna") for side in "lr"]
# Limbs: SMPL's joints at their ends, the bodies whose joints these are, and the bodies that are laid with each.
LIMBS = (
    *(
        (joint, end, f"{body}_{side}", f"{far}_{side}", tuple(f"{name}_{side}" for name in carried))
        for left, side in ((0, "l"), (1, "r"))
        for joint, end, body, far, carried in (
            (1 + left, 4 + left, "femur", "tibia", ("femur",)),
            (4 + left, 7 + left, "tibia", "talus", ("tibia",)),
            (16 + left, 18 + left, "humerus", "ulna", ("humerus",)),
            (18 + left, 20 + left, "ulna", "hand", ("ulna", "radius", "hand")),
        )
    ),
)
HIPS = (1, 2)
NEUTRAL = "the .npz holds turns alone: betas are 0 (nobody's shape) and gender is neutral"
WITHOUT_MODEL = (
    "no `body_models`: SMPL at rest is taken as a plain T-pose, and trans is the middle of the hip joints, to which "
    "SMPL adds its own pelvis' place at rest"
)


def write_amass(take: Take, path: Path) -> list[str]:
    """Write poses, trans, betas, gender and mocap_framerate; fingers are straight.

    Besides stand ``time_s``, ``has_pose`` (false: the pose before is held) and ``source``.

    Args:
        take: of a skeleton with Rajagopal's bodies and arm coordinates; at an even rate.
        path: the .npz, written whole or not at all.

    Returns:
        What the user should know.

    Raises:
        BioposeError: the model lacks a body or coordinate, or the frames are not evenly apart.
    """
    beat, posed = take.beat, take.posed
    joints = _joints_at_rest(take)
    vectors = smpl_turns(take, joints)
    hips = posed.joint_centres[:, [posed.names.index(f"femur_{side}") for side in "lr"]].mean(1)
    trans = hips @ UPRIGHT_FROM_AMASS
    if joints is not None:  # the root turns about its own joint, which is not between the hips
        arm = joints[list(HIPS)].mean(0) - joints[0]
        trans = trans - Rotation.from_rotvec(vectors[:, 0]).apply(arm) - joints[0]
    poses = np.zeros((beat.frames, NUMBERS))
    poses[:, : vectors[0].size] = vectors.reshape(len(vectors), -1)[beat.held]
    arrays = {
        "poses": poses,
        "trans": trans[beat.held],
        "betas": np.zeros(BETAS),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(beat.rate_hz),
        "time_s": (beat.first + np.arange(beat.frames)) / beat.rate_hz,
        "has_pose": beat.known,
        "source": np.array(f"biopose {__version__}: turns of an OpenSim skeleton's bodies since the T-pose"),
    }
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return [NEUTRAL, *([WITHOUT_MODEL] if joints is None else []), *beat.notes(".npz")]


def smpl_turns(take: Take, joints_m: Float[np.ndarray, "joints 3"] | None = None) -> Float[np.ndarray, "frames 22 3"]:
    """Rotation vectors (rad) of SMPL's 22 body joints, relative to their parents, the root's in a world whose Z is up.

    Args:
        take: of a skeleton with Rajagopal's bodies and arm coordinates.
        joints_m: SMPL's own at rest, in its axes: the skeleton's limbs are laid along them; a T-pose where None.

    Returns:
        At the frames of the motion.

    Raises:
        BioposeError: the model lacks a body or coordinate.
    """
    names = take.posed.names
    if missing := [body for body in BODIES if body not in names]:
        raise BioposeError(
            f"the model has no body {', '.join(missing)}, from which SMPL's joints would be turned",
            where=take.name,
            mend="Export a skeleton with Rajagopal's bodies, or leave npz out.",
        )
    rest = _at_rest(take, joints_m)
    since = {
        name: Rotation.from_matrix(take.posed.rotations[:, index] @ rest[index].T) for index, name in enumerate(names)
    }
    since.setdefault("head", since["torso"])
    turned = []
    for one in TURNS_WITH:
        if isinstance(one, str):
            turned.append(since[one].as_matrix())
        else:
            first, last, share = since[one[0]], since[one[1]], one[2]
            turned.append((first * Rotation.from_rotvec((first.inv() * last).as_rotvec() * share)).as_matrix())
    vectors = np.empty((len(take.kinematics.time_s), len(PARENTS), 3))
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            local = UPRIGHT_FROM_AMASS.T @ turned[joint] @ BODY_FROM_SMPL
        else:
            local = BODY_FROM_SMPL.T @ turned[parent].swapaxes(1, 2) @ turned[joint] @ BODY_FROM_SMPL
        vectors[:, joint] = Rotation.from_matrix(local).as_rotvec()
    return vectors


def _joints_at_rest(take: Take) -> Float[np.ndarray, "joints 3"] | None:
    """Of the user's own model file, if there is a folder of them."""
    if take.body_models is None:
        return None
    body = load_smpl(find_model(take.body_models, "smplh", "neutral"))
    return body.joints(np.zeros(BETAS))


def _at_rest(take: Take, joints_m: Float[np.ndarray, "joints 3"] | None) -> Float[np.ndarray, "bodies 3 3"]:
    """Bodies' rotations when the skeleton stands as SMPL at rest, looking along +X.

    Where the file's limbs lie otherwise than in the T-pose, bodies are turned the shortest way onto them.
    """
    names = take.posed.names
    positions, rotations = _t_pose(take)
    if joints_m is None:
        return rotations
    centres = positions + np.einsum("bij,bj->bi", rotations, take.posed.centres)
    rest = rotations.copy()
    for joint, end, body, far, carried in LIMBS:
        along = centres[names.index(far)] - centres[names.index(body)]
        wanted = BODY_FROM_SMPL @ (joints_m[end] - joints_m[joint])
        turn = _shortest(along, wanted)
        for name in carried:
            rest[names.index(name)] = turn @ rotations[names.index(name)]
    return rest


def _shortest(start: Float[np.ndarray, "3"], end: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The smallest rotation that brings one direction onto another."""
    axis = np.cross(start, end)
    sine, cosine = np.linalg.norm(axis), start @ end
    angle = np.arctan2(sine, cosine)
    turn: np.ndarray = Rotation.from_rotvec(axis * (angle / sine if sine > 0 else 0.0)).as_matrix()
    return turn


def _t_pose(take: Take) -> tuple[Float[np.ndarray, "bodies 3"], Float[np.ndarray, "bodies 3 3"]]:
    """Bodies' places (m) and rotations, arms out and palms down."""
    wanted = {f"{name}_{side}": angle for name, angle in T_POSE_RAD.items() for side in "lr"}
    with take.model.as_file() as path:
        model = load_model(path)
        names = coordinate_names(model)
        if missing := [name for name in wanted if name not in names]:
            raise BioposeError(
                f"the model has no coordinate {', '.join(missing)}, with which it would stand as SMPL at rest",
                where=take.name,
                mend="Export a skeleton with Rajagopal's arms, or leave npz out.",
            )
        led = set(names) - set(take.kinematics.names)  # what couplers lead is left to them
        own = [name for name in names if name not in led or name in wanted]
        values = np.array([[wanted.get(name, 0.0) for name in own]])
        still = Kinematics(own, values, np.zeros(1), np.ones(len(own), dtype=bool))
        positions, rotations = body_transforms(model, still, take.posed.names)
    return positions[0], rotations[0]
