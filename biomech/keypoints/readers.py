"""Keypoints that other programs found: OpenPose's folder of JSON files, mmpose's JSON of a whole clip."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints

BODY_25 = (
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip right_hip right_knee "
    "right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear left_big_toe left_small_toe "
    "left_heel right_big_toe right_small_toe right_heel"
).split()
COCO_17 = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split()
MAX_STEP = 0.5  # of a person's extent, between two frames; further away it is somebody else

PersonPoints = Float[np.ndarray, "points 3"]  # x px, y px, confidence


def read_openpose(
    folder: Path, *, size_px: tuple[int, int], rate_hz: float = 30.0, person: int | None = None
) -> Keypoints:
    """Read OpenPose's BODY_25 output, one ``*_keypoints.json`` a frame.

    Args:
        size_px: width and height of the pictures, which the files do not hold.
        rate_hz: frames per second; the number in a file's name counts from the first file's.
        person: number from left to right in the first frame that shows that many; by default the largest.

    Raises:
        BioposeError: no such files, files of another kind, or no such person.
    """
    folder = Path(folder)
    paths = {number: path for path in folder.glob("*.json") if (number := _frame_number(path)) is not None}
    if not paths:
        raise BioposeError("no OpenPose files", where=str(folder), mend="It has to hold *_000000000000_keypoints.json.")
    first = min(paths)
    frames: list[list[PersonPoints]] = [[] for _ in range(max(paths) - first + 1)]
    for number, path in paths.items():
        try:
            people = [np.array(entry["pose_keypoints_2d"], float) for entry in _load(path)["people"]]
            frames[number - first] = [points.reshape(len(BODY_25), 3) for points in people]
        except (KeyError, TypeError, ValueError) as error:
            raise BioposeError(
                f"not an OpenPose BODY_25 file ({error})",
                where=str(path),
                mend="Run OpenPose with --model_pose BODY_25 --write_json.",
            ) from error
    return _keypoints(frames, BODY_25, folder, size_px, rate_hz, person, "OpenPose BODY_25")


def read_mmpose(path: Path, *, size_px: tuple[int, int], rate_hz: float = 30.0, person: int | None = None) -> Keypoints:
    """Read the predictions that mmpose's inferencer or demo saves for a clip.

    Args:
        size_px, rate_hz, person: as in ``read_openpose``.

    Raises:
        BioposeError: a file of another kind, points without names, or no such person.
    """
    content = _load(path)
    try:
        entries = content["instance_info"] if isinstance(content, dict) else content
        frames = [
            [
                np.column_stack([np.array(one["keypoints"], float)[:, :2], np.array(one["keypoint_scores"], float)])
                for one in entry["instances"]
            ]
            for entry in entries
        ]
        count = next((len(points) for people in frames for points in people), 0)
        meta = content.get("meta_info", {}).get("keypoint_id2name") if isinstance(content, dict) else None
        names = [meta[str(index)] for index in range(count)] if meta else COCO_17
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise BioposeError(f"not mmpose's predictions of a clip ({error})", where=str(path)) from error
    if count != len(names):
        raise BioposeError(
            f"{count} points without names", where=str(path), mend="Save them with meta_info, or use a COCO-17 model."
        )
    return _keypoints(frames, names, Path(path), size_px, rate_hz, person, "mmpose")


def _frame_number(path: Path) -> int | None:
    found = re.search(r"(\d+)_keypoints$", path.stem)
    return int(found[1]) if found else None


def _load(path: Path) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BioposeError(f"not a JSON file that can be read ({error})", where=str(path)) from error


def _keypoints(
    frames: list[list[PersonPoints]],
    names: list[str],
    path: Path,
    size_px: tuple[int, int],
    rate_hz: float,
    person: int | None,
    detector: str,
) -> Keypoints:
    track = _followed(frames, person)
    if track is None:
        most = max(map(len, frames), default=0)
        what = "nobody in these files" if not most else f"there is no person {person}: at most {most} in a frame"
        raise BioposeError(what, where=str(path))
    missing = np.column_stack([np.full((len(names), 2), np.nan), np.zeros(len(names))])
    values = np.stack([missing if points is None else points for points in track])
    confidence = np.nan_to_num(values[..., 2]).clip(0, 1)
    return Keypoints(
        names=list(names),
        # A point that OpenPose did not find is 0, 0 with confidence 0.
        xy=np.where(confidence[..., None] > 0, values[..., :2], np.nan),
        confidence=confidence,
        time_s=np.arange(len(track)) / rate_hz,
        size_px=size_px,
        detector=detector,
    )


def _followed(frames: list[list[PersonPoints]], person: int | None) -> list[PersonPoints | None] | None:
    """One person's points in every frame, None where nobody is near enough to their last place; None for nobody."""
    track: list[PersonPoints | None] = []
    last: PersonPoints | None = None
    for people in frames:
        people = [points for points in people if (points[:, 2] > 0).sum() >= 3]
        chosen = None
        if last is not None:
            steps = [_step(points, last) for points in people]
            chosen = people[int(np.argmin(steps))] if steps and min(steps) < MAX_STEP else None
        elif person is None:
            chosen = max(people, key=_extent, default=None)
        elif 0 <= person < len(people):
            chosen = sorted(people, key=lambda points: points[points[:, 2] > 0, 0].mean())[person]
        track.append(chosen)
        last = last if chosen is None else chosen
    return None if last is None else track


def _extent(points: PersonPoints) -> float:
    return float(np.ptp(points[points[:, 2] > 0, :2], axis=0).max())


def _step(points: PersonPoints, before: PersonPoints) -> float:
    """Median way of the points seen in both frames, in extents of the person."""
    both = (points[:, 2] > 0) & (before[:, 2] > 0)
    if not both.any():
        return np.inf
    way = np.median(np.hypot(*(points[both, :2] - before[both, :2]).T))
    return float(way / max(_extent(before), 1.0))
