"""Another body's virtual markers through time → BodyMotion: shape, places of the markers and poses of the Anny body.

As ``recover`` does it from a film: shape and floor on frames far enough apart to be news, all frames then from those.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import comb

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation
from threadpoolctl import threadpool_limits

from biomech.body.anny import AnnyBody
from biomech.body.linkage import Pose, bone_rotations, pose_of
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.markers.virtual import load_virtual_markers
from biomech.mesh.fit import State
from biomech.mesh.fit_mesh import MeshEvidence, MeshFit
from biomech.mesh.ground import Floor, sole_points, upright_camera
from biomech.mesh.habit import Habit
from biomech.mesh.level import Level
from biomech.mesh.placing import Placing
from biomech.mesh.recover import (
    APART_S,
    SHAPE_WINDOWS,
    _interpolated,
    _joined,
    _levelled,
    _mean_level,
    _windows,
    with_floor,
)
from biomech.mesh.skin_points import SkinPoints
from biomech.mesh.subject import Subject
from biomech.person import check_person

FEWEST = 12  # markers that the body can be fitted to
TRUNK = ("Hips", "LowerBack", "Spine", "Spine1")
FIRST_ITERATIONS, ITERATIONS, LAST_ITERATIONS = 40, 15, 8
ORDER = 5
ROUNDS = 4  # of shape and places
LEAST_APART = 12
EFFECTIVE_FRAMES = 20.0
TREMBLES_MM, FAR_MM = 3.0, 25.0  # from which on it is worth a word
LEAST_SD_M, MOST_SD_M = 0.002, 0.05
FIXED: tuple[str, ...] = ()
LOST_M = 0.06  # root mean square distance from the body of a frame's markers: the mesh is not believed


@dataclass(frozen=True)
class MeshMarkers:
    """Virtual markers read off another body: what the Anny body is fitted to."""

    names: list[str]  # of the 142
    positions_m: Float[np.ndarray, "frames markers 3"]  # Y up, or a camera's axes; NaN where nobody is
    time_s: Float[np.ndarray, " frames"]  # equally far apart
    spread_m: float  # of their places on the body; 0: they are the Anny body's own
    in_camera: bool = False
    middle_sd_m: tuple[float, float, float] = (0.0005, 0.0005, 0.0005)  # of where the person is, in the same axes
    focal_px: float | None = None
    size_px: tuple[int, int] | None = None

    @property
    def seen(self) -> Bool[np.ndarray, " frames"]:
        return np.isfinite(self.positions_m).all((1, 2))


@dataclass(frozen=True)
class MeshRecovery:
    """A body motion, and how well the body meets the mesh."""

    motion: BodyMotion
    marker_rms_mm: float  # of the markers' distances from their places on the body
    place_rms_mm: float  # of how far those places are from where they were expected
    trembling_mm: float  # of the markers from one frame to the next, as it was found


def trembling_m(points: Float[np.ndarray, "frames points 3"]) -> Float[np.ndarray, "points 3"]:
    """What differs at random from frame to frame: of each point along each axis, from fifth differences (m).

    Of what people do hardly anything is left in them even at 25 frames a second; of white noise sixteen times its
    standard deviation is.
    """
    seen = np.isfinite(points).all((1, 2))
    order = ORDER if len(points) > ORDER else len(points) - 1
    if order < 3:
        return np.zeros(points.shape[1:])
    together = np.all([seen[k : len(points) - order + k] for k in range(order + 1)], axis=0)
    if not together.any():
        return np.zeros(points.shape[1:])
    gain = np.sqrt(sum(comb(order, k) ** 2 for k in range(order + 1)))
    return 1.4826 * np.median(np.abs(np.diff(points, order, axis=0)[together]), 0) / gain


def recovered_notes(found: MeshRecovery) -> list[str]:
    """How well the body meets the mesh, in words."""
    notes = [
        f"our body's markers are {found.marker_rms_mm:.1f} mm from the mesh's (root mean square), each about a place "
        f"{found.place_rms_mm:.0f} mm from where it is on our body"
    ]
    if found.trembling_mm > TREMBLES_MM:
        notes.append(
            f"the mesh trembles by {found.trembling_mm:.0f} mm from frame to frame, which is no motion and not followed"
        )
    if found.marker_rms_mm > FAR_MM:
        notes.append("that is far: look at the markers before you trust the angles")
    return notes


@threadpool_limits.wrap(limits=1, user_api="blas")
def recover_markers(
    markers: MeshMarkers,
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> MeshRecovery:
    """Fit the Anny body to the virtual markers of another one.

    Args:
        markers: all of one person, at times equally far apart.
        height_m: of the person; the mesh is scaled to it as a whole. None: the mesh's own size is believed.
        mass_kg, sex: of the person, where known; the surface says little of the mass.
        progress: called with the windows done and expected.

    Returns:
        The motion at all frames (m; Y up, floor at 0), with quality 0 where nobody is, and how well it fits.

    Raises:
        BioposeError: too few markers, nobody in any frame, or an impossible height, mass or sex.
    """
    check_person(height_m, mass_kg, sex)
    if len(markers.names) < FEWEST:
        raise BioposeError(f"{len(markers.names)} markers, of which the body needs {FEWEST}")
    if not markers.seen.any():
        raise BioposeError("no frame shows a person")
    body = AnnyBody.load([0])
    placing, habit, soles, table = Placing(body), Habit.load(), sole_points(), load_virtual_markers()
    rows = table.index(markers.names)
    skin = SkinPoints(table.vertices[rows], table.shares[rows], placing)
    tremble = trembling_m(markers.positions_m - markers.positions_m.mean(1, keepdims=True))
    point_sd = np.clip(np.sqrt(np.square(tremble).mean(1)), LEAST_SD_M, MOST_SD_M)
    middle_sd = np.maximum(markers.middle_sd_m, trembling_m(markers.positions_m.mean(1, keepdims=True))[0])
    frames = len(markers.time_s)
    interval_s = float(np.median(np.diff(markers.time_s))) if frames > 1 else 1.0
    whole = MeshEvidence(markers.positions_m, point_sd, middle_sd, markers.in_camera, interval_s)
    spread = np.full(len(rows), markers.spread_m)
    apart = np.arange(0, frames, int(np.clip(round(APART_S / interval_s), 1, max(frames // LEAST_APART, 1))))
    if not whole.seen[apart].any():
        apart = np.arange(frames)
    subject = replace(Subject.start(body, height_m, mass_kg, sex), fixed=FIXED if sex is None else (*FIXED, "gender"))
    windows, all_windows = list(_windows(len(apart))), list(_windows(frames))
    sparse = whole.part(apart)

    def fit(part: MeshEvidence) -> MeshFit:
        return MeshFit(part, placing, habit, soles, skin)

    def begun(window: slice) -> State:
        part = sparse.part(window)
        state = fit(part).minimise(_started(part, skin, placing, subject), iterations=FIRST_ITERATIONS, grounded=False)
        return with_floor(state, placing, soles, part.interval_s)

    done, rounds = 0, min(len(windows), SHAPE_WINDOWS) * (len(windows) > 1) + len(windows) + len(all_windows)

    def step() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, rounds)

    chosen = sorted(windows, key=lambda w: -sparse.seen[w].sum())[:SHAPE_WINDOWS]
    chosen = [w for w in chosen if sparse.seen[w].any()]
    first: dict[int, State] = {}
    for window in chosen:
        windowed, state = fit(sparse.part(window)), begun(window)
        skin.offsets = np.zeros_like(skin.offsets) if not first else skin.offsets
        for _ in range(ROUNDS):
            state = windowed.minimise(state, iterations=ITERATIONS, free_shape=True, free_level=True)
            if markers.spread_m:
                windowed.settle(state, spread, EFFECTIVE_FRAMES)
        first[window.start] = state
        step()
    subject = subject.with_shape(np.mean([state.subject.shape for state in first.values()], axis=0))
    level = _mean_level([state.level for state in first.values()])
    if len(windows) > 1:
        for window in windows:
            state = first.get(window.start) or begun(window)
            state = (
                _levelled(replace(state, subject=subject), level)
                if markers.in_camera
                else replace(state, subject=subject, level=level)
            )
            first[window.start] = fit(sparse.part(window)).minimise(state, iterations=ITERATIONS)
            step()
    joined = _interpolated(_joined([first[window.start] for window in windows], windows), apart, frames)
    states, distances = [], []
    for window in all_windows:
        last = fit(whole.part(window))
        state = State(joined.pose[window], joined.root[window], subject, level)
        states.append(last.minimise(state, iterations=LAST_ITERATIONS))
        distances.append(last.distances_m(states[-1])[len(window_overlap(window, all_windows)) :])
        step()
    joined = _joined(states, all_windows)
    distance = np.concatenate(distances)
    return MeshRecovery(
        _motion(joined, body, markers, distance),
        1000 * float(np.sqrt(np.nanmean(np.square(distance)))),
        1000 * float(np.sqrt(np.square(skin.offsets).sum(1).mean())),
        1000 * float(np.median(np.sqrt(np.square(tremble).mean(1)))),
    )


def window_overlap(window: slice, windows: list[slice]) -> range:
    """Frames of a window that the one before has too.

    Args:
        window: one of ``windows``.
        windows: all of the clip.

    Returns:
        Numbers of frames.
    """
    before = [other.stop for other in windows if other.start < window.start]
    return range(window.start, max(before, default=window.start))


def _started(part: MeshEvidence, skin: SkinPoints, placing: Placing, subject: Subject) -> State:
    """The neutral pose, its trunk laid on the mesh's frame by frame; gaps as the frame before."""
    frames, level = len(part.markers), Level()
    targets = part.markers @ level.camera_from_world if part.in_camera else part.markers
    pose, root = pose_of([], np.zeros((frames, 0))), np.zeros((frames, 3))
    posed = placing.frame(subject.shaped, pose[:1], root[:1])
    own, origin = skin.positions(posed, skin.at(subject))[0], posed.joints[0, 0]
    bones = [placing.bone_names[bone] for bone in skin.weights.argmax(1)]
    trunk = np.array([bone in TRUNK for bone in bones])
    if trunk.sum() < 4:
        trunk[:] = True
    balls, neutral = pose.balls.copy(), pose.balls[0, 0]
    seen = np.flatnonzero(part.seen)
    middle = own[trunk].mean(0)
    for frame in range(frames):
        there = targets[seen[np.abs(seen - frame).argmin()], trunk]
        turn = Rotation.align_vectors(there - there.mean(0), own[trunk] - middle)[0].as_matrix()
        balls[frame, 0] = turn @ neutral
        root[frame] = there.mean(0) + turn @ (origin - middle)
    return State(Pose(balls, pose.hinges), root, subject, level)


def _motion(
    state: State, body: AnnyBody, markers: MeshMarkers, distance: Float[np.ndarray, "frames markers"]
) -> BodyMotion:
    """On the floor Y = 0, X where the person faces; with a camera where the mesh was in one's axes."""
    rotations, root = bone_rotations(body, state.subject.shape, state.pose), state.root.copy()
    into = state.level.camera_from_world if markers.in_camera else np.eye(3)
    rotations[:, 0], root = into @ rotations[:, 0], root @ into.T
    floor = Floor(into[:, 1], state.level.floor_m)
    width, height = markers.size_px or (2, 2)
    center = ((width - 1) / 2, (height - 1) / 2)
    world = upright_camera(
        floor, root[0], rotations[markers.seen, 0, :, 0], markers.focal_px or 1.0, center, (width, height)
    )
    rotations[:, 0] = world.rotation_camera_from_world.T @ rotations[:, 0]
    camera: Camera | None = world if markers.in_camera and markers.focal_px and markers.size_px else None
    rms = np.sqrt(np.square(distance).mean(1))
    return BodyMotion(
        body=body.name,
        bone_names=list(body.bone_names),
        rotations=rotations,
        root_position_m=world.to_world(root),
        shape=state.subject.shape,
        shape_names=list(body.shape_names),
        time_s=markers.time_s,
        camera=camera,
        quality=np.where(markers.seen, 1 / (1 + (np.nan_to_num(rms) / LOST_M) ** 4), 0.0),
    )
