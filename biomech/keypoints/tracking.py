"""Following one person through a clip without jumping to another one."""

import cv2
import numpy as np
from jaxtyping import UInt8

from biomech.errors import BioposeError
from biomech.keypoints.detector import Detection, Detector, Region
from biomech.keypoints.keypoints import MASK_SIZE, SURE

MIN_PRESENCE = 0.5
# How far a person can get between two frames, in sides of the region (about 2.3 m), beyond the detector's jitter.
JITTER, SPEED_PER_S = 0.1, 4.0
# How much the region's side can change, as a logarithm: limbs drawn in or stretched out.
SIZE_JITTER, SIZE_RATE_PER_S = 0.3, 2.0
# Part of the colours that have to be shared with what the person looked like so far.
MIN_LIKENESS = 0.25
LIKENESS_MEMORY = 0.05  # weight of the newest frame
UNSEEN = 0.35  # of the picture's longer side: regions up to this may be missed in the picture as a whole
# How little a person may have moved, grown (a logarithm), turned (rad) and faded for frames to be leapt over.
CALM_SHIFT, CALM_SIZE, CALM_TURN, CALM_FADING = 0.1, 0.2, 0.2, 0.1
CALM_PRESENCE, CALM_CONFIDENCE = 0.9, 0.7
BRIEFLY_S, LOST_S = 0.5, 1.0  # who was followed for less and then not seen for longer was probably nobody
SEARCH_EVERY_S = 0.2  # while nobody is followed; the whole picture costs as much as some ten frames
# Others are looked for once in so long, and ever more rarely: a quarter of a look each, 0.6 % of a short film's time.
OTHERS_EVERY_S, OTHERS_SHARE = 1.5, 0.25
SURE_POINTS = 1 / 3  # of the points of somebody beside; furniture has fewer

Person = int | tuple[float, float]


class Tracker:
    """Follows one person: finds them once, then looks where they were in the last frame.

    An answer that is too far, too different in size or in colours for the same person is not believed; the whole
    picture is then searched for somebody who fits, and the frame is left empty if nobody does. What was followed only
    briefly and is then lost, as furniture is, is forgotten, and whoever is most prominent is followed instead, unless
    ``person`` says whom.

    Args:
        person: which one when there are several: their number from left to right, from 0, in the first frame that
            shows that many; or a pixel (x, y) that they cover; by default the most prominent one (size × score ×
            nearness to the middle) of the first frame that shows anybody.
        others: look now and then whether somebody else is in the picture too, or comes once the person has left, until
            one is seen (``other_seen``).
    """

    def __init__(self, detector: Detector, person: Person | None = None, others: bool = False):
        self._detector, self._person = detector, person
        self._last: Detection | None = None
        self._since_s, self._last_s = np.inf, -np.inf  # when the person was first and last seen
        self._searched_s = -np.inf
        self._looks = np.zeros(0)
        self.forgotten_until_s = -np.inf  # what was found until then was probably nobody
        self.most_seen = 0  # people in one frame, over the frames that were searched before the start
        self._others, self._others_s = others, np.inf  # when others are looked for next
        self.other_seen: tuple[float, Detection] | None = None  # when, and whom
        self._stranger: Detection | None = None  # seen in the last search while the person was out of view
        self._lost = False  # the person was not to be seen in the last frame
        self.out_of_view: list[tuple[float, float]] = []  # from when to when, of more than ``LOST_S``

    def follow(self, frame: UInt8[np.ndarray, "height width 3"], time_s: float) -> Detection | None:
        """The person in the next frame, or None where they are not to be seen.

        Args:
            frame: RGB, upright.
            time_s: of the frame, later than the last one's: how far the person can have come.

        Returns:
            What was found of them, points in pixels of the frame.
        """
        if self._last is None:
            chosen = self._search(frame, time_s)
        else:
            chosen = self._detector.points(frame, self._last.next_region)
            if not self._fits(chosen, time_s):
                chosen = self._search(frame, time_s)
        if chosen is not None:
            if self._lost and time_s - self._last_s > LOST_S:
                self.out_of_view.append((self._last_s, time_s))
            self._take(chosen, time_s)
            self._look_beside(frame, time_s)
        self._lost = chosen is None
        return chosen

    def leap(self, frame: UInt8[np.ndarray, "height width 3"], time_s: float, step: int) -> Detection | None:
        """The person in a later frame, where they can hardly have been elsewhere in those between.

        Args:
            frame: RGB, upright.
            time_s: of the frame.
            step: how many frames it is after the last one.

        Returns:
            As ``follow``; None where the person moved, turned or is seen less well, or nobody is followed: the frames
            between have to be followed through then, from the last one on.
        """
        if self._last is None:
            return None
        before, found = self._last, self._detector.points(frame, self._last.next_region)
        if not self._fits(found, time_s) or found.presence < CALM_PRESENCE:
            return None
        was, now = before.next_region, found.next_region
        turned = abs(np.angle(np.exp(1j * (now.angle_rad - was.angle_rad))))
        calm = was.shift(now) < CALM_SHIFT and abs(np.log(now.size_px / was.size_px)) < CALM_SIZE and turned < CALM_TURN
        if not calm or found.confidence.mean() < max(CALM_CONFIDENCE, before.confidence.mean() - CALM_FADING):
            return None
        self._take(found, time_s, step)
        self._look_beside(frame, time_s)
        return found

    def _take(self, chosen: Detection, time_s: float, step: int = 1) -> None:
        weight = 1 - (1 - LIKENESS_MEMORY) ** step
        if self._last is None:
            self._since_s, self._others_s = time_s, time_s + OTHERS_EVERY_S
        self._looks = (1 - weight) * self._looks + weight * chosen.appearance if self._last else chosen.appearance
        self._last, self._last_s, self._searched_s = chosen, time_s, -np.inf

    def _look_beside(self, frame: UInt8[np.ndarray, "height width 3"], time_s: float) -> None:
        """Whether somebody else is in the picture who is large enough to be seen in it as a whole."""
        settled = self.other_seen is not None or self.most_seen > 1
        if not self._others or settled or time_s < self._others_s or self._last is None:
            return
        followed = self._last
        for _, region in self._detector.regions(frame):
            if region.overlaps(followed.next_region):
                continue
            other = self._detector.points(frame, region)
            if len(distinct([followed, other])) == 2 and (other.confidence > SURE).mean() >= SURE_POINTS:
                self.other_seen = time_s, other
                return
        self._others_s = time_s + max(OTHERS_EVERY_S, OTHERS_SHARE * (time_s - self._since_s))

    def beside(self, frame: UInt8[np.ndarray, "height width 3"], region: Region) -> Detection | None:
        """The person in a frame beside those that are followed; what is followed does not change.

        Args:
            frame: RGB, upright.
            region: where they are, by the frames before and after.

        Returns:
            As ``follow``; nobody else is looked for.
        """
        found = self._detector.points(frame, region)
        return found if found.presence >= MIN_PRESENCE and self._likeness(found) > MIN_LIKENESS else None

    def missing(self) -> BioposeError:
        """Why nobody was followed, for a clip in which ``follow`` never found the person."""
        if self.most_seen == 0:
            return BioposeError("no person in view", mend="Choose a part that shows one with `start_s` and `end_s`.")
        if isinstance(self._person, int):
            what = f"there is no person {self._person}: at most {self.most_seen} seen in a frame"
            return BioposeError(what, mend=f"`person` counts from 0 (leftmost) to {self.most_seen - 1}.")
        return BioposeError(
            f"nobody at pixel {self._person}; at most {self.most_seen} people seen in a frame",
            mend="`person=x,y` is a pixel on the person in the upright picture, origin at its upper left corner.",
        )

    def _search(self, frame: UInt8[np.ndarray, "height width 3"], time_s: float) -> Detection | None:
        """The person, anywhere in the picture; its parts are searched closely where the whole does not settle who."""
        if time_s - self._searched_s < SEARCH_EVERY_S:
            return None
        self._searched_s = time_s
        if self._last is not None:
            in_view = self._people(frame, closely=False)
            found = self._likest(in_view, time_s)
            found = found or self._likest(self._people(frame, closely=True), time_s)
            if found is None:
                self._meet_stranger(in_view, time_s)
            brief = self._last_s - self._since_s < BRIEFLY_S and time_s - self._last_s > LOST_S
            if found is not None or not brief or self._person is not None:
                return found
            self.forgotten_until_s, self._last, self.other_seen = self._last_s, None, None
        if self._person is None:
            found = self._choose(self._people(frame, closely=False), frame)
            # Whoever is missed is too small to be more prominent.
            if found is not None and _prominence(found, frame) > UNSEEN * max(frame.shape[:2]):
                return found
        return self._choose(self._people(frame, closely=True), frame)

    def _meet_stranger(self, in_view: list[Detection], time_s: float) -> None:
        """Whether somebody else has come since the person left: twice in succession, for furniture is seen once."""
        if not self._others or self.other_seen is not None or time_s - self._last_s <= LOST_S:
            return
        surely = [
            one for one in in_view if one.presence > CALM_PRESENCE and (one.confidence > SURE).mean() >= SURE_POINTS
        ]
        before, self._stranger = self._stranger, max(surely, key=lambda one: one.next_region.size_px, default=None)
        if before is not None and self._stranger is not None:
            near = before.next_region.shift(self._stranger.next_region) < JITTER + SPEED_PER_S * SEARCH_EVERY_S
            self.other_seen = (time_s, self._stranger) if near else None

    def _people(self, frame: UInt8[np.ndarray, "height width 3"], closely: bool) -> list[Detection]:
        people = [self._detector.points(frame, region) for _, region in self._detector.regions(frame, closely=closely)]
        return distinct(sorted(people, key=lambda person: -person.confidence.mean()))

    def _choose(self, seen: list[Detection], frame: UInt8[np.ndarray, "height width 3"]) -> Detection | None:
        self.most_seen = max(self.most_seen, len(seen))
        if isinstance(self._person, int):
            if not 0 <= self._person < len(seen):
                return None
            return sorted(seen, key=lambda person: person.next_region.center_px[0])[self._person]
        if self._person is not None:
            point = self._person
            seen = [person for person in seen if _covers(person, point)]
            return min(seen, key=lambda person: _distance(person.next_region, point), default=None)
        return max(seen, key=lambda person: _prominence(person, frame), default=None)

    def _fits(self, person: Detection, time_s: float) -> bool:
        if person.presence < MIN_PRESENCE:
            return False
        assert self._last is not None
        before, now, gap_s = self._last.next_region, person.next_region, time_s - self._last_s
        near = before.shift(now) < JITTER + SPEED_PER_S * gap_s
        alike = abs(np.log(now.size_px / before.size_px)) < SIZE_JITTER + SIZE_RATE_PER_S * gap_s
        return near and alike and self._likeness(person) > MIN_LIKENESS

    def _likest(self, seen: list[Detection], time_s: float) -> Detection | None:
        return max((person for person in seen if self._fits(person, time_s)), key=self._likeness, default=None)

    def _likeness(self, person: Detection) -> float:
        return float(np.minimum(self._looks, person.appearance).sum())


def distinct(found: list[Detection]) -> list[Detection]:
    """Those that are a person's; of several answers of the same one the first."""
    seen: list[Detection] = []
    for person in found:
        if person.presence > MIN_PRESENCE and not any(_same(person, other) for other in seen):
            seen.append(person)
    return seen


def _same(person: Detection, other: Detection) -> bool:
    """Whether two answers of one frame are one person's: most of the smaller mask lies in the larger one."""
    if person.mask is None or other.mask is None:
        return person.next_region.overlaps(other.next_region)
    to_person, to_other = (np.vstack([d.region.matrix(MASK_SIZE), [0, 0, 1]]) for d in (person, other))
    other_from_person = (to_other @ np.linalg.inv(to_person))[:2]
    others = cv2.warpAffine(
        other.mask.astype(np.uint8), other_from_person, (MASK_SIZE, MASK_SIZE), flags=cv2.WARP_INVERSE_MAP
    )
    shared = (others > 0) & person.mask
    cells_of_other = other.mask.sum() * abs(np.linalg.det(to_person) / np.linalg.det(to_other))
    return bool(shared.sum() > 0.5 * min(person.mask.sum(), cells_of_other))


def _prominence(person: Detection, frame: UInt8[np.ndarray, "height width 3"]) -> float:
    """Size, as far as the answer is sure and in the middle; px."""
    middle = (frame.shape[1] / 2, frame.shape[0] / 2)
    off_middle = _distance(person.next_region, middle) / max(middle)
    return person.presence * person.next_region.size_px * max(0.0, 1 - 0.5 * off_middle)


def _distance(region: Region, point: tuple[float, float]) -> float:
    return float(np.hypot(*np.subtract(region.center_px, point)))


def _covers(person: Detection, point: tuple[float, float]) -> bool:
    """Whether a pixel lies in the box around the person's points."""
    low, high = person.xy.min(0), person.xy.max(0)
    margin = 0.1 * (high - low).max()
    return bool(((low - margin <= point) & (point <= high + margin)).all())
