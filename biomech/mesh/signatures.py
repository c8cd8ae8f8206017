"""Signatures of the method's failures: what they are told by, what the run says of them, what it gives instead.

The one home of the thresholds. Whole frames go to ``BodyMotion.doubts``, which ``Trusted.judge`` takes over with the
solve; what concerns the clip becomes a note. Thresholds were set with ordinary
runs in sight, drawn people and films alike: that these are left alone is no independent figure.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from biomech.body.anny import AnnyBody
from biomech.body.linkage import BALLS, HINGES, coordinates_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.camera import NEAREST_M
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.chain import Chain
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.exchanged import SAID as EXCHANGED
from biomech.mesh.exchanged import exchanged
from biomech.mesh.exchanged import note as exchanges_note
from biomech.mesh.limbs import behind
from biomech.mesh.subject import Subject
from biomech.mesh.unusual import Angles, childlike, ends_early, stoops, upright
from biomech.osim_models import figures

BEYOND_RAD = np.radians(10.0)  # outside the range of a joint; of 205 ordinary runs none was
CONFIDENT, LEAST_SHARE = 0.3, 0.5  # of keypoints: as the paper's refinement ("BioPose", arXiv 2501.07800) asks for
SURE = 0.5  # confidence of a keypoint that may speak against the body
MOST = 0.5  # of the frames with the person: a detector that errs for a moment is no pose that cannot be
FAR = 8.0  # calibrated standard deviations of a keypoint from the body
UNSEEN = 0.1  # confidence that an end of a limb does not reach although nothing of the body hides it
OFTEN = 0.9  # of the frames
LEAST_FRAMES = 5
SEATED_RAD, STILL_RAD, TRAVELS_M = np.radians(40.0), np.radians(25.0), 0.6
SMALLEST_M = 0.9  # stature of the shortest children that were measured (docs/recovery.md)
LIGHTEST, HEAVIEST = 16.0, 31.0  # kg/m²: one beyond what the embedded body reaches, 17 to 30
BODY_MASS = "the body mass index is {:.0f}"
LIMBS = {
    f"{side} {name}": tuple(f"{side}_{point}" for point in points)
    for side in ("left", "right")
    for name, points in (("arm", ("elbow", "wrist")), ("leg", ("knee", "ankle")))
}


# What is said of each, of a frame (the first five) or of the clip; the latter ones' limits are in ``unusual``.
SAID = {
    "beyond": "is outside what the joint allows",
    "contradicted": "fits no pose of the body",
    "sparse": "more than half of the keypoints are missing",
    "brief": f"fewer than {LEAST_FRAMES} pictures of the person: one moment does not say how a body lies in depth",
    "exchanged": EXCHANGED,
    "absent": "is never seen though nothing of the body hides it",
    "short": "ends early in the picture",
    "carried": "the person sits and is carried along",
    "stoops": "the person stoops",
    "child": "the head is large for the legs",
}


def angles(motion: BodyMotion) -> Angles:
    """Coordinates of our skeleton (rad) by name.

    Args:
        motion: of Anny.

    Returns:
        Those of the nearest pose of its links.
    """
    return coordinates_of(pose_of_bones(AnnyBody.load([0]), motion.shape, motion.rotations))


def beyond(values: Angles) -> dict[str, Bool[np.ndarray, " frames"]]:
    """In which frames each joint is outside its range, by the name of its coordinate.

    Args:
        values: of a motion, by ``angles``.

    Returns:
        Coordinates of which some frame is more than ``BEYOND_RAD`` outside. A ball's three angles are read both ways
        that name the same pose, and the nearer to its ranges counts; the pelvis has none.
    """
    ranges = figures.COORDINATES | {
        f"{name}_{side}": figure for name, figure in figures.SIDE_COORDINATES.items() for side in "rl"
    }

    def outside(name: str, value: Float[np.ndarray, " frames"]) -> Float[np.ndarray, " frames"]:
        low, high = np.radians((ranges[name].low, ranges[name].high))
        middle = (low + high) / 2
        return np.abs((value - middle + np.pi) % (2 * np.pi) - np.pi) - (high - low) / 2

    found = {hinge.coordinate: outside(hinge.coordinate, values[hinge.coordinate]) for hinge in HINGES}
    for ball in BALLS[1:]:
        first, second, third = (values[name] for name in ball.coordinates)
        ways = ((first, second, third), (first + np.pi, np.pi - second, third + np.pi))
        both = [[outside(name, v) for name, v in zip(ball.coordinates, way, strict=True)] for way in ways]
        nearer = np.argmin([np.max(way, axis=0) for way in both], axis=0)
        for k, name in enumerate(ball.coordinates):
            found[name] = np.where(nearer == 0, both[0][k], both[1][k])
    return {name: far > BEYOND_RAD for name, far in found.items() if (far > BEYOND_RAD).any()}


def confidences(keypoints: Keypoints) -> Float[np.ndarray, "frames points"]:
    """Of the keypoints, 0 where there is none."""
    return np.where(np.isfinite(keypoints.xy).all(-1), keypoints.confidence, 0.0)


def sparse(keypoints: Keypoints) -> Bool[np.ndarray, " frames"]:
    """In which frames somebody is found, and more than half of the keypoints are missing or not confident."""
    return keypoints.found & ((confidences(keypoints) >= CONFIDENT).mean(1) < LEAST_SHARE)


def contradicted(motion: BodyMotion, keypoints: Keypoints) -> dict[str, Bool[np.ndarray, " frames"]]:
    """In which frames a limb's confident keypoint is far from the body; by limb, those in most of the clip.

    Args:
        motion: of Anny, with its camera.
        keypoints: px, that it was recovered from.

    Returns:
        By name of ``LIMBS``.
    """
    if motion.camera is None:
        return {}
    body = AnnyBody.load([0])
    places, correspondence = Correspondence.load(body.bone_names).match(keypoints.names)
    subject = Subject(body, motion.shape, motion.shape, height_m=None)
    world = Chain(body.parents, body.bone_names).positions(
        correspondence.points, subject.shaped, motion.rotations, motion.root_position_m
    )
    camera = motion.camera
    space = camera.to_camera(world)
    if motion.camera_turns is not None:
        space = space @ np.swapaxes(motion.camera_turns, 1, 2)
    depth = np.maximum(space[..., 2], NEAREST_M)
    xy = camera.focal_px * space[..., :2] / depth[..., None] + np.array(camera.center_px)
    off_px = np.linalg.norm(xy - keypoints.xy[:, places], axis=-1)
    far = off_px * depth / (camera.focal_px * subject.shaped.stature_m * correspondence.picture_sd) > FAR
    far &= confidences(keypoints)[:, places] >= SURE
    names = correspondence.points.names
    found = {limb: far[:, [names.index(p) for p in points if p in names]].any(1) for limb, points in LIMBS.items()}
    return {limb: where for limb, where in found.items() if where.sum() > MOST * keypoints.found.sum()}


def absent(keypoints: Keypoints, hidden: dict[str, Bool[np.ndarray, " frames"]]) -> list[str]:
    """Limbs whose end is never seen, though no part of the fitted body is in front of it.

    Args:
        keypoints: px.
        hidden: by joint, of the body that was recovered from them (``limbs.behind``).

    Returns:
        Names of ``LIMBS``; none of both legs, which a table hides more often than they are missing.
    """
    confidence, names = confidences(keypoints), keypoints.names
    if not hidden:
        return []
    found = []
    for limb, points in LIMBS.items():
        end = points[-1]
        if end not in names:
            continue
        free = keypoints.found & ~sparse(keypoints) & ~hidden[end.replace("_", " ")]
        unseen = (confidence[:, names.index(end)] < UNSEEN)[free]
        if free.mean() > 0.5 and len(unseen) >= LEAST_FRAMES and unseen.mean() >= OFTEN:
            found.append(limb)
    return [limb for limb in found if sum(limb.split()[-1] == other.split()[-1] for other in found) == 1]


def carried(motion: BodyMotion, values: Angles, seen: Bool[np.ndarray, " frames"]) -> bool:
    """Whether the person sits all the time, legs still, while the pelvis goes along the floor.

    Args:
        motion: of Anny; m.
        values: of the same, by ``angles``.
        seen: frames that count.

    Returns:
        False also where fewer than ``LEAST_FRAMES`` count.
    """
    if seen.sum() < LEAST_FRAMES:
        return False
    bends = np.stack([values[f"{name}_{side}"][seen] for name in ("hip_flexion", "knee_angle") for side in "rl"])
    way = np.linalg.norm(np.ptp(motion.root_position_m[seen][:, [0, 2]], axis=0))
    return bool(bends.min() > SEATED_RAD and np.ptp(bends, axis=1).max() < STILL_RAD and way > TRAVELS_M)


def size_notes(height_m: float | None, mass_kg: float | None) -> list[str]:
    """What is to be said of a told size that no accuracy was measured for.

    Args:
        height_m, mass_kg: None where they are not told.

    Returns:
        Notes; none where both are usual.
    """
    notes = []
    if height_m is not None and height_m < SMALLEST_M:
        notes.append(
            f"{height_m:g} m tall: an infant's proportions are not the body's, whose accuracy was measured from "
            f"{SMALLEST_M:g} m on; angles of trunk, neck and hips may be far off"
        )
    if height_m is not None and mass_kg is not None:
        index = mass_kg / height_m**2
        if height_m >= SMALLEST_M and (index > HEAVIEST or (index < LIGHTEST and height_m > 1.45)):
            notes.append(
                f"{BODY_MASS.format(index)}: outside the bodies that accuracy was measured on (17 to 30); the body's "
                "surface, and pelvis and trunk with it, may be off"
            )
    return notes


def limb_notes(motion: BodyMotion, keypoints: Keypoints, values: Angles) -> list[str]:
    """What is to be said of limbs that are not there, or not whole.

    Args:
        motion: of Anny, with its camera.
        keypoints: px, that it was recovered from.
        values: of the motion, by ``angles``.

    Returns:
        A note for each limb.
    """
    hidden = behind(motion)
    unseen = absent(keypoints, hidden)
    notes = [
        f"the {limb} {SAID['absent']}: it is made up, as a whole one; where it is missing, a prosthesis or behind "
        "a thing, leave its angles out"
        for limb in unseen
    ]
    shown = keypoints.found & ~sparse(keypoints)
    free = {joint: shown & ~covered for joint, covered in hidden.items()}
    return notes + [
        f"the {limb} {SAID['short']}, the other one does not: where a part of it is missing, it is made up, as a "
        "whole one that points at the lens; leave its angles out"
        for limb in ends_early(motion, keypoints, free, upright(values, keypoints.found), values)
        if limb not in unseen
    ]


def build_notes(
    motion: BodyMotion, keypoints: Keypoints, values: Angles, height_m: float | None, *, fits: bool = True
) -> list[str]:
    """What is to be said of a body as a whole that the film shows to be another than the model's.

    Args:
        motion: of Anny, with its camera.
        keypoints: px, that it was recovered from.
        values: of the motion, by ``angles``.
        height_m: as it was told; of a child that is known nothing is said.
        fits: no limb is ``contradicted``; a body that follows an impossible limb says wrongly what is upright.

    Returns:
        Notes; none of an ordinary one.
    """
    stands, notes = upright(values, keypoints.found), []
    if fits and stoops(motion, keypoints, stands, values):
        notes.append(
            f"{SAID['stoops']}: the head is before the hips throughout. The model's back bends at its lowest joint "
            "alone, so that a round back goes into lumbar extension, pelvis tilt and hip flexion, each some 10° off; "
            "use how they change"
        )
    if height_m is None and childlike(motion, keypoints, stands):
        notes.append(
            f"{SAID['child']}, as a small child's: without a height the body is taken for an adult's, and heights, "
            "ways and speeds are too large. Give `height_m`"
        )
    return notes


def signed(
    motion: BodyMotion,
    keypoints: Keypoints | None = None,
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
) -> BodyMotion:
    """The motion with what its signatures say: a reason for each doubtful frame, and notes.

    Args:
        motion: of Anny, just recovered; left as it is.
        keypoints: that it was recovered from; None of a mesh or several cameras, which tell less.
        height_m, mass_kg: as they were told.

    Returns:
        A copy with more ``doubts`` and ``notes``.
    """
    values = angles(motion)
    reasons = {f"{name} {SAID['beyond']}": where for name, where in beyond(values).items()}
    notes = size_notes(height_m, mass_kg)
    seen = np.ones(len(motion.time_s), bool) if keypoints is None else keypoints.found
    if keypoints is not None:
        reasons[SAID["sparse"]] = sparse(keypoints)
        if seen.sum() < LEAST_FRAMES:
            reasons[SAID["brief"]] = seen
            notes.append(f"{SAID['brief']}; take a longer part of the film")
        turned = exchanged(motion, keypoints, values)
        reasons[SAID["exchanged"]] = turned
        notes += exchanges_note(turned)
        against = contradicted(motion, keypoints)
        for limb, where in against.items():
            reasons[f"the picture of the {limb} {SAID['contradicted']}"] = where
        notes += limb_notes(motion, keypoints, values)
        notes += build_notes(motion, keypoints, values, height_m, fits=not against)
    if carried(motion, values, seen):
        notes.append(
            f"{SAID['carried']}, as in a wheelchair: the floor is not where the feet are; use angles of knees and "
            "ankles; no heights, strides or events; hips, pelvis tilt and lumbar extension may be 10 to 20° off"
        )
    own = joined(reasons, len(motion.time_s))
    before = motion.doubts or [""] * len(own)
    doubts = ["; ".join(why for why in both if why) for both in zip(before, own, strict=True)]
    return replace(motion, doubts=doubts, notes=[*motion.notes, *notes])


def joined(reasons: dict[str, Bool[np.ndarray, " frames"]], frames: int) -> Sequence[str]:
    """Of each frame the reasons that hold there.

    Args:
        reasons: and in which frames they hold.
        frames: how many there are.

    Returns:
        A text for each frame, several separated by "; "; empty where none holds.
    """
    return ["; ".join(why for why, where in reasons.items() if where[frame]) for frame in range(frames)]
