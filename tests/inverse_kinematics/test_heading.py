"""Who does not face the ground's X is told what the pelvis' angles are then; who does, is told nothing."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.inverse_kinematics.heading import turned_away
from biomech.osim_models import build
from biomech.skeleton.skeleton import Skeleton

PELVIS = ["pelvis_tilt", "pelvis_list", "pelvis_rotation"]


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton.from_osim(build.DEFAULT_PATH)


def leaning(skeleton: Skeleton, heading_deg: float) -> np.ndarray:
    """A pelvis tilted forward by 20°, then turned about the vertical; 10 frames."""
    turned = Rotation.from_euler("y", heading_deg, degrees=True) * Rotation.from_euler("z", -20, degrees=True)
    values = np.tile(skeleton.defaults, (10, 1))
    values[:, [skeleton.coordinate_names.index(name) for name in PELVIS]] = turned.as_euler("ZXY")
    return values


@pytest.mark.parametrize(
    ("heading_deg", "told"), [(0, None), (30, None), (90, "in the list"), (-90, "in the list"), (180, "other sign")]
)
def test_what_is_told_is_so(skeleton: Skeleton, heading_deg: float, told: str | None) -> None:
    values = leaning(skeleton, heading_deg)
    tilt, roll, _ = np.rad2deg(values[0, [skeleton.coordinate_names.index(name) for name in PELVIS]])
    notes = turned_away(skeleton.description, values)
    if told is None:
        assert notes == [] and tilt < -17
        return
    assert len(notes) == 1 and told in notes[0] and f"faces {heading_deg}°" in notes[0].replace("-180", "180")
    if told == "other sign":
        assert tilt == pytest.approx(20)
    else:
        assert tilt == pytest.approx(0, abs=1e-9) and abs(roll) == pytest.approx(20)


def test_who_walks_to_and_fro_about_x_is_told_nothing(skeleton: Skeleton) -> None:
    values = np.concatenate([leaning(skeleton, degrees) for degrees in (-40, 0, 40, 170, 0, -30)])
    assert turned_away(skeleton.description, values) == []
