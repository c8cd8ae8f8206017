"""Bodies that the model does not have, as far as a film shows them: a stoop, a small child, a limb that ends early.

The fit makes every body its own: an adult's with a straight back and whole limbs. So what is looked at is the
detector's points, with the fitted body to say where the person faces, what it hides and whether it is upright. Limits
were chosen between drawn people of each kind and ordinary ones (`biopose bench bodies`, seed 101; `bench failures`,
seeds 101, 131 and 404), with ordinary runs in sight.
"""

import numpy as np
from jaxtyping import Bool, Float

from biomech.body.motion import BodyMotion
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.limbs import joints_m
from biomech.mesh.rays import towards

Angles = dict[str, Float[np.ndarray, " frames"]]

UPRIGHT_RAD = {"hip_flexion": np.radians(45.0), "knee_angle": np.radians(75.0)}  # bent less than in walking
UPRIGHT_SHARE = 0.9  # of the frames
LEAST_FRAMES = 5
SURE = 0.5  # confidence of points that count
FROM_THE_SIDE, FROM_AHEAD = 0.9, -0.7  # of a way forwards, along the picture; towards the lens
# Ears before the hips and, a quarter of it, before the shoulders, in nine of ten frames; and lumbar extension of the
# answer, in the middle of them. Of 280 clips of ordinary drawn people two are so far by both, of 17 who stoop 15.
STOOPS_RAD, BEFORE_SHOULDERS = np.radians(16.5), 0.25
BENT_RAD = np.radians(-10.5)
LEANS_RAD = np.radians(16.0)  # both hips bent so far in the middle of the frames: a bow or a shallow squat
FACE = (
    *("nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer"),
    *("left_ear", "right_ear", "mouth_left", "mouth_right"),
)
CHILD = 0.068  # spread of the face's points over the leg's length; adults on film up to 0.066, drawn ones to 0.063
# Of the trunk's length in the picture, in nine of ten frames: forearms and shanks that are there are longer.
SHORT = {"arm": ("elbow", "wrist", 0.36), "leg": ("knee", "ankle", 0.48)}
LONGER = 1.3  # times as long the other side's is
FOLDED_RAD = np.radians(80.0)  # an elbow that holds its forearm before the body; made-up ones are bent by 35 to 77°
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


def stoops(motion: BodyMotion, keypoints: Keypoints, stands: Bool[np.ndarray, " frames"], values: Angles) -> bool:
    """Whether the head is before hips and shoulders throughout and the answer bends its back for it, from the side.

    Args:
        motion: of Anny, with its camera, that no keypoint speaks against: it says what is upright.
        keypoints: px, that it was recovered from.
        stands: by ``upright``.
        values: coordinates of the motion (rad).

    Returns:
        False from elsewhere, where a stoop does not show, and of who does not stand or walk.
    """
    wanted = [f"{side}_{name}" for name in ("ear", "shoulder", "hip") for side in ("left", "right")]
    if motion.camera is None or not set(wanted) <= set(keypoints.names) or not _throughout(stands, keypoints):
        return False
    places = [keypoints.names.index(name) for name in wanted]
    up, forwards, along = _directions(motion)
    if np.median(along) < FROM_THE_SIDE:
        return False
    ears, shoulders, hips = (keypoints.xy[:, pair].mean(1) for pair in (places[:2], places[2:4], places[4:]))
    # One ear hides the other.
    sure = stands & (keypoints.confidence[:, places[:2]].max(1) > SURE) & (along > FROM_THE_SIDE)
    if sure.sum() < LEAST_FRAMES or np.median(values["lumbar_extension"][sure]) > BENT_RAD:
        return False
    if np.median(np.minimum(values["hip_flexion_r"], values["hip_flexion_l"])[sure]) > LEANS_RAD:
        return False
    axes = np.stack([up, forwards], -1)[sure]
    before = _leaning(axes, (ears - hips)[sure]) + BEFORE_SHOULDERS * _leaning(axes, (ears - shoulders)[sure])
    return bool(np.percentile(before, 100 - MOST) > STOOPS_RAD)


def _leaning(axes: Float[np.ndarray, "frames 2 2"], way: Float[np.ndarray, "frames 2"]) -> Float[np.ndarray, " frames"]:
    """How far forwards from upright (rad) a way in the picture (px) goes."""
    up, forwards = np.moveaxis(np.linalg.solve(axes, way[..., None])[..., 0], -1, 0)
    return np.asarray(np.arctan2(forwards, up))


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
    motion: BodyMotion,
    keypoints: Keypoints,
    free: dict[str, Bool[np.ndarray, " frames"]],
    stands: Bool[np.ndarray, " frames"],
    values: Angles,
) -> list[str]:
    """Limbs whose forearm or shank is short in nearly all of the frames that show it, while the other side's is not.

    The detector goes on to put a wrist or an ankle, often confidently, where a stump ends.

    Args:
        motion: of Anny.
        keypoints: px, that it was recovered from.
        free: by "left wrist", "right ankle" …, frames in which nothing of the body is before it.
        stands: by ``upright``; of who does not, arms may point at the lens.
        values: coordinates of the motion (rad).

    Returns:
        As "left arm", "right leg"; none of which the other side is not shown, and no arm that is folded or that
        detector and body see point opposite ways.
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
        if len(longest) < 2:
            continue
        side = min(longest, key=lambda one: longest[one])
        if longest[side] >= least or max(longest.values()) < max(least, LONGER * longest[side]):
            continue
        if limb == "leg":
            found.append(f"{side} {limb}")
        elif _throughout(stands, keypoints) and not _held_up(motion, keypoints, free[f"{side} {end}"], side, values):
            found.append(f"{side} {limb}")
    return found


def _held_up(
    motion: BodyMotion, keypoints: Keypoints, shown: Bool[np.ndarray, " frames"], side: str, values: Angles
) -> bool:
    """Whether a whole forearm that points at the lens or away from it is as likely as a stump.

    That is so where the elbow is folded, by the body or by the detector's own landmarks; and where these put the wrist
    behind the elbow and the body before it, or the other way round: of a forearm that the detector makes up the body
    follows what it says.
    """
    if np.median(values[f"elbow_flex_{side[0]}"][shown]) > FOLDED_RAD:
        return True
    points = [f"{side}_{name}" for name in ("shoulder", "elbow", "wrist")]
    if keypoints.world_m is None or motion.camera is None:
        return False
    landmarks = keypoints.world_m[:, [keypoints.names.index(name) for name in points]]
    shown = shown & np.isfinite(landmarks).all((1, 2))
    if not shown.any():
        return False
    shoulder, elbow, wrist = np.moveaxis(landmarks[shown], 1, 0)
    upper, lower = elbow - shoulder, wrist - elbow
    bent = np.arctan2(np.linalg.norm(np.cross(upper, lower), axis=-1), np.einsum("fi,fi->f", upper, lower))
    if np.median(bent) > FOLDED_RAD:
        return True
    there = np.isfinite(keypoints.xy).all(-1)
    xy, confidence = np.nan_to_num(keypoints.xy), np.where(there, np.nan_to_num(keypoints.confidence), 0.0)
    turn = towards(xy, confidence, np.array(motion.camera.center_px), motion.camera.focal_px)
    joints = joints_m(motion)
    places = [motion.bone_names.index(f"{side.title()}{bone}") for bone in ("ForeArm", "Hand")]
    fitted = _in_film(motion, joints[:, places[1]] - joints[:, places[0]])
    return bool(np.median(np.einsum("fij,fj,fi->f", turn[shown], lower, fitted[shown])) < 0)


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
