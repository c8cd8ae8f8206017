"""A motion evenly in time and without its noise: the zero-lag Butterworth filter, and its cut-off by activity.

Fourth order, forwards and backwards (two passes of a second-order one), with Winter's correction of the cut-off for the
second pass (D. A. Winter, "Biomechanics and Motor Control of Human Movement", 4th ed., 2009): at the stated frequency
the whole filter lets 1/√2 through. Cut-offs by activity:

* walking, squats, sitting down and standing up: 6 Hz (D. A. Winter, H. G. Sidhu, D. A. Hobson, "Measurement and
  reduction of noise in kinematics of locomotion", J Biomech 7, 1974: a walk's markers hold nothing above 6 Hz);
* running: 10 Hz (R. K. Fukuchi, C. A. Fukuchi, M. Duarte, "A public dataset of running biomechanics and the effects of
  running speed on lower extremity kinematics and kinetics", PeerJ 5, 2017);
* jumps: 12 Hz (B. D. Roewer, K. R. Ford, G. D. Myer, T. E. Hewett, "The 'impact' of force filtering cut-off frequency
  on the peak knee abduction moment during landing", Br J Sports Med 48, 2014).
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.signal import butter, sosfiltfilt

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics

AUTO, NONE = "auto", "none"  # words for a cut-off by activity, and for no filter
CUTOFF_HZ = {
    "walking": 6.0,
    "walking_step": 6.0,
    "squat": 6.0,
    "stand_up": 6.0,
    "sit_down": 6.0,
    "running": 10.0,
    "jump": 12.0,
}
GENTLE_HZ = 6.0  # of a motion in which nothing was found, and for finding all but jumps
PASSES_FACTOR = (np.sqrt(2) - 1) ** 0.25  # Winter's, of two passes
OF_RATE = 0.45  # the highest cut-off that a rate allows; half is its limit
LONGEST_GAP_S = 0.25  # that is bridged
SHORTEST_S, FEWEST = 0.5, 12
UNEVEN = 0.02  # of a frame


def evenly(kinematics: Kinematics) -> tuple[Kinematics, Bool[np.ndarray, " frames"]]:
    """The motion at one rate, that of most of its frames, and which frames lie in no longer gap.

    Args:
        kinematics: rad and m; frames may be missing or NaN.

    Returns:
        Evenly spaced frames without NaN, angles unwrapped; true where the nearest known frames are near each other.

    Raises:
        BioposeError: the motion is too short for anything to happen in it.
    """
    whole = np.isfinite(kinematics.values).all(1)
    time, values = kinematics.time_s[whole], kinematics.values[whole].copy()
    if len(time) < FEWEST or np.ptp(time) < SHORTEST_S:
        raise BioposeError(
            f"too short a motion to find events in (frames: {len(time)})",
            mend=f"Give a motion of at least {FEWEST} frames and {SHORTEST_S:g} s.",
        )
    values[:, kinematics.rotational] = np.unwrap(values[:, kinematics.rotational], axis=0)
    step = float(np.median(np.diff(time)))
    even = time[0] + step * np.arange(round(float(np.ptp(time)) / step) + 1)
    if len(even) == len(time) and np.abs(even - time).max() < UNEVEN * step:
        return replace(kinematics, values=values, time_s=time), np.ones(len(time), dtype=bool)
    between = np.stack([np.interp(even, time, column) for column in values.T], 1)
    after = np.searchsorted(time, even - 1e-9).clip(1, len(time) - 1)
    known = (time[after] - time[after - 1]) <= LONGEST_GAP_S
    known |= np.minimum(np.abs(even - time[after]), np.abs(even - time[after - 1])) < UNEVEN * step
    return replace(kinematics, values=between, time_s=even), known


def rate_of(time_s: Float[np.ndarray, " frames"]) -> float:
    """Frames a second of evenly spaced times."""
    return float((len(time_s) - 1) / np.ptp(time_s))


def allowed_hz(cutoff_hz: float, rate_hz: float) -> float:
    """A cut-off by default, lowered as far as the frames' rate asks."""
    return min(cutoff_hz, OF_RATE * rate_hz)


def check_cutoff(cutoff_hz: float, rate_hz: float) -> None:
    """That a motion of this rate can be filtered so.

    Raises:
        BioposeError: the cut-off is none, or above half the rate.
    """
    if not 0 < cutoff_hz < rate_hz / 2 * PASSES_FACTOR:
        raise BioposeError(
            f"a filter at {cutoff_hz:g} Hz does not fit a motion of {rate_hz:.4g} frames a second",
            mend=f"Give a cut-off above 0 and below {rate_hz / 2 * PASSES_FACTOR:.3g} Hz, or `filter_hz=none`.",
        )


def lowpass(
    values: Float[np.ndarray, "frames channels"], rate_hz: float, cutoff_hz: float
) -> Float[np.ndarray, "frames channels"]:
    """Zero-lag Butterworth of fourth order along time.

    Args:
        values: evenly spaced, without NaN.
        rate_hz: frames a second.
        cutoff_hz: at which 1/√2 passes, both passes together.

    Returns:
        As many frames; ends are continued by point reflection.
    """
    edge = min(cutoff_hz / PASSES_FACTOR, 0.49 * rate_hz)
    sections = butter(2, edge, fs=rate_hz, output="sos")
    padding = min(len(values) - 1, max(6, round(rate_hz / cutoff_hz)))
    filtered: Float[np.ndarray, "frames channels"] = sosfiltfilt(sections, values, axis=0, padlen=padding)
    return filtered
