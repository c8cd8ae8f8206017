"""The fit of the Anny body to another body's markers through time: the recovery's own sum of squares, with a mesh for
a film.

What is known besides is the same (``fit``): how people hold themselves against gravity, the ranges of joints,
accelerations, feet that stand on a floor. So the trembling of meshes that were found picture by picture is not
followed, the more so the more they tremble, and where the person is hidden the body goes on as it must.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from biomech.mesh.banded import BandedNormalEquations
from biomech.mesh.chain import BonePoints
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.features import SIZE as FEATURES
from biomech.mesh.fit import Evidence, State, WindowFit
from biomech.mesh.ground import SOLES
from biomech.mesh.habit import Habit
from biomech.mesh.placing import Placing
from biomech.mesh.skin_points import SkinAt, SkinPoints
from biomech.mesh.subject import Slopes, Subject

# Markers of one bone err together where a mesh is a model's: together they count as so many.
NEWS_OF_A_BONE = 3.0
ROBUST_SD = 6.0  # a frame whose markers are so far off counts half


@dataclass(frozen=True)
class MeshEvidence:
    """The markers of another body in the frames of a window."""

    markers: Float[np.ndarray, "frames markers 3"]  # m: Y up, or a camera's axes (x right, y down, z away); NaN in gaps
    sd_m: Float[np.ndarray, " markers"]  # of each about the frame's mean
    middle_sd_m: Float[np.ndarray, "3"]  # of that mean, in the same axes
    in_camera: bool
    interval_s: float
    gravity_known: bool = field(default=True)

    @property
    def seen(self) -> Bool[np.ndarray, " frames"]:
        return np.isfinite(self.markers).all((1, 2))

    def part(self, frames: slice | np.ndarray) -> "MeshEvidence":
        """Some frames: a window, or frames equally far apart."""
        apart = 1 if isinstance(frames, slice) or len(frames) < 2 else int(frames[1] - frames[0])
        interval_s = apart * self.interval_s
        return MeshEvidence(self.markers[frames], self.sd_m, self.middle_sd_m, self.in_camera, interval_s)


class MeshFit(WindowFit):
    """The sum of squares of one window and its minimisation."""

    def __init__(self, evidence: MeshEvidence, placing: Placing, habit: Habit, soles: BonePoints, skin: SkinPoints):
        super().__init__(
            [_no_picture(len(evidence.markers), evidence.interval_s)], placing, _NO_POINT, habit, soles, 0.0
        )
        self.mesh, self.skin = evidence, skin
        self.seen = evidence.seen.astype(float)
        self.targets = np.nan_to_num(evidence.markers)
        carrying = skin.weights.argmax(1)
        news = np.minimum(1.0, NEWS_OF_A_BONE / np.bincount(carrying)[carrying])
        self.weight = np.sqrt(news) / evidence.sd_m
        self._at: tuple[Subject, SkinAt] | None = None
        self._sloped: tuple[Slopes, SkinAt] | None = None

    def cost(self, state: State) -> float:
        """Half the robust sum of squares."""
        frame = self._frame(state)
        shape, middle = self._off(self.skin.positions(frame, self._skin(state.subject)), state)
        squares = np.square(shape).sum((1, 2)) + np.square(middle).sum(1)
        return super().cost(state) + 0.5 * self.information * float(squares.sum())

    def distances_m(self, state: State) -> Float[np.ndarray, "frames markers"]:
        """Between each marker and its place on the body; NaN in gaps."""
        points = self.skin.positions(self._frame(state), self._skin(state.subject)) @ self._camera(state).T
        return np.linalg.norm(points - self.mesh.markers, axis=-1)

    def settle(self, state: State, spread_m: Float[np.ndarray, " markers"], frames: float) -> None:
        """Move each marker's place on the body to where it is seen on its bones, as far as that is to be believed.

        Args:
            state: the body in all frames.
            spread_m: how far a place may be from where it is expected; 0 of one that is known.
            frames: as so many independent ones do all frames count.
        """
        posed = self._frame(state)
        away = self.targets @ self._camera(state) - self.skin.positions(posed, self._skin(state.subject))
        away = np.linalg.solve(self.skin.turns(posed), away[..., None])[..., 0]
        mean = (away * self.seen[:, None, None]).sum(0) / max(self.seen.sum(), 1.0)
        said = min(frames, self.seen.sum()) / self.mesh.sd_m**2
        share = said * spread_m**2 / (1 + said * spread_m**2)
        self.skin.offsets = share[:, None] * (self.skin.offsets + mean)

    def _skin(self, subject: Subject) -> SkinAt:
        if self._at is None or self._at[0] is not subject:
            self._at = (subject, self.skin.at(subject))
        return self._at[1]

    def _slopes(self, subject: Subject, slopes: Slopes) -> SkinAt:
        """The skin of this shape with the slopes of the first of all steps: they change little."""
        if self._sloped is None or self._sloped[0] is not slopes:
            self._sloped = (slopes, self.skin.at(subject, slopes=True))
        return SkinAt(self._skin(subject).points, self._sloped[1].slopes)

    def _camera(self, state: State) -> Float[np.ndarray, "3 3"]:
        return state.level.camera_from_world if self.mesh.in_camera else np.eye(3)

    def _off(self, points, state: State) -> tuple[Float[np.ndarray, "frames markers 3"], Float[np.ndarray, "frames 3"]]:
        """Markers about their mean (world axes) and that mean (the mesh's axes), in standard deviations."""
        camera = self._camera(state)
        away = (points - self.targets @ camera) * self.seen[:, None, None]
        middle = away.mean(1)
        return (away - middle[:, None]) * self.weight[:, None], middle @ camera.T / self.mesh.middle_sd_m

    def _equations(self, state: State, slopes: Slopes | None, free_level: bool) -> BandedNormalEquations:
        equations = super()._equations(state, slopes, free_level)
        skin = self._skin(state.subject) if slopes is None else self._slopes(state.subject, slopes)
        placed = self.skin.place(self._frame(state), skin, slopes)
        shape, middle = self._off(placed.points, state)
        camera = self._camera(state)
        turning = None
        if free_level:
            turning = np.zeros((*self.targets.shape, 3))
            if self.mesh.in_camera:  # what is turned is the mesh, into the world
                turning[..., :2] = -np.einsum("fkc,lcw->fkwl", self.targets, state.level.slopes())
        weight = np.sqrt(self.information) * self.seen
        parts = [placed.by_pose, placed.by_shape, turning]
        means = [None if part is None else part.mean(1) for part in parts]
        about = [None if part is None or m is None else part - m[:, None] for part, m in zip(parts, means, strict=True)]
        scale = (weight[:, None] * self.weight)[..., None, None]
        self._put(equations, shape * weight[:, None, None], [None if part is None else part * scale for part in about])
        into = camera * (1 / self.mesh.middle_sd_m)[:, None]
        turned = [None if m is None else weight[:, None, None] * np.einsum("ij,fju->fiu", into, m) for m in means]
        self._put(equations, middle * weight[:, None], turned)
        return equations

    def _put(self, equations: BandedNormalEquations, residual: np.ndarray, parts: list[np.ndarray | None]) -> None:
        frames = len(residual)
        by_pose, by_shape, by_level = (
            None if part is None else part.reshape(frames, -1, part.shape[-1]) for part in parts
        )
        assert by_pose is not None
        equations.add_frames(residual.reshape(frames, -1), by_pose, self._shared(by_shape, by_level))


_NO_POINT = Correspondence(
    BonePoints(["none"], np.zeros(1, int), np.zeros((1, 3)), np.zeros((1, 3))), np.ones(1), np.ones((1, 3))
)


def _no_picture(frames: int, interval_s: float) -> Evidence:
    """Evidence of which nothing is known but the time between frames."""
    return Evidence(
        xy=np.zeros((frames, 1, 2)),
        confidence=np.zeros((frames, 1)),
        landmarks=np.zeros((frames, 1, 3)),
        landmark_sd=np.full((frames, 1, 3), np.inf),
        camera_from_ray=np.tile(np.eye(3), (frames, 1, 1)),
        still=np.zeros((frames, len(SOLES))),
        guess=np.zeros((frames, FEATURES)),
        guess_sd=np.full((frames, FEATURES), np.inf),
        interval_s=interval_s,
        focal_px=1000.0,
        center_px=np.zeros(2),
    )
