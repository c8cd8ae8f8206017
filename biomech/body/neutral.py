"""The neutral standing pose of the Anny body, and what it is in coordinates of our skeleton: where the two agree.

Everything that goes from one to the other (scaling, markers, a body driven by coordinates) goes through this pose, so
it must be the same for every shape. Legs and trunk are turned by fixed angles. Arms rest otherwise from shape to shape:
they are aimed, so that upper arm, forearm and hand point where those of the average adult do.
"""

import functools

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody

# As turns of the rest pose about the body's axes: legs from straddled to vertical, feet kept flat, arms down from 45°
# of abduction, elbows nearly straight.
LEG_ADDUCTION_RAD = np.deg2rad(7.0)
ARM_ADDUCTION_RAD = np.deg2rad(28.0)
ELBOW_EXTENSION_RAD = np.deg2rad(30.0)

# What the neutral pose is on our skeleton (rad), as ``marker_places`` found it on the average adult. Markers alone
# would have it otherwise from shape to shape: fat over the iliac spines would tip the scaled model's pelvis by up to
# 25°, and the few markers on the toes would put their zero anywhere within ±12°. Toes lie flat.
NEUTRAL_POSTURE = {
    **{"pelvis_tilt": -0.0285, "pelvis_list": 0.0, "pelvis_rotation": 0.0},
    **{"lumbar_extension": -0.0875, "lumbar_bending": 0.0, "lumbar_rotation": 0.0},
    **{"neck_extension": 0.0834, "neck_bending": 0.0, "neck_rotation": 0.0},
    **{
        f"{name}_{side}": angle
        for name, angle in {
            **{"hip_flexion": -0.0012, "hip_adduction": -0.0069, "hip_rotation": 0.0429, "knee_angle": -0.0259},
            **{"ankle_angle": 0.0178, "subtalar_angle": 0.0231, "mtp_angle": 0.0},
            **{"arm_flex": 0.0580, "arm_add": -0.2431, "arm_rot": -0.1612, "elbow_flex": 0.3120, "pro_sup": 1.9699},
            **{"wrist_flex": -0.0023, "wrist_dev": -0.1859},
        }.items()
        for side in "rl"
    },
}

Turns = Float[np.ndarray, "bones 3 3"]
Directions = tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]


def neutral_pose(shape: Float[np.ndarray, " shape"]) -> Turns:
    """World rotations of all bones of an Anny body that stands in the neutral pose and faces +X."""
    body = _animated()
    joints = _joints_at_rest(body, np.asarray(shape, float))
    aimed = {bone: _frame(*aim) @ _frame(*_directions(body, joints, bone)).T for bone, aim in _aims().items()}
    return _world(body, _turns(body, joints), aimed)


@functools.cache
def _animated() -> AnnyBody:
    """On Anny's own joints, so that the pose does not hang on where ``build.pivots`` puts ours."""
    return AnnyBody.load([0], anatomical=False)


def _joints_at_rest(body: AnnyBody, shape: Float[np.ndarray, " shape"]) -> Float[np.ndarray, "bones 3"]:
    return body.measure(shape[None]).joints[0]


@functools.cache
def _aims() -> dict[str, Directions]:
    """Where each bone of the average adult's arms points in the neutral pose, and what lies across it."""
    body = _animated()
    joints = _joints_at_rest(body, body.default_shape().double().numpy())
    turned = _world(body, _turns(body, joints), {})
    aims = {}
    for bone in (side + part for side in ("Right", "Left") for part in ("Arm", "ForeArm", "Hand")):
        along, across = _directions(body, joints, bone)
        rotation = turned[body.bone_names.index(bone)]
        aims[bone] = (rotation @ along, rotation @ across)
    return aims


def _directions(body: AnnyBody, joints: Float[np.ndarray, "bones 3"], bone: str) -> Directions:
    """Along a bone of the arm at rest, and in the plane in which the elbow bends, or towards the thumb."""
    side = "Right" if bone.startswith("Right") else "Left"

    def between(start: str, end: str) -> Float[np.ndarray, "3"]:
        return joints[body.bone_names.index(end)] - joints[body.bone_names.index(start)]

    upper, fore = between(f"{side}Arm", f"{side}ForeArm"), between(f"{side}ForeArm", f"{side}Hand")
    if bone.endswith("ForeArm"):
        return fore, upper
    if bone.endswith("Arm"):
        return upper, fore
    return between(bone, f"{side}HandFinger1"), between(bone, f"{side[0]}Thumb")


def _turns(body: AnnyBody, joints: Float[np.ndarray, "bones 3"]) -> dict[str, Float[np.ndarray, "3"]]:
    """Rotation vectors of the bones that turn, against the bone before."""
    place = body.bone_names.index
    turns: dict[str, Float[np.ndarray, 3]] = {}
    for side, sign in (("Right", 1.0), ("Left", -1.0)):
        upper_arm = joints[place(f"{side}ForeArm")] - joints[place(f"{side}Arm")]
        forearm = joints[place(f"{side}Hand")] - joints[place(f"{side}ForeArm")]
        hinge = np.cross(forearm, upper_arm)
        turns |= {
            f"{side}UpLeg": np.array([sign * LEG_ADDUCTION_RAD, 0, 0]),
            f"{side}Foot": np.array([-sign * LEG_ADDUCTION_RAD, 0, 0]),
            f"{side}Arm": np.array([sign * ARM_ADDUCTION_RAD, 0, 0]),
            f"{side}ForeArm": hinge / np.linalg.norm(hinge) * ELBOW_EXTENSION_RAD,
        }
    return turns


def _world(
    body: AnnyBody, turns: dict[str, Float[np.ndarray, "3"]], aimed: dict[str, Float[np.ndarray, "3 3"]]
) -> Turns:
    """World rotations of all bones; where a bone is aimed, whatever it hangs on."""
    world = np.empty((len(body.bone_names), 3, 3))
    for bone, (name, parent) in enumerate(zip(body.bone_names, body.parents, strict=True)):
        turn = Rotation.from_rotvec(turns.get(name, np.zeros(3))).as_matrix()
        world[bone] = aimed[name] if name in aimed else turn if parent < 0 else world[parent] @ turn
    return world


def _frame(along: Float[np.ndarray, "3"], across: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    first = along / np.linalg.norm(along)
    third = np.cross(first, across)
    third /= np.linalg.norm(third)
    return np.stack((first, np.cross(third, first), third), 1)
