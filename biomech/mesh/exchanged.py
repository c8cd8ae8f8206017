"""A detector that takes a back for a front, or left for right, in the middle of a film.

Who is seen from behind and lifts the arms is at times suddenly seen from the front: left and right change places from
one look to the next, faster than anybody turns. The recovered body follows. Before or after, its left is the person's
right, and the picture does not say when: mirrored along the line of sight a body looks the same. Where both sides do
the same nothing is lost by it, where one leg stands and the other is lifted everything is. So what is told is how far
off the pose is to be expected: the share of the looks nearby that say otherwise, times what the mirror image would
change.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from biomech.angles import wrapped
from biomech.body.motion import BodyMotion
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.limbs import joints_m

PAIRS = ("shoulder", "hip")
JOINTS = (("LeftArm", "RightArm"), ("LeftUpLeg", "RightUpLeg"))  # of Anny, as ``PAIRS``
CLEAR = 0.5  # of the points' extent, how far left and right of the trunk are apart at least; shoulders and hips added
REVERSED = -0.5  # cosine between the way from right to left before and after
FASTEST_S = 0.15  # who turns about takes longer
# Between looks that are farther apart somebody may have turned; how far at least, the lengths of the ways say, which
# are shorter the more they point at the lens. Above this speed nobody is taken to turn: a half turn in a second stays
# below it in 98 of 100, one in 0.8 s in 78.
SELDOM_S, FASTEST_RAD_S = 0.27, np.radians(350.0)
BROADSIDE = 1.2  # of the points' extent, the way from right to left of who faces the lens: nine in ten are shorter
NEARBY_S = 2.5  # looks that count, before and after
LEAST_TO_TELL = 0.05  # of the frames
SAID = "left and right change places faster than anybody turns"
EXPECTED_DEG = 5.0  # a third of what is wrong (``doubt.WRONG_DEG``)
MIDDLE, SIDED = ("pelvis_list", "lumbar_bending", "lumbar_rotation"), ("hip_", "knee_", "ankle_", "subtalar_")
UNMOVED = 2  # pelvis tilt and lumbar extension: of the 17 angles beside the heading those that no mirror changes


def exchanged(
    motion: BodyMotion, keypoints: Keypoints, values: dict[str, Float[np.ndarray, " frames"]]
) -> Bool[np.ndarray, " frames"]:
    """In which frames left and right are likely enough exchanged, and different enough, that the pose is not trusted.

    Args:
        motion: of Anny, with its camera; without one nothing is told.
        keypoints: px, of the same frames.
        values: coordinates (rad).

    Returns:
        True where more than ``EXPECTED_DEG`` are to be expected of it, in the mean of the 17 angles of ``at_stake``.
    """
    trunk = [f"{side}_{name}" for side in ("left", "right") for name in PAIRS]
    if motion.camera is None or not set(trunk) <= set(keypoints.names):
        return np.zeros(len(motion.time_s), bool)
    return np.asarray(otherwise(motion, keypoints) * np.degrees(at_stake(values)) > EXPECTED_DEG)


def otherwise(motion: BodyMotion, keypoints: Keypoints) -> Float[np.ndarray, " frames"]:
    """The share of the looks nearby by which left is the answer's right.

    Args:
        motion: with its camera.
        keypoints: px, of the same frames, with shoulders and hips.

    Returns:
        0 … 1; 0 where a person only turns about.
    """
    seen, clear = _leftwards(keypoints)
    known, time_s = np.flatnonzero(clear), motion.time_s
    if not len(known):
        return np.zeros(len(clear))
    parity = exchanges(seen, clear, time_s)
    # Where the answer does not follow the detector, it is of the other parity; where nothing is clear, as nearby.
    answer = np.where((seen * _leftwards_of(motion)).sum(1) < 0, 1 - parity, parity)
    near = np.interp(np.arange(len(clear)), known, np.arange(len(known))).round().astype(int)
    before = [np.concatenate([[0], np.cumsum(clear & (parity == one))]) for one in (0, 1)]
    begin = np.searchsorted(time_s, time_s - NEARBY_S, "left")
    end = np.searchsorted(time_s, time_s + NEARBY_S, "right")
    looks = np.stack([count[end] - count[begin] for count in before])
    return np.where(answer[known][near] == 1, looks[0], looks[1]) / np.maximum(looks.sum(0), 1)


def exchanges(
    leftwards: Float[np.ndarray, "frames 2"], clear: Bool[np.ndarray, " frames"], time_s: Float[np.ndarray, " frames"]
) -> Int[np.ndarray, " frames"]:
    """How often left and right have changed places before each frame: 0 for an even number of times, 1 for an odd one.

    Args:
        leftwards: from right to left, in extents of the points.
        clear: where it is to be seen.
        time_s: of the frames.

    Returns:
        Parities; of frames that are not clear that of the one before.
    """
    parity, now, last = np.zeros(len(clear), int), 0, -1
    lengths = np.linalg.norm(leftwards, axis=1)
    from_broadside = np.arccos(np.minimum(lengths / BROADSIDE, 1.0))
    for frame in range(len(clear)):
        if clear[frame]:
            after_s = time_s[frame] - time_s[last] if last >= 0 else np.inf
            if after_s <= SELDOM_S + 1e-6:
                back = leftwards[frame] @ leftwards[last] < REVERSED * lengths[frame] * lengths[last]
                turned = np.pi - from_broadside[frame] - from_broadside[last]
                now ^= int(back and (after_s <= FASTEST_S + 1e-6 or turned > FASTEST_RAD_S * after_s))
            last = frame
        parity[frame] = now
    return parity


def at_stake(values: dict[str, Float[np.ndarray, " frames"]]) -> Float[np.ndarray, " frames"]:
    """How far a pose is from its mirror image.

    Args:
        values: coordinates (rad).

    Returns:
        Mean absolute difference (rad) of the 17 angles of pelvis, legs and back that poses are compared by, without the
        heading.
    """
    sided = [name.removesuffix("_r") for name in values if name.startswith(SIDED) and name.endswith("_r")]
    legs = [2 * np.abs(wrapped(values[f"{name}_r"] - values[f"{name}_l"])) for name in sided]
    middle = [np.abs(wrapped(2 * values[name])) for name in MIDDLE]
    return np.sum([*legs, *middle], 0) / (2 * len(legs) + len(middle) + UNMOVED)


def _leftwards(keypoints: Keypoints) -> tuple[Float[np.ndarray, "frames 2"], Bool[np.ndarray, " frames"]]:
    """From right to left across shoulders and hips together, in extents of the points, and where it is clear."""
    xy, names = keypoints.xy, keypoints.names
    ways = [xy[:, names.index(f"left_{name}")] - xy[:, names.index(f"right_{name}")] for name in PAIRS]
    found = np.isfinite(xy).all(-1)
    there = np.nan_to_num(xy)
    share = found / np.maximum(found.sum(1, keepdims=True), 1)
    middle = np.einsum("fp,fpi->fi", share, there)
    extent = np.sqrt(np.einsum("fp,fp->f", share, np.square(there - middle[:, None]).sum(-1)))
    way = np.nan_to_num(np.sum(ways, 0)) / np.maximum(extent, 1e-9)[:, None]
    return way, (np.linalg.norm(way, axis=1) > CLEAR) & ((ways[0] * ways[1]).sum(1) > 0)


def _leftwards_of(motion: BodyMotion) -> Float[np.ndarray, "frames 2"]:
    """The same of the body, in the picture's axes, of no particular length."""
    assert motion.camera is not None
    joints = motion.camera.to_camera(joints_m(motion))
    if motion.camera_turns is not None:
        joints = joints @ np.swapaxes(motion.camera_turns, 1, 2)
    place = {name: k for k, name in enumerate(motion.bone_names)}
    sides = [joints[:, place[left]] - joints[:, place[right]] for left, right in JOINTS]
    return np.sum(sides, 0)[:, :2]


def note(where: Bool[np.ndarray, " frames"]) -> list[str]:
    """What is to be said of a clip in which left and right change places; nothing of a few frames.

    Args:
        where: frames of ``exchanged``.

    Returns:
        One sentence or none.
    """
    if not where.any() or where.mean() < LEAST_TO_TELL:
        return []
    return [
        f"{SAID}: in {where.mean():.0%} of the frames it is not known which leg is which (or somebody spins); look at "
        "the overlay, or film so that the face is seen"
    ]
