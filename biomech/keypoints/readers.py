"""Keypoints that other programs found: OpenPose's folder of JSON files, mmpose's JSON of a whole clip."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import read_json
from biomech.keypoints.keypoints import EDGE, SURE, UNIT, Keypoints
from biomech.video import Video, focal_length

BODY_25 = (
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip right_hip right_knee "
    "right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear left_big_toe left_small_toe "
    "left_heel right_big_toe right_small_toe right_heel"
).split()
COCO_17 = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split()
FEW = 0.005  # share of the points that may lie outside the picture
SMALL = 0.1  # of the picture's shorter side; a person of whom points can be found is larger
MOST_ABSENT, MANY_FRAMES = 100, 10_000  # frames for each file, and in all, that a folder may lack
OPENPOSE_MEND = "Run `OpenPose --model_pose BODY_25 --write_json`."
MAX_STEP = 0.5  # of a person's extent, between two frames; further away it is somebody else

PersonPoints = Float[np.ndarray, "points 3"]  # x px, y px, confidence


def read_keypoints(
    path: Path,
    *,
    video: Path | None = None,
    person: int | None = None,
    focal_px: float | None = None,
    fov_deg: float | None = None,
) -> Keypoints:
    """Our own .npz, OpenPose's folder or mmpose's .json; size, rate and lens of the latter two are their film's.

    Args:
        path: a .npz, a folder of OpenPose's, or a .json of mmpose's.
        video: the film of the other programs' keypoints; not looked at for our own.
        person: who, of their people, as in ``read_openpose``; our own hold one person.
        focal_px, fov_deg: what is known of the film's lens: see ``focal_length``; not used for our own.

    Returns:
        Points in pixels of the upright film, NaN with confidence 0 where one was not found.

    Raises:
        BioposeError: there are none, or no film where one is needed, or what the readers refuse.
    """
    path = Path(path)
    if not path.is_dir() and path.suffix.lower() != ".json":
        return Keypoints.load(path)
    if not path.exists():
        raise BioposeError(
            "there are no such keypoints", where=str(path), mend="Make some with `biopose detect VIDEO`."
        )
    if video is None:
        raise BioposeError(
            "these keypoints do not say how large and fast their film was", where=str(path), mend="Give `video=FILM`."
        )
    film = Video.open(video)
    read = read_openpose if path.is_dir() else read_mmpose
    points = read(path, size_px=film.size_px, rate_hz=film.rate_hz, person=person)
    points.focal_px, points.focal_source = focal_length(film, focal_px, fov_deg)
    return points


def read_openpose(
    folder: Path, *, size_px: tuple[int, int], rate_hz: float = 30.0, person: int | None = None
) -> Keypoints:
    """Read OpenPose's BODY_25 output, one ``*_keypoints.json`` a frame.

    Args:
        folder: of one film's files.
        size_px: width and height of the pictures, which the files do not hold.
        rate_hz: frames per second; the number in a file's name counts from the first file's.
        person: number from left to right in the first frame that shows that many; by default the largest.

    Returns:
        25 points a frame in pixels, from 0 s on; NaN with confidence 0 where a point, a file or the person is missing.

    Raises:
        BioposeError: no such files, files of another kind, or no such person.
    """
    folder = Path(folder)
    paths = {number: path for path in folder.glob("*.json") if (number := _frame_number(path)) is not None}
    if not paths:
        raise BioposeError("no OpenPose files", where=str(folder), mend="It has to hold *_000000000000_keypoints.json.")
    first, count = min(paths), max(paths) - min(paths) + 1
    if count > MOST_ABSENT * len(paths) + MANY_FRAMES:
        raise BioposeError(
            f"{len(paths)} files, whose numbers go from {first} to {max(paths)}",
            where=str(folder),
            mend="Take those of other films away, or number them frame by frame.",
        )
    frames: list[list[PersonPoints]] = [[] for _ in range(count)]
    for number, path in paths.items():
        content = read_json(path, what="an OpenPose file", mend=OPENPOSE_MEND)
        people = content.get("people") if isinstance(content, dict) else None
        if not isinstance(people, list):
            raise _not_openpose(path, "no list of people")
        for person_said in people:
            flat = person_said.get("pose_keypoints_2d") if isinstance(person_said, dict) else None
            points = _numbers(flat)
            if points is None or points.size != 3 * len(BODY_25):
                raise _not_openpose(path, f"a person without {len(BODY_25)} points")
            frames[number - first].append(points.reshape(len(BODY_25), 3))
    return _keypoints(frames, BODY_25, folder, size_px, rate_hz, person, "OpenPose BODY_25")


def _not_openpose(path: Path, why: str) -> BioposeError:
    return BioposeError(f"not an OpenPose BODY_25 file ({why})", where=str(path), mend=OPENPOSE_MEND)


def read_mmpose(path: Path, *, size_px: tuple[int, int], rate_hz: float = 30.0, person: int | None = None) -> Keypoints:
    """Read the predictions that mmpose's inferencer or demo saves for a clip.

    Args:
        path: the .json.
        size_px, rate_hz, person: as in ``read_openpose``; frames follow one another as in the file.

    Returns:
        The points that ``meta_info`` names (COCO's 17 without it) in pixels, as of ``read_openpose``.

    Raises:
        BioposeError: a file of another kind, points without names, or no such person.
    """
    path = Path(path)
    content = read_json(path, what="mmpose's predictions of a clip")
    entries = content.get("instance_info") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise _not_mmpose(path, "no list of frames")
    frames = [_mmpose_people(entry, path) for entry in entries]
    count = next((len(points) for people in frames for points in people), 0)
    if any(len(points) != count for people in frames for points in people):
        raise _not_mmpose(path, "people of different points")
    names = _mmpose_names(content, count, path)
    return _keypoints(frames, names, path, size_px, rate_hz, person, "mmpose")


def _mmpose_people(entry: Any, path: Path) -> list[PersonPoints]:
    instances = entry.get("instances") if isinstance(entry, dict) else None
    if not isinstance(instances, list):
        raise _not_mmpose(path, "a frame without instances")
    people = []
    for one in instances:
        xy, scores = (
            _numbers(one.get(key) if isinstance(one, dict) else None) for key in ("keypoints", "keypoint_scores")
        )
        if xy is None or scores is None or xy.ndim != 2 or xy.shape[1] < 2 or scores.shape != (len(xy),):
            raise _not_mmpose(path, "an instance without keypoints and their scores")
        people.append(np.column_stack([xy[:, :2], scores]))
    return people


def _mmpose_names(content: Any, count: int, path: Path) -> list[str]:
    meta = content.get("meta_info") if isinstance(content, dict) else None
    known = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    names = [str(known.get(str(index), "")) for index in range(count)] if isinstance(known, dict) else COCO_17
    if count and (count != len(names) or len(set(names)) < count):
        raise BioposeError(
            f"{count} points without names", where=str(path), mend="Save them with meta_info, or use a COCO-17 model."
        )
    return names


def _not_mmpose(path: Path, why: str) -> BioposeError:
    return BioposeError(f"not mmpose's predictions of a clip ({why})", where=str(path))


def _numbers(value: Any) -> np.ndarray | None:
    """A list of numbers, or of lists of them, as an array; None where it is not one."""
    try:
        array = np.array(value, dtype=float) if isinstance(value, list) else None
    except (TypeError, ValueError, OverflowError):
        return None
    return array if array is None or np.isfinite(array).all() else None


def _frame_number(path: Path) -> int | None:
    found = re.search(r"(\d{1,12})_keypoints$", path.stem)
    return int(found[1]) if found else None


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
    notes = _in_the_film(values[confidence > SURE, :2], size_px, path)
    found = Keypoints(
        names=list(names),
        # A point that OpenPose did not find is 0, 0 with confidence 0.
        xy=np.where(confidence[..., None] > 0, values[..., :2], np.nan),
        confidence=confidence,
        time_s=np.arange(len(track)) / rate_hz,
        size_px=size_px,
        detector=detector,
        notes=notes,
    )
    found.check(str(path))
    return found


def _in_the_film(points: Float[np.ndarray, "seen 2"], size_px: tuple[int, int], path: Path) -> list[str]:
    """What there is to say of points that were found, which lie in the picture that was looked at.

    Raises:
        BioposeError: this cannot have been the film's picture.
    """
    width, height = size_px
    if not len(points):
        return []
    if np.abs(points).max() <= UNIT:
        raise BioposeError(
            "the points are between 0 and 1, not in pixels",
            where=str(path),
            mend="Run `OpenPose --keypoint_scale 0`: the pixels of the film.",
        )
    outside = ((points < -EDGE * np.array(size_px)) | (points > (1 + EDGE) * np.array(size_px))).any(1).mean()
    if outside > FEW:
        low, high = points.min(0), points.max(0)
        turned = (high <= (1 + EDGE) * np.array([height, width])).all()
        mend = "Run it on the upright film: it has looked at the picture as it is stored, before its rotation."
        raise BioposeError(
            f"{outside:.0%} of the points lie outside the film, which has {width} x {height} pixels: "
            f"x from {low[0]:.0f} to {high[0]:.0f}, y from {low[1]:.0f} to {high[1]:.0f}",
            where=str(path),
            mend=mend if turned else "Give the film that the points were found in, and its own pixels.",
        )
    extent = float(np.ptp(points, axis=0).max())
    if extent < SMALL * min(size_px):
        return [
            f"the person is {extent:.0f} px tall in a film of {width} x {height}: were the points found in this film?"
        ]
    return []


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
