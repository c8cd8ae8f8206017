"""Keypoints that other programs found: OpenPose's folder of JSON files, AlphaPose's and mmpose's JSON of a whole clip.

OpenPose's format is what others write, too: Pose2Sim and rtmlib with Halpe-26, AlphaPose with its own layouts. Which
layout it is, is said by the number of points of a person.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import read_json
from biomech.keypoints.film import film_of, told_of_film
from biomech.keypoints.keypoints import EDGE, SURE, UNIT, Keypoints
from biomech.keypoints.layouts import BODY_25, COCO_17, layout_names
from biomech.video import focal_length

__all__ = [
    "BODY_25",
    "COCO_17",
    "is_from_elsewhere",
    "read_alphapose",
    "read_keypoints",
    "read_mmpose",
    "read_openpose",
]

FEW = 0.005  # share of the points that may lie outside the picture
SMALL = 0.1  # of the picture's shorter side; a person of whom points can be found is larger
MOST_ABSENT, MANY_FRAMES = 100, 10_000  # frames for each file, and in all, that a folder may lack
OPENPOSE_MEND = "Run `OpenPose --model_pose BODY_25 --write_json`, or another program that writes its format."
MAX_STEP = 0.5  # of a person's extent, between two frames; beyond, it is another
# Names of mmpose's data sets, where ours differ.
MMPOSE_NAMES = {"hip": "mid_hip", "pelvis": "mid_hip", "root": "mid_hip"}

PersonPoints = Float[np.ndarray, "points 3"]  # x px, y px, confidence


class Parsed(NamedTuple):
    """What a file or folder holds: of each frame everybody's points, in no order; the points' names; whose it is."""

    frames: list[list[PersonPoints]]
    names: list[str]
    detector: str


def is_from_elsewhere(path: Path) -> bool:
    """Whether a path is of other programs' keypoints: a folder of numbered .json files, or a .json of a clip.

    Args:
        path: of anything; a .json is read.

    Returns:
        Whether ``read_keypoints`` takes it for theirs; what else is wrong with it, is said there.
    """
    path = Path(path)
    if path.is_dir():
        return bool(_numbered(path))
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    try:
        return _reader(read_json(path, what="keypoints")) is not None
    except BioposeError:
        return False


def read_keypoints(
    path: Path,
    *,
    video: Path | None = None,
    size_px: tuple[int, int] | None = None,
    rate_hz: float | None = None,
    layout: str | None = None,
    person: int | None = None,
    focal_px: float | None = None,
    fov_deg: float | None = None,
) -> Keypoints:
    """Our own .npz, OpenPose's folder, AlphaPose's or mmpose's .json; size, rate and lens of theirs are the film's.

    Args:
        path: a .npz, a folder as OpenPose writes it, or a .json of AlphaPose's or mmpose's.
        video: the film of the other programs' keypoints; not looked at for our own.
        size_px: width and height of the film's upright pictures, where the film is not there.
        rate_hz: pictures a second, where the film is not there or not what the keypoints are of.
        layout: of the points, of ``layouts.LAYOUTS``, where their number does not tell.
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
    film = film_of(path, video, size_px, rate_hz)
    parsed = parsed_file(path, layout)
    points = _one(parsed, path, film.size_px, film.rate_hz, person)
    points.notes += told_of_film(film, len(parsed.frames))
    points.focal_px, points.focal_source = focal_length(film, focal_px, fov_deg)
    return points


def parsed_file(path: Path, layout: str | None) -> Parsed:
    """Everybody's points in another program's keypoints.

    Args:
        path: OpenPose's folder, or AlphaPose's or mmpose's .json.
        layout: of the points, where their number does not tell.

    Returns:
        Frame by frame.

    Raises:
        BioposeError: as the readers.
    """
    if path.is_dir():
        return _openpose(path, layout)
    return (_reader(read_json(path, what="keypoints of a clip")) or _mmpose)(path, layout)


def _reader(content: Any) -> Callable[[Path, str | None], Parsed] | None:
    """The reader of a file's content, by its look; None where it is none of them."""
    if isinstance(content, dict) and "instance_info" in content:
        return _mmpose
    first = content[0] if isinstance(content, list) and content else None
    if isinstance(first, dict) and "instances" in first:
        return _mmpose
    if isinstance(first, dict) and "keypoints" in first and "image_id" in first:
        return _alphapose
    return None


def read_openpose(
    folder: Path,
    *,
    size_px: tuple[int, int],
    rate_hz: float = 30.0,
    person: int | None = None,
    layout: str | None = None,
) -> Keypoints:
    """Read OpenPose's output, one ``*_keypoints.json`` a frame, or what others write in its format or mmpose's.

    Args:
        folder: of one film's files, whose names end in the frame's number, with ``_keypoints`` after it or not.
        size_px: width and height of the pictures, which the files do not hold.
        rate_hz: frames per second; the number in a file's name counts from the first file's.
        person: number from left to right in the first frame that shows that many; by default the largest.
        layout: of the points, where their number does not tell: 25 are OpenPose's BODY_25.

    Returns:
        The points of a frame in pixels, from 0 s on; NaN with confidence 0 where a point, a file or the person is
        missing.

    Raises:
        BioposeError: no such files, files of another kind, or no such person.
    """
    return _one(_openpose(Path(folder), layout), folder, size_px, rate_hz, person)


def _openpose(folder: Path, layout: str | None) -> Parsed:
    paths = _numbered(folder)
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
    points, names = 0, list[str]()
    for number, path in paths.items():
        for one in _openpose_people(path):
            if not points:
                points, names = len(one), _openpose_names(len(one), layout, path)
            if len(one) != points:
                raise _not_openpose(path, f"a person of {len(one)} points where others have {points}")
            frames[number - first].append(one)
    names = names or BODY_25
    kind = "OpenPose BODY_25" if names == BODY_25 else f"keypoints of OpenPose's format, {len(names)} points"
    return Parsed(frames, names, kind)


def _openpose_names(points: int, layout: str | None, path: Path) -> list[str]:
    try:
        return layout_names(points, layout, path)
    except BioposeError as error:
        raise BioposeError(f"not an OpenPose BODY_25 file: {error.what}", where=str(path), mend=error.mend) from error


def _openpose_people(path: Path) -> list[PersonPoints]:
    content = read_json(path, what="an OpenPose file", mend=OPENPOSE_MEND)
    if isinstance(content, list):  # mmpose's of one picture
        return _mmpose_people({"instances": content}, path)
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise _not_openpose(path, "no list of people")
    found = []
    for said in people:
        points = _numbers(said.get("pose_keypoints_2d") if isinstance(said, dict) else None)
        if points is None or points.ndim != 1 or not points.size or points.size % 3:
            raise _not_openpose(path, "a person without points of x, y and confidence")
        found.append(points.reshape(-1, 3))
    return found


def _not_openpose(path: Path, why: str) -> BioposeError:
    return BioposeError(f"not an OpenPose file ({why})", where=str(path), mend=OPENPOSE_MEND)


def read_alphapose(
    path: Path,
    *,
    size_px: tuple[int, int],
    rate_hz: float = 30.0,
    person: int | None = None,
    layout: str | None = None,
) -> Keypoints:
    """Read AlphaPose's results of a clip, or any in the format of COCO's results.

    Args:
        path: the .json, a list of people, each with the picture's name or number.
        size_px, rate_hz, person, layout: as in ``read_openpose``; frames are numbered by their pictures' names.

    Returns:
        The points in pixels, as of ``read_openpose``; confidences above 1 count as 1.

    Raises:
        BioposeError: a file of another kind, or no such person.
    """
    return _one(_alphapose(Path(path), layout), path, size_px, rate_hz, person)


def _alphapose(path: Path, layout: str | None) -> Parsed:
    content = read_json(path, what="AlphaPose's results of a clip")
    if not isinstance(content, list) or not content:
        raise _not_alphapose(path, "no list of people")
    numbered: list[tuple[int, PersonPoints]] = []
    for said in content:
        points = _numbers(said.get("keypoints") if isinstance(said, dict) else None)
        number = re.search(r"(\d{1,12})\D*$", str(said.get("image_id", ""))) if isinstance(said, dict) else None
        if points is None or points.ndim != 1 or not points.size or points.size % 3:
            raise _not_alphapose(path, "a person without points of x, y and confidence")
        if number is None:
            raise _not_alphapose(path, "a picture without a number")
        numbered.append((int(number[1]), points.reshape(-1, 3)))
    sizes = {len(points) for _, points in numbered}
    if len(sizes) > 1:
        raise _not_alphapose(path, "people of different points")
    first, last = min(number for number, _ in numbered), max(number for number, _ in numbered)
    if last - first + 1 > MOST_ABSENT * len(numbered) + MANY_FRAMES:
        raise _not_alphapose(path, f"pictures numbered from {first} to {last}")
    frames: list[list[PersonPoints]] = [[] for _ in range(last - first + 1)]
    for picture, points in numbered:
        frames[picture - first].append(points)
    names = layout_names(sizes.pop(), layout, path)
    return Parsed(frames, names, "AlphaPose")


def _not_alphapose(path: Path, why: str) -> BioposeError:
    return BioposeError(f"not AlphaPose's results of a clip ({why})", where=str(path))


def read_mmpose(
    path: Path,
    *,
    size_px: tuple[int, int],
    rate_hz: float = 30.0,
    person: int | None = None,
    layout: str | None = None,
) -> Keypoints:
    """Read the predictions that mmpose's inferencer or demo saves for a clip.

    Args:
        path: the .json.
        size_px, rate_hz, person: as in ``read_openpose``; frames follow one another as in the file.
        layout: of the points, where neither the file nor their number tells.

    Returns:
        The points that ``meta_info`` names (without it the layout of so many) in pixels, as of ``read_openpose``.

    Raises:
        BioposeError: a file of another kind, points without names, or no such person.
    """
    return _one(_mmpose(Path(path), layout), path, size_px, rate_hz, person)


def _mmpose(path: Path, layout: str | None) -> Parsed:
    content = read_json(path, what="mmpose's predictions of a clip")
    entries = content.get("instance_info") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise _not_mmpose(path, "no list of frames")
    frames = [_mmpose_people(entry, path) for entry in entries]
    count = next((len(points) for people in frames for points in people), 0)
    if any(len(points) != count for people in frames for points in people):
        raise _not_mmpose(path, "people of different points")
    return Parsed(frames, _mmpose_names(content, count, layout, path), "mmpose")


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


def _mmpose_names(content: Any, count: int, layout: str | None, path: Path) -> list[str]:
    meta = content.get("meta_info") if isinstance(content, dict) else None
    known = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if layout is None and isinstance(known, dict):
        names = [str(known.get(str(index), "")) for index in range(count)]
        if count and (count != len(known) or len(set(names)) < count):
            raise BioposeError(
                f"{count} points without names",
                where=str(path),
                mend="Save them with meta_info, or give `layout`.",
            )
        return [MMPOSE_NAMES.get(name, name) for name in names]
    return layout_names(count, layout, path) if count else COCO_17


def _not_mmpose(path: Path, why: str) -> BioposeError:
    return BioposeError(f"not mmpose's predictions of a clip ({why})", where=str(path))


def _numbers(value: Any) -> np.ndarray | None:
    """A list of numbers, or of lists of them, as an array; None where it is not one."""
    try:
        array = np.array(value, dtype=float) if isinstance(value, list) else None
    except (TypeError, ValueError, OverflowError):
        return None
    return array if array is None or np.isfinite(array).all() else None


def _numbered(folder: Path) -> dict[int, Path]:
    """A folder's .json files by the number in their names; OpenPose's own where there are some."""
    files = sorted(folder.glob("*.json"))
    for pattern in (r"(\d{1,12})_keypoints$", r"(\d{1,12})$"):
        found = {int(number[1]): path for path in files if (number := re.search(pattern, path.stem))}
        if found:
            return found
    return {}


def _one(parsed: Parsed, path: Path, size_px: tuple[int, int], rate_hz: float, person: int | None) -> Keypoints:
    track = _followed(parsed.frames, person)
    if track is None:
        most = max(map(len, parsed.frames), default=0)
        what = "nobody in these files" if not most else f"there is no person {person}: at most {most} in a frame"
        raise BioposeError(what, where=str(path))
    return as_keypoints(track, parsed, Path(path), size_px, rate_hz)


def as_keypoints(
    track: Sequence[PersonPoints | None], parsed: Parsed, path: Path, size_px: tuple[int, int], rate_hz: float
) -> Keypoints:
    """One person's points of every frame as Keypoints.

    Args:
        track: the person's, None in a frame without.
        parsed: says what the points are.
        path: where they are from.
        size_px, rate_hz: of the film.

    Returns:
        px, from 0 s on.

    Raises:
        BioposeError: they are no points of such a film.
    """
    missing = np.column_stack([np.full((len(parsed.names), 2), np.nan), np.zeros(len(parsed.names))])
    values = np.stack([missing if points is None else points for points in track])
    confidence = np.nan_to_num(values[..., 2]).clip(0, 1)
    notes = _in_the_film(values[confidence > SURE, :2], size_px, path)
    found = Keypoints(
        names=list(parsed.names),
        # A point that OpenPose did not find is 0, 0 with confidence 0.
        xy=np.where(confidence[..., None] > 0, values[..., :2], np.nan),
        confidence=confidence,
        time_s=np.arange(len(track)) / rate_hz,
        size_px=size_px,
        detector=parsed.detector,
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
