"""Joint angles while it is filmed: what the sequence network says of the newest frame, from the two seconds before it.

The network learned on clips of which it sees both sides of a frame; here the newest frame is a clip's last one, so
nothing that comes later has a say. No body is fitted and nothing is smoothed: `biopose ik` on the recording does that.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from biomech.body.linkage import BALLS, HINGES, coordinates_of
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.keypoints.detector import Detection
from biomech.mesh.features import NAMES, pose_of_features
from biomech.mesh.sequence import POINTS, RATE_HZ, columns_of, guess

PAST_S = 2.0
LEAST_CONFIDENCE = 0.1
LONGEST_GAP_S = 0.5  # without the person: what was before is another motion
UNSURE_RAD = np.radians(20.0)  # an angle whose expected error is larger is not shown
DEFAULT_ANGLES = ("knee_angle_r", "knee_angle_l", "hip_flexion_r", "hip_flexion_l")


def known_angles() -> list[str]:
    """The coordinates of our skeleton that can be shown: joint angles, and how the pelvis leans."""
    of_balls = [name for ball in BALLS for name in ball.coordinates if name != "pelvis_rotation"]
    return [*of_balls, *(hinge.coordinate for hinge in HINGES)]


def check_angles(names: Sequence[str]) -> None:
    """Raise BioposeError for a coordinate that there is not."""
    for name in names:
        if name not in known_angles():
            raise BioposeError(f"there is no angle '{name}'", mend=f"Give some of {', '.join(known_angles())}.")


class CausalAngles:
    """Angles of the newest frame; remembers two seconds.

    Args:
        names: coordinates of our skeleton.
        focal_px: of the upright picture.
        size_px: its width and height.

    Raises:
        BioposeError: there is no such coordinate.
    """

    def __init__(self, names: Sequence[str], focal_px: float, size_px: tuple[int, int]):
        check_angles(names)
        self.names = list(names)
        self._focal, self._center = focal_px, (np.array(size_px) - 1) / 2
        self._past: deque[tuple[float, np.ndarray]] = deque()
        self._sd_of = [_features_of(name) for name in self.names]

    def add(self, found: Detection | None, time_s: float) -> dict[str, float]:
        """The angles of the next frame.

        Args:
            found: BlazePose's 33 points with its 3D; None where nobody is seen.
            time_s: of the frame, later than the last one's.

        Returns:
            By name, degrees; NaN where nobody is seen, and where the network is too unsure.
        """
        past = self._past
        if found is None or found.world_m is None or len(found.xy) != POINTS:
            return dict.fromkeys(self.names, np.nan)
        if past and time_s - past[-1][0] > LONGEST_GAP_S:
            past.clear()
        past.append((time_s, _row(found)))
        while past[0][0] < time_s - PAST_S:
            past.popleft()
        xy, present, world_m = self._on_a_grid()
        with threadpool_limits(limits=1):
            answer = guess(columns_of(xy, present, world_m, self._focal, self._center))
        angles = coordinates_of(pose_of_features(answer.features[-1:]))
        sure = [answer.features_sd[-1, columns].max() < UNSURE_RAD for columns in self._sd_of]
        return {
            name: float(np.degrees(angles[name][0])) if good else np.nan
            for name, good in zip(self.names, sure, strict=True)
        }

    def _on_a_grid(
        self,
    ) -> tuple[Float[np.ndarray, "frames 33 2"], Float[np.ndarray, "frames 33"], Float[np.ndarray, "frames 33 3"]]:
        """The past at the network's rate, the newest frame last."""
        times = np.array([time_s for time_s, _ in self._past])
        rows = np.stack([row for _, row in self._past])
        count = int((times[-1] - times[0]) * RATE_HZ + 1e-6)
        at = times[-1] - np.arange(count, -1, -1) / RATE_HZ
        after = np.searchsorted(times, at).clip(1 if len(times) > 1 else 0, len(times) - 1)
        before = np.maximum(after - 1, 0)
        step = np.where(after > before, times[after] - times[before], 1.0)
        share = ((at - times[before]) / step).clip(0, 1)[:, None]
        values = rows[before] + share * (rows[after] - rows[before])
        xy, confidence, world = np.split(values, [2 * POINTS, 3 * POINTS], axis=1)
        return (
            xy.reshape(-1, POINTS, 2),
            (confidence >= LEAST_CONFIDENCE).astype(float),
            world.reshape(-1, POINTS, 3),
        )


def _row(found: Detection) -> Float[np.ndarray, " columns"]:
    assert found.world_m is not None
    return np.concatenate([found.xy.reshape(-1), found.confidence, found.world_m.reshape(-1)])


def _features_of(name: str) -> list[int]:
    """The columns of the features that a coordinate hangs on."""
    for ball in BALLS:
        if name in ball.coordinates:
            own = [f"{ball.link}_{axis}" for axis in "xyz"] if ball is not BALLS[0] else NAMES[:2]
            return [NAMES.index(one) for one in own]
    return [NAMES.index(name)]


def takes_points(names: Sequence[str]) -> bool:
    """Whether a detector's points are those that the angles are made of."""
    return list(names) == POINT_NAMES
