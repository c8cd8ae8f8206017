"""How wide several cameras' uncertainty is measured: errors without place and heading, and a table that holds."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from biomech.bench.drawn_people import VIEWS_RAD, camera_at
from biomech.bench.widths_of_cameras import SETS, both_sides, calibration_of, errors_of, in_turn, table_of, within
from biomech.body.motion import BodyMotion
from biomech.kinematics.kinematics import Kinematics
from biomech.mesh.expected import NAMES


def test_place_and_heading_are_nobodys_error() -> None:
    rng = np.random.default_rng(0)
    turning = [not name.startswith("pelvis_t") or name == "pelvis_tilt" for name in NAMES]
    truth = Kinematics(list(NAMES), 0.3 * rng.standard_normal((20, len(NAMES))), np.arange(20) / 30, turning)
    values, turn = truth.values.copy(), 0.7
    values[:, NAMES.index("pelvis_rotation")] += turn
    values[:, NAMES.index("knee_angle_l")] += 0.1
    root = rng.standard_normal((20, 3))
    drawn = BodyMotion("anny", ["Hips"], np.tile(np.eye(3), (20, 1, 1, 1)), root, np.zeros(1), ["size"], truth.time_s)
    turned = root @ Rotation.from_euler("y", turn).as_matrix().T + 1.5
    turned[:10, 1] += 0.02
    error = errors_of(truth, replace(truth, values=values), drawn, replace(drawn, root_position_m=turned))
    wrong = {"knee_angle_l": 0.1, "pelvis_ty": 0.01}
    for name, off in zip(NAMES, error.mean(0), strict=True):
        assert abs(off - wrong.get(name, 0.0)) < 1e-9, name


def test_the_table_holds_on_other_people_and_is_the_same_for_both_sides() -> None:
    rng = np.random.default_rng(1)
    frames = 4000
    found = {"person": rng.integers(0, 6, frames), "set": rng.integers(0, len(SETS), frames)}
    several = np.array([len(names) for names in SETS])[found["set"]]
    found["sd"] = rng.uniform(0.01, 0.05, (frames, len(NAMES)))
    spread = np.where(several == 3, 3.0, 1.5)[:, None]
    found["error"] = np.abs(spread * found["sd"] * rng.standard_normal((frames, len(NAMES))))
    table = table_of(found)
    assert set(table["cameras"]) == {"2", "3"} and table["people"] == 6
    knees = [table["cameras"]["2"]["factor"]["0.683"][f"knee_angle_{side}"] for side in "rl"]
    assert knees[0] == knees[1]
    said = within(found)
    assert abs(said["front+side+behind"]["all"] - 68.3) < 3
    assert all(abs(said["+".join(names)]["knees"] - 68.3) < 6 for names in SETS)
    assert said["front+side+behind, one camera's table"] != said["front+side+behind"]
    factor, least = both_sides(found["error"], found["sd"], 0.9)
    assert factor.shape == least.shape == (len(NAMES),)


def test_everybody_is_seen_from_every_pair_in_turn() -> None:
    for parity in (0, 1):
        sets = [
            number for person in range(parity, 20, 2) for activity in range(3) for number in in_turn(person, activity)
        ]
        assert [sets.count(number) for number in range(4)] == [10, 10, 10, 15]


def test_the_cameras_are_those_that_drew() -> None:
    calibration = calibration_of(tuple(VIEWS_RAD))
    points = np.array([[0.2, 1.5, 0.1], [-0.3, 0.4, 0.2]])
    for camera, view in zip(calibration.cameras, VIEWS_RAD, strict=True):
        np.testing.assert_allclose(camera.pixels(points), camera_at(view).project(points), atol=1e-6)
