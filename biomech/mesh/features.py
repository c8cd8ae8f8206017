"""A pose as numbers that do not hang on where the person is or faces: what priors and networks speak of.

The pelvis against gravity, each ball joint as a rotation vector from the middle of its range, each hinge's angle. Two
numbers say how the vertical lies in the pelvis: its parts forwards and to the right, the sines of tilt and list.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation

from biomech.body.linkage import BALL_TURNS, BALLS, HINGE_TURNS, HINGES, Pose, pose_of
from biomech.mesh.chain import inverse_right_jacobian

# In the middle of an arm's range; so its rotation vector never comes near half a turn.
ARM_MIDDLE_DEG = {"flex": 60.0, "add": -30.0, "rot": 0.0}
VERTICAL = ("pelvis_forwards", "pelvis_rightwards")
INNER = BALLS[1:]  # the pelvis apart
NAMES = (
    *VERTICAL,
    *(f"{ball.link}_{axis}" for ball in INNER for axis in "xyz"),
    *(hinge.coordinate for hinge in HINGES),
)
SIZE = len(NAMES)


def _middles() -> Float[np.ndarray, "inner 3 3"]:
    names = [f"arm_{way}_{side}" for side in "rl" for way in ARM_MIDDLE_DEG]
    middle = pose_of(names, np.radians([[*ARM_MIDDLE_DEG.values()] * 2])).balls[0]
    return np.stack([middle[k] if ball.link.startswith("humerus") else np.eye(3) for k, ball in enumerate(BALLS)])[1:]


_MIDDLES = _middles()


def features(pose: Pose) -> Float[np.ndarray, "frames features"]:
    """Of every frame; the pelvis' turn is in a world whose Y is up."""
    up = pose.balls[:, 0, 1]  # of the world, in the pelvis
    vectors = Rotation.from_matrix((np.swapaxes(_MIDDLES, 1, 2) @ pose.balls[:, 1:]).reshape(-1, 3, 3)).as_rotvec()
    return np.concatenate([up[:, [0, 2]], vectors.reshape(len(pose), -1), pose.hinges], 1)


def by_turns(pose: Pose, values: Float[np.ndarray, "frames features"]) -> Float[np.ndarray, "frames features turns"]:
    """Derivatives of ``features`` (whose values are given) by small turns, in the order of ``linkage.axes``.

    Args:
        pose: in a world whose Y is up.
        values: its ``features``.

    Returns:
        Of each feature (sine, rad) per rad of each turn.
    """
    frames, inner = len(pose), 3 * len(INNER)
    jacobian = np.zeros((frames, SIZE, BALL_TURNS.size + HINGE_TURNS.size))
    x, y, z = pose.balls[:, 0, 1].T
    zero = np.zeros(frames)
    # A small turn δ of the pelvis takes the vertical u in it to u + u × δ.
    jacobian[:, 0, BALL_TURNS[0]] = np.stack([zero, -z, y], 1)
    jacobian[:, 1, BALL_TURNS[0]] = np.stack([-y, x, zero], 1)
    blocks = inverse_right_jacobian(values[:, 2 : 2 + inner].reshape(frames, -1, 3))
    for k in range(len(INNER)):
        rows = 2 + 3 * k + np.arange(3)
        jacobian[:, rows[:, None], BALL_TURNS[k + 1]] = blocks[:, k]
    jacobian[:, 2 + inner + np.arange(len(HINGES)), HINGE_TURNS] = 1
    return jacobian


def _mirror() -> tuple[Int[np.ndarray, " features"], Float[np.ndarray, " features"]]:
    other = {"r": "l", "l": "r"}
    place, sign = [], []
    for name in NAMES:
        stem, _, last = name.rpartition("_")
        if name in VERTICAL:
            place.append(NAMES.index(name))
            sign.append(-1.0 if name == VERTICAL[1] else 1.0)
        elif last in "xyz":
            link, _, side = stem.rpartition("_")
            place.append(NAMES.index(f"{link}_{other[side]}_{last}" if side in other else name))
            sign.append(1.0 if last == "z" else -1.0)
        else:
            place.append(NAMES.index(f"{stem}_{other[last]}"))
            sign.append(1.0)
    return np.array(place), np.array(sign)


_MIRROR_PLACE, _MIRROR_SIGN = _mirror()


def mirrored(values: Float[np.ndarray, "*n features"]) -> Float[np.ndarray, "*n features"]:
    """The features of the mirror image."""
    return values[..., _MIRROR_PLACE] * _MIRROR_SIGN


def pose_of_features(values: Float[np.ndarray, "frames features"]) -> Pose:
    """A pose with these features; the pelvis faces +X as far as its lean lets it."""
    frames, inner = len(values), 3 * len(INNER)
    forwards, rightwards = values[:, 0].clip(-1, 1), values[:, 1]
    tilt = np.arcsin(forwards)
    side = -np.arcsin((rightwards / np.maximum(np.cos(tilt), 1e-3)).clip(-1, 1))
    pelvis = Rotation.from_euler("ZX", np.stack([tilt, side], 1)).as_matrix()
    turned = Rotation.from_rotvec(values[:, 2 : 2 + inner].reshape(-1, 3)).as_matrix().reshape(frames, -1, 3, 3)
    return Pose(np.concatenate([pelvis[:, None], _MIDDLES @ turned], 1), values[:, 2 + inner :].copy())
