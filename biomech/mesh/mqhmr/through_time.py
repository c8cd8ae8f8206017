"""From MQ-HMR's frames, each by itself, to one body that moves: the fit of `biomech.mesh.recover` begins with them.

What the network says of the body's points in space takes the place of the detector's 3D, with the standard deviations
that it showed on clips of known truth (``point_sd``); its poses are where the fit starts. The fit does the rest as
always: one shape, the picture, smoothness, gravity, the floor and the feet on it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Int

from biomech.body.linkage import Pose, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.fit import Evidence, State
from biomech.mesh.level import Level
from biomech.mesh.mqhmr.point_sd import PointSd, in_statures
from biomech.mesh.mqhmr.predict import Frames
from biomech.mesh.placing import Placing
from biomech.mesh.recover import recover
from biomech.mesh.start import filled, place
from biomech.mesh.subject import Subject


class FromFrames:
    """MQ-HMR's points in space and its poses."""

    posed = True

    def __init__(self, frames: Frames, point_sd: PointSd, *, judged: bool = True):
        if not frames.seen.any():
            raise BioposeError("no frame shows the person", mend="Choose another clip or person.")
        self.frames, self.point_sd, self.judged = frames, point_sd, "mqhmr" if judged else None

    def in_space(
        self, evidence: Evidence, keypoints: Keypoints, places: list[int], correspondence: Correspondence
    ) -> Evidence:
        """The evidence with the network's points as landmarks, in the frames that it saw.

        Args:
            evidence: of the whole clip, nothing known in space.
            keypoints: BlazePose's, of the same clip.
            places: columns of the keypoints that the evidence's points are.
            correspondence: not needed here.

        Returns:
            A copy with landmarks and their standard deviations (statures, ray axes, about their mean).
        """
        seen = self.frames.seen & (evidence.confidence > 0).any(1)
        landmarks, sd = evidence.landmarks.copy(), evidence.landmark_sd.copy()
        landmarks[seen] = in_statures(self.frames, seen, evidence.camera_from_ray[seen])[:, places]
        landmarks[seen] -= landmarks[seen].mean(1, keepdims=True)
        sd[seen] = self.point_sd.at(keypoints.confidence[seen])[:, places]
        return replace(evidence, landmarks=landmarks, landmark_sd=sd)

    def state(
        self,
        views: Sequence[Evidence],
        frames: Int[np.ndarray, " frames"],
        correspondence: Correspondence,
        placing: Placing,
        subject: Subject,
    ) -> State:
        """The network's poses, frames without one as their nearest; each where it lies on the keypoints.

        Args:
            views: of these frames only; the first camera's counts.
            frames: their rows in the clip.
            correspondence: the body's points, as the evidence has them.
            placing: the body as the fit sees it.
            subject: whose shape the body has.

        Returns:
            In the world of a usual level (Y up, the lens at the origin), m.
        """
        known = np.flatnonzero(self.frames.seen)
        rotations = self.frames.rotations[known[np.abs(frames[:, None] - known).argmin(1)]]
        level = Level()
        into_world = level.camera_from_world.T
        pose = pose_of_bones(subject.body, subject.shape, rotations)
        seen = placing.points(placing.frame(subject.shaped, pose, np.zeros((len(frames), 3))), correspondence.points)
        root = filled(place(views[:1], seen), views[0].confidence.sum(1) > 0)
        balls = pose.balls.copy()
        balls[:, 0] = into_world @ balls[:, 0]
        return State(Pose(balls, pose.hinges), root @ into_world.T, subject, level)


def recover_frames(
    keypoints: Keypoints,
    frames: Frames,
    point_sd: PointSd,
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
    judged: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> BodyMotion:
    """One moving body from what MQ-HMR said of each frame.

    Args:
        keypoints: BlazePose's, those that the network looked at.
        frames: the network's answers, refined or not.
        point_sd: of the network's points.
        height_m, mass_kg, sex, progress: as ``recover``.
        judged: whether the answer is held against ``doubt``.

    Returns:
        As ``recover``.

    Raises:
        BioposeError: as ``recover``; or the keypoints are not BlazePose's.
    """
    if list(keypoints.names) != POINT_NAMES:
        raise BioposeError("MQ-HMR needs BlazePose's keypoints", mend="Make them with `biopose detect VIDEO`.")
    initialiser = FromFrames(frames, point_sd, judged=judged)
    return recover(keypoints, height_m=height_m, mass_kg=mass_kg, sex=sex, initialiser=initialiser, progress=progress)
