"""Where cameras are to each other, from nothing but the person whom all of them film.

Each camera alone gives points in space (the detector's 3D, or the sequence network's, where they lie on the keypoints,
by the person's size); the rotation and shift that lay one camera's over another's are where the other is. Then the
cameras are moved until what they see agrees (bundle adjustment), and the scale is set by the lengths of the person's
limbs.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from biomech.body.anny import AnnyBody
from biomech.body.linkage import pose_of
from biomech.calibration.cameras import CalibratedCamera, Calibration
from biomech.calibration.triangulate import settled, triangulate
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.evidence import in_picture
from biomech.mesh.placing import Placing
from biomech.mesh.start import FromDetector, place
from biomech.mesh.subject import Subject

ENDS = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"))
LIMBS = [(f"{side}_{one}", f"{side}_{other}") for side in ("left", "right") for one, other in ENDS]
FEWEST = 8  # frames in which both cameras see the person
TURN_SD, SHIFT_SD_M = 0.3, 1.0  # of the cameras as the 3D of each has them: the keypoints settle it
EFFECTIVE = 1000.0
ROUNDS = 60
TOO_ALIKE_DEG = 8.0  # between the ways to the person, below which nothing is gained by another camera


def cameras_from_person(
    films: list[Keypoints],
    names: Sequence[str],
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
) -> Calibration:
    """The cameras of films of one person.

    Args:
        films: a camera's each, at the same moments; px of pictures without distortion, with focal lengths and 3D.
        names: of the films.
        height_m, mass_kg, sex: of the person; set the scale, as far as known.

    Returns:
        The first camera's axes are the world; the vertical is not known.

    Raises:
        BioposeError: two films hardly show the person at once, or one of them none.
    """
    body = AnnyBody.load([0])
    subject, placing = Subject.start(body, height_m, mass_kg, sex), Placing(body)
    places, correspondence = Correspondence.load(body.bone_names).match(films[0].names)
    clouds = [_in_space(film, places, correspondence, subject) for film in films]
    cameras = [_camera(film, name, np.eye(3), np.zeros(3)) for film, name in zip(films, names, strict=True)]
    for number in range(1, len(films)):
        both = clouds[0][1] & clouds[number][1]
        if both.sum() < FEWEST:
            raise BioposeError(
                f"the first film and this one show the person at once in {both.sum()} frames",
                where=names[number],
                mend="Give a calibration (`calibration`), or `offsets_s` if they are known.",
            )
        turn, shift_m = _laid_over(clouds[0][0][both], clouds[number][0][both])
        cameras[number] = replace(cameras[number], rotation=turn, shift_m=shift_m)
    found = Calibration(cameras, "found from the person")
    found = settled(
        films, found, turn_sd=TURN_SD, shift_sd_m=SHIFT_SD_M, rounds=ROUNDS, effective=EFFECTIVE, first_stays=True
    )
    scale = _scale(films, found, subject, placing, correspondence)
    cameras = [replace(camera, shift_m=scale * camera.shift_m) for camera in found.cameras]
    size = f"{height_m:g} m of height" if height_m is not None else "an average adult's height"
    notes = [f"no calibration given: the cameras were found from the person, sizes from {size}"]
    return Calibration(cameras, "found from the person", None, notes)


def _camera(film: Keypoints, name: str, rotation: np.ndarray, shift_m: np.ndarray) -> CalibratedCamera:
    width, height = film.size_px
    if film.focal_px is None:
        raise BioposeError("the keypoints lack a focal length", where=name, mend="Give `focal_px` or `fov_deg`.")
    matrix = np.array([[film.focal_px, 0, (width - 1) / 2], [0, film.focal_px, (height - 1) / 2], [0, 0, 1.0]])
    return CalibratedCamera(name, film.size_px, matrix, np.zeros(5), rotation, shift_m)


def _in_space(
    film: Keypoints, places: list[int], correspondence: Correspondence, subject: Subject
) -> tuple[Float[np.ndarray, "frames points 3"], np.ndarray]:
    """Points in the camera's axes by what it alone sees, m; and in which frames."""
    evidence = FromDetector().in_space(in_picture(film, places), film, places, correspondence)
    known = np.isfinite(evidence.landmark_sd).all((1, 2)) & (evidence.confidence > 0).any(1)
    if not known.any():
        raise BioposeError(
            "cameras cannot be found from a person whom one of them does not show",
            mend="Give a calibration (`calibration`).",
        )
    laid = subject.stature_m * evidence.landmarks @ np.swapaxes(evidence.camera_from_ray, 1, 2)
    return laid + place([evidence], laid)[:, None], known


def _laid_over(
    source: Float[np.ndarray, "frames points 3"], target: Float[np.ndarray, "frames points 3"]
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]:
    """Rotation and shift from source to target. The turn is of the points about each frame's mean, which are known
    better than how far away they are."""
    a, b = (points - points.mean(1, keepdims=True) for points in (source, target))
    left, _, right = np.linalg.svd(np.einsum("fpi,fpj->ij", b, a))
    turn = left @ np.diag([1, 1, np.sign(np.linalg.det(left @ right))]) @ right
    return turn, np.median(target.mean(1) - source.mean(1) @ turn.T, axis=0)


def _scale(
    films: list[Keypoints], found: Calibration, subject: Subject, placing: Placing, correspondence: Correspondence
) -> float:
    """By how much the cameras' distances are too small for the person's limbs."""
    points, names = triangulate(films, found).points, films[0].names
    body_points = correspondence.points
    frame = placing.frame(subject.shaped, pose_of([], np.zeros((1, 0))), np.zeros((1, 3)))
    at_rest = placing.points(frame, body_points)[0]
    true = found_m = 0.0
    for one, other in LIMBS:
        if one in names and other in names and {one, other} <= set(body_points.names):
            lengths = np.linalg.norm(points[:, names.index(one)] - points[:, names.index(other)], axis=-1)
            if np.isfinite(lengths).any():
                found_m += float(np.nanmedian(lengths))
                rows = [body_points.names.index(name) for name in (one, other)]
                true += float(np.linalg.norm(at_rest[rows[0]] - at_rest[rows[1]]))
    if found_m <= 0:
        raise BioposeError("no limb is seen by two cameras at once", mend="Give a calibration (`calibration`).")
    return true / found_m
