"""Mesh recovery, first form: the body's shape, pose and place fitted to the keypoints of a window of frames.

Everything here happens in camera axes (x right, y down, z away); `recover` cuts the clip into windows and turns the
answer upright. One sum of squares, minimised by Gauss–Newton steps over all frames and the shape at once; each
residual is divided by a standard deviation that `calibrate` measured on rendered bodies or that the CMU motions show:

- picture: the projection of a calibrated body point against the keypoint, robust
- landmarks: the arrangement of the body points in space against the detector's own 3D, robust
- prior: the pose prior and the joint limits
- smoothness: the acceleration of points on every bone
- feet: where a foot stands it does not slide; nor does it sink or float, once the floor is known
- shape: stature and mass where given, else the spread of adults
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from biomech.mesh.banded import NormalEquations, minimised
from biomech.mesh.chain import BonePoints, Chain, Slopes
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.ground import Floor
from biomech.mesh.posture import Posture
from biomech.mesh.subject import Subject

CORRELATION_S = 0.1  # errors, poses and accelerations last about this long: frames closer than it are not news
ACCELERATION_SD = 12.0  # m/s², of points on the limbs
ROBUST = 2.0  # standard deviations beyond which a keypoint loses its say (Geman–McClure)
LANDMARK_TRUST = 0.5
LANDMARK_SIZE = 0.9, 1.3  # of the body's
PRIOR_TRUST = 0.5
HEIGHT_SD_M, SLIDE_SD_M_S = 0.015, 0.05
STILL_SD_M_S = 0.15  # of what only seems to stand: along the ray a foot that hardly moves in the picture may
SECOND_DIFFERENCE = (1.0, -2.0, 1.0)


@dataclass(frozen=True)
class Evidence:
    """What the detector says of the frames of one window, matched to the body's points."""

    xy: Float[np.ndarray, "frames points 2"]
    confidence: Float[np.ndarray, "frames points"]  # 0 where there is none
    # Where the points are about their mean, and how surely: statures, in the axes of the ray through the person.
    landmarks: Float[np.ndarray, "frames points 3"]
    landmark_sd: Float[np.ndarray, "frames points 3"]  # infinite where nothing is known
    camera_from_ray: Float[np.ndarray, "frames 3 3"]
    still: Float[np.ndarray, "frames soles"]  # 0 … 1, how surely each point of the soles stands (``ground``)
    interval_s: float
    focal_px: float
    center_px: Float[np.ndarray, "2"]


@dataclass
class State:
    """What the fit changes."""

    rotations: Float[np.ndarray, "frames bones 3 3"]
    root: Float[np.ndarray, "frames 3"]
    subject: Subject


class WindowFit:
    """The sum of squares of one window and its minimisation."""

    def __init__(
        self,
        evidence: Evidence,
        chain: Chain,
        correspondence: Correspondence,
        posture: Posture,
        soles: BonePoints,
        floor: Floor | None = None,
        landmark_trust: float = LANDMARK_TRUST,
    ):
        self.landmark_trust = landmark_trust
        self.evidence, self.chain, self.posture = evidence, chain, posture
        self.soles, self.floor = soles, floor
        self.correspondence = correspondence
        self.points = correspondence.points
        self.tracers = _tracers(chain)
        self.information = min(1.0, evidence.interval_s / CORRELATION_S)

    def minimise(self, state: State, *, iterations: int, free_shape: bool) -> State:
        """Levenberg–Marquardt until the cost falls by less than a thousandth."""
        # The shape changes little and its slopes less: one set of them serves all steps.
        slopes = state.subject.slopes() if free_shape else None
        return minimised(
            state,
            cost=self.cost,
            equations=lambda now: self._equations(now, slopes),
            moved=self._moved,
            iterations=iterations,
        )

    def cost(self, state: State) -> float:
        """Half the robust sum of squares."""
        shaped, e = state.subject.shaped, self.evidence
        points = self.chain.positions(self.points, shaped, state.rotations, state.root)
        picture = np.square(self._picture(points, shaped.stature_m)).sum(-1)
        landmarks = np.square(self._landmarks(points, shaped.stature_m)).sum(-1)
        total = self.information * float(
            (e.confidence * _robust(picture)).sum() + self.landmark_trust * _robust(landmarks).sum()
        )
        total += 2 * PRIOR_TRUST * self.information * self.posture.cost(state.rotations)
        tracers = self.chain.positions(self.tracers, shaped, state.rotations, state.root)
        total += float(np.square(self._smoothness(tracers)).sum())
        soles = self.chain.positions(self.soles, shaped, state.rotations, state.root)
        total += float(np.square(self._slides(soles)).sum())
        if self.floor is not None:
            total += float(np.square(self._heights(self.floor, soles)).sum())
        return 0.5 * (total + float(np.square(state.subject.residual()).sum()))

    # The residuals, unweighted.

    def _scale(
        self, points: Float[np.ndarray, "frames points 3"], stature_m: float
    ) -> Float[np.ndarray, "frames points"]:
        """Standard deviations per pixel: what a pixel is in statures at the body's distance."""
        distance = np.maximum(points[..., 2].mean(1, keepdims=True), 0.2)
        return distance / (self.evidence.focal_px * stature_m * self.correspondence.picture_sd)

    def _picture(self, points, stature_m) -> Float[np.ndarray, "frames points 2"]:
        depth = np.maximum(points[..., 2:], 0.1)
        pixels = points[..., :2] / depth * self.evidence.focal_px + self.evidence.center_px
        return (pixels - self.evidence.xy) * self._scale(points, stature_m)[..., None]

    def _landmarks(self, points, stature_m) -> Float[np.ndarray, "frames points 3"]:
        """Landmarks that are unsure lie nearer to each other than the body's points: their size in a frame is free."""
        e = self.evidence
        body = (points - points.mean(1, keepdims=True)) @ e.camera_from_ray / stature_m
        weighted = e.landmarks / e.landmark_sd**2
        size = (weighted * body).sum((1, 2)) / np.maximum((weighted * e.landmarks).sum((1, 2)), 1e-9)
        return (body - np.clip(size, *LANDMARK_SIZE)[:, None, None] * e.landmarks) / e.landmark_sd

    def _smoothness(self, tracers: Float[np.ndarray, "frames points 3"]) -> Float[np.ndarray, "pieces rows"]:
        flat = tracers.reshape(len(tracers), -1)
        if len(flat) < 3:
            return np.zeros((0, flat.shape[1]))
        second = flat[:-2] - 2 * flat[1:-1] + flat[2:]
        return second * self._smoothness_weight(flat.shape[1])

    def _smoothness_weight(self, rows: int) -> float:
        # Three tracers a bone say nearly the same: together they count as one. Accelerations last as keypoints' errors
        # do; so all weights are of a unit of time, and the answer does not hang on the frame rate.
        return np.sqrt(self.information / 3) / (ACCELERATION_SD * self.evidence.interval_s**2)

    def _heights(self, floor: Floor, soles) -> Float[np.ndarray, "frames points"]:
        """Of standing (and of sunken) points above the floor."""
        return self._bearing(floor, soles) * floor.height(soles)

    def _slides(self, soles) -> Float[np.ndarray, "pieces points 3"]:
        """Of standing points."""
        return self._sliding() * (soles[1:] - soles[:-1])

    def _bearing(self, floor: Floor, soles) -> Float[np.ndarray, "frames points"]:
        weight = np.where(floor.height(soles) < 0, 1.0, np.sqrt(floor.contact))
        return weight * np.sqrt(self.information) / HEIGHT_SD_M

    def _sliding(self) -> Float[np.ndarray, "pieces points 1"]:
        surely = np.sqrt(self.evidence.still) / STILL_SD_M_S
        if self.floor is not None:
            surely = np.maximum(surely, np.sqrt(self.floor.contact) / SLIDE_SD_M_S)
        both = np.minimum(surely[1:], surely[:-1])
        return (both * np.sqrt(self.information) / self.evidence.interval_s)[..., None]

    # The normal equations.

    def _equations(self, state: State, slopes: Slopes | None) -> NormalEquations:
        shaped, e = state.subject.shaped, self.evidence
        frames = len(state.root)
        equations = NormalEquations(frames, self.chain.size, state.subject.size if slopes else 0)
        placed = self.chain.place(self.points, shaped, state.rotations, state.root, slopes)
        by_shape = placed.by_shape

        residual = self._picture(placed.points, shaped.stature_m)
        weight = np.sqrt(self.information * e.confidence * _slope(np.square(residual).sum(-1)))
        depth = np.maximum(placed.points[..., 2:], 0.1)
        project = np.zeros((*placed.points.shape[:2], 2, 3))
        project[..., 0, 0] = project[..., 1, 1] = 1
        project[..., :, 2] = -placed.points[..., :2] / depth
        project *= (
            self.evidence.focal_px / depth * (self._scale(placed.points, shaped.stature_m) * weight)[..., None]
        )[..., None]
        self._add(equations, residual * weight[..., None], project, placed.by_pose, by_shape)

        residual = self._landmarks(placed.points, shaped.stature_m)
        weight = np.sqrt(self.landmark_trust * self.information * _slope(np.square(residual).sum(-1)))
        into_ray = np.swapaxes(e.camera_from_ray, 1, 2)[:, None] / (e.landmark_sd * shaped.stature_m)[..., None]
        about_mean = placed.by_pose - placed.by_pose.mean(1, keepdims=True)
        about_mean_shape = None if by_shape is None else by_shape - by_shape.mean(1, keepdims=True)
        self._add(
            equations, residual * weight[..., None], into_ray * weight[..., None, None], about_mean, about_mean_shape
        )

        weight = np.sqrt(PRIOR_TRUST * self.information)
        pose, by_pose = self.posture.rows(state.rotations)
        equations.add_frames(weight * pose, weight * by_pose)

        tracers = self.chain.place(self.tracers, shaped, state.rotations, state.root)
        flat = tracers.by_pose.reshape(frames, -1, self.chain.size)
        second = self._smoothness(tracers.points)
        equations.add_differences(SECOND_DIFFERENCE, second, flat * self._smoothness_weight(flat.shape[1]))

        soles = self.chain.place(self.soles, shaped, state.rotations, state.root)
        self._add_slides(equations, self._slides(soles.points), self._sliding(), soles.by_pose)
        if self.floor is not None:
            heights, weight = self._heights(self.floor, soles.points), self._bearing(self.floor, soles.points)
            equations.add_frames(heights, weight[..., None] * np.einsum("i,fpiu->fpu", self.floor.up, soles.by_pose))

        if slopes:
            residual, jacobian = state.subject.residual(), state.subject.residual_slope(slopes)
            equations.corner += jacobian.T @ jacobian
            equations.shared_gradient += jacobian.T @ residual
        return equations

    @staticmethod
    def _add(equations: NormalEquations, residual, by_point, by_pose, by_shape) -> None:
        frames = len(residual)
        equations.add_frames(
            residual.reshape(frames, -1),
            (by_point @ by_pose).reshape(frames, -1, equations.size),
            None if by_shape is None else (by_point @ by_shape).reshape(frames, -1, equations.shared),
        )

    def _add_slides(self, equations: NormalEquations, slides, weight, by_pose) -> None:
        """First differences weighted pair by pair: each pair's weight is put on either frame's Jacobian in turn."""
        pieces = len(slides)
        if not pieces:
            return
        scaled = np.repeat(weight, 3, axis=-1).reshape(pieces, -1)
        equations.add_differences(
            (-1.0, 1.0), slides.reshape(pieces, -1), by_pose.reshape(len(by_pose), -1, equations.size), scaled
        )

    def _moved(self, state: State, step, shape_step) -> State:
        largest = np.abs(step[:, 3:]).max()
        step = step * min(1.0, 0.7 / max(largest, 1e-9))  # a small rotation is small
        subject = state.subject.moved(shape_step) if len(shape_step) else state.subject
        return State(self.chain.turn(state.rotations, step[:, 3:]), state.root + step[:, :3], subject)


def _robust(squared: np.ndarray) -> np.ndarray:
    return squared / (1 + squared / ROBUST**2 / 4)


def _slope(squared: np.ndarray) -> np.ndarray:
    return 1 / (1 + squared / ROBUST**2 / 4) ** 2


def _tracers(chain: Chain) -> BonePoints:
    """Three points off each turning bone's joint: together they feel its place and every turn of it."""
    offsets = 0.06 * np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]])
    return BonePoints(
        [f"{chain.bone_names[b]}_{i}" for b in chain.turning for i in range(3)],
        np.repeat(chain.turning, 3),
        np.tile(offsets, (len(chain.turning), 1)),
    )
