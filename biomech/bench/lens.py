"""Near and far, wide and narrow: what perspective is worth to the fit, and what a guessed lens costs.

People with known coordinates (the library's generators) are projected by a pinhole at five distances and five fields of
view; points outside the picture are missing. Points bear the errors that the detector was measured to make
(``sequence_data.point_errors``). Nothing is rendered and no detector looks: the fit is given 2D points without 3D.
Each clip is recovered three times: with the lens's own focal length, with the one that is assumed when nothing is
known (``video.DEFAULT_FOV_DEG``), and through the paper's weak perspective, a lens so long that nearer is no larger.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from biomech.angles import wrapped
from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.body.linkage import coordinates_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.camera import Camera, direction, focal_from_fov, rotation_looking
from biomech.errors import BioposeError
from biomech.inverse_kinematics.trusted import LEAST_QUALITY
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library.generated import generate
from biomech.labels.people import random_person, seeded
from biomech.mesh.mqhmr.camera import WEAK_FOCAL_SIDES
from biomech.mesh.points import detected_points
from biomech.mesh.recover import recover
from biomech.train.sequence_data import point_errors
from biomech.video import DEFAULT_FOV_DEG

DISTANCES_M = (0.8, 1.5, 3.0, 5.0, 10.0)
FIELDS_DEG = (24.0, 45.0, 69.0, 90.0, 120.0)  # across the longer side, which is upright
WAYS = ("full", "guessed", "weak")
SIZE_PX = (1080, 1920)
SECONDS, RATE_HZ = 1.5, 15.0
# Who does what, and from where about the vertical the camera looks (0: from the front); a walk leaves the spot.
PEOPLE = (
    ("squat", 0.0),
    ("reach", -30.0),
    ("plain_walk", 90.0),
    ("squat", 50.0),
    ("reach", 90.0),
    ("plain_walk", 20.0),
    ("squat", 90.0),
    ("reach", 0.0),
    ("plain_walk", -60.0),
    ("squat", -30.0),
    ("reach", 45.0),
    ("plain_walk", 160.0),
)
ON_THE_SPOT = ("squat", "reach")
LENS_M = 1.1
LEAST_INSIDE = 0.6  # of the points, in the mean of a clip: with less nobody would film so
CROP = 0.9  # of a crop's side, a person's height in it
CONFIDENCE = 0.9
SEED = "lens"
ROTATIONS = (
    *("pelvis_tilt", "pelvis_list", "pelvis_rotation"),
    *(f"hip_{turn}_{side}" for side in "rl" for turn in ("flexion", "adduction", "rotation")),
    *(f"{joint}_angle_{side}" for joint in ("knee", "ankle", "subtalar") for side in "rl"),
    *("lumbar_extension", "lumbar_bending", "lumbar_rotation"),
)
GROUPS = {"knee": "knee_angle", "hip": "hip_flexion", "tilt": "pelvis_tilt", "mae18": ""}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Filmed:
    """One person before one lens."""

    keypoints: Keypoints  # with the lens's own focal length
    truth: Kinematics
    inside: float  # share of the points that are in the picture
    distance_m: float  # of the pelvis, in the mean, along the lens's axis
    camera: Camera


def bench_lens(
    *,
    distances_m: Sequence[float] = DISTANCES_M,
    fields_deg: Sequence[float] = FIELDS_DEG,
    people: int = len(PEOPLE),
    ways: Sequence[str] = WAYS,
    seed: str = SEED,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Errors by distance, field of view and what the fit is told of the lens.

    Args:
        distances_m: of the pelvis from the lens.
        fields_deg: across the longer side of an upright picture.
        people: how many of ``PEOPLE``, the first.
        ways: of ``WAYS``.
        seed: of people, motions and the points' errors.
        say: told of every cell.

    Returns:
        Under ``cells``, by distance and field, the share of the points inside, the clips on the spot and, by way, the
        mean errors of ``GROUPS`` (degrees), the share of frames ``lost`` (quality below ``LEAST_QUALITY``, or no
        answer) and how far away the person is put over how far they are; cells with less than ``LEAST_INSIDE`` of
        the points inside have that share alone. Under ``walks`` the same of who walks. Further the means over all
        cells by way, and seconds of a core.
    """
    begun = time.process_time()
    moving = [_person(number, seed) for number in range(people)]
    cells: dict[str, dict[str, Any]] = {}
    walks: dict[str, dict[str, Any]] = {}
    for distance_m in distances_m:
        for field_deg in fields_deg:
            name = f"{distance_m:g} m, {field_deg:g}°"
            for rows, spot in ((cells, True), (walks, False)):
                group = [n for n in range(people) if (PEOPLE[n][0] in ON_THE_SPOT) == spot]
                filmed = [film(*moving[n], PEOPLE[n][1], distance_m, field_deg, (seed, n)) for n in group]
                if filmed:
                    rows[name] = _cell(filmed, ways)
            say(f"{name}: {cells.get(name)}")
    return {
        **_overall(cells, ways),
        "cells": cells,
        "walks": walks,
        "people": people,
        "cpu_seconds": round(time.process_time() - begun, 1),
    }


def film(
    motion: BodyMotion,
    truth: Kinematics,
    azimuth_deg: float,
    distance_m: float,
    field_deg: float,
    key: tuple[str, int],
) -> Filmed:
    """The points as a detector would give them, without 3D.

    Args:
        motion: about the origin, facing X, m.
        truth: what drove it.
        azimuth_deg: where the camera stands, about the vertical from where the person faces.
        distance_m: of the lens from the vertical through the origin.
        field_deg: across the longer side of the picture.
        key: seed of the points' errors and the person's number: in statures they are the same in every cell.

    Returns:
        Points outside the picture are NaN, of confidence 0.
    """
    body = AnnyBody.load([0])
    points = detected_points(body, motion)
    lens = _camera(points.positions_m, azimuth_deg, distance_m, field_deg)
    away = lens.to_camera(points.positions_m)[..., 2].mean(1)[:, None, None]
    stature_m = float(np.ptp(points.positions_m[..., 1], axis=1).max())
    errors = point_errors(len(away), RATE_HZ, seeded(*key, "errors"))
    xy = lens.project(points.positions_m) + errors * stature_m * lens.focal_px / away
    with np.errstate(invalid="ignore"):
        inside = ((xy >= 0) & (xy <= np.array(SIZE_PX) - 1)).all(-1)
    keypoints = Keypoints(
        names=list(points.names),
        xy=np.where(inside[..., None], xy, np.nan),
        confidence=np.where(inside, CONFIDENCE, 0.0),
        time_s=motion.time_s,
        size_px=SIZE_PX,
        focal_px=lens.focal_px,
        focal_source="simulated",
        detector="simulated points",
    )
    root = lens.to_camera(motion.root_position_m)[:, 2]
    return Filmed(keypoints, truth, float(inside.mean()), float(root.mean()), lens)


def focal_of(way: str, keypoints: Keypoints) -> float:
    """What the fit is told of the lens, px.

    Args:
        way: of ``WAYS``: ``full`` has the lens's own; ``guessed`` the one that is assumed of a film that says nothing;
            ``weak`` the paper's fixed long lens, ``WEAK_FOCAL_SIDES`` of the person's crop.
        keypoints: with the lens's own focal length.

    Raises:
        BioposeError: there is no such way.
    """
    assert keypoints.focal_px is not None
    if way == "full":
        return keypoints.focal_px
    if way == "guessed":
        return focal_from_fov(max(keypoints.size_px), DEFAULT_FOV_DEG)
    if way == "weak":
        seen = keypoints.xy[np.isfinite(keypoints.xy).all(-1).any(1)]
        extent = np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1)
        return float(WEAK_FOCAL_SIDES * extent.max(1).mean() / CROP)
    raise BioposeError(f"no way '{way}' with a lens", mend=f"One of: {', '.join(WAYS)}.")


def recovered(filmed: Filmed, way: str) -> dict[str, float]:
    """One clip's errors.

    Args:
        filmed: the clip.
        way: of ``WAYS``.

    Returns:
        Mean absolute errors by ``GROUPS`` (degrees; the heading but for a constant, since no picture has north), the
        share of ``lost`` frames, and ``distance_ratio``; NaN, and all frames lost, where the fit gives no answer.
    """
    keypoints = filmed.keypoints
    told = Keypoints(**{**vars(keypoints), "focal_px": focal_of(way, keypoints), "focal_source": way})
    try:
        motion = recover(told)
    except (BioposeError, np.linalg.LinAlgError):
        return dict.fromkeys((*(f"{group}_deg" for group in GROUPS), "distance_ratio"), np.nan) | {"lost": 1.0}
    assert motion.camera is not None and motion.quality is not None
    body = AnnyBody.load([0])
    found = coordinates_of(pose_of_bones(body, motion.shape, motion.rotations))
    off = rotation_errors_deg(filmed.truth, found)
    away = float(motion.camera.to_camera(motion.root_position_m)[:, 2].mean())
    figures = {
        f"{group}_deg": float(np.mean([error.mean() for name, error in off.items() if name.startswith(start)]))
        for group, start in GROUPS.items()
    }
    known = np.isfinite(motion.root_position_m).all(1) & (motion.quality >= LEAST_QUALITY)
    return figures | {"distance_ratio": away / filmed.distance_m, "lost": float(1 - known.mean())}


def rotation_errors_deg(
    truth: Kinematics,
    found: dict[str, Float[np.ndarray, " frames"]],
    names: Sequence[str] = ROTATIONS,
    *,
    any_heading: bool = True,
) -> dict[str, Float[np.ndarray, " frames"]]:
    """How far each rotation is off in each frame, degrees, but for a constant heading.

    Args:
        truth: rad.
        found: by name, rad; the same frames.
        names: of the rotations.
        any_heading: a constant ``pelvis_rotation`` is no error, as of people who are upright; of others it is no
            heading.

    Returns:
        Absolute errors by name.
    """
    errors = {}
    for name in names:
        off = wrapped(found[name] - truth.values[:, truth.names.index(name)])
        if name == "pelvis_rotation" and any_heading:
            off = wrapped(off - np.arctan2(np.sin(off).mean(), np.cos(off).mean()))
        errors[name] = np.abs(np.degrees(off))
    return errors


def _cell(filmed: list[Filmed], ways: Sequence[str]) -> dict[str, Any]:
    inside = float(np.mean([one.inside for one in filmed]))
    row: dict[str, Any] = {"inside": round(inside, 2)}
    if inside < LEAST_INSIDE:
        return row
    for way in ways:
        each = [recovered(one, way) for one in filmed]
        row[way] = {key: round(float(np.nanmean([one[key] for one in each])), 2) for key in each[0]}
    return row | {"clips": len(filmed)}


def _overall(cells: dict[str, dict[str, Any]], ways: Sequence[str]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for way in ways:
        rows = [row[way] for row in cells.values() if way in row]
        figures |= {
            f"{way}_{key}": round(float(np.nanmean([row[key] for row in rows])), 2) for key in (rows[0] if rows else ())
        }
    return figures


def _person(number: int, seed: str) -> tuple[BodyMotion, Kinematics]:
    """A person about the origin, and what they do."""
    rng = seeded(seed, number)
    shape = random_person(rng).shape
    truth = generate(PEOPLE[number][0], SECONDS, RATE_HZ, rng)
    motion = driven(AnnyBody.load([0]), shape, truth.names, truth.values, truth.time_s)
    motion.root_position_m = motion.root_position_m - motion.root_position_m.mean(0) * [1.0, 0.0, 1.0]
    return motion, truth


def _camera(
    points: Float[np.ndarray, "frames points 3"], azimuth_deg: float, distance_m: float, field_deg: float
) -> Camera:
    """Upright, chest high, aimed at the middle of the person."""
    azimuth = np.radians(azimuth_deg)
    middle_m = float((points[..., 1].max() + points[..., 1].min()) / 2)
    place = np.array([distance_m * np.cos(azimuth), LENS_M, distance_m * np.sin(azimuth)])
    pitch = np.arctan2(LENS_M - middle_m, distance_m)
    rotation = rotation_looking(direction(float(pitch), float(azimuth + np.pi)))
    width, height = SIZE_PX
    focal_px = focal_from_fov(height, field_deg)
    return Camera(focal_px, ((width - 1) / 2, (height - 1) / 2), SIZE_PX, rotation, -rotation @ place)
