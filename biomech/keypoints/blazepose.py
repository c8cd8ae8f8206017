"""BlazePose: person detector and landmark network of MediaPipe, run by LiteRT without mediapipe.

Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking" (2020); world landmarks and mask from
Grishchenko et al., "BlazePose GHUM Holistic" (2022). Sizes, thresholds and the order of the 33 points are those of
MediaPipe's pose landmarker (Apache-2.0).
"""

import contextlib
import os
import sys
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from jaxtyping import Float, UInt8

from biomech import assets
from biomech.errors import BioposeError, plainly
from biomech.files import check_file
from biomech.keypoints.detector import Detection, Maps, Region, sigmoid
from biomech.keypoints.keypoints import MASK_SIZE
from biomech.keypoints.layouts import BLAZEPOSE_33

POINT_NAMES = BLAZEPOSE_33
# The twelve that results are judged by.
LIMB_JOINTS = [
    f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
]

DETECTOR_SIZE = 224
DETECTOR_STRIDES = (8, 16, 32, 32, 32)  # two anchors a cell for each of them
MIN_SCORE = 0.5
MIN_OVERLAP = 0.3  # boxes that overlap more are one person

CROP_SIZE = 256
HEAT_SIZE = 64
HEAT_REACH = 3  # cells to each side: a 7 × 7 window
MIN_HEAT = 0.5
REGION_MARGIN = 1.25
# Points of the landmark network beyond the 33: the hip centre, and a point on the circle around the whole body.
CENTER, EDGE = 33, 34
OUTPUTS = 39


def _mirrored_order() -> list[int]:
    other = {"left": "right", "right": "left"}
    swapped = ["_".join(other.get(word, word) for word in name.split("_")) for name in POINT_NAMES]
    return [POINT_NAMES.index(name) for name in swapped] + list(range(len(POINT_NAMES), OUTPUTS))


MIRRORED = _mirrored_order()


class BlazePose:
    """The detector and the landmark network; holds no state between frames but its memory for ``track``.

    Args:
        path: a ``.task`` file of the user's own; by default the pinned heavy network, fetched on first use.
        threads: of both networks together; by default all cores, four at most.
        mirror: run the landmark network on the mirrored crop too and average: evens out its left-right skew.

    Raises:
        BioposeError: the file is not such a network, or could not be fetched.
    """

    point_names = POINT_NAMES
    gives_world = gives_maps = True

    def __init__(self, path: Path | None = None, threads: int | None = None, mirror: bool = False):
        path = Path(path) if path else assets.locate("blazepose_heavy")
        threads = threads or min(os.cpu_count() or 1, 4)
        check_file(path, mend="Leave `network` away for the default one.")
        try:
            with zipfile.ZipFile(path) as task:
                detector = task.read("pose_detector.tflite")
                landmarks = task.read("pose_landmarks_detector.tflite")
        except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BioposeError(
                f"not a BlazePose network ({plainly(error)})",
                where=str(path),
                mend="It has to be a pose_landmarker .task file; leave the option away for the default one.",
            ) from error
        self.name = f"BlazePose {path.stem}" + (" + mirrored picture" if mirror else "")
        self._detector = _Network(detector, threads)
        # Two pictures on one thread each go faster than one after the other on two.
        self._networks = [_Network(landmarks, max(1, threads // (1 + mirror))) for _ in range(1 + mirror)]
        self._pool = ThreadPoolExecutor(1)
        self._anchors = _anchors()
        self._region: Region | None = None

    def reset(self) -> None:
        """Forget the person that ``track`` follows."""
        self._region = None

    def track(self, frame: UInt8[np.ndarray, "height width 3"], time_s: float = 0.0) -> Detection | None:
        """Follow the most prominent person from frame to frame, as long as presence lasts; None where nobody is.

        For pictures known to show one person; ``tracking.Tracker`` also tells people apart.

        Args:
            frame: RGB, upright.
            time_s: not used; a tracker's ``follow`` takes it.

        Returns:
            The person's 33 points (px) with all else that is known of them, or None where presence is 0.5 or less.
        """
        if self._region is None:
            found = self.regions(frame)
            if not found:
                return None
            self._region = found[0][1]
        detection = self.points(frame, self._region)
        self._region = detection.next_region if detection.presence > MIN_SCORE else None
        return detection if detection.presence > MIN_SCORE else None

    def regions(self, frame: UInt8[np.ndarray, "height width 3"], closely: bool = False) -> list[tuple[float, Region]]:
        """People in the picture: score (0..1) and region, best first.

        The detector sees the whole picture at 224 × 224 and so misses people under about a quarter of its longer side;
        ``closely`` also looks at overlapping parts of it, at some twenty times the cost.

        Args:
            frame: RGB, upright.
            closely: look at parts of the picture too.

        Returns:
            Score and region of each person found, none twice; empty where nobody scores over 0.5.
        """
        height, width = frame.shape[:2]
        whole, at_rim = list[tuple[float, Region]](), list[tuple[float, Region]]()
        for square in _squares(width, height, closely):
            for candidate in self._regions_in(frame, square):
                # A person at the rim of a part is whole in another one, but for who is at the picture's own.
                if square.size_px == max(width, height) or _inside(candidate[1], square):
                    whole.append(candidate)
                elif _inside(candidate[1], square, (width, height)):
                    at_rim.append(candidate)
        found = _distinct(whole)
        found += [one for one in _distinct(at_rim) if all(_apart(one[1], other) for _, other in found)]
        return sorted(found, key=lambda candidate: -candidate[0])

    def _regions_in(self, frame: UInt8[np.ndarray, "height width 3"], square: Region) -> Iterator[tuple[float, Region]]:
        crop = cv2.warpAffine(frame, square.matrix(DETECTOR_SIZE), (DETECTOR_SIZE, DETECTOR_SIZE))
        outputs = self._detector(crop.astype(np.float32) / 127.5 - 1)
        boxes, logits = outputs[(2254, 12)], outputs[(2254, 1)][:, 0]
        scores = sigmoid(logits)
        likely = scores > MIN_SCORE
        points = boxes[likely].reshape(-1, 6, 2) / DETECTOR_SIZE
        points[:, [0, 2, 3, 4, 5]] += self._anchors[likely, None]
        corner = np.array(square.center_px) - square.size_px / 2
        for score, (hips, edge) in _merged(points, scores[likely]):
            yield score, _region(hips * square.size_px + corner, edge * square.size_px + corner)

    def points(self, frame: UInt8[np.ndarray, "height width 3"], region: Region) -> Detection:
        """The points of the person in a region. What ``presence`` says is for the caller to judge.

        Args:
            frame: RGB, upright.
            region: where to look; it may reach beyond the picture.

        Returns:
            33 points in pixels of the frame, in the hip-centred space of the network (m), and the next region.
        """
        crop = cv2.warpAffine(frame, region.matrix(CROP_SIZE), (CROP_SIZE, CROP_SIZE), borderMode=cv2.BORDER_REPLICATE)
        return self.look(crop, region)

    def look(self, crop: UInt8[np.ndarray, "256 256 3"], region: Region) -> Detection:
        """The points, and the maps behind them, in the crop of a region that the caller has cut out.

        The maps are those of the crop itself, with ``mirror`` too.

        Args:
            crop: RGB, as ``region.matrix(256)`` maps the frame.
            region: that the crop shows; what comes back is in pixels of its picture.

        Returns:
            As ``points``; ``Detection.maps`` is set.
        """
        matrix = region.matrix(CROP_SIZE)
        picture = crop.astype(np.float32) / 255
        if len(self._networks) == 1:
            answer = _Answer(self._networks[0](picture))
        else:
            later = self._pool.submit(self._networks[1], np.ascontiguousarray(picture[:, ::-1]))
            answer = _Answer(self._networks[0](picture))
            answer.average(_Answer(later.result()).mirrored())
        xy = (answer.xy - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        cos, sin = np.cos(region.angle_rad), np.sin(region.angle_rad)
        world = answer.world.copy()
        world[:, :2] = world[:, :2] @ np.array([[cos, sin], [-sin, cos]])
        count = len(POINT_NAMES)
        return Detection(
            xy=xy[:count],
            confidence=answer.confidence[:count],
            world_m=world[:count],
            presence=answer.presence,
            region=region,
            next_region=_region(xy[CENTER], xy[EDGE]),
            mask=answer.mask,
            appearance=_appearance(crop, answer.mask),
            maps=Maps(answer.heat_logits, answer.mask_logits),
        )


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Keep from standard error what the library prints there from C++ as it starts, which is no error."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


class _Network:
    """One .tflite network: a picture in, its outputs by shape (without the batch) out."""

    def __init__(self, content: bytes, threads: int):
        with without_chatter():
            self._interpreter = Interpreter(model_content=content, num_threads=threads)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [(tuple(d["shape"][1:]), d["index"]) for d in self._interpreter.get_output_details()]

    def __call__(self, picture: Float[np.ndarray, "size size 3"]) -> dict[tuple[int, ...], np.ndarray]:
        self._interpreter.set_tensor(self._input, picture[None])
        self._interpreter.invoke()
        return {shape: self._interpreter.get_tensor(index)[0] for shape, index in self._outputs}


class _Answer:
    """The landmark network's answer in crop pixels."""

    def __init__(self, outputs: dict[tuple[int, ...], np.ndarray]):
        points = outputs[(OUTPUTS * 5,)].reshape(OUTPUTS, 5)
        self.xy = _refined(points[:, :2].astype(np.float64), outputs[(HEAT_SIZE, HEAT_SIZE, OUTPUTS)])
        self.confidence = (sigmoid(points[:, 3]) * sigmoid(points[:, 4])).astype(np.float64)
        self.world = outputs[(OUTPUTS * 3,)].reshape(OUTPUTS, 3).astype(np.float64)
        self.presence = float(outputs[(1,)][0])
        self.heat_logits = outputs[(HEAT_SIZE, HEAT_SIZE, OUTPUTS)]
        mask = outputs[(CROP_SIZE, CROP_SIZE, 1)]
        self.mask_logits = cv2.resize(mask, (MASK_SIZE, MASK_SIZE), interpolation=cv2.INTER_AREA)
        self.mask = self.mask_logits > 0

    def mirrored(self) -> "_Answer":
        self.xy = np.array([CROP_SIZE - 1, 0]) + self.xy[MIRRORED] * [-1, 1]
        self.world = self.world[MIRRORED] * [-1, 1, 1]
        self.confidence = self.confidence[MIRRORED]
        self.mask = self.mask[:, ::-1]
        return self

    def average(self, other: "_Answer") -> None:
        """Mean of two answers, each point weighted by its confidence."""
        weight = (self.confidence + 1e-6) / (self.confidence + other.confidence + 2e-6)
        self.xy = other.xy + weight[:, None] * (self.xy - other.xy)
        self.world = other.world + weight[:, None] * (self.world - other.world)
        self.confidence = (self.confidence + other.confidence) / 2
        self.presence = (self.presence + other.presence) / 2


def _anchors() -> Float[np.ndarray, "2254 2"]:
    """Centres of the detector's anchors, as parts of the picture; layers of equal stride share a grid."""
    centers = []
    for stride in dict.fromkeys(DETECTOR_STRIDES):
        cells = DETECTOR_SIZE // stride
        axis = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        centers.append(np.repeat(grid, 2 * DETECTOR_STRIDES.count(stride), axis=0))
    return np.concatenate(centers).astype(np.float32)


def _squares(width: int, height: int, closely: bool) -> list[Region]:
    """The square around the picture; ``closely`` adds half-overlapping ones of its shorter side and of half that."""
    squares = [Region((width / 2, height / 2), max(width, height), 0.0)]
    for side in (min(width, height), min(width, height) / 2) if closely else ():
        columns, rows = (
            np.linspace(side / 2, length - side / 2, max(1, int(np.ceil(2 * length / side - 1 - 1e-6))))
            for length in (width, height)
        )
        squares += [Region((float(x), float(y)), side, 0.0) for y in rows for x in columns]
    return squares


def _inside(region: Region, square: Region, picture_px: tuple[int, int] | None = None) -> bool:
    """Whether a part shows all of a person; where it ends with the picture, if that is given, nothing more is asked."""
    half, reach = square.size_px / 2, (square.size_px - region.size_px / REGION_MARGIN) / 2
    for at, middle, length in zip(region.center_px, square.center_px, picture_px or (np.inf, np.inf), strict=True):
        first, last = picture_px is not None and middle - half < 0.5, middle + half > length - 0.5
        if (at < middle - reach and not first) or (at > middle + reach and not last):
            return False
    return True


def _apart(one: Region, other: Region) -> bool:
    """Whether two regions are surely two people's: half a person's height from each other, or of other sizes."""
    return one.shift(other) > 0.5 or not 0.5 < one.size_px / other.size_px < 2


def _distinct(found: list[tuple[float, Region]]) -> list[tuple[float, Region]]:
    """Best first, without regions that are the same person's."""
    kept: list[tuple[float, Region]] = []
    for score, region in sorted(found, key=lambda candidate: -candidate[0]):
        if not any(region.overlaps(other) for _, other in kept):
            kept.append((score, region))
    return kept


def _merged(
    points: Float[np.ndarray, "boxes 6 2"], scores: Float[np.ndarray, " boxes"]
) -> list[tuple[float, Float[np.ndarray, "2 2"]]]:
    """One answer a person: the mean, weighted by score, of the boxes that overlap its best one.

    Rows of ``points``: box centre, box size, hip centre, edge of the circle around the body, and two of the trunk.
    """
    low, high = points[:, 0] - points[:, 1] / 2, points[:, 0] + points[:, 1] / 2
    area = np.prod(points[:, 1], axis=-1)
    order = np.argsort(-scores)
    people = []
    while len(order):
        best = order[0]
        shared = np.clip(np.minimum(high[best], high[order]) - np.maximum(low[best], low[order]), 0, None).prod(-1)
        same = shared / (area[best] + area[order] - shared + 1e-9) > MIN_OVERLAP
        same[0] = True
        group, order = order[same], order[~same]
        people.append((float(scores[best]), np.average(points[group, 2:4], axis=0, weights=scores[group])))
    return people


def _region(center: Float[np.ndarray, "2"], edge: Float[np.ndarray, "2"]) -> Region:
    """The square around the circle about the hips, turned so that its edge point (over the head) is up."""
    axis = edge - center
    size = max(2 * REGION_MARGIN * float(np.hypot(*axis)), 2.0)
    return Region((float(center[0]), float(center[1])), size, float(np.arctan2(axis[0], -axis[1])))


def _refined(
    xy: Float[np.ndarray, "points 2"], heat: Float[np.ndarray, "64 64 points"]
) -> Float[np.ndarray, "points 2"]:
    """Move each point to the mean of its heat map in a window around it, where that map is sure of anything."""
    scale = CROP_SIZE / HEAT_SIZE
    window = np.arange(-HEAT_REACH, HEAT_REACH + 1)
    start = (xy / scale).astype(int)
    columns, rows = start[:, 0, None] + window, start[:, 1, None] + window
    inside = ((columns >= 0) & (columns < HEAT_SIZE))[:, None, :] & ((rows >= 0) & (rows < HEAT_SIZE))[:, :, None]
    clipped_rows, clipped_columns = rows.clip(0, HEAT_SIZE - 1), columns.clip(0, HEAT_SIZE - 1)
    weight = sigmoid(heat[clipped_rows[:, :, None], clipped_columns[:, None, :], np.arange(len(xy))[:, None, None]])
    weight = weight * inside
    started_inside = ((start >= 0) & (start < HEAT_SIZE)).all(-1)
    sure = started_inside & (weight.max((1, 2)) >= MIN_HEAT)
    total = np.maximum(weight.sum((1, 2)), 1e-9)
    mean = np.stack([(weight.sum(1) * columns).sum(1), (weight.sum(2) * rows).sum(1)], -1) / total[:, None] * scale
    return np.where(sure[:, None], mean, xy)


def _appearance(crop: UInt8[np.ndarray, "256 256 3"], mask: np.ndarray) -> Float[np.ndarray, "512"]:
    """Colours of the person: a histogram of 8 × 8 × 8 shades over the mask."""
    colours = cv2.resize(crop, (MASK_SIZE, MASK_SIZE), interpolation=cv2.INTER_AREA)[mask] >> 5
    bins = colours[:, 0].astype(int) * 64 + colours[:, 1] * 8 + colours[:, 2]
    return np.bincount(bins, minlength=512) / max(len(bins), 1)
