"""Mesh recovery, first form: the body's shape, pose and place fitted to the keypoints of a window of frames.

The body turns as our OpenSim skeleton does (``biomech.body.linkage``), in a world whose Y is up; how the camera lies in
it and where the floor is are found with the rest. `recover` cuts the clip into windows. One sum of squares, minimised
by Gauss–Newton steps over all frames, the shape and the camera at once; each residual is divided by a standard
deviation that `train.correspondence` measured on rendered bodies or that motions show:

- picture: the projection of a calibrated body point against the keypoint, robust; of every camera that saw the person
- landmarks: the arrangement of the body points in space against the detector's own 3D, robust
- habit: how people hold themselves against gravity, and the ranges of joints
- guess: what a network that sees the clip over time says of the pose
- smoothness: the acceleration of points on every bone
- feet: where a foot stands it neither slides, nor sinks, nor floats
- balance: who is slow has the mass above where the feet bear
- shape and camera: lengths, stature and mass as people have them; a camera held level
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from biomech.body.linkage import Pose
from biomech.camera import NEAREST_M, projected
from biomech.mesh.banded import BandedNormalEquations, minimised
from biomech.mesh.chain import BonePoints
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.features import by_turns, features
from biomech.mesh.ground import BEARING, MASSES
from biomech.mesh.habit import Habit
from biomech.mesh.level import SIZE as LEVEL_SIZE
from biomech.mesh.level import Level
from biomech.mesh.lifter import USUAL_STATURE_M
from biomech.mesh.placing import Placed, Placing, PosedLinks, Slopes
from biomech.mesh.robust import geman_mcclure, geman_mcclure_slope
from biomech.mesh.standing import Standing, standing
from biomech.mesh.subject import Subject
from biomech.side_by_side import both

CORRELATION_S = 0.1  # errors, poses and accelerations last about this long: frames closer than it are not news
ACCELERATION_SD = 12.0  # m/s², of points on the limbs
LANDMARK_TRUST = 0.3
LANDMARK_SIZE = 0.9, 1.3  # of the body's
HABIT_TRUST, GUESS_TRUST = 0.5, 1.0
HEIGHT_SD_M, SLIDE_SD_M_S = 0.015, 0.3
STILL_SD_M_S = 0.15  # of what only seems to stand: along the ray a foot that hardly moves in the picture may
BALANCE_SD_M = 0.03  # of the mass from above the middle of the feet
NEAREST_BODY_M = 0.2  # from the lens, in the mean of its points
# Statures from a bone's joint to the points whose accelerations are its turns'. The head's are farther off (35 rad/s²
# instead of 115): who runs nods at up to 90°/s and 3.2 Hz, 32 rad/s² (Grossman et al., Exp. Brain Res. 70:470, 1988),
# and two pixels of a small face are 10° of nodding.
LEVER, LEVERS = 0.06, {"Neck": 0.2}
SECOND_DIFFERENCE = (1.0, -2.0, 1.0)
# What detector and network think of the pose they think from every side, and partly err alike: of n views each has the
# nth part of the say, to this power.
VIEWS_SHARE = 0.5
TRACED = (
    "Hips LowerBack Neck LeftUpLeg LeftLeg LeftFoot LeftToeBase RightUpLeg RightLeg RightFoot RightToeBase "
    "LeftArm LeftForeArm LeftHand RightArm RightForeArm RightHand"
).split()


@dataclass(frozen=True)
class Evidence:
    """What the detector says of the frames of one window in one camera's picture, matched to the body's points."""

    xy: Float[np.ndarray, "frames points 2"]
    confidence: Float[np.ndarray, "frames points"]  # 0 where there is none
    # Where the points are about their mean, and how surely: statures, in the axes of the ray through the person.
    landmarks: Float[np.ndarray, "frames points 3"]
    landmark_sd: Float[np.ndarray, "frames points 3"]  # infinite where nothing is known
    camera_from_ray: Float[np.ndarray, "frames 3 3"]
    still: Float[np.ndarray, "frames soles"]  # 0 … 1, how surely each point of the soles stands (``ground``)
    # What is thought of the pose (``features``), and how surely; infinite where nothing is.
    guess: Float[np.ndarray, "frames features"]
    guess_sd: Float[np.ndarray, "frames features"]
    interval_s: float
    focal_px: float
    center_px: Float[np.ndarray, "2"]
    # From the axes of the first camera into this one's, m; the first camera is the one that ``Level`` speaks of.
    turn: Float[np.ndarray, "3 3"] = field(default_factory=lambda: np.eye(3))
    shift_m: Float[np.ndarray, "3"] = field(default_factory=lambda: np.zeros(3))

    def of_first(self, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Points in the first camera's axes, in this one's; m."""
        return points @ self.turn.T + self.shift_m


@dataclass(frozen=True)
class State:
    """What the fit changes; world axes of ``level``."""

    pose: Pose
    root: Float[np.ndarray, "frames 3"]
    subject: Subject
    level: Level


class WindowFit:
    """The sum of squares of one window and its minimisation."""

    def __init__(
        self,
        views: Sequence[Evidence],
        placing: Placing,
        correspondence: Correspondence,
        habit: Habit,
        soles: BonePoints,
        landmark_trust: float = LANDMARK_TRUST,
    ):
        """Of one camera, or of several that saw the same frames.

        Args:
            views: a camera's each, the first one's first; what stands is the same in all.
            placing, correspondence, habit, soles: of the body.
            landmark_trust: the say of the detector's 3D.
        """
        share = len(views) ** -VIEWS_SHARE
        self.landmark_trust, self.guess_trust = share * landmark_trust, share * GUESS_TRUST
        self.views, self.placing, self.habit, self.soles = tuple(views), placing, habit, soles
        self.interval_s, self.still = views[0].interval_s, views[0].still
        self.correspondence, self.points = correspondence, correspondence.points
        self.tracers, self.masses = _tracers(placing), _masses(placing)
        self.mass = np.array(list(MASSES.values())) / sum(MASSES.values())
        self.information = min(1.0, self.interval_s / CORRELATION_S)
        self.standing: Standing | None = None
        self._traced = [(turns, self.tracers.some(places)) for places, turns in placing.limbs(self.tracers)]
        self._posed: tuple[State, PosedLinks, Float[np.ndarray, "frames features"]] | None = None

    def minimise(
        self,
        state: State,
        *,
        iterations: int,
        free_shape: bool = False,
        free_level: bool = False,
        grounded: bool = True,
    ) -> State:
        """Levenberg–Marquardt until the cost falls by less than a thousandth.

        Args:
            state: where to start, one frame for each of the evidence.
            iterations: steps, at most.
            free_shape, free_level: change the subject's shape; the camera and the floor.
            grounded: where feet stand is settled from the state, and they keep to the floor. Else there is no floor.

        Returns:
            The best state found; of what is not free, as it was.
        """
        self.standing = self._standing(state) if grounded else None
        # The shape changes little and its slopes less: one set of them serves all steps.
        slopes = state.subject.slopes() if free_shape else None
        return minimised(
            state,
            cost=self.cost,
            equations=lambda now: self._equations(now, slopes, free_level),
            moved=lambda now, step, shared: self._moved(now, step, shared, slopes, free_level),
            iterations=iterations,
        )

    def covariances(self, state: State) -> Float[np.ndarray, "frames unknowns unknowns"]:
        """How sure each frame's place and small turns are, as far as the residuals say; after ``minimise``."""
        return self._equations(state, None, free_level=False).covariances()

    def _standing(self, state: State) -> Standing:
        frame = self._frame(state)
        mass = np.einsum("m,fmi->fi", self.mass, self.placing.points(frame, self.masses))
        soles = self.placing.points(frame, self.soles)
        return standing(soles, mass, state.level.floor_m, self.interval_s)[0]

    def _frame(self, state: State) -> PosedLinks:
        return self._of(state)[0]

    def _of(self, state: State) -> tuple[PosedLinks, Float[np.ndarray, "frames features"]]:
        """The body and its features; those of the last state are kept: cost and equations ask one after the other."""
        if self._posed is None or self._posed[0] is not state:
            frame = self.placing.frame(state.subject.shaped, state.pose, state.root)
            self._posed = state, frame, features(state.pose)
        return self._posed[1:]

    def cost(self, state: State) -> float:
        """Half the robust sum of squares."""
        frame, values = self._of(state)
        seen, moved = both(
            lambda: self._cost_of_picture(state, frame, values), lambda: self._cost_of_motion(state, frame)
        )
        residuals = (state.subject.residual(), state.level.residual())
        return 0.5 * (seen + moved + sum(float(np.square(r).sum()) for r in residuals))

    def _cost_of_picture(self, state: State, frame: PosedLinks, values: Float[np.ndarray, "frames features"]) -> float:
        """What is seen, thought and usual of each frame."""
        stature_m = state.subject.stature_m
        first = self.placing.points(frame, self.points) @ state.level.camera_from_world.T
        total = 2 * HABIT_TRUST * self.information * self.habit.cost(values)
        for e in self.views:
            seen = e.of_first(first)
            picture = np.square(off_the_picture(e, seen, stature_m, self.correspondence)).sum(-1)
            landmarks = np.square(self._landmarks(e, seen, stature_m)).sum(-1)
            guess = np.square((values - e.guess) / e.guess_sd)
            total += self.information * float(
                (e.confidence * geman_mcclure(picture)).sum()
                + self.landmark_trust * geman_mcclure(landmarks).sum()
                + self.guess_trust * geman_mcclure(guess).sum()
            )
        return total

    def _cost_of_motion(self, state: State, frame: PosedLinks) -> float:
        """Smoothness and feet."""
        usual = USUAL_STATURE_M / state.subject.stature_m
        total = float(np.square(usual * self._smoothness(self.placing.points(frame, self.tracers))).sum())
        soles = self.placing.points(frame, self.soles)
        total += float(np.square(usual * self._slides(soles)).sum())
        if self.standing is not None:
            total += float(np.square(usual * self._heights(soles, state.level.floor_m)).sum())
            off = usual * self._off_balance(soles, self.placing.points(frame, self.masses))
            total += float((self._balance_weight() * geman_mcclure(np.square(off).sum(-1))).sum())
        return total

    # The residuals, unweighted.

    def _landmarks(self, e: Evidence, seen: Float[np.ndarray, "frames points 3"], stature_m):
        return off_the_landmarks(e, seen, stature_m) / e.landmark_sd

    def _smoothness(self, tracers: Float[np.ndarray, "frames points 3"]) -> Float[np.ndarray, "pieces rows"]:
        flat = tracers.reshape(len(tracers), -1)
        if len(flat) < 3:
            return np.zeros((0, flat.shape[1]))
        second = flat[:-2] - 2 * flat[1:-1] + flat[2:]
        return second * self._smoothness_weight()

    def _smoothness_weight(self) -> float:
        # Three tracers a bone say nearly the same: together they count as one. Accelerations last as keypoints' errors
        # do; so all weights are of a unit of time, and the answer does not hang on the frame rate.
        return np.sqrt(self.information / 3) / (ACCELERATION_SD * self.interval_s**2)

    def _heights(self, soles, floor_m: float) -> Float[np.ndarray, "frames points"]:
        """Of standing (and of sunken) points above the floor."""
        return self._bearing(soles, floor_m) * (soles[..., 1] - floor_m)

    def _bearing(self, soles, floor_m: float) -> Float[np.ndarray, "frames points"]:
        assert self.standing is not None
        weight = np.where(soles[..., 1] < floor_m, 1.0, np.sqrt(self.standing.contact))
        return weight * np.sqrt(self.information) / HEIGHT_SD_M

    def _slides(self, soles) -> Float[np.ndarray, "pieces points 3"]:
        """Of standing points."""
        return self._sliding() * (soles[1:] - soles[:-1])

    def _sliding(self) -> Float[np.ndarray, "pieces points 1"]:
        surely = np.sqrt(self.still) / STILL_SD_M_S
        if self.standing is not None:
            surely = np.maximum(surely, np.sqrt(self.standing.contact) / SLIDE_SD_M_S)
        both = np.minimum(surely[1:], surely[:-1])
        return (both * np.sqrt(self.information) / self.interval_s)[..., None]

    def _off_balance(self, soles, masses) -> Float[np.ndarray, "frames 2"]:
        """Of the mass from above where the feet bear, level, in standard deviations."""
        return (np.einsum("m,fmi->fi", self.mass, masses) - self._bears(soles))[:, [0, 2]] / BALANCE_SD_M

    def _bears(self, soles) -> Float[np.ndarray, "frames 3"]:
        return np.einsum("fp,fpi->fi", self._share(), soles)

    def _share(self) -> Float[np.ndarray, "frames points"]:
        """What each point of the soles bears of the weight."""
        assert self.standing is not None
        under = (self.standing.contact + 1e-6) * BEARING
        return under / under.sum(1, keepdims=True)

    def _balance_weight(self) -> Float[np.ndarray, " frames"]:
        assert self.standing is not None
        return self.information * self.standing.slow * self.standing.contact.max(1)

    # The normal equations.

    def _equations(self, state: State, slopes: Slopes | None, free_level: bool) -> BandedNormalEquations:
        seen, moved = both(
            lambda: self._of_picture(state, slopes, free_level), lambda: self._of_motion(state, slopes, free_level)
        )
        seen.add(moved)
        self._add_shared(seen, state, slopes, free_level)
        return seen

    def _none_yet(self, state: State, slopes: Slopes | None, free_level: bool) -> BandedNormalEquations:
        shapes = state.subject.size if slopes else 0
        return BandedNormalEquations(len(state.root), self.placing.size, shapes + LEVEL_SIZE * free_level)

    def _of_picture(self, state: State, slopes: Slopes | None, free_level: bool) -> BandedNormalEquations:
        """What is seen, thought and usual of each frame."""
        (frame, values), equations = self._of(state), self._none_yet(state, slopes, free_level)
        placed = self.placing.place(frame, self.points, slopes)
        by_pose = np.concatenate([np.zeros((len(values), values.shape[1], 3)), by_turns(state.pose, values)], -1)
        for e in self.views:
            self._add_seen(equations, e, placed, state, slopes, free_level)
            guess = (values - e.guess) / e.guess_sd
            weight = np.sqrt(self.guess_trust * self.information * geman_mcclure_slope(np.square(guess)))
            equations.add_frames(weight * guess, (weight / e.guess_sd)[..., None] * by_pose)
        weight = np.sqrt(HABIT_TRUST * self.information)
        rows, by_values = self.habit.rows(values)
        equations.add_frames(weight * rows, weight * (by_values @ by_pose))
        return equations

    def _of_motion(self, state: State, slopes: Slopes | None, free_level: bool) -> BandedNormalEquations:
        """Smoothness and feet."""
        frame, equations = self._frame(state), self._none_yet(state, slopes, free_level)
        frames = len(state.root)
        # Metres of movement are those of a person of usual stature: else the smallest person would move least.
        usual = USUAL_STATURE_M / state.subject.stature_m
        for turns, tracers in self._traced:
            placed = self.placing.place(frame, tracers, None, turns)
            flat = (usual * self._smoothness_weight()) * placed.by_pose.reshape(frames, -1, 3 + len(turns))
            columns = np.concatenate([np.arange(3), 3 + turns])
            equations.add_differences(SECOND_DIFFERENCE, usual * self._smoothness(placed.points), flat, columns=columns)
        soles = self.placing.place(frame, self.soles, slopes)
        self._add_slides(equations, usual * self._slides(soles.points), usual * self._sliding(), soles.by_pose)
        if self.standing is not None:
            self._add_floor(equations, state, frame, soles, slopes, free_level)
        return equations

    def _add_seen(
        self,
        equations: BandedNormalEquations,
        e: Evidence,
        placed: Placed,
        state: State,
        slopes: Slopes | None,
        free_level: bool,
    ) -> None:
        """Picture and landmarks of one camera."""
        stature_m, camera = state.subject.stature_m, e.turn @ state.level.camera_from_world
        # camera, world, by pitch and roll
        turning = np.moveaxis(e.turn @ state.level.slopes(), 0, -1) if free_level else None
        seen = e.of_first(placed.points @ state.level.camera_from_world.T)
        residual = off_the_picture(e, seen, stature_m, self.correspondence)
        weight = np.sqrt(self.information * e.confidence * geman_mcclure_slope(np.square(residual).sum(-1)))
        depth = np.maximum(seen[..., 2:], NEAREST_M)
        project = np.zeros((*seen.shape[:2], 2, 3))
        project[..., 0, 0] = project[..., 1, 1] = 1
        project[..., :, 2] = -seen[..., :2] / depth
        project *= (e.focal_px / depth * (sd_per_px(e, seen, stature_m, self.correspondence) * weight)[..., None])[
            ..., None
        ]
        by_turning = None if turning is None else np.einsum("fprc,cwl,fpw->fprl", project, turning, placed.points)
        self._add(equations, residual * weight[..., None], project @ camera, placed, by_turning, slopes)

        residual = self._landmarks(e, seen, stature_m)
        weight = np.sqrt(self.landmark_trust * self.information * geman_mcclure_slope(np.square(residual).sum(-1)))
        scale = weight[..., None] / (e.landmark_sd * stature_m)
        into_ray = np.swapaxes(camera.T @ e.camera_from_ray, 1, 2)[:, None] * scale[..., None]
        about = placed.points - placed.points.mean(1, keepdims=True)
        by_turning = None
        if turning is not None:
            by_turning = np.einsum("fcr,cwl,fpw->fprl", e.camera_from_ray, turning, about) * scale[..., None]
        centred = Placed(about, _about_mean(placed.by_pose), _about_mean(placed.by_shape))
        self._add(equations, residual * weight[..., None], into_ray, centred, by_turning, slopes)

    def _add_floor(
        self,
        equations: BandedNormalEquations,
        state: State,
        frame: PosedLinks,
        soles: Placed,
        slopes: Slopes | None,
        level: bool,
    ) -> None:
        """Heights of the soles, and balance above them."""
        usual = USUAL_STATURE_M / state.subject.stature_m
        heights = usual * self._heights(soles.points, state.level.floor_m)
        weight = usual * self._bearing(soles.points, state.level.floor_m)
        shared = self._shared(
            None if soles.by_shape is None else weight[..., None] * soles.by_shape[:, :, 1],
            np.stack([0 * weight, 0 * weight, -weight], -1) if level else None,
        )
        equations.add_frames(heights, weight[..., None] * soles.by_pose[:, :, 1], shared)
        masses, share = self.placing.place(frame, self.masses, slopes), self._share()
        off = usual * self._off_balance(soles.points, masses.points)
        weight = np.sqrt(self._balance_weight() * geman_mcclure_slope(np.square(off).sum(-1)))

        def level_parts(by_mass, by_sole) -> np.ndarray:
            moved = np.einsum("m,fmiu->fiu", self.mass, by_mass) - np.einsum("fp,fpiu->fiu", share, by_sole)
            return usual * weight[:, None, None] / BALANCE_SD_M * moved[:, [0, 2]]

        by_shape = None if slopes is None else level_parts(masses.by_shape, soles.by_shape)
        shared = self._shared(by_shape, np.zeros((len(off), 2, LEVEL_SIZE)) if level else None)
        equations.add_frames(weight[:, None] * off, level_parts(masses.by_pose, soles.by_pose), shared)

    def _add_shared(self, equations: BandedNormalEquations, state: State, slopes: Slopes | None, level: bool) -> None:
        at = 0
        if slopes:
            residual, jacobian = state.subject.residual(), state.subject.residual_slope(slopes)
            at = jacobian.shape[1]
            equations.corner[:at, :at] += jacobian.T @ jacobian
            equations.shared_gradient[:at] += jacobian.T @ residual
        if level:
            residual, jacobian = state.level.residual(), state.level.residual_slope()
            equations.corner[at:, at:] += jacobian.T @ jacobian
            equations.shared_gradient[at:] += jacobian.T @ residual

    def _add(self, equations: BandedNormalEquations, residual, by_point, placed: Placed, by_turning, slopes) -> None:
        frames = len(residual)
        level = None
        if by_turning is not None:
            level = np.concatenate([by_turning, np.zeros((*by_turning.shape[:-1], 1))], -1)  # the floor is not seen
        by_shape = None if slopes is None else by_point @ placed.by_shape
        shared = self._shared(by_shape, level)
        equations.add_frames(
            residual.reshape(frames, -1),
            (by_point @ placed.by_pose).reshape(frames, -1, equations.size),
            None if shared is None else shared.reshape(frames, -1, equations.shared),
        )

    @staticmethod
    def _shared(by_shape: np.ndarray | None, by_level: np.ndarray | None) -> np.ndarray | None:
        parts = [part for part in (by_shape, by_level) if part is not None]
        return np.concatenate(parts, -1) if parts else None

    def _add_slides(self, equations: BandedNormalEquations, slides, weight, by_pose) -> None:
        """First differences weighted pair by pair: each pair's weight is put on either frame's Jacobian in turn."""
        pieces = len(slides)
        if not pieces:
            return
        scaled = np.repeat(weight, 3, axis=-1).reshape(pieces, -1)
        equations.add_differences(
            (-1.0, 1.0), slides.reshape(pieces, -1), by_pose.reshape(len(by_pose), -1, equations.size), scaled
        )

    def _moved(self, state: State, step, shared, slopes: Slopes | None, free_level: bool) -> State:
        shrink = min(1.0, 0.7 / max(np.abs(step[:, 3:]).max(), 1e-9))  # a small rotation is small
        pose, root = self.placing.moved(state.pose, state.root, step * shrink)
        subject, level = state.subject, state.level
        if slopes:
            subject = subject.moved(shared[: subject.size])
        if free_level:
            level = level.moved(shared[-LEVEL_SIZE:].clip(-0.3, 0.3))
        return State(pose, root, subject, level)


def sd_per_px(
    e: Evidence, seen: Float[np.ndarray, "frames points 3"], stature_m: float, correspondence: Correspondence
) -> Float[np.ndarray, "frames points"]:
    """What a pixel is at the body's distance, in standard deviations of the detector's points.

    Args:
        e: of the frames.
        seen: the body's points in its camera's axes, m.
        stature_m: of the person.
        correspondence: the body's points, as the evidence has them.

    Returns:
        Of each point; who is nearer than ``NEAREST_BODY_M`` counts as if so far away.
    """
    distance = np.maximum(seen[..., 2].mean(1, keepdims=True), NEAREST_BODY_M)
    return np.asarray(distance / (e.focal_px * stature_m * correspondence.picture_sd))


def off_the_picture(
    e: Evidence, seen: Float[np.ndarray, "frames points 3"], stature_m: float, correspondence: Correspondence
) -> Float[np.ndarray, "frames points 2"]:
    """How far the body's points are from the detector's in the picture.

    Args:
        e, seen, stature_m, correspondence: as ``sd_per_px``.

    Returns:
        In standard deviations.
    """
    pixels = projected(seen, e.focal_px, e.center_px)
    return (pixels - e.xy) * sd_per_px(e, seen, stature_m, correspondence)[..., None]


def off_the_landmarks(
    e: Evidence, seen: Float[np.ndarray, "frames points 3"], stature_m: float
) -> Float[np.ndarray, "frames points 3"]:
    """How far the body's points are from the detector's arrangement of them.

    Landmarks that are unsure lie nearer to each other than the body's points: their size in a frame is free.

    Args:
        e: of the frames.
        seen: the body's points in its camera's axes, m.
        stature_m: of the person.

    Returns:
        About the mean, statures, in the axes of the ray through the person.
    """
    body = (seen - seen.mean(1, keepdims=True)) @ e.camera_from_ray / stature_m
    weighted = e.landmarks / e.landmark_sd**2
    size = (weighted * body).sum((1, 2)) / np.maximum((weighted * e.landmarks).sum((1, 2)), 1e-9)
    return np.asarray(body - np.clip(size, *LANDMARK_SIZE)[:, None, None] * e.landmarks)


def _about_mean(by_unknowns: np.ndarray | None):
    return None if by_unknowns is None else by_unknowns - by_unknowns.mean(1, keepdims=True)


def _tracers(placing: Placing) -> BonePoints:
    """Three points off each turning bone's joint: together they feel its place and every turn of it."""
    axes = np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]])
    offsets = np.concatenate([LEVERS.get(name, LEVER) * axes for name in TRACED])
    bones = np.array([placing.bone_names.index(name) for name in TRACED])
    return BonePoints([f"{name}_{i}" for name in TRACED for i in range(3)], np.repeat(bones, 3), offsets)


def _masses(placing: Placing) -> BonePoints:
    """Joints at which the body's mass is thought to be."""
    return BonePoints(
        list(MASSES), np.array([placing.bone_names.index(bone) for bone in MASSES]), np.zeros((len(MASSES), 3))
    )
