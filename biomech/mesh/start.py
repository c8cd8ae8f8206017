"""How a recovery begins: what is known of the body in space before the fit, and the pose that the fit starts from.

Here from the detector's own 3D landmarks; ``mqhmr.through_time`` has another initialiser, MQ-HMR's.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation

from biomech.body.linkage import Pose, pose_of
from biomech.camera import TO_THE_LENS
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.correspondence import TRUNK, Correspondence
from biomech.mesh.fit import Evidence, State
from biomech.mesh.level import Level
from biomech.mesh.lifter import USUAL_STATURE_M, lift
from biomech.mesh.placing import Placing
from biomech.mesh.rays import origin_equations, origin_of
from biomech.mesh.sequence import seen_over_time
from biomech.mesh.subject import Subject


class Initialiser(Protocol):
    """What a recovery begins with, besides the keypoints in the picture."""

    posed: bool  # whether ``state`` is near enough for the shape to be fitted at once
    judged: str | None  # by whose table of ``doubt`` answers that begin so are judged; by none

    def in_space(
        self, evidence: Evidence, keypoints: Keypoints, places: list[int], correspondence: Correspondence
    ) -> Evidence:
        """The evidence of a clip with what is known of the points in space.

        Args:
            evidence: of the whole clip, from the picture alone.
            keypoints: that it was made from.
            places: columns of the keypoints that the evidence's points are.
            correspondence: the body's points, as the evidence has them.

        Returns:
            A copy with landmarks (statures, ray axes, about their mean) or a guess of the pose, and how sure they are.
        """
        ...

    def state(
        self,
        views: Sequence[Evidence],
        frames: Int[np.ndarray, " frames"],
        correspondence: Correspondence,
        placing: Placing,
        subject: Subject,
    ) -> State:
        """Where the fit of some frames of the clip starts.

        Args:
            views: of these frames only, a camera's each.
            frames: their rows in the clip.
            correspondence: the body's points, as the evidence has them.
            placing: the body as the fit sees it.
            subject: whose shape the body has; the state keeps it.

        Returns:
            One pose and root (m, world of the state's level) a frame.
        """
        ...


class FromDetector:
    """The detector's 3D landmarks: corrected where the detector is the embedded one; the rest pose laid over them."""

    posed = False

    def __init__(self, *, judged: bool = True):
        self.judged = "fit" if judged else None

    def in_space(
        self, evidence: Evidence, keypoints: Keypoints, places: list[int], correspondence: Correspondence
    ) -> Evidence:
        """The evidence with what the sequence network thinks of the pose, and with the detector's 3D where it has any.

        Args:
            evidence: of the whole clip, from the picture alone.
            keypoints: that it was made from; BlazePose's 3D is corrected by ``lift``, others' is taken at its word.
            places: columns of the keypoints that the evidence's points are.
            correspondence: the body's points, and how far off other detectors' 3D is taken to be.

        Returns:
            A copy with guess and landmarks (statures, ray axes, about their mean), and how sure they are.
        """
        evidence = _over_time(evidence, keypoints, places, correspondence)
        if keypoints.world_m is None:
            return evidence
        confidence = evidence.confidence
        landmarks, spread = evidence.landmarks.copy(), evidence.landmark_sd.copy()
        known = (confidence > 0).any(1) & np.isfinite(keypoints.world_m[:, places]).all((1, 2))
        if not known.any():
            return evidence
        if list(keypoints.names) == POINT_NAMES:
            landmarks[known], spread[known] = lift(
                evidence.xy[known],
                confidence[known],
                keypoints.world_m[known],
                evidence.focal_px,
                evidence.center_px,
            )
        else:
            landmarks[known] = keypoints.world_m[known][:, places] / USUAL_STATURE_M
            landmarks[known] -= landmarks[known].mean(1, keepdims=True)
            spread[known] = correspondence.landmark_sd
        return replace(evidence, landmarks=landmarks, landmark_sd=spread)

    def state(
        self,
        views: Sequence[Evidence],
        frames: Int[np.ndarray, " frames"],
        correspondence: Correspondence,
        placing: Placing,
        subject: Subject,
    ) -> State:
        """The neutral pose laid over the landmarks: ``laid_over_landmarks``.

        Args:
            views: of these frames only, a camera's each.
            frames: their rows in the clip; not needed here.
            correspondence: the body's points, as the evidence has them.
            placing: the body as the fit sees it.
            subject: whose shape the body has.

        Returns:
            One pose and root (m) a frame.
        """
        return laid_over_landmarks(views, correspondence, placing, subject)


def _over_time(evidence: Evidence, keypoints: Keypoints, places: list[int], correspondence: Correspondence) -> Evidence:
    """With what the sequence network makes of the clip."""
    answer = seen_over_time(
        correspondence.points.names,
        evidence.xy,
        evidence.confidence,
        None if keypoints.world_m is None else keypoints.world_m[:, places],
        keypoints.time_s,
        evidence.focal_px,
        evidence.center_px,
    )
    evidence = replace(evidence, guess=answer.features, guess_sd=answer.features_sd)
    if keypoints.world_m is not None and np.isfinite(keypoints.world_m[:, places]).any():
        return evidence
    # Where the detector has no 3D, the network's own says which way the person faces.
    rows = [POINT_NAMES.index(name) for name in correspondence.points.names]
    landmarks, surest = answer.points[:, rows], evidence.confidence.max(1, keepdims=True)
    landmarks = landmarks - landmarks.mean(1, keepdims=True)
    spread = np.where(surest[..., None] > 0, answer.points_sd[:, rows], np.inf)
    return replace(evidence, landmarks=landmarks, landmark_sd=spread)


def laid_over_landmarks(
    views: Sequence[Evidence], correspondence: Correspondence, placing: Placing, subject: Subject
) -> State:
    """The neutral pose, facing as the trunk's landmarks do, where it lies on the keypoints of all pictures.

    Args:
        views: of the frames, a camera's each; the landmarks are those of the camera that sees most of a frame. Where
            there are none the body faces as in the frame before, and the first lens if there are none at all.
        correspondence: the body's points, as the evidence has them; with shoulders and hips.
        placing: the body as the fit sees it.
        subject: whose shape the body has.

    Returns:
        In the world of a usual level (Y up, the first lens at the origin), m; roots without evidence between their
        neighbours'.
    """
    frames, points = len(views[0].xy), correspondence.points
    neutral = pose_of([], np.zeros((frames, 0)))
    upright = placing.points(placing.frame(subject.shaped, neutral[:1], np.zeros((1, 3))), points)[0]
    trunk = [points.names.index(name) for name in TRUNK]
    of_all = np.array([np.isfinite(e.landmark_sd).all((1, 2)) for e in views])
    best = np.where(of_all, [e.confidence.sum(1) for e in views], -1.0).argmax(0)
    known = np.asarray(of_all.any(0))
    said = np.stack([e.landmarks @ np.swapaxes(e.turn.T @ e.camera_from_ray, 1, 2) for e in views])
    landmarks = subject.shaped.stature_m * said[best, np.arange(frames)]
    facing = _facing(landmarks[:, trunk], known, upright[trunk])
    laid = np.where(known[:, None, None], landmarks, upright @ np.swapaxes(facing, 1, 2))
    laid = laid - laid[:, trunk[2:]].mean(1, keepdims=True)
    seen = np.sum([e.confidence.sum(1) for e in views], 0) > 0
    root = filled(place(views, laid) - facing @ upright[trunk[2:]].mean(0), seen)
    level = Level()
    into_world = level.camera_from_world.T
    turned = neutral.balls.copy()
    turned[:, 0] = into_world @ facing @ turned[:, 0]
    return State(Pose(turned, neutral.hinges), root @ into_world.T, subject, level)


def _facing(
    target: Float[np.ndarray, "frames 4 3"], known: Bool[np.ndarray, " frames"], source: Float[np.ndarray, "4 3"]
) -> Float[np.ndarray, "frames 3 3"]:
    """Rotation camera from body that lays the trunk's points over their landmarks; else as before; else to the lens."""
    result = np.empty((len(target), 3, 3))
    last = TO_THE_LENS
    for frame in [*np.flatnonzero(known)[:1], *range(len(target))]:
        if known[frame]:
            points = target[frame]
            last = Rotation.align_vectors(points - points.mean(0), source - source.mean(0))[0].as_matrix()
        result[frame] = last
    return result


def place(views: Sequence[Evidence], laid: Float[np.ndarray, "frames points 3"]) -> Float[np.ndarray, "frames 3"]:
    """Where the points' origin is if they project onto the keypoints: linear least squares, frame by frame.

    Args:
        views: keypoints (px), their confidence and the camera, of every camera.
        laid: the same points about any origin, turned as the first camera sees them, m.

    Returns:
        The origin in the first camera's axes, m; at least 0.3 m away.
    """
    return origin_of(
        [origin_equations(e.xy, e.confidence, e.of_first(laid), e.focal_px, e.center_px, e.turn) for e in views]
    )


def filled(values: Float[np.ndarray, "frames 3"], good: Bool[np.ndarray, " frames"]) -> Float[np.ndarray, "frames 3"]:
    """Linear in time through frames without evidence.

    Args:
        values: in any unit.
        good: frames with evidence.

    Returns:
        Good frames as they are, the others between them, or as the nearest at the ends; all as they are if none is
        good.
    """
    if good.all() or not good.any():
        return values
    at = np.arange(len(values))
    return np.stack([np.interp(at, at[good], values[good, k]) for k in range(3)], 1)
