"""The tidy table and the angle plot say what the solver said, and of what it did not know that."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from biomech.arrays import nearest, spans
from biomech.inverse_kinematics.tidy import OPEN
from biomech.inverse_kinematics.trusted import Trusted
from biomech.kinematics.kinematics import Kinematics
from biomech.report.angle_plot import draw_angles, write_angle_plot
from biomech.report.courses import Courses, in_pairs

TIMES = np.array([0.0, 0.1, 0.2, 0.3])
NAMES = ["knee_angle_r", "knee_angle_l", "pelvis_ty", "knee_angle_r_beta"]


@pytest.fixture
def courses() -> Courses:
    """The third of four frames could not be solved; in the last the left knee is open."""
    solved = np.array([0, 1, 3])
    values = np.array([[0.1, 0.2, 0.9, 0.1], [0.3, 0.4, 0.91, 0.3], [0.5, 0.6, 0.92, 0.5]])
    motion = Kinematics(NAMES, values, TIMES[solved] + 1e-7, np.array([True, True, False, True]))
    trusted = Trusted(TIMES, ["", "quality below 0.5", "too few markers", ""], ["", "", "", "knee_angle_l"])
    return Courses.of("fast", motion, trusted, np.full((3, 4), 0.01))


def test_the_table_holds_every_value_once(courses: Courses, tmp_path: Path) -> None:
    courses.write(tmp_path / "angles.csv")
    table = pd.read_csv(tmp_path / "angles.csv", keep_default_na=False, na_values=[""])
    assert list(table) == ["time", "coordinate", "value", "unit", "half_width", "trusted", "reason"]
    assert len(table) == 16 and not table.duplicated(["time", "coordinate"]).any()
    knee = table[table.coordinate == "knee_angle_r"].set_index("time")
    assert knee.value.tolist()[:2] == pytest.approx(np.rad2deg([0.1, 0.3]), abs=1e-3)
    assert set(knee.unit) == {"deg"} and knee.half_width[0.0] == pytest.approx(np.rad2deg(0.01), abs=1e-3)
    assert knee.trusted.tolist() == [1, 0, 0, 1]
    assert np.isnan(knee.value[0.2]) and np.isnan(knee.half_width[0.2])
    assert knee.reason.fillna("").tolist() == ["", "quality below 0.5", "too few markers", ""]
    height = table[table.coordinate == "pelvis_ty"]
    assert set(height.unit) == {"m"} and height.value.iloc[0] == 0.9 and height.half_width.iloc[0] == 0.01
    left = table[(table.coordinate == "knee_angle_l") & (table.time == 0.3)].iloc[0]
    assert (left.trusted, left.reason) == (0, OPEN)


def test_the_plot_has_a_panel_for_each_pair(courses: Courses, tmp_path: Path) -> None:
    figure = draw_angles([courses])
    shown = [panel for panel in figure.axes if panel.get_visible()]
    assert [panel.get_title() for panel in shown] == ["pelvis_ty (m)", "knee_angle (°)"]
    assert len(shown[1].lines) == 2 and len(shown[1].collections) == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == ["right", "left"]
    assert all(panel.get_xlabel() == "time (s)" for panel in shown)
    write_angle_plot([courses], tmp_path / "angles.png")
    picture = cv2.imread(str(tmp_path / "angles.png"))
    assert picture is not None and picture.shape[1] > 1000


def test_a_single_frame_is_drawn(tmp_path: Path) -> None:
    motion = Kinematics(["knee_angle_r"], np.array([[0.1]]), np.array([2.0]), np.array([True]))
    one = Courses.of("fast", motion, Trusted(np.array([2.0]), [""], [""]))
    assert one.values.shape == (1, 1) and np.isfinite(one.values).all()
    write_angle_plot([one, one], tmp_path / "angles.png")


def test_helpers() -> None:
    assert nearest(TIMES, np.array([-1.0, 0.14, 0.16, 9.0])).tolist() == [0, 1, 2, 3]
    assert in_pairs(["hip_flexion_r", "pelvis_tilt", "hip_flexion_l"]) == {
        "hip_flexion": ["hip_flexion_r", "hip_flexion_l"],
        "pelvis_tilt": ["pelvis_tilt"],
    }
    assert spans(np.array([True, False, True, True]), TIMES) == [
        pytest.approx((0.0, 0.05)),
        pytest.approx((0.15, 0.3)),
    ]
