"""A stretch in which the person is known to stand upright: it settles the lengths of legs and trunk."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.features import NAMES
from biomech.mesh.fit import Evidence

# Who is asked to stand straight does so within these (standard deviations): sagittal angles of pelvis, hips, knees and
# ankles in quiet standing scatter by 2 to 5° between people.
STRAIGHT_SD = np.radians(3.0)
STRAIGHT = tuple(
    name
    for name in NAMES
    if name.startswith(("pelvis_", "torso_", "femur_r_z", "femur_l_z", "knee_angle", "ankle_angle"))
)

# Standing, hips are about 1.5 trunks (shoulders to hips) above the ankles, 1.3 from a lens at a standing man's eyes;
# with thighs at 45° or sitting they are 1.1 and less. Knees and hips: by the guess, which standing people do not bend.
FEWEST_TRUNKS, MOST_LEANING_DEG, MOST_BENT_DEG = 1.15, 35.0, 40.0
LEAST_SEEN = 0.5  # confidence of a point, to judge by it
LEAST_PICTURES = 3  # one picture is no stretch of time
LEAST_UPRIGHT, NEARLY_ALL = 0.5, 0.9  # of the frames that tell: fewer are refused, fewer are told
NEUTRAL = "the neutral stretch ({:g} to {:g} s)"
SURELY = 3.0  # standard deviations of the guess
BENT = [NAMES.index(name) for name in ("knee_angle_r", "knee_angle_l", "femur_r_z", "femur_l_z")]
JUDGED = ("shoulder", "hip", "knee", "ankle")


class StandingNote(str):
    """A note on how somebody stands where ``neutral`` says so: told apart from the others of a recovery."""

    __slots__ = ()


def neutral_frames(keypoints: Keypoints, begin_s: float, end_s: float) -> Bool[np.ndarray, " frames"]:
    """The frames of a stretch of the clip in which the person is seen.

    Args:
        keypoints: of the clip.
        begin_s: by the clip's own time, as ``end_s``.
        end_s: not before ``begin_s``; both ends belong to it.

    Returns:
        True where the person stands and is found.

    Raises:
        BioposeError: the stretch is none of the clip's, or shows nobody.
    """
    time = keypoints.time_s
    if not (np.isfinite([begin_s, end_s]).all() and begin_s <= end_s):
        raise BioposeError(f"a neutral stretch from {begin_s:g} to {end_s:g} s", mend="Give its beginning and its end.")
    inside = (time >= begin_s - 1e-6) & (time <= end_s + 1e-6)
    if not (inside & keypoints.found).any():
        raise BioposeError(
            f"nobody is seen from {begin_s:g} to {end_s:g} s, where the person should stand upright",
            mend=f"The clip goes from {time[0]:.2f} to {time[-1]:.2f} s; name a stretch of it with `neutral`.",
        )
    return inside & keypoints.found


def check_upright(
    keypoints: Keypoints, evidence: Evidence, frames: Bool[np.ndarray, " frames"], named: str
) -> list[StandingNote]:
    """Refuse frames in which the person does not stand: they would make the legs too long or too short for all others.

    Args:
        keypoints: of the film, whose picture tells of trunk and legs.
        evidence: whose guess tells of knees and hips, without what standing would say of them.
        frames: in which the person is taken to stand upright.
        named: the stretch, for the message.

    Returns:
        No note, or one where the person does not stand in some of the frames, or nothing tells.

    Raises:
        BioposeError: the person stands in less than half of the frames that tell, or there are hardly any frames.
    """
    if (pictures := int(frames.sum())) < LEAST_PICTURES:
        raise BioposeError(
            f"{named}: it shows the person in {pictures} picture{'s' * (pictures != 1)} only",
            mend="Name a second or two of quiet, straight standing (`neutral`), or leave it away.",
        )
    guess, surely = evidence.guess[:, BENT], SURELY * evidence.guess_sd[:, BENT]
    bent = (np.abs(guess) > np.maximum(surely, np.radians(MOST_BENT_DEG))).any(1)
    found = np.where(bent, 0.0, _stands(keypoints))[frames]
    tells = np.isfinite(found)
    if not tells.any():
        why = "shoulders, hips, knees and ankles are not all seen, so that nothing shows a person who stands"
        return [StandingNote(f"{named}: {why}")]
    share = float(found[tells].mean())
    if share < LEAST_UPRIGHT:
        raise BioposeError(
            f"{named}: the person stands upright in {share:.0%} of the frames, and sits, crouches, lies or leans in "
            "the others, or the legs are hidden",
            mend="Name a stretch or a film of quiet, straight standing (`neutral`), filmed upright, or leave it away.",
        )
    if share < NEARLY_ALL:
        why = f"the person stands upright in {share:.0%} of the frames only; legs and trunk may be off by it"
        return [StandingNote(f"{named}: {why}")]
    return []


def _stands(keypoints: Keypoints) -> Float[np.ndarray, " frames"]:
    """1 where the person stands, 0 where not, NaN where one of the points that tell is not seen."""
    sides = [[f"{side}_{part}" for part in JUDGED] for side in ("left", "right")]
    if not {name for side in sides for name in side} <= set(keypoints.names):
        return np.full(len(keypoints.time_s), np.nan)
    rows = np.array([[keypoints.names.index(name) for name in side] for side in sides])
    at = keypoints.xy[:, rows]  # frames, sides, points, xy
    seen = (keypoints.confidence[:, rows] >= LEAST_SEEN).all((1, 2)) & np.isfinite(at).all((1, 2, 3))
    at = np.where(seen[:, None, None, None], at, 0.0)
    shoulder, hip, _, ankle = np.moveaxis(at.mean(1), 1, 0)
    thigh, shank = at[:, :, 1] - at[:, :, 2], at[:, :, 3] - at[:, :, 2]
    bent = 180 - np.abs(_turn_deg(thigh, shank)).max(1)
    down = np.array([0.0, 1.0])
    leaning = np.maximum(np.abs(_turn_deg(hip - shoulder, down)), np.abs(_turn_deg(ankle - hip, down)))
    long = np.linalg.norm(ankle - hip, axis=-1) >= FEWEST_TRUNKS * np.linalg.norm(hip - shoulder, axis=-1)
    return np.where(seen, long & (leaning <= MOST_LEANING_DEG) & (bent <= MOST_BENT_DEG), np.nan)


def _turn_deg(
    one: Float[np.ndarray, "*frames 2"], other: Float[np.ndarray, "*frames 2"]
) -> Float[np.ndarray, "*frames"]:
    """The angle from one direction of the picture to another."""
    cross = one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
    return np.degrees(np.arctan2(cross, (one * other).sum(-1)))


def upright(evidence: Evidence, frames: Bool[np.ndarray, " frames"]) -> Evidence:
    """The evidence with what standing upright says of those frames.

    Args:
        evidence: left as it is.
        frames: in which the person stands.

    Returns:
        A copy whose guess there is zero for pelvis, torso, hips (sagittal), knees and ankles.
    """
    return straight(evidence, frames, np.array([NAMES.index(name) for name in STRAIGHT]))


def straight(
    evidence: Evidence, frames: Bool[np.ndarray, " frames"], columns: Int[np.ndarray, " features"]
) -> Evidence:
    """The evidence with these features of those frames at zero, within ``STRAIGHT_SD``.

    Args:
        evidence: left as it is.
        frames: to which it applies.
        columns: places among ``features.NAMES``.

    Returns:
        A copy that differs in the guess and its spread alone.
    """
    guess: Float[np.ndarray, "frames features"] = evidence.guess.copy()
    spread = evidence.guess_sd.copy()
    guess[np.ix_(np.flatnonzero(frames), columns)] = 0.0
    spread[np.ix_(np.flatnonzero(frames), columns)] = STRAIGHT_SD
    return replace(evidence, guess=guess, guess_sd=spread)
