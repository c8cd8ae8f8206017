"""Who is who, of several people in a film: what is seen frame by frame is put together into a track of each.

Frame by frame everybody seen is given to the track that he goes on best: by where it was going, how large he is and
what colours he wears. Who is hidden by another is lost and found again on the other side. At the end the colours before
and after two people met are compared once more, for there the places say least.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment

from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.tracking import JITTER, MIN_LIKENESS, SIZE_JITTER, SIZE_RATE_PER_S, SPEED_PER_S

LOST_S = 3.0  # who is not seen for longer and then somebody is, is taken for another
AT_FIRST_S = 0.25  # who was seen once is waited for so long
FARTHEST = 1.5  # sides of the region (some 3.5 m) from where he was going, however long he was not seen
GOING_S = 0.3  # over which is seen where somebody goes
GOES_ON_S = 0.5  # for how long he is taken to go on so
LOOKS_WEIGHT = 1.0  # sides of the region that colours without anything in common count
MEMORY = 0.05  # weight of the newest frame in what somebody looks like
MEET = 0.2  # share of the smaller region's width that lies in the other's: two people meet
BESIDE_S = 1.0  # before and after they met, of which the colours are compared
SURELY = 0.15  # by how much more alike the other way round, that they are taken to have been confused
LEAST_S, FEWEST = 0.5, 5  # what is seen for less, or in fewer frames, is nobody
APART_S = 0.25  # out of sight for longer, and then seen in fewer frames than these: somebody or something else
# The surest that the person finder ever was: of clutter in three films 0.53 at most, of thirteen people 0.85 and more.
SOMEBODY = 0.65
AT_ONCE_S = 0.5  # who is there from the beginning is numbered from left to right
IMPOSSIBLE = 1e6


@dataclass(frozen=True)
class Sighting:
    """Somebody in one frame; ``kept`` is what the caller wants back, ``score`` how sure the finder is, if asked."""

    frame: int
    time_s: float
    region: Region  # about where he is, and as large
    looks: np.ndarray  # histogram of colours; empty where nothing is known of them
    kept: Any = None
    score: float | None = None


@dataclass
class Trail:
    """One person through time."""

    seen: list[Sighting] = field(default_factory=list)
    looks: np.ndarray = field(default_factory=lambda: np.zeros(0))  # of late, while alone

    @property
    def last(self) -> Sighting:
        """When he was last seen."""
        return self.seen[-1]

    @property
    def frames(self) -> list[int]:
        """In which he was seen."""
        return [one.frame for one in self.seen]

    @property
    def doubtful(self) -> bool:
        """Whether the person finder was asked, and never sure that this is a person."""
        scores = [one.score for one in self.seen if one.score is not None]
        return bool(scores) and max(scores) < SOMEBODY

    @property
    def waited_for_s(self) -> float:
        """How long he may be out of sight: not longer than he was seen, for he may have been a shadow."""
        first, last = self.seen[0], self.last
        step_s = (last.time_s - first.time_s) / max(1, last.frame - first.frame)
        return min(LOST_S, AT_FIRST_S + len(self.seen) * step_s)

    def expected(self, time_s: float) -> Region:
        """Where he would be by now, if he went on as he went (px)."""
        last = self.last
        late = [one for one in self.seen[-30:] if one.time_s >= last.time_s - GOING_S]
        took = last.time_s - late[0].time_s
        if len(late) < 3 or took <= 0:
            return last.region
        way = np.subtract(last.region.center_px, late[0].region.center_px) / took
        x, y = np.array(last.region.center_px) + way * min(time_s - last.time_s, GOES_ON_S)
        return Region((float(x), float(y)), last.region.size_px, last.region.angle_rad)

    def take(self, sighting: Sighting, alone: bool) -> None:
        """He is seen again.

        Args:
            sighting: later than the last.
            alone: nobody is near whose colours may be taken for his.
        """
        self.seen.append(sighting)
        if not len(self.looks):
            self.looks = np.asarray(sighting.looks, float)
        elif alone and len(sighting.looks):
            self.looks = (1 - MEMORY) * self.looks + MEMORY * sighting.looks


class Crowd:
    """Everybody seen so far.

    Attributes:
        tracks: of each, in the order in which they were first seen.
    """

    def __init__(self) -> None:
        self.tracks: list[Trail] = []

    def expected(self, time_s: float, within_s: float) -> list[Region]:
        """Where those should be who were seen of late.

        Args:
            time_s: now.
            within_s: how long ago at most they were seen.

        Returns:
            Of each the region; first of who was seen in most frames.
        """
        late = [t for t in self.tracks if time_s - t.last.time_s <= min(within_s, t.waited_for_s)]
        return [track.expected(time_s) for track in sorted(late, key=lambda track: -len(track.seen))]

    def take(
        self,
        found: Sequence[Detection],
        frame: int,
        time_s: float,
        keep: Callable[[Detection], Any] = lambda one: one,
        *,
        newcomers: bool = True,
        scores: Sequence[float | None] = (),
    ) -> None:
        """Give everybody seen in a frame to the track that he goes on, or begin one.

        Args:
            found: in the frame, nobody twice.
            frame: its number.
            time_s: of it, later than the last one's.
            keep: what is kept of a detection; all of it by default.
            newcomers: whether who goes on no track is somebody new.
            scores: how sure the person finder is of each, None where it did not see him or was not asked; none at all
                where there is no such finder.
        """
        there = [track for track in self.tracks if time_s - track.last.time_s <= track.waited_for_s]
        costs = np.array([[_cost(track, one, time_s) for one in found] for track in there])
        costs = costs.reshape(len(there), len(found))
        whose: dict[int, Trail] = {}
        for row, column in zip(*linear_sum_assignment(costs), strict=True):
            if costs[row, column] < IMPOSSIBLE:
                whose[int(column)] = there[row]
        for number, one in enumerate(found):
            track = whose.get(number)
            if track is None:
                if not newcomers:
                    continue
                self.tracks.append(track := Trail())
            score = scores[number] if number < len(scores) else None
            sighting = Sighting(frame, time_s, one.next_region, one.appearance.astype(np.float16), keep(one), score)
            track.take(sighting, not any(_meet(one.next_region, o.next_region) for o in found if o is not one))

    def people(self) -> tuple[list[Trail], list[str]]:
        """Everybody, once the film is over.

        Returns:
            A track of each who was seen long enough and is surely a person: those there from the beginning from left
            to right, then the others as they came; and notes on what is left out.
        """
        tracks = unconfused(self.tracks)
        doubtful = [track.doubtful for track in tracks]
        tracks = [_without_glimpses(track) for track in tracks]
        stay = [len(t.seen) >= FEWEST and t.last.time_s - t.seen[0].time_s >= LEAST_S for t in tracks]
        stayed = [t for t, stays, doubt in zip(tracks, stay, doubtful, strict=True) if stays and not doubt]
        begin = min((track.seen[0].time_s for track in stayed), default=0.0)

        def order(track: Trail) -> tuple[float, float]:
            first = track.seen[0]
            return (first.time_s if first.time_s > begin + AT_ONCE_S else begin, first.region.center_px[0])

        notes = []
        if passing := len(tracks) - sum(stay):
            notes.append(f"{passing} more seen for less than half a second are left out")
        unsure = [t for t, stays, doubt in zip(tracks, stay, doubtful, strict=True) if stays and doubt]
        notes += [_left_out(track) for track in unsure]
        return sorted(stayed, key=order), notes


def _left_out(track: Trail) -> str:
    first = track.seen[0]
    x, y = (max(round(value), 0) for value in first.region.center_px)
    return (
        f"what is about pixel {x}, {y} from {first.time_s:.1f} s on looks too little like a person and is left out "
        "(if it is one, `person`, given as a pixel, follows it)"
    )


def _without_glimpses(track: Trail) -> Trail:
    """Without what was seen in a few frames only between times out of sight; all of it where there is no more."""
    times = np.array([one.time_s for one in track.seen])
    pieces = np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > APART_S) + 1)
    kept = [track.seen[k] for piece in pieces if len(piece) >= FEWEST for k in piece]
    return Trail(kept or track.seen, track.looks)


def _cost(track: Trail, one: Detection, time_s: float) -> float:
    """Of going on a track with somebody: sides of the region; ``IMPOSSIBLE`` where nobody could."""
    gap_s = time_s - track.last.time_s
    before, now = track.expected(time_s), one.next_region
    off = before.shift(now)
    grown = abs(np.log(now.size_px / before.size_px))
    if off > JITTER + min(SPEED_PER_S * gap_s, FARTHEST) or grown > SIZE_JITTER + SIZE_RATE_PER_S * gap_s:
        return IMPOSSIBLE
    alike = likeness(track.looks, one.appearance)
    if alike is None:
        return off
    return IMPOSSIBLE if alike < MIN_LIKENESS else off + LOOKS_WEIGHT * (1 - alike)


def likeness(looks: np.ndarray, other: np.ndarray) -> float | None:
    """Share of the colours that two have in common; None where nothing is known of them."""
    if not len(looks) or not len(other):
        return None
    return float(np.minimum(looks, other).sum())


def _meet(one: Region, other: Region) -> bool:
    """Whether two people are so near in the picture that one may be taken for the other."""
    x, y = np.abs(np.subtract(one.center_px, other.center_px))
    # A person is about a third as wide as the region is, which is a little higher than the person.
    reach = (one.size_px + other.size_px) / 2
    return bool(x < (1 - MEET) * reach / 2 and y < (1 - MEET) * reach)


def unconfused(tracks: Sequence[Trail]) -> list[Trail]:
    """Tracks that changed over to each other where two people met are changed back.

    Args:
        tracks: are left as they are.

    Returns:
        As many, in the same order, of the same sightings.
    """
    sorted_out = [Trail(list(track.seen), track.looks) for track in tracks]
    for number, one in enumerate(sorted_out):
        for other in sorted_out[number + 1 :]:
            for frame in _meetings(one, other):
                _change_back(one, other, frame)
    return sorted_out


def _meetings(one: Trail, other: Trail) -> list[int]:
    """The middle frames of the times in which two people are near each other, or one is not to be seen."""
    first, last = max(one.frames[0], other.frames[0]), min(one.frames[-1], other.frames[-1])
    places = [{s.frame: s.region for s in track.seen} for track in (one, other)]
    near: list[int] = []
    state = False
    for frame in range(first, last + 1):
        here = [place.get(frame) for place in places]
        state = _meet(here[0], here[1]) if here[0] and here[1] else state  # hidden: as before
        if state:
            near.append(frame)
    groups = np.split(np.array(near, int), np.flatnonzero(np.diff(near) > 1) + 1) if near else []
    return [int(group[len(group) // 2]) for group in groups]


def _change_back(one: Trail, other: Trail, frame: int) -> None:
    """Exchange what two tracks hold from a frame on, where the colours say that they were confused."""
    parts = [_beside(track, other_one, frame) for track, other_one in ((one, other), (other, one))]
    (one_before, one_after), (other_before, other_after) = parts
    kept = [likeness(one_before, one_after), likeness(other_before, other_after)]
    changed = [likeness(one_before, other_after), likeness(other_before, one_after)]
    if None in kept or None in changed:
        return
    if np.mean(changed) > np.mean(kept) + SURELY:  # type: ignore[arg-type]
        tails = [[s for s in track.seen if s.frame >= frame] for track in (one, other)]
        one.seen = [s for s in one.seen if s.frame < frame] + tails[1]
        other.seen = [s for s in other.seen if s.frame < frame] + tails[0]


def _beside(track: Trail, other: Trail, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean colours of one while away from the other, for a while before and after a frame; empty if unknown."""
    places = {s.frame: s.region for s in other.seen}
    away = [s for s in track.seen if len(s.looks) and not (s.frame in places and _meet(s.region, places[s.frame]))]
    before, after = [s for s in away if s.frame < frame], [s for s in away if s.frame >= frame]
    if not before or not after:
        return np.zeros(0), np.zeros(0)
    before = [s for s in before if s.time_s >= before[-1].time_s - BESIDE_S]
    after = [s for s in after if s.time_s <= after[0].time_s + BESIDE_S]
    return _mean_looks(before), _mean_looks(after)


def _mean_looks(seen: Sequence[Sighting]) -> Float[np.ndarray, " bins"]:
    return np.mean([s.looks.astype(float) for s in seen], axis=0)


def near_others(track: Trail, people: Sequence[Trail]) -> Bool[np.ndarray, " seen"]:
    """In which of his frames somebody is so near in the picture that one may be taken for the other.

    Args:
        track: of one person.
        people: all of them.

    Returns:
        Of each sighting of the track.
    """
    others = [{s.frame: s.region for s in other.seen} for other in people if other is not track]
    return np.array([any(s.frame in o and _meet(s.region, o[s.frame]) for o in others) for s in track.seen], bool)
