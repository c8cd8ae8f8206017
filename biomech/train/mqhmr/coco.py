"""Readers of annotated points: COCO's keypoints, MPII, and H36M's 17 joints in either of two common forms."""

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError, plainly
from biomech.keypoints.detector import Region
from biomech.train.mqhmr.datasets import MARGIN, PersonInPicture, named_points, region_of_box

COCO = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split()
# MPII's thorax lies between the shoulders, where our neck is; its upper neck is none of ours.
MPII = (
    "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis neck upper_neck head_top right_wrist "
    "right_elbow right_shoulder left_shoulder left_elbow left_wrist"
).split()
H36M = (
    "pelvis right_hip right_knee right_ankle left_hip left_knee left_ankle spine neck jaw head_top left_shoulder "
    "left_elbow left_wrist right_shoulder right_elbow right_wrist"
).split()
MPII_SCALE_PX = 200.0
LEAST_POINTS = 6


def read_coco(annotations: Path, pictures: Path, least_points: int = LEAST_POINTS) -> list[PersonInPicture]:
    """People of COCO's ``person_keypoints_*.json``, crowds and people with few points left out.

    Args:
        annotations: the .json.
        pictures: folder of the files that it names.
        least_points: named points that a person must have.

    Returns:
        With 2D keypoints (px), confidence 1 whether a point is seen or hidden; no θ, β or 3D.

    Raises:
        BioposeError: the file is not of COCO's keypoints.
    """
    found = _json(annotations)
    try:
        files = {picture["id"]: picture["file_name"] for picture in found["images"]}
        rows = [a for a in found["annotations"] if not a.get("iscrowd") and "keypoints" in a]
        people = []
        for row in rows:
            points = np.reshape(np.asarray(row["keypoints"], float), (-1, 3))
            xy, confidence = named_points(COCO, points[: len(COCO), :2], (points[: len(COCO), 2] > 0).astype(float))
            if (confidence > 0).sum() >= least_points:
                region = region_of_box(*row["bbox"])
                person = PersonInPicture(Path(pictures) / files[row["image_id"]], region)
                person.keypoints_px, person.confidence_2d = xy, confidence
                people.append(person)
    except (KeyError, TypeError, ValueError) as error:
        raise BioposeError(f"not annotations of COCO's keypoints ({plainly(error)})", where=str(annotations)) from error
    return people


def read_mpii(annotations: Path, pictures: Path) -> list[PersonInPicture]:
    """People of MPII as ``train.json`` and ``valid.json`` (the form that HRNet's authors made of the .mat).

    Args:
        annotations: the .json.
        pictures: folder of the files that it names.

    Returns:
        With 2D keypoints (px, from 0); no θ, β or 3D.

    Raises:
        BioposeError: the file is not that.
    """
    people = []
    try:
        for row in _json(annotations):
            points, seen = np.asarray(row["joints"], float), np.asarray(row["joints_vis"], float)
            center, scale = np.asarray(row["center"], float), float(row["scale"])
            # Numbers of Matlab, from 1; the box is lowered and widened as the set's users do, so that feet are in it.
            center = center + np.array([0.0, 15 * scale]) - 1
            region = Region((float(center[0]), float(center[1])), MARGIN * 1.25 * scale * MPII_SCALE_PX, 0.0)
            person = PersonInPicture(Path(pictures) / row["image"], region)
            person.keypoints_px, person.confidence_2d = named_points(MPII, points - 1, seen)
            people.append(person)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BioposeError(f"not annotations of MPII ({plainly(error)})", where=str(annotations)) from error
    return people


def read_h36m(annotations: Path, pictures: Path, focal_px: float | None = None) -> list[PersonInPicture]:
    """Frames of H36M as mmpose's ``h36m_*.npz``: ``imgname``, ``center``, ``scale``, ``part`` and ``S`` of 17 joints.

    Args:
        annotations: the .npz.
        pictures: folder of the files that it names.
        focal_px: of the four cameras, whose parameters lie in a file that is not plain arrays; about 1,146. None: not
            known.

    Returns:
        With keypoints in the picture (px) and in space (m, camera axes, about any origin); no θ or β.

    Raises:
        BioposeError: the file is not that.
    """
    try:
        with np.load(annotations, allow_pickle=False) as file:
            columns = [file[name] for name in ("imgname", "center", "scale", "part", "S")]
        people = []
        for name, center, scale, flat, space in zip(*columns, strict=True):
            person = PersonInPicture(Path(pictures) / str(name), scaled_region(center, scale), focal_px)
            person.keypoints_px, person.confidence_2d = named_points(H36M, flat[:, :2], _certain(flat, 2))
            person.keypoints_m, person.confidence_3d = named_points(H36M, space[:, :3], _certain(space, 3))
            people.append(person)
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise BioposeError(f"not frames of H36M ({plainly(error)})", where=str(annotations)) from error
    return people


def scaled_region(center: Float[np.ndarray, "2"], scale: Float[np.ndarray, "*sides"]) -> Region:
    """The square of a box as SPIN and its kin write it: the centre, and the longer side over 200 px.

    Args:
        center: px.
        scale: of one side or of both, in 200 px.

    Returns:
        Upright; a pixel wide at least.
    """
    side = float(np.max(scale)) * MPII_SCALE_PX
    return Region((float(center[0]), float(center[1])), max(side, 1.0), 0.0)


def _certain(points: np.ndarray, column: int) -> np.ndarray:
    return points[:, column].astype(float) if points.shape[1] > column else np.ones(len(points))


def _json(path: Path):
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BioposeError(f"cannot be read ({plainly(error)})", where=str(path)) from error
