"""Whether the camera turned while it filmed, and how: by what lies still behind the person.

Corners outside the person are followed from a key picture into every frame (Lucas–Kanade, on small grey pictures); how
the camera turned between the two is what moves most of them (K R K⁻¹, and a zoom, robust least squares). Frames are
compared with few key pictures, not each with the one before: the error does not add up, and is none where the camera
comes back. What could be taken for either is taken for a camera that stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.ndimage import median_filter
from scipy.spatial.transform import Rotation, Slerp

from biomech.angles import rotation_angle_deg
from biomech.errors import BioposeError
from biomech.keypoints.detector import Detection
from biomech.keypoints.keypoints import Keypoints

AUTO, STILL = "auto", "still"
SIDE_PX = 320  # longer side of the small pictures, or a little more
CORNERS, APART_PX, QUALITY = 400, 6, 0.005  # the last a share of the best corner's
WINDOW_PX, LEVELS, STEPS = 15, 2, 10
UNLIKE = 30.0  # of 255, mean over the window: where it is more something else is there
MARGIN = 0.06  # of the person's box, around it
SEEN = 0.3  # confidence of points that the box is drawn around
PER_CELL = 8  # each part of the picture has as much to say, however much contrast who walks there has
KERNELS_PX = (8.0, 4.0, 2.0, 1.0, 1.0, 1.0)  # of the robust fit, one after the other
ZOOM_SD = 0.02  # weakly: a few corners side by side do not tell
HARDLY_PX = 0.3
CLOSE_PX = 1.0  # of the small picture: 0.2° of a phone's lens
LEAST, LEAST_SHARE, CELLS, LEAST_CELLS = 12, 0.5, 6, 5
# Of the corners that a turn explains: so many that stayed where they were say that it stands; where the turn would have
# taken them farther than it takes those near its axis, fewer do.
AS_STILL, FAR_PX, AS_STILL_FAR = 0.6, 3.0, 0.3
MET = 0.7  # a key picture is met again where the way to it is not known: so much of it must agree
NEXT_KEY = 0.2  # of the longer side: where corners went farther a new key picture is taken
TURNED_DEG, FOR_S = 0.6, 0.2  # a tripod that is touched turns less, or for less long
EVERY, STANDS_DEG = 3, 0.1  # of a camera that does not move one frame in so many is looked at
ZOOMED = 0.05
MOST_UNKNOWN = 0.5  # of the frames
# A turn explains more than that of what is behind the person, but for a share of the frames; less where the lens
# changed its place: in two other drawn rooms than the bench's 0.52 and 0.60 carried, none by hand or panning.
LOOSE, MOST_LOOSE = 0.75, 0.25

Grey = UInt8[np.ndarray, "height width"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class CameraMotion:
    """How the camera turned, frame by frame.

    Attributes:
        turns: the camera's axes in each frame from those of a frame in the middle of them; None for one that stands.
        unsure: frames in which that is not known, or in which the camera did more than turn.
        notes: what a user should know.
        carried: it probably changed its place.
    """

    turns: Float[np.ndarray, "frames 3 3"] | None
    unsure: Bool[np.ndarray, " frames"]
    notes: list[str]
    carried: bool = False

    def put_into(self, keypoints: Keypoints, first: int = 0) -> None:
        """Into the keypoints of somebody.

        Args:
            keypoints: changed; of frames that follow each other.
            first: the first of them.
        """
        if self.turns is not None:
            frames = slice(first, first + len(keypoints.time_s))
            keypoints.camera_turns, keypoints.camera_unsure = self.turns[frames], self.unsure[frames]
            keypoints.camera_carried = self.carried


@dataclass(frozen=True)
class _Key:
    """A picture that others are compared with."""

    grey: Grey
    corners: Float[np.ndarray, "corners 2"]
    turn: Float[np.ndarray, "3 3"]
    zoom: float


@dataclass(frozen=True)
class _View:
    """The camera in one frame, from the first one."""

    turn: Float[np.ndarray, "3 3"]
    zoom: float
    explained: float  # share of the corners; 0 where nothing is known
    from_key_deg: float = 0.0  # to the picture that it was compared with
    lost: bool = False  # since a frame of which nothing is known; until a key picture is met again

    @property
    def known(self) -> bool:
        return self.explained > 0 and not self.lost


class CameraWatch:
    """Looks for a camera's turning in a film whose frames come one after the other; keeps few small pictures."""

    def __init__(self, focal_px: float, size_px: tuple[int, int]):
        """
        Args:
            focal_px: of the upright picture.
            size_px: its width and height.
        """
        self.times = max(1, max(size_px) // SIDE_PX)  # whole numbers are shrunk by ten times as fast
        self.size = tuple(side // self.times for side in size_px)
        self.focal = focal_px / self.times
        self.centre = (np.array(self.size) - 1) / 2
        self.keys: list[_Key] = []
        self.looked: list[_View | None] = []  # of all frames
        self.views: list[_View] = []  # of those that were looked at
        self.few = 0  # frames with hardly a corner beside the person
        self._last: tuple[Grey, list[Box]] | None = None

    def add(self, frame: UInt8[np.ndarray, "height width 3"], people: Sequence[Detection | None]) -> None:
        """Look at the next frame.

        Args:
            frame: RGB, upright.
            people: those who are known to be in it; None is nobody.
        """
        if self._stands() and self.looked[-EVERY + 1 :].count(None) < EVERY - 1:
            self.looked.append(None)
            return
        width, height = (side * self.times for side in self.size)
        green = cv2.extractChannel(frame, 1)[:height, :width]
        grey = cv2.resize(green, self.size, interpolation=cv2.INTER_AREA)
        boxes = [box for person in people if (box := self._box(person)) is not None]
        if not self.keys:
            self.keys.append(self._key(grey, boxes, np.eye(3), 1.0))
            self.views.append(_View(np.eye(3), 1.0, 1.0))
        else:
            self.views.append(self._view(grey, boxes))
        self.looked.append(self.views[-1])
        self._last = grey, boxes

    def motion(self, rate_hz: float) -> CameraMotion:
        """What all frames say together, once all have been added.

        Args:
            rate_hz: of the frames.

        Returns:
            No turns for a camera that stands, or of which nothing can be said.
        """
        known, turns, zoom = self._all_frames()
        nowhere = np.zeros(len(known), bool)
        turns = turns @ turns[_middle(turns[known][:: max(1, int(known.sum()) // 100)], turns)].T
        zoom = zoom / np.median(zoom[known])
        from_middle = rotation_angle_deg(turns)
        long = max(3, round(FOR_S * rate_hz))
        steady = median_filter(from_middle, 3, mode="nearest")
        zoomed = np.abs(np.log(zoom)) > ZOOMED
        # Seen against one picture, too: small errors of many add up.
        plainly = EVERY * sum(view.from_key_deg > TURNED_DEG for view in self.views) >= long
        turned = plainly and (known & (steady > TURNED_DEG)).sum() >= long
        if not turned and (self.few > MOST_UNKNOWN * len(self.views) or known.mean() < 1 - MOST_UNKNOWN):
            why = "too little is seen beside the person" if self.few else "what is behind the person does not agree"
            said = f"whether the camera moved cannot be told, since {why}: it is taken to stand"
            return CameraMotion(None, nowhere, [said] if len(known) > 1 else [])
        if not turned and (known & zoomed).sum() < long:
            return CameraMotion(None, nowhere, [])
        unsure = ~known | zoomed
        loose = float(np.mean([view.explained < LOOSE for view in self.views if view.known]))
        notes = [*_told(turns, known, zoom, zoomed), *_told_of_place(loose)]
        return CameraMotion(turns, unsure, notes, carried=loose > MOST_LOOSE)

    def _stands(self) -> bool:
        """Whether it did not move of late, so that not every frame need be looked at."""
        if len(self.views) < 2:
            return False
        last, before = self.views[-1], self.views[-2]
        return last.known and before.known and float(rotation_angle_deg(last.turn @ before.turn.T)) < STANDS_DEG

    def _all_frames(self) -> tuple[Bool[np.ndarray, " frames"], Float[np.ndarray, "frames 3 3"], np.ndarray]:
        """What is known, turns and zooms; those of frames that were not looked at lie between their neighbours'."""
        at = np.array([k for k, view in enumerate(self.looked) if view is not None])
        turns, zoom = np.array([view.turn for view in self.views]), np.array([view.zoom for view in self.views])
        known, frames = np.array([view.known for view in self.views]), np.arange(len(self.looked))
        if len(at) == 1:
            return known.repeat(len(frames)), turns.repeat(len(frames), 0), zoom.repeat(len(frames))
        inside = frames.clip(at[0], at[-1])
        between = Slerp(at, Rotation.from_matrix(turns))(inside).as_matrix()
        return np.interp(inside, at, known) > 1 - 1e-6, between, np.interp(inside, at, zoom)

    def _view(self, grey: Grey, boxes: list[Box]) -> _View:
        """Against the oldest key picture within reach, or the nearest; where these show too little of the same, against
        the frame before."""
        last = self.views[-1]
        reach_deg = float(np.degrees(np.arctan(NEXT_KEY * max(self.size) / self.focal)))
        apart = [float(rotation_angle_deg(key.turn @ last.turn.T)) for key in self.keys]
        oldest = next((k for k, angle in enumerate(apart) if angle < reach_deg), 0)
        far = None
        for k in dict.fromkeys((oldest, int(np.argmin(apart)))):
            found, went = self._against(self.keys[k], grey, boxes, last)
            if found is not None and went < NEXT_KEY * max(self.size):
                return found
            far = far or found
        if last.lost:
            # Where the camera is by the last frames is wrong: it may look where a key picture was taken.
            for key in self.keys:
                found, went = self._against(key, grey, boxes, replace(last, turn=key.turn, zoom=key.zoom))
                if found is not None and found.explained > MET and went < NEXT_KEY * max(self.size):
                    return found
        if self._last is not None:
            newer = self._key(*self._last, last.turn, last.zoom)
            nearer, went = self._against(newer, grey, boxes, last)
            if nearer is not None:
                if not last.lost:
                    self.keys.append(newer)
                # Hardly anything from one frame to the next is nothing: else a camera that stands would drift away.
                return replace(
                    nearer if went > HARDLY_PX else replace(nearer, turn=last.turn, zoom=last.zoom), lost=last.lost
                )
        if far is not None:
            return far
        if all(len(key.corners) < LEAST for key in self.keys):
            self.few += 1
            # The person may have gone from before the lens.
            self.keys.append(self._key(grey, boxes, last.turn, last.zoom))
            self.keys = [key for key in self.keys if len(key.corners) >= LEAST] or self.keys[:1]
        return _View(last.turn, last.zoom, 0.0, lost=True)

    def _against(self, key: _Key, grey: Grey, boxes: list[Box], last: _View) -> tuple[_View | None, float]:
        """The camera now, and how far corners of a key picture went (px); None where they do not agree."""
        if len(key.corners) < LEAST:
            return None, 0.0
        rays = np.concatenate([(key.corners - self.centre) / self.focal, np.ones((len(key.corners), 1))], 1)
        turn, zoom = last.turn @ key.turn.T, last.zoom / key.zoom
        expected = self._pixels(rays, turn, zoom)
        into, status, unlike = cv2.calcOpticalFlowPyrLK(
            key.grey,
            grey,
            _points(key.corners),
            _points(expected),
            winSize=(WINDOW_PX, WINDOW_PX),
            maxLevel=LEVELS,
            criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, 0.02),
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )
        into = into[:, 0].astype(float)
        there = (status[:, 0] > 0) & (unlike[:, 0] < UNLIKE) & ((into > 0) & (into < np.array(self.size) - 1)).all(1)
        for box in boxes:
            there &= ~((into > box[:2]) & (into < box[2:])).all(1)
        if there.sum() < LEAST:
            return None, 0.0
        into, rays, corners = into[there], rays[there], key.corners[there]
        turn, zoom = self._fitted(rays, into, turn, zoom)
        pixels = self._pixels(rays, turn, zoom)
        close = np.linalg.norm(pixels - into, axis=1) < CLOSE_PX
        stayed = np.linalg.norm(into - corners, axis=1) < CLOSE_PX
        went = float(np.median(np.linalg.norm(pixels - corners, axis=1)))
        enough = AS_STILL if went < FAR_PX else AS_STILL_FAR
        if went > CLOSE_PX and stayed.sum() > enough * close.sum():
            return _View(key.turn, key.zoom, float(stayed.mean())), 0.0
        cells = len(np.unique(self._cells(into[close])))
        if close.sum() < max(LEAST, LEAST_SHARE * len(close)) or cells < LEAST_CELLS:
            return None, went
        return _View(turn @ key.turn, zoom * key.zoom, float(close.mean()), float(rotation_angle_deg(turn))), went

    def _pixels(self, rays, turn, zoom: float) -> Float[np.ndarray, "corners 2"]:
        seen = rays @ turn.T
        return zoom * self.focal * seen[:, :2] / np.maximum(seen[:, 2:], 0.1) + self.centre

    def _fitted(self, rays, into, turn, zoom: float) -> tuple[Float[np.ndarray, "3 3"], float]:
        """Turn and zoom that take most rays to their pixels: Gauss–Newton with a kernel that narrows."""
        off = np.median(into - self._pixels(rays, turn, zoom), axis=0) / self.focal
        turn = Rotation.from_rotvec([-off[1], off[0], 0.0]).as_matrix() @ turn
        rows = np.empty((len(rays), 2, 4))
        for kernel in KERNELS_PX:
            seen = rays @ turn.T
            a, b = (seen[:, :2] / np.maximum(seen[:, 2:], 0.1)).T
            scale = zoom * self.focal
            off = into - self.centre - scale * np.stack([a, b], 1)
            weight = np.square(1 / (1 + np.square(off).sum(1) / kernel**2))
            for column, (right, down) in enumerate(((-a * b, -(1 + b * b)), (1 + a * a, a * b), (-b, a), (a, b))):
                rows[:, 0, column], rows[:, 1, column] = scale * right, scale * down
            flat = rows.reshape(-1, 4)
            each = flat * weight.repeat(2)[:, None]
            normal, side = each.T @ flat + 1e-6 * np.eye(4), each.T @ off.ravel()
            normal[3, 3] += 1 / ZOOM_SD**2
            side[3] -= np.log(zoom) / ZOOM_SD**2
            step = np.linalg.solve(normal, side)
            turn = Rotation.from_rotvec(step[:3]).as_matrix() @ turn
            zoom *= float(np.exp(step[3].clip(-0.1, 0.1)))
        return turn, zoom

    def _key(self, grey: Grey, boxes: list[Box], turn: Float[np.ndarray, "3 3"], zoom: float) -> _Key:
        free = np.full(grey.shape, 255, np.uint8)
        for box in boxes:
            x0, y0, x1, y1 = (round(side) for side in np.clip(box, 0, max(self.size)))
            free[y0:y1, x0:x1] = 0
        found = cv2.goodFeaturesToTrack(grey, CORNERS, QUALITY, APART_PX, mask=free)
        corners = np.zeros((0, 2)) if found is None else found.reshape(-1, 2).astype(float)
        cells = self._cells(corners)
        before = (cells[:, None] == cells) & np.tri(len(cells), k=-1, dtype=bool)
        return _Key(grey, corners[before.sum(1) < PER_CELL], turn, zoom)

    def _cells(self, pixels: Float[np.ndarray, "n 2"]) -> Int[np.ndarray, " n"]:
        """In which part of the picture each lies."""
        across, down = (CELLS * pixels / np.array(self.size)).astype(int).T
        return CELLS * across + down

    def _box(self, person: Detection | None) -> Box | None:
        """Around the person's points, px of the small picture."""
        if person is None or not (person.confidence > SEEN).any():
            return None
        points = (person.xy[person.confidence > SEEN] + 0.5) / self.times - 0.5
        low, high = points.min(0), points.max(0)
        wide = MARGIN * float((high - low).max())
        return float(low[0] - wide), float(low[1] - wide), float(high[0] + wide), float(high[1] + wide)


def _points(pixels: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 1 2"]:
    """As OpenCV takes them."""
    return np.ascontiguousarray(pixels[:, None], np.float32)


def check_way(camera_motion: str) -> None:
    """Refuse what is neither auto nor still.

    Raises:
        BioposeError: it is neither.
    """
    if camera_motion not in (AUTO, STILL):
        raise BioposeError(
            f"`camera_motion` takes {AUTO} or {STILL}, not '{camera_motion}'", mend=f"Give `camera_motion={STILL}`."
        )


def _middle(some: Float[np.ndarray, "some 3 3"], all_turns: Float[np.ndarray, "frames 3 3"]) -> int:
    """Of the frame from which no other is turned far."""
    farthest = np.array([rotation_angle_deg(some @ one.T).max() for one in some])
    best = some[int(farthest.argmin())]
    return int(np.argmin(rotation_angle_deg(all_turns @ best.T)))


def _told(turns, known, zoom, zoomed) -> list[str]:
    away = turns[known, 2]  # where the lens looks, axes of the frame in the middle
    pan, tilt = np.degrees(np.arctan2(away[:, 0], away[:, 2])), np.degrees(np.arcsin(away[:, 1].clip(-1, 1)))
    roll = Rotation.from_matrix(turns[known]).as_euler("yxz", degrees=True)[:, 2]
    said = ", ".join(
        f"{float(np.ptp(angle)):.1f}° {way}"
        for angle, way in ((pan, "sideways"), (tilt, "up and down"), (roll, "about its axis"))
    )
    notes = [f"the camera moved: it turned through {said} (`camera_motion=still` takes it to stand)"]
    if (known & zoomed).any():
        notes.append(
            f"what is behind the person grows and shrinks by {np.ptp(np.log(zoom[known])):.0%}: the camera zoomed or "
            f"went nearer, which is not taken out; {(known & zoomed).mean():.0%} of the frames are not trusted"
        )
    if not known.all():
        notes.append(
            f"in {(~known).mean():.0%} of the frames how the camera turned is not known (too fast, too little behind "
            "the person, or it changed its place): they are not trusted"
        )
    return notes


def _told_of_place(loose: float) -> list[str]:
    """Of the share of frames in which much does not go with the turn."""
    if loose <= MOST_LOOSE:
        return []
    return [
        f"in {loose:.0%} of the frames a quarter and more of what is behind the person does not go with the camera's "
        "turn: it probably changed its place (walked along, on wheels), which is not taken out. Angles hardly suffer; "
        "where the person goes, and how fast, is wrong by the camera's way: pelvis_tx and pelvis_tz are not trusted"
    ]
