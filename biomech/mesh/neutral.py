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
