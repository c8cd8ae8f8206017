"""Bodies that the model does not have, as far as a film shows them: a stoop, a small child, a limb that ends early.

The fit makes every body its own: an adult's with a straight back and whole limbs. So what is looked at is the
detector's points, with the fitted body to say where the person faces, what it hides and whether it is upright. Limits
were chosen between drawn people of each kind and ordinary ones (`biopose bench bodies`, seed 101), with ordinary runs
in sight.
"""

import numpy as np
from jaxtyping import Bool, Float

from biomech.body.motion import BodyMotion
from biomech.keypoints.keypoints import Keypoints

Angles = dict[str, Float[np.ndarray, " frames"]]

UPRIGHT_RAD = {"hip_flexion": np.radians(45.0), "knee_angle": np.radians(75.0)}  # bent less than in walking
UPRIGHT_SHARE = 0.9  # of the frames
LEAST_FRAMES = 5
SURE = 0.5  # confidence of points that count
FROM_THE_SIDE, FROM_AHEAD = 0.9, -0.7  # of a way forwards, along the picture; towards the lens
STOOPS_RAD = np.radians(8.0)  # ears before the hips, in nine of ten frames; ordinary walkers stay below 7.1
FACE = (
    *("nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer"),
    *("left_ear", "right_ear", "mouth_left", "mouth_right"),
)
CHILD = 0.068  # spread of the face's points over the leg's length; adults on film up to 0.066, drawn ones to 0.063
# Of the trunk's length in the picture, in nine of ten frames: forearms and shanks that are there are longer.
SHORT = {"arm": ("elbow", "wrist", 0.36), "leg": ("knee", "ankle", 0.48)}
MOST = 90.0  # per cent


def upright(values: Angles, found: Bool[np.ndarray, " frames"]) -> Bool[np.ndarray, " frames"]:
    """In which frames somebody is found who stands or walks.

    Args:
        values: coordinates (rad) by name.
        found: frames with the person.

    Returns:
        Those in which neither hips nor knees are bent far.
    """
    bent = [values[f"{name}_{side}"] > most for name, most in UPRIGHT_RAD.items() for side in "rl"]
    return found & ~np.any(bent, axis=0)


def stoops(motion: BodyMotion, keypoints: Keypoints, stands: Bool[np.ndarray, " frames"]) -> bool:
    """Whether the head is before the hips throughout, of who stands or walks and is seen from the side.

    Args:
        motion: of Anny, with its camera.
        keypoints: px, that it was recovered from.
        stands: by ``upright``.

    Returns:
        False from elsewhere, where a stoop does not show.
    """
    wanted = [f"{side}_{name}" for name in ("ear", "hip") for side in ("left", "right")]
    if motion.camera is None or not set(wanted) <= set(keypoints.names) or not _throughout(stands, keypoints):
        return False
    places = [keypoints.names.index(name) for name in wanted]
    up, forwards, along = _directions(motion)
    if np.median(along) < FROM_THE_SIDE:
        return False
    ears, hips = keypoints.xy[:, places[:2]].mean(1), keypoints.xy[:, places[2:]].mean(1)
    # One ear hides the other.
    sure = stands & (keypoints.confidence[:, places[:2]].max(1) > SURE) & (along > FROM_THE_SIDE)
    if sure.sum() < LEAST_FRAMES:
        return False
    parts = np.linalg.solve(np.stack([up, forwards], -1)[sure], (ears - hips)[sure][..., None])[..., 0]
    return bool(np.percentile(np.arctan2(parts[:, 1], parts[:, 0]), 100 - MOST) > STOOPS_RAD)


def childlike(motion: BodyMotion, keypoints: Keypoints, stands: Bool[np.ndarray, " frames"]) -> bool:
    """Whether the face is large for the legs, as a small child's, of who stands or walks and is seen from ahead.

    Args:
        motion: of Anny, with its camera.
        keypoints: px, that it was recovered from; of a detector with points of the face.
        stands: by ``upright``.

    Returns:
        False from elsewhere, and where the legs are not seen.
    """
    legs = [[f"{side}_{name}" for name in ("hip", "knee", "ankle")] for side in ("left", "right")]
    names = keypoints.names
    if motion.camera is None or not {*FACE, *legs[0], *legs[1]} <= set(names):
        return False
    where = [[names.index(name) for name in leg] for leg in legs]
    sure = stands & (keypoints.confidence[:, [*where[0][1:], *where[1][1:]]].min(1) > SURE)
    sure &= _towards_the_lens(motion) < FROM_AHEAD
    if sure.sum() < max(LEAST_FRAMES, keypoints.found.sum() / 3):
        return False
    xy = keypoints.xy[sure]
    face = xy[:, [names.index(name) for name in FACE]]
    spread = np.sqrt(np.square(face - face.mean(1, keepdims=True)).sum(-1).mean(1))
    leg = np.mean([np.linalg.norm(np.diff(xy[:, one], axis=1), axis=-1).sum(1) for one in where], axis=0)
    return bool(np.median(spread / leg) > CHILD)


def ends_early(
    keypoints: Keypoints, free: dict[str, Bool[np.ndarray, " frames"]], stands: Bool[np.ndarray, " frames"]
) -> list[str]:
    """Limbs whose forearm or shank is short in nearly all of the frames that show it, while the other side's is not.

    The detector goes on to put a wrist or an ankle, often confidently, where a stump ends.

    Args:
        keypoints: px.
        free: by "left wrist", "right ankle" …, frames in which nothing of the body is before it.
        stands: by ``upright``; of who does not, arms may point at the lens.

    Returns:
        As "left arm", "right leg".
    """
    names = keypoints.names
    trunk = [[f"{side}_{name}" for side in ("left", "right")] for name in ("shoulder", "hip")]
    if not {*trunk[0], *trunk[1]} <= set(names):
        return []
    shoulders, hips = (keypoints.xy[:, [names.index(name) for name in pair]].mean(1) for pair in trunk)
    size = np.linalg.norm(shoulders - hips, axis=1)
    found = list[str]()
    for limb, (begin, end, least) in SHORT.items():
        longest = dict[str, float]()
        for side in ("left", "right"):
            both, shown = (f"{side}_{begin}", f"{side}_{end}"), free.get(f"{side} {end}")
            if shown is None or not set(both) <= set(names) or shown.sum() < LEAST_FRAMES:
                continue
            if shown.sum() <= keypoints.found.sum() / 2:
                continue
            first, second = (keypoints.xy[shown, names.index(name)] for name in both)
            longest[side] = float(np.percentile(np.linalg.norm(second - first, axis=1) / size[shown], MOST))
        short = [side for side, length in longest.items() if length < least]
        if len(short) == 1 and (limb == "leg" or _throughout(stands, keypoints)):
            found.append(f"{short[0]} {limb}")
    return found


def _throughout(stands: Bool[np.ndarray, " frames"], keypoints: Keypoints) -> bool:
    return bool(stands.sum() >= max(LEAST_FRAMES, UPRIGHT_SHARE * keypoints.found.sum()))


def _forwards(motion: BodyMotion) -> Float[np.ndarray, "frames 3"]:
    """Where the pelvis faces, level, world axes, of length 1."""
    forwards = motion.rotations[:, 0, :, 0] * [1.0, 0.0, 1.0]
    return forwards / np.maximum(np.linalg.norm(forwards, axis=1, keepdims=True), 1e-9)


def _in_film(motion: BodyMotion, vectors: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3"]:
    """World vectors in the axes of the camera of each frame."""
    assert motion.camera is not None
    turned = vectors @ motion.camera.rotation_camera_from_world.T
    return turned if motion.camera_turns is None else np.einsum("fij,fj->fi", motion.camera_turns, turned)


def _towards_the_lens(motion: BodyMotion) -> Float[np.ndarray, " frames"]:
    """1 where the pelvis faces as the lens looks, −1 where it faces the lens."""
    towards: Float[np.ndarray, " frames"] = _in_film(motion, _forwards(motion))[:, 2]
    return towards


def _directions(
    motion: BodyMotion,
) -> tuple[Float[np.ndarray, "frames 2"], Float[np.ndarray, "frames 2"], Float[np.ndarray, " frames"]]:
    """Upwards and forwards at the pelvis as the picture shows a metre of each, and the ratio of their lengths."""
    assert motion.camera is not None
    place = motion.camera.to_camera(motion.root_position_m)
    if motion.camera_turns is not None:
        place = np.einsum("fij,fj->fi", motion.camera_turns, place)
    shown = []
    for way in (np.broadcast_to([0.0, 1.0, 0.0], place.shape), _forwards(motion)):
        vector = _in_film(motion, way)
        shown.append(vector[:, :2] - place[:, :2] / place[:, 2:] * vector[:, 2:])
    up, forwards = shown
    return up, forwards, np.linalg.norm(forwards, axis=1) / np.maximum(np.linalg.norm(up, axis=1), 1e-9)
