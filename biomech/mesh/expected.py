"""How far off the fit's coordinates may be: what its residuals leave open, in coordinates of our skeleton.

The sum of squares is a likelihood as far as its standard deviations are right: the inverse of its curvature is how the
unknowns scatter. Limbs that point to the lens, hidden ones and leans towards it come out wide, whatever the picture's
agreement. How many times wider the truth is, and how wide at least, was measured on rendered clips that are as people
film and of which nothing learned (``train.expected``); for several cameras on drawn people whom two or three see
(``bench.widths_of_cameras``).
"""

import functools
import json
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.angles import wrapped
from biomech.body.anny import AnnyBody
from biomech.body.driven import TRANSLATIONS
from biomech.body.linkage import BALL_TURNS, BALLS, HINGE_TURNS, HINGES, Pose, coordinates_of, pose_of_bones, turned_by
from biomech.body.motion import BodyMotion
from biomech.coverage import LEVEL

NAMES = (*TRANSLATIONS, *(name for ball in BALLS for name in ball.coordinates), *(hinge.coordinate for hinge in HINGES))
FILE, FILE_OF_CAMERAS = (Path(__file__).with_name(f"{name}.json") for name in ("expected", "expected_cameras"))
STEP_RAD = 1e-4
MOST_RAD = np.pi


def coordinate_sd(
    pose: Pose, covariance: Float[np.ndarray, "frames unknowns unknowns"], turn: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "frames coordinates"]:
    """Standard deviations (rad, m) of ``NAMES``.

    Args:
        pose: in a world whose Y is up.
        covariance: of each frame's root (m) and small turns (rad).
        turn: into the axes that the pelvis' place is wanted in.

    Returns:
        Columns as ``NAMES``; none over ``MOST_RAD``, however little is known.
    """
    place = np.einsum("ij,fjk,ik->fi", turn, covariance[:, :3, :3], turn)
    turns = covariance[:, 3:, 3:]
    at = coordinates_of(pose)
    slopes = np.zeros((len(pose), len(BALLS), 3, 3))  # coordinate, turn
    for axis in range(3):
        step = np.zeros((len(pose), turns.shape[1]))
        step[:, BALL_TURNS[:, axis]] = STEP_RAD
        moved = coordinates_of(turned_by(pose, step))
        for k, ball in enumerate(BALLS):
            for row, name in enumerate(ball.coordinates):
                change = moved[name] - at[name]
                slopes[:, k, row, axis] = wrapped(change) / STEP_RAD
    parts = turns[:, BALL_TURNS[:, :, None], BALL_TURNS[:, None, :]]  # frames, balls, 3, 3
    balls = np.einsum("fbcu,fbuv,fbcv->fbc", slopes, parts, slopes).reshape(len(pose), -1)
    hinges = np.diagonal(turns[:, HINGE_TURNS[:, None], HINGE_TURNS[None]], axis1=1, axis2=2)
    variances = np.concatenate([place, balls, hinges], 1)
    return np.minimum(np.sqrt(np.maximum(variances, 0.0)), MOST_RAD)


def half_widths(
    names: list[str], sd: Float[np.ndarray, "frames coordinates"], level: float = LEVEL, *, cameras: int = 1
) -> Float[np.ndarray, "frames coordinates"]:
    """Half widths (rad, m) that hold the truth in so many of the frames.

    Args:
        names: coordinates, of ``NAMES``.
        sd: as ``coordinate_sd`` gives them.
        level: one of ``LEVELS``.
        cameras: that saw the person.

    Returns:
        Columns as ``names``; each at least as wide as the table's least.
    """
    table = _table(cameras)
    factor, least = (np.array([table[part][str(level)][name] for name in names]) for part in ("factor", "least"))
    return np.hypot(factor * sd, least)


def half_widths_by_name(motion: BodyMotion) -> dict[str, Float[np.ndarray, " frames"]] | None:
    """``half_widths`` of a recovered body's coordinates, by name; None where its recovery says nothing."""
    if motion.coordinate_sd is None:
        return None
    widths = half_widths(motion.coordinate_names, motion.coordinate_sd, cameras=motion.cameras)
    return dict(zip(motion.coordinate_names, widths.T, strict=True))


@functools.cache
def _table(cameras: int) -> dict[str, dict[str, dict[str, float]]]:
    if cameras == 1:
        return json.loads(FILE.read_text())
    by_number = json.loads(FILE_OF_CAMERAS.read_text())["cameras"]
    return by_number[max((number for number in by_number if int(number) <= cameras), key=int)]


VIEWS = {"front": (0.0, 45.0), "side": (45.0, 135.0), "behind": (135.0, 180.1)}  # degrees between forwards and the lens
GROUPS = {
    "the knees": "knee_angle",
    "the hips": "hip_flexion",
    "pelvis tilt": "pelvis_tilt",
    "the elbows": "elbow_flex",
}


def view_of(motion: BodyMotion) -> Float[np.ndarray, " frames"]:
    """Degrees between where the person faces and the way to the lens, level: 0 from the front, 180 from behind."""
    assert motion.camera is not None
    camera = motion.camera
    lens = -camera.rotation_camera_from_world.T @ camera.position_in_camera_m
    away = (lens - motion.root_position_m)[:, [0, 2]]
    pelvis = pose_of_bones(AnnyBody.load([0]), motion.shape, motion.rotations).balls[:, 0]
    ahead = pelvis[:, [0, 2], 0]
    cosine = (away * ahead).sum(1) / np.maximum(np.linalg.norm(away, axis=1) * np.linalg.norm(ahead, axis=1), 1e-9)
    return np.degrees(np.arccos(cosine.clip(-1, 1)))


def _side(motion: BodyMotion) -> str:
    view = view_of(motion)
    shares = {name: float(((view >= low) & (view < high)).mean()) for name, (low, high) in VIEWS.items()}
    name = max(shares, key=lambda view: shares[view])
    if shares[name] <= 0.75:
        return "changing sides"
    return name if name == "behind" else f"the {name}"


def view_note(motion: BodyMotion) -> str | None:
    """From where the person is seen, and what that leaves open; None where the recovery does not say."""
    if motion.camera is None or motion.coordinate_sd is None:
        return None
    said = f"filmed by {motion.cameras} cameras" if motion.cameras > 1 else f"filmed from {_side(motion)}"
    widths = half_widths(motion.coordinate_names, motion.coordinate_sd, cameras=motion.cameras)
    parts = []
    for words, start in GROUPS.items():
        columns = [k for k, coordinate in enumerate(motion.coordinate_names) if coordinate.startswith(start)]
        parts.append(f"{np.degrees(np.median(widths[:, columns])):.0f}° at {words}".replace("at pelvis", "in pelvis"))
    within = f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"{said}: two of three frames are within {within} of the truth (each frame: the run's uncertainty.csv)"
