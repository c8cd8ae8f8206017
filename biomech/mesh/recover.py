"""The stage Keypoints → BodyMotion: `fit` over the windows of a clip, from one initialiser or another; then upright.

The shape, the pose and where the floor is are found on frames far enough apart to be news; all frames then begin
between those.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation, Slerp
from threadpoolctl import threadpool_limits

from biomech.body.anny import AnnyBody
from biomech.body.linkage import Pose, bone_rotations
from biomech.body.motion import BodyMotion
from biomech.calibration.cameras import Calibration
from biomech.errors import BioposeError
from biomech.inverse_kinematics.trusted import LEAST_QUALITY
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh import doubt
from biomech.mesh.chain import BonePoints
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.doubt_signals import Judgeable
from biomech.mesh.evidence import explained, part, seen_by
from biomech.mesh.expected import NAMES, coordinate_sd
from biomech.mesh.fit import LANDMARK_TRUST, Evidence, State, WindowFit
from biomech.mesh.ground import Floor, sole_points, upright_camera
from biomech.mesh.habit import Habit
from biomech.mesh.hidden import unsure_of_legs
from biomech.mesh.level import Level
from biomech.mesh.neutral import NEUTRAL, StandingNote, check_upright, neutral_frames, upright
from biomech.mesh.placing import Placing
from biomech.mesh.standing import standing
from biomech.mesh.start import FromDetector, Initialiser
from biomech.mesh.subject import Subject, assumed_note
from biomech.person import check_person
from biomech.side_by_side import taking_a_core

Answer = TypeVar("Answer")
WINDOW, OVERLAP = 240, 30  # frames: memory does not grow with the clip
WINDOWS_AT_ONCE = min(os.cpu_count() or 1, 2)  # each needs some 300 MB
APART_S, LEAST_APART = 1 / 15, 12  # frames of the first rounds; at least so many
SHAPE_WINDOWS = 3
ITERATIONS, LAST_ITERATIONS = 15, 6
FLOOR_ROUNDS = 2
FOUND_OF_LEVEL = ("pitch_rad", "roll_rad", "floor_m")
CALIBRATED_STATURE_SD_M = 0.02
STATURE_OFF = 0.03
LEGLESS_QUALITY = 0.4  # at best, where both legs are hidden: two of five parts, and what is shown there is not found
UPSIDE_DOWN = -0.5  # cosine between the pelvis' upward axis and the vertical
FIRST_LANDMARK_TRUST = 0.5  # while nothing else says where in depth the limbs are


@threadpool_limits.wrap(limits=1, user_api="blas")  # thousands of small products: threads only get in their way
def recover(
    keypoints: Keypoints | Sequence[Keypoints],
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
    neutral_s: tuple[float, float] | None = None,
    shape: Float[np.ndarray, " shape"] | None = None,
    calibration: Calibration | None = None,
    initialiser: Initialiser | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BodyMotion:
    """Fit the Anny body to the keypoints of a clip, as one camera saw it or several at once.

    The shape is found on up to three windows of the clip and is then the same for all. Frames without the person are
    bridged smoothly and flagged by a quality of 0.

    Args:
        keypoints: of one person, with a focal length; eight points that the fit knows, shoulders and hips among them.
            Of several cameras one each, of the same moments and points (``calibration.together``).
        height_m, mass_kg: of the person; without them an adult of average stature is assumed as far as the picture
            allows, and sizes and distances are only as good as that guess.
        sex: female or male, where known: their proportions differ.
        neutral_s: from when to when the person stands upright, knees, hips and trunk straight: settles the lengths.
        shape: of the same person, from another clip; kept.
        calibration: of several cameras, in their order: gives sizes and distances, and the vertical where it has one.
        initialiser: what is known besides the picture, and where the fit starts; by default the detector's own 3D.
        progress: called with the windows done and expected.

    Returns:
        Every frame of the clip: rotations of the bones, root (m), one shape, the camera, a quality of 0 … 1, and how
        far off each coordinate may be (rad, m). Y up, X where the person faces (``upright_camera``), the origin on the
        floor below the root of the first frame.

    Raises:
        BioposeError: no focal length, no frame with the person, too few known points, an impossible height,
            mass or sex, or nobody is seen in the neutral stretch, or does not stand there.
    """
    check_person(height_m, mass_kg, sex)
    films = [keypoints] if isinstance(keypoints, Keypoints) else list(keypoints)
    _check(films, calibration)
    keypoints = max(films, key=lambda film: film.found.sum())  # who tells of the person's standing
    neutral, stands = None if neutral_s is None else neutral_frames(keypoints, *neutral_s), list[StandingNote]()
    body = AnnyBody.load([0])
    placing, habit = Placing(body), Habit.load()
    places, correspondence = Correspondence.load(body.bone_names).match(keypoints.names)
    initialiser = initialiser or FromDetector()
    evidence, hidden = seen_by(films, places, correspondence, initialiser, calibration)
    if neutral is not None and neutral_s is not None:
        telling = evidence[[film is keypoints for film in films].index(True)]
        stands = check_upright(keypoints, telling, neutral, NEUTRAL.format(*neutral_s))
        evidence = [upright(view, neutral) for view in evidence]
    frames, interval_s = len(keypoints.time_s), evidence[0].interval_s
    apart = np.arange(0, frames, int(np.clip(round(APART_S / interval_s), 1, max(frames // LEAST_APART, 1))))
    sparse = _parts(evidence, apart)
    subject = Subject.start(body, height_m, mass_kg, sex)
    up = None if calibration is None else calibration.up_in_first
    if calibration is not None:  # whose size may be off by as much as a tape measure's height over shoes and hair
        subject = replace(subject, height_sd_m=CALIBRATED_STATURE_SD_M)
    if shape is not None:
        subject = subject.with_shape(shape)
    soles = sole_points()
    windows, all_windows = list(_windows(len(apart))), list(_windows(frames))
    shape_windows = _best(windows, sparse, None if neutral is None else neutral[apart])
    rounds = len(shape_windows) + (len(windows) if len(windows) > 1 else 0) + len(all_windows)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, rounds)

    def fit(part: list[Evidence], landmark_trust: float = LANDMARK_TRUST) -> WindowFit:
        return WindowFit(part, placing, correspondence, habit, soles, landmark_trust)

    def begun(window: slice) -> State:
        """The neutral pose brought near to the picture, then the floor below it."""
        part = _parts(sparse, window)
        state = initialiser.state(part, apart[window], correspondence, placing, subject)
        if up is not None:
            state = _levelled(state, Level.calibrated(up))
        if not initialiser.posed:
            state = fit(part, FIRST_LANDMARK_TRUST).minimise(state, iterations=ITERATIONS, grounded=False)
        return with_floor(state, placing, soles, part[0].interval_s)

    def shaped(window: slice) -> State:
        state, windowed = begun(window), fit(_parts(sparse, window))
        for _ in range(FLOOR_ROUNDS):  # where feet stand is settled anew in each
            state = windowed.minimise(state, iterations=ITERATIONS, free_shape=shape is None, free_level=True)
        return state

    first = {}
    for window, state in zip(shape_windows, _on_threads(shaped, shape_windows), strict=True):
        first[window.start] = state
        step()
    subject = subject.with_shape(np.mean([state.subject.shape for state in first.values()], axis=0))
    level = _mean_level([state.level for state in first.values()])
    if len(windows) > 1:  # the windows' shapes and cameras differed from their mean

        def common(window: slice) -> State:
            state = _levelled(replace(first.get(window.start) or begun(window), subject=subject), level)
            return fit(_parts(sparse, window)).minimise(state, iterations=ITERATIONS)

        for window, state in zip(windows, list(_on_threads(common, windows)), strict=True):
            first[window.start] = state
            step()
    joined = _interpolated(_joined([first[window.start] for window in windows], windows), apart, frames)
    states, unsure = [], []

    def last(window: slice) -> tuple[State, Float[np.ndarray, "frames unknowns unknowns"]]:
        state, windowed = State(joined.pose[window], joined.root[window], subject, level), fit(_parts(evidence, window))
        state = windowed.minimise(state, iterations=LAST_ITERATIONS)
        return state, windowed.covariances(state)

    for state, covariances in _on_threads(last, all_windows):
        states.append(state)
        unsure.append(covariances)
        step()
    joined = _joined(states, all_windows)
    covariance = _one_after_the_other(unsure, all_windows)
    quality, notes = explained(films, correspondence, placing, evidence, joined)
    notes += stands
    if hidden.any():
        quality = np.where(hidden, np.minimum(quality, LEGLESS_QUALITY), quality)
        notes.append(
            f"both legs are hidden in {hidden.mean():.0%} of the frames: they are shown straight there, not found"
        )
    if calibration is not None:
        notes += _against_calibration(joined, calibration, height_m)
    elif height_m is None:
        notes.append(assumed_note(subject.shaped.stature_m))
    motion = _upright(joined, covariance, body, films[0], quality, notes)
    coordinate_sd, camera = motion.coordinate_sd, motion.camera
    assert coordinate_sd is not None and camera is not None
    if len(films) == 1 and initialiser.judged:
        said = evidence[0]
        if initialiser.judged != "fit":  # whoever found the pose: the detector and the sequence network judge it
            said = seen_by(films, places, correspondence, FromDetector(), None)[0][0]
        answer = Judgeable.of_state(joined, coordinate_sd, quality)
        where, coordinate_sd = doubt.judged(initialiser.judged, said, answer, correspondence, habit)
        doubts = [doubt.UNSETTLED if doubted else "" for doubted in where]
        motion = replace(motion, doubts=doubts, notes=[*motion.notes, *doubt.note(where)])
    if calibration is not None:  # the keypoints are those of a lens in the middle of the picture
        motion = replace(motion, camera=replace(camera, center_px=calibration.cameras[0].center_px))
    return replace(motion, coordinate_sd=unsure_of_legs(coordinate_sd, hidden), cameras=len(films))


def _on_threads(work: Callable[[slice], Answer], windows: Sequence[slice]) -> Iterator[Answer]:
    """Windows that know nothing of each other, a few at a time."""
    if len(windows) == 1:
        yield work(windows[0])
        return

    def taken(window: slice) -> Answer:
        with taking_a_core():
            return work(window)

    with ThreadPoolExecutor(WINDOWS_AT_ONCE) as pool:
        yield from pool.map(taken, windows)


def with_floor(state: State, placing: Placing, soles: BonePoints, interval_s: float) -> State:
    """The floor where feet that are still are lowest.

    Args:
        state: of a window; only its level's floor changes.
        placing, soles: of the body.
        interval_s: between its frames.

    Returns:
        A copy.
    """
    frame = placing.frame(state.subject.shaped, state.pose, state.root)
    _, floor_m = standing(placing.points(frame, soles), state.root, None, interval_s)
    return replace(state, level=replace(state.level, floor_m=floor_m))


def _mean_level(levels: list[Level]) -> Level:
    pitch_rad, roll_rad, floor_m = (float(np.mean([getattr(one, name) for one in levels])) for name in FOUND_OF_LEVEL)
    return replace(levels[0], pitch_rad=pitch_rad, roll_rad=roll_rad, floor_m=floor_m)


def _levelled(state: State, level: Level) -> State:
    """The same before the lens, in the world of another level."""
    turn = level.camera_from_world.T @ state.level.camera_from_world
    balls = state.pose.balls.copy()
    balls[:, 0] = turn @ balls[:, 0]
    return State(Pose(balls, state.pose.hinges), state.root @ turn.T, state.subject, level)


def _check(films: list[Keypoints], calibration: Calibration | None) -> None:
    for keypoints in films:
        if keypoints.focal_px is None:
            raise BioposeError("the keypoints lack a focal length", mend="Give `focal_px` or `fov_deg`.")
        if not keypoints.found.any():
            raise BioposeError("no frame shows the person", mend="Choose another clip or person.")
    if len(films) != (1 if calibration is None else len(calibration.cameras)):
        raise BioposeError(
            f"keypoints of {len(films)} cameras and {'no' if calibration is None else len(calibration.cameras)} "
            "calibrated ones",
            mend="Give each camera's keypoints and a calibration of the same cameras.",
        )
    first = films[0]
    if any(list(film.names) != list(first.names) or not np.array_equal(film.time_s, first.time_s) for film in films):
        raise BioposeError(
            "the cameras' keypoints are not of the same points and moments",
            mend="Put them together by `biomech.calibration.together`.",
        )


def _parts(views: list[Evidence], frames: slice | Int[np.ndarray, " part"]) -> list[Evidence]:
    return [part(view, frames) for view in views]


def _against_calibration(state: State, calibration: Calibration, height_m: float | None) -> list[str]:
    """What of gravity and size the person shows otherwise than the calibration."""
    notes, up, stature_m = [], calibration.up_in_first, state.subject.stature_m
    if up is not None:
        off = float(np.degrees(np.arccos(np.clip(state.level.camera_from_world[:, 1] @ up, -1, 1))))
        notes.append(f"the person's vertical is {off:.1f}° from the calibration's")
    if height_m is None:
        notes.append(f"by the cameras the person is {stature_m:.2f} m tall")
    elif abs(stature_m / height_m - 1) > STATURE_OFF:
        off_percent = 100 * (stature_m / height_m - 1)
        notes.append(
            f"by the cameras the person is {stature_m:.2f} m tall, not {height_m:.2f}, which is {off_percent:+.0f} %: "
            "the calibration's scale, the height or the body's proportions are off"
        )
    return notes


def _windows(frames: int) -> Iterator[slice]:
    if frames <= WINDOW + OVERLAP:
        yield slice(0, frames)
        return
    step = WINDOW - OVERLAP
    count = int(np.ceil((frames - OVERLAP) / step))
    bounds = np.linspace(0, frames - OVERLAP, count + 1).round().astype(int)
    for begin, end in itertools.pairwise(bounds):
        yield slice(int(begin), int(end) + OVERLAP)


def _best(windows: list[slice], views: list[Evidence], neutral: Bool[np.ndarray, " frames"] | None) -> list[slice]:
    """The windows in which the person is seen best, those with a neutral stretch first; they settle the shape."""
    there = np.zeros(len(views[0].xy), bool) if neutral is None else neutral
    seen = np.max([view.confidence.mean(1) for view in views], axis=0)
    order = sorted(windows, key=lambda w: (-there[w].sum(), -seen[w].mean()))
    return sorted(order[:SHAPE_WINDOWS], key=lambda w: w.start)


def _joined(states: list[State], windows: list[slice]) -> State:
    """One state for the clip; where two windows overlap, one fades into the other."""
    pose, root = states[0].pose, states[0].root
    for state, window in zip(states[1:], windows[1:], strict=True):
        shared = len(pose) - window.start
        share = ((np.arange(shared) + 1) / (shared + 1))[:, None]
        old, new = pose[window.start :], state.pose[:shared]
        difference = Rotation.from_matrix((np.swapaxes(old.balls, -1, -2) @ new.balls).reshape(-1, 3, 3)).as_rotvec()
        step = Rotation.from_rotvec(np.repeat(share, old.balls.shape[1], 0) * difference).as_matrix()
        balls = old.balls @ step.reshape(old.balls.shape)
        hinges = old.hinges + share * (new.hinges - old.hinges)
        pose = Pose(
            np.concatenate([pose.balls[: window.start], balls, state.pose.balls[shared:]]),
            np.concatenate([pose.hinges[: window.start], hinges, state.pose.hinges[shared:]]),
        )
        faded = root[window.start :] + share * (state.root[:shared] - root[window.start :])
        root = np.concatenate([root[: window.start], faded, state.root[shared:]])
    return replace(states[0], pose=pose, root=root)


def _one_after_the_other(
    parts: list[Float[np.ndarray, "frames unknowns unknowns"]], windows: list[slice]
) -> Float[np.ndarray, "frames unknowns unknowns"]:
    """Of all frames; where two windows overlap, the later's."""
    ends = [*(window.start for window in windows[1:]), windows[-1].stop]
    return np.concatenate([part[: end - w.start] for part, w, end in zip(parts, windows, ends, strict=True)])


def _interpolated(state: State, apart: Int[np.ndarray, " some"], frames: int) -> State:
    """All frames, from some: straight in time, rotations along the shortest way."""
    if len(apart) == frames:
        return state
    at = np.arange(frames)
    inside = at.clip(apart[0], apart[-1])
    balls = np.empty((frames, *state.pose.balls.shape[1:]))
    for ball in range(balls.shape[1]):
        balls[:, ball] = Slerp(apart, Rotation.from_matrix(state.pose.balls[:, ball]))(inside).as_matrix()
    hinges, root = (
        np.stack([np.interp(at, apart, column) for column in columns.T], 1)
        for columns in (state.pose.hinges, state.root)
    )
    return replace(state, pose=Pose(balls, hinges), root=root)


def _upright(
    state: State,
    covariance: Float[np.ndarray, "frames unknowns unknowns"],
    body: AnnyBody,
    keypoints: Keypoints,
    quality: Float[np.ndarray, " frames"],
    notes: list[str],
) -> BodyMotion:
    """The world whose X is where the person faces and whose origin is on the floor under them."""
    width, height = keypoints.size_px
    known = quality >= LEAST_QUALITY if (quality >= LEAST_QUALITY).any() else slice(None)
    rotations = bone_rotations(body, state.subject.shape, state.pose)
    into_camera, root = state.level.camera_from_world, state.root @ state.level.camera_from_world.T
    rotations[:, 0] = into_camera @ rotations[:, 0]
    floor = Floor(into_camera[:, 1], state.level.floor_m)
    camera = upright_camera(
        floor,
        root[0],
        rotations[known, 0, :, 0],
        keypoints.focal_px,
        ((width - 1) / 2, (height - 1) / 2),
        keypoints.size_px,
    )
    world_from_camera = camera.rotation_camera_from_world.T
    rotations[:, 0] = world_from_camera @ rotations[:, 0]
    if (rotations[known, 0, 1, 1] < UPSIDE_DOWN).mean() > 0.9:
        notes = [*notes, "the person is upside down: turn the film if it was filmed or saved the other way up"]
    return BodyMotion(
        body=body.name,
        bone_names=list(body.bone_names),
        rotations=rotations,
        root_position_m=camera.to_world(root),
        shape=state.subject.shape,
        shape_names=list(body.shape_names),
        time_s=keypoints.time_s,
        camera=camera,
        quality=quality,
        notes=[*keypoints.notes, *notes],
        coordinate_names=list(NAMES),
        coordinate_sd=coordinate_sd(state.pose, covariance, world_from_camera @ into_camera),
    )
