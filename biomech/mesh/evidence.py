"""What the detector says of a clip as the fit takes it: one ``Evidence`` for each camera; and what the fit explains."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from biomech.calibration.cameras import Calibration
from biomech.camera import NEAREST_M, projected
from biomech.inverse_kinematics.trusted import LEAST_QUALITY
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.features import SIZE as FEATURES
from biomech.mesh.fit import Evidence, State
from biomech.mesh.ground import SOLES, still_in_picture
from biomech.mesh.hidden import held_straight, legs_hidden
from biomech.mesh.placing import Placing
from biomech.mesh.rays import towards
from biomech.mesh.start import Initialiser
from biomech.mesh.subject import ADULT_STATURE_M

LEAST_CONFIDENCE = 0.1
USUAL_EXTENT = 0.3  # root mean square distance of a standing person's points from their mean, statures
SEEN = 0.3
RIM = 0.02  # of the picture's width
PARTS = {
    "trunk": ("left_shoulder", "right_shoulder", "left_hip", "right_hip"),
    "left arm": ("left_elbow", "left_wrist"),
    "right arm": ("right_elbow", "right_wrist"),
    "left leg": ("left_knee", "left_ankle"),
    "right leg": ("right_knee", "right_ankle"),
}
OF_THE_CAMERA = ("center_px", "turn", "shift_m")


def seen_by(
    keypoints: Sequence[Keypoints],
    places: list[int],
    correspondence: Correspondence,
    initialiser: Initialiser,
    calibration: Calibration | None,
) -> tuple[list[Evidence], Bool[np.ndarray, " frames"]]:
    """The evidence of every camera.

    Args:
        keypoints: a camera's each, of the same frames and points, with a focal length.
        places: columns of the points that the fit knows.
        correspondence: the body's points.
        initialiser: says what is known in space.
        calibration: where the cameras are to each other; of a lone one not needed.

    Returns:
        As many as cameras, and in which frames no camera is likely to see a leg.
    """
    names, views = correspondence.points.names, []
    for number, one in enumerate(keypoints):
        evidence = initialiser.in_space(in_picture(one, places), one, places, correspondence)
        if calibration is not None:
            evidence = replace(evidence, turn=calibration.turn(number), shift_m=calibration.shift_m(number))
        views.append(replace(evidence, still=_still(evidence, names)))
    if len(views) > 1:
        still = _still_in_all(views)
        views = [replace(evidence, still=still) for evidence in views]
    hidden = np.all([legs_hidden(evidence, names) for evidence in views], axis=0)
    return [held_straight(evidence, names, hidden) for evidence in views], hidden


def in_picture(keypoints: Keypoints, places: list[int]) -> Evidence:
    """The keypoints as the fit takes them, gaps at confidence 0; nothing is known in space.

    Args:
        keypoints: of one camera, with a focal length.
        places: columns of the points that the fit knows.

    Returns:
        All frames.
    """
    assert keypoints.focal_px is not None
    xy = keypoints.xy[:, places]
    confidence = np.where(np.isfinite(xy).all(-1), keypoints.confidence[:, places], 0.0)
    confidence = np.where(confidence < LEAST_CONFIDENCE, 0.0, np.minimum(confidence, 1.0))
    xy = np.nan_to_num(xy)
    width, height = keypoints.size_px
    # Beyond the picture's rim a detector says what people usually have there.
    inside = ((xy >= -RIM * width) & (xy <= np.array([width, height]) + RIM * width)).all(-1)
    confidence = np.where(inside, confidence, 0.0)
    center = np.array([(width - 1) / 2, (height - 1) / 2])
    steps = np.diff(keypoints.time_s)
    return Evidence(
        xy=xy,
        confidence=confidence,
        landmarks=np.zeros((*xy.shape[:2], 3)),
        landmark_sd=np.full((*xy.shape[:2], 3), np.inf),
        camera_from_ray=towards(xy, confidence, center, keypoints.focal_px),
        still=np.zeros((len(xy), len(SOLES))),
        guess=np.zeros((len(xy), FEATURES)),
        guess_sd=np.full((len(xy), FEATURES), np.inf),
        interval_s=float(np.median(steps)) if len(steps) else 1.0,  # a lone picture is news
        focal_px=keypoints.focal_px,
        center_px=center,
    )


def _still(evidence: Evidence, names: list[str]) -> Float[np.ndarray, "frames soles"]:
    """``still_in_picture`` of the evidence; a pixel is as large as makes the picture as large as the landmarks."""

    def extent(points: Float[np.ndarray, "frames points 2"]) -> Float[np.ndarray, " frames"]:
        return np.sqrt(np.square(points - points.mean(1, keepdims=True)).sum(2).mean(1))

    known = np.isfinite(evidence.landmark_sd).all((1, 2))
    statures = np.where(known, extent(evidence.landmarks[..., :2]), USUAL_EXTENT)
    m_per_px = ADULT_STATURE_M * statures / np.maximum(extent(evidence.xy), 1e-9)
    return still_in_picture(evidence.xy, evidence.confidence, m_per_px, names, evidence.interval_s)


def _still_in_all(views: list[Evidence]) -> Float[np.ndarray, "frames soles"]:
    """What moves in one picture moves; who does not see the person has no say."""
    there = np.array([evidence.confidence.any(1) for evidence in views])[..., None]
    still = np.where(there, [evidence.still for evidence in views], 1.0).min(0)
    return np.where(there.any(0), still, 0.0)


def part(evidence: Evidence, frames: slice | Int[np.ndarray, " part"]) -> Evidence:
    """Some frames: a window, or frames equally far apart.

    Args:
        evidence: of more; left as it is.
        frames: a window, or rows equally far apart.

    Returns:
        Of these frames, with their own interval.
    """
    apart = 1 if isinstance(frames, slice) or len(frames) < 2 else int(frames[1] - frames[0])
    columns = {field.name: getattr(evidence, field.name) for field in fields(Evidence)}
    several = {
        name: c[frames] for name, c in columns.items() if isinstance(c, np.ndarray) and name not in OF_THE_CAMERA
    }
    return Evidence(**{**columns, **several, "interval_s": apart * evidence.interval_s})


def explained(
    keypoints: Sequence[Keypoints],
    correspondence: Correspondence,
    placing: Placing,
    views: list[Evidence],
    state: State,
) -> tuple[Float[np.ndarray, " frames"], list[str]]:
    """Per frame, the share of the body's parts that some camera saw and that the fit explains there.

    Args:
        keypoints: a camera's each.
        correspondence: the body's points, as the evidence has them.
        placing: the body as the fit sees it.
        views: of all frames, a camera's each.
        state: what was found.

    Returns:
        0 … 1, 0 where nobody is found; and in words, what was not seen.
    """
    names, shaped = correspondence.points.names, state.subject.shaped
    points = placing.points(placing.frame(shaped, state.pose, state.root), correspondence.points)
    first = points @ state.level.camera_from_world.T
    good = np.zeros(first.shape[:2], bool)
    for one, e in zip(keypoints, views, strict=True):
        seen = e.of_first(first)
        distance_px = np.linalg.norm(projected(seen, e.focal_px, e.center_px) - e.xy, axis=-1)
        far = distance_px * np.maximum(seen[..., 2], NEAREST_M) / (e.focal_px * shaped.stature_m)
        inside = ((e.xy > 0) & (e.xy < np.array(one.size_px) - 1)).all(-1)
        good |= (e.confidence >= SEEN) & (far < 4 * correspondence.picture_sd) & inside
    found = np.any([one.found for one in keypoints], axis=0)
    quality, notes = np.zeros(len(found)), []
    for name, members in PARTS.items():
        seen = good[:, [names.index(m) for m in members if m in names]].mean(1)
        quality += seen / len(PARTS)
        missing = float((seen < 0.5)[found].mean())
        if missing > 0.25:
            notes.append(
                f"the {name} is hidden or out of view in {missing:.0%} of the frames: its angles there are guesses"
            )
    quality = np.where(found, quality, 0.0)
    doubtful = float((quality < LEAST_QUALITY).mean())
    if doubtful > 0.05:
        notes.append(f"the person is poorly seen in {doubtful:.0%} of the frames (quality below {LEAST_QUALITY:g})")
    return quality, notes
