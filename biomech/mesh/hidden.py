"""Legs that nobody sees, behind a table or below the picture: they are held straight, not guessed.

What hides both legs hides whether their owner sits or stands. A seat that is made up looks like a finding; a neutral
pose in frames that are not trusted does not.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import uniform_filter1d

from biomech.mesh import expected
from biomech.mesh.features import NAMES
from biomech.mesh.fit import Evidence
from biomech.mesh.neutral import straight

LIKELY_HIDDEN = 0.3  # confidence, of the trunk's: drawn people whose legs are seen from the front came down to 0.4
OVER_S = 2.0  # the mean of so long counts: a leg that comes into view for a moment tells what came before
TELLING, TRUNK = ("knee", "ankle"), ("shoulder", "hip")
OF_LEGS = (*TELLING, "heel", "foot_index")
HIDDEN_SD = np.radians(60.0)  # who sits has knees and hips 90° from straight
COORDINATES_OF_LEGS = np.array(
    [k for k, name in enumerate(expected.NAMES) if name.startswith(("hip_", "knee_", "ankle_", "subtalar_", "mtp_"))]
)
FEATURES_OF_LEGS = np.array(
    [k for k, name in enumerate(NAMES) if name.startswith(("femur_", "knee_", "ankle_", "subtalar_", "mtp_"))]
)


def legs_hidden(evidence: Evidence, names: list[str]) -> Bool[np.ndarray, " frames"]:
    """In which frames neither leg is likely to be seen.

    Args:
        evidence: of frames that follow each other.
        names: of the evidence's points.

    Returns:
        True where the trunk is seen and neither knee nor ankle is, in the mean of ``OVER_S``; False everywhere if there
        are no such points.
    """
    wide = max(1, round(OVER_S / evidence.interval_s))
    legs, trunk = (
        uniform_filter1d(
            evidence.confidence[:, [k for k, name in enumerate(names) if name.endswith(ends)]], wide, axis=0
        )
        for ends in (TELLING, TRUNK)
    )
    if not legs.size or not trunk.size:
        return np.zeros(len(evidence.xy), dtype=bool)
    there = trunk.mean(1)
    return (there > 0) & (legs < LIKELY_HIDDEN * there[:, None]).all(1)


def held_straight(evidence: Evidence, names: list[str], frames: Bool[np.ndarray, " frames"]) -> Evidence:
    """The evidence with the legs of these frames straight, and none of what was said of them.

    Args:
        evidence: of a clip; left as it is.
        names: of the evidence's points.
        frames: where the legs are hidden.

    Returns:
        A copy that differs in those frames alone.
    """
    points = np.array([k for k, name in enumerate(names) if name.endswith(OF_LEGS)], dtype=int)
    confidence = evidence.confidence.copy()
    confidence[np.ix_(np.flatnonzero(frames), points)] = 0.0
    return straight(replace(evidence, confidence=confidence), frames, FEATURES_OF_LEGS)


def unsure_of_legs(
    sd: Float[np.ndarray, "frames coordinates"], frames: Bool[np.ndarray, " frames"]
) -> Float[np.ndarray, "frames coordinates"]:
    """Standard deviations (rad, m) of ``expected.NAMES`` that say of these frames' legs that nothing is known.

    Args:
        sd: rad, m, columns as ``expected.NAMES``; left as it is.
        frames: where the legs are hidden.

    Returns:
        With ``HIDDEN_SD`` there at hips, knees, ankles and feet.
    """
    sd = sd.copy()
    sd[np.ix_(np.flatnonzero(frames), COORDINATES_OF_LEGS)] = HIDDEN_SD
    return sd
