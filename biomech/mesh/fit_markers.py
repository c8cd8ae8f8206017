"""The body fitted to recorded markers of a real person: one shape, a pose for every frame, where each marker sat.

The same unknowns, pose prior and solver as for keypoints (`fit`), with recorded markers as the evidence. A landmark
goes with the bone of the bony virtual marker that is nearest to it on the skeleton (`labels`' marker maps say where it
sits there) and starts from that one's place; how far off it may be is its spread. Other markers only track their bone.
Shape and poses are solved for together, the places in turn with them, on frames that differ; then, with shape and
places held, the poses of any recording.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.markers.marker_map import MarkerMap
from biomech.markers.markers import Markers
from biomech.markers.virtual import from_vertices, load_virtual_markers, marker_body
from biomech.mesh.banded import BandedNormalEquations, minimised
from biomech.mesh.chain import BonePoints, Chain, Slopes, joint_positions
from biomech.mesh.posture import Posture
from biomech.mesh.prior import PosePrior
from biomech.mesh.subject import Subject
from biomech.scaling.personalise import EFFECTIVE_FRAMES, FRAMES, LANDMARK_SD_M, MARKER_SD_M, TRACKING_SD_M
from biomech.scaling.varied_frames import gather, varied_frames

NEAR_M = 0.05  # from the nearest bony virtual marker of its segment: further away a landmark is left out
FEWEST = 12  # markers that the body can be fitted to
ROUNDS, STEPS = 6, 10  # of places, and of shape and poses in each
FRAMES_AT_ONCE = 100
PRIOR_TRUST = 0.5
TRUNK = ("Hips", "Spine1")  # their landmarks say where the body is and faces, to start from
LARGEST_TURN_RAD = 0.7


@dataclass(frozen=True)
class Anchors:
    """Where recorded markers belong on the body."""

    names: list[str]
    bones: list[int]
    virtual: list[int]  # row of the virtual markers that a landmark starts from; -1 where a marker only tracks
    sd_m: Float[np.ndarray, " markers"]  # of the distance from there

    @classmethod
    def of(cls, known: MarkerMap, seen: Sequence[str], bone_names: list[str]) -> "Anchors":
        """Those of the seen markers (under the map's model names) that sit on a segment with bony virtual markers.

        Args:
            known: the marker set on our skeleton: segment, place and whether it is a landmark.
            seen: under the map's model names; others are not asked for.
            bone_names: the body's, in its order.

        Returns:
            In the order of the map; left out is a landmark over ``NEAR_M`` from every bony virtual marker of its
            segment.

        Raises:
            BioposeError: there are too few.
        """
        table = load_virtual_markers()
        kept: list[tuple[str, int, int, float]] = []
        for name, segment, location, fixed in zip(
            known.names, known.bodies, known.locations_m, known.fixed, strict=True
        ):
            bony = [k for k, bone in enumerate(table.bone) if bone and table.body[k] == segment]
            if name not in seen or not bony:
                continue
            away = np.linalg.norm(table.location_m[bony] - location, axis=1)
            nearest = bony[int(away.argmin())]
            bone = bone_names.index(table.bone[nearest])
            if not fixed:
                kept.append((name, bone, -1, TRACKING_SD_M))
            elif away.min() < NEAR_M:
                kept.append((name, bone, nearest, float(np.hypot(LANDMARK_SD_M, away.min()))))
        if len(kept) < FEWEST:
            raise BioposeError(f"{len(kept)} of the markers are known on the body, which needs {FEWEST}")
        names, bones, virtual, sd_m = zip(*kept, strict=True)
        return cls(list(names), list(bones), list(virtual), np.array(sd_m))


@dataclass(frozen=True)
class _State:
    rotations: Float[np.ndarray, "frames bones 3 3"]
    root: Float[np.ndarray, "frames 3"]
    subject: Subject


class MarkerFit:
    """A person fitted: ``subject`` is the shape, ``places_m`` where each marker sits on its bone at rest."""

    def __init__(
        self,
        trials: Sequence[Markers],
        known: MarkerMap,
        *,
        height_m: float | None = None,
        mass_kg: float | None = None,
    ):
        """Find shape and places on the frames of the trials that differ most.

        Args:
            trials: of one person, under the map's model names (m, Y up); a static one helps.
            height_m, mass_kg: of the person; the most ordinary person is started from.

        Raises:
            BioposeError: too few of the markers are known.
        """
        self.body: AnnyBody = marker_body()
        self.chain = Chain(self.body.parents, self.body.bone_names)
        self.posture = Posture(PosePrior.load(), self.chain)
        shared = [name for name in trials[0].names if all(name in trial.names for trial in trials)]
        self.anchors = Anchors.of(known, shared, self.body.bone_names)
        targets = gather(trials, self.anchors.names, varied_frames(trials, self.anchors.names, FRAMES))
        self.subject = Subject.start(self.body, height_m, mass_kg)
        self.places_m = self._expected()
        state = self._started(targets)
        for _ in range(ROUNDS):
            state = self._minimise(state, targets, free_shape=True)
            self.subject = state.subject
            self.places_m = self._places(state, targets)

    def motion(self, markers: Markers) -> BodyMotion:
        """The body in every frame of a recording; where few markers are seen, in a likely pose."""
        targets = markers.select(self.anchors.names).positions_m
        parts = []
        for first in range(0, len(targets), FRAMES_AT_ONCE):
            some = targets[first : first + FRAMES_AT_ONCE]
            parts.append(self._minimise(self._started(some), some, free_shape=False, steps=3 * STEPS))
        return BodyMotion(
            body=self.body.name,
            bone_names=list(self.body.bone_names),
            rotations=np.concatenate([part.rotations for part in parts]),
            root_position_m=np.concatenate([part.root for part in parts]),
            shape=self.subject.shape,
            shape_names=list(self.body.shape_names),
            time_s=markers.time_s,
        )

    def distances_m(self, motion: BodyMotion, markers: Markers) -> Float[np.ndarray, "frames markers"]:
        """How far the recorded markers are from their places on the body.

        Args:
            motion: what ``motion`` gave for the recording.
            markers: the recording, under the map's model names (m, Y up).

        Returns:
            Columns as ``anchors.names``; NaN where the marker is missing.
        """
        points = self.chain.positions(self._points(), self.subject.shaped, motion.rotations, motion.root_position_m)
        return np.linalg.norm(points - markers.select(self.anchors.names).positions_m, axis=-1)

    def _expected(self) -> Float[np.ndarray, "markers 3"]:
        """Where landmarks sit on the bones of the present shape; NaN for the others."""
        with torch.no_grad():
            rest = self.body.rest(torch.as_tensor(self.subject.shape, dtype=torch.float32))
            virtual = from_vertices(self.body, rest.vertices).double().numpy()
        places = virtual[self.anchors.virtual] - rest.joints.double().numpy()[self.anchors.bones]
        places[np.array(self.anchors.virtual) < 0] = np.nan
        return places

    def _places(self, state: _State, targets: Float[np.ndarray, "frames markers 3"]) -> Float[np.ndarray, "markers 3"]:
        """The mean of where each was seen on its bone, drawn to where it is expected."""
        turned = self.chain.globals(state.rotations)
        joints = joint_positions(self.chain.parents, self.subject.shaped.joints, turned, state.root)
        bones = self.anchors.bones
        local = np.einsum("fmji,fmj->fmi", turned[:, bones], targets - joints[:, bones])
        seen = np.isfinite(local).all(-1)
        mean = np.where(seen[..., None], local, 0).sum(0) / np.maximum(seen.sum(0), 1)[:, None]
        expected = self._expected()
        said = EFFECTIVE_FRAMES * seen.mean(0) / MARKER_SD_M**2
        share = (said / (said + 1 / self.anchors.sd_m**2))[:, None]
        drawn = expected + share * (mean - expected)
        return np.where(np.isfinite(expected), drawn, np.where(seen.any(0)[:, None], mean, np.nan))

    def _points(self) -> BonePoints:
        return BonePoints(
            self.anchors.names, np.array(self.anchors.bones), self.places_m / self.subject.shaped.stature_m
        )

    def _started(self, targets: Float[np.ndarray, "frames markers 3"]) -> _State:
        """The rest pose, laid on the trunk's landmarks frame by frame (frames that lack them are laid on the mean)."""
        joints = self.subject.shaped.joints
        bones = np.array(self.anchors.bones)
        trunk = np.isin(bones, [self.body.bone_names.index(name) for name in TRUNK])
        trunk &= np.isfinite(self.places_m).all(1)
        own = (joints[bones] + self.places_m)[trunk]
        rotations = np.tile(np.eye(3), (len(targets), len(joints), 1, 1))
        root = np.empty((len(targets), 3))
        for frame, there in enumerate(targets[:, trunk]):
            seen = np.isfinite(there).all(1)
            if seen.sum() >= 3:
                middle, centre = own[seen].mean(0), there[seen].mean(0)
                turn = Rotation.align_vectors(there[seen] - centre, own[seen] - middle)[0].as_matrix()
            else:
                middle, centre, turn = joints[0], np.nanmean(targets, (0, 1)), np.eye(3)
            rotations[frame, 0] = turn
            root[frame] = centre + turn @ (joints[0] - middle)
        return _State(rotations, root, self.subject)

    def _minimise(
        self, state: _State, targets: Float[np.ndarray, "frames markers 3"], *, free_shape: bool, steps: int = STEPS
    ) -> _State:
        """Levenberg–Marquardt until the cost falls by less than a thousandth."""
        slopes = state.subject.slopes() if free_shape else None
        return minimised(
            state,
            cost=lambda now: self._cost(now, targets),
            equations=lambda now: self._equations(now, targets, slopes),
            moved=self._moved,
            iterations=steps,
        )

    def _residual(self, points: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return np.nan_to_num((points - targets) / MARKER_SD_M)

    def _frame_weight(self, state: _State) -> float:
        """Like poses say little that is new: only the shape hangs on how much all frames count together."""
        return min(1.0, EFFECTIVE_FRAMES / len(state.root))

    def _cost(self, state: _State, targets: np.ndarray) -> float:
        points = self.chain.positions(self._points(), state.subject.shaped, state.rotations, state.root)
        total = float(np.square(self._residual(points, targets)).sum())
        total += 2 * PRIOR_TRUST * self.posture.cost(state.rotations)
        return 0.5 * (self._frame_weight(state) * total + float(np.square(state.subject.residual()).sum()))

    def _equations(self, state: _State, targets: np.ndarray, slopes: Slopes | None) -> BandedNormalEquations:
        frames, weight = len(state.root), self._frame_weight(state) ** 0.5
        equations = BandedNormalEquations(frames, self.chain.size, state.subject.size if slopes else 0)
        placed = self.chain.place(self._points(), state.subject.shaped, state.rotations, state.root, slopes)
        known = np.isfinite(placed.points - targets) * (weight / MARKER_SD_M)
        by_pose = np.nan_to_num(placed.by_pose) * known[..., None]
        by_shape = None if placed.by_shape is None else np.nan_to_num(placed.by_shape) * known[..., None]
        equations.add_frames(
            weight * self._residual(placed.points, targets).reshape(frames, -1),
            by_pose.reshape(frames, -1, equations.size),
            None if by_shape is None else by_shape.reshape(frames, -1, equations.shared),
        )
        pose, by_turn = self.posture.rows(state.rotations)
        equations.add_frames(PRIOR_TRUST**0.5 * weight * pose, PRIOR_TRUST**0.5 * weight * by_turn)
        if slopes:
            residual, jacobian = state.subject.residual(), state.subject.residual_slope(slopes)
            equations.corner += jacobian.T @ jacobian
            equations.shared_gradient += jacobian.T @ residual
        return equations

    def _moved(self, state: _State, step: np.ndarray, shape_step: np.ndarray) -> _State:
        step = step * min(1.0, LARGEST_TURN_RAD / max(np.abs(step[:, 3:]).max(), 1e-9))
        subject = state.subject.moved(shape_step) if len(shape_step) else state.subject
        return replace(
            state,
            rotations=self.chain.turn(state.rotations, step[:, 3:]),
            root=state.root + step[:, :3],
            subject=subject,
        )
