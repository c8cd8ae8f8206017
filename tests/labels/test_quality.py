"""What makes a label doubtful, on our own model."""

import numpy as np
import pytest

from biomech.inverse_kinematics.marker_errors import MarkerErrors
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.quality import JUMP, LANDMARK_OFF, NOT_SOLVED, OUT_OF_RANGE, judge, landmarks_by_coordinate
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.skeleton import Skeleton

FRAMES = 20


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton.from_osim(DEFAULT_PATH)


def _trial(skeleton: Skeleton) -> tuple[Kinematics, MarkerErrors]:
    time_s = np.arange(FRAMES) / 100
    values = np.tile(skeleton.defaults, (FRAMES, 1))
    distances = np.full((FRAMES, len(skeleton.marker_names)), 0.005)
    errors = MarkerErrors(skeleton.marker_names, distances, time_s, np.ones(FRAMES, bool))
    return Kinematics(skeleton.coordinate_names, values, time_s, skeleton.rotational), errors


def _flagged(skeleton: Skeleton, flags: np.ndarray, bit: int, frame: int) -> set[str]:
    return {n for n, f in zip(skeleton.coordinate_names, flags[frame], strict=True) if f & bit}


def test_landmarks_belong_to_what_a_coordinate_moves(skeleton: Skeleton) -> None:
    of = landmarks_by_coordinate(skeleton)
    assert {"RKNE", "RKNI", "RANK", "RAKI"} <= set(of["knee_angle_r"])
    assert not {"RASI", "LKNE", "RHEE"} & set(of["knee_angle_r"])
    assert {"RASI", "LPSI", "RKNE"} <= set(of["hip_rotation_r"])
    # The talus carries none: the foot stands in for it, and the shank for it as the foot's parent.
    assert {"RHEE", "RMT5", "RANK"} <= set(of["ankle_angle_r"])
    assert {"RHEE", "RANK"} <= set(of["subtalar_angle_r"])
    assert {"RASI", "LASI", "RPSI", "LPSI"} <= set(of["pelvis_tilt"])
    assert all(of.values())
    assert not any("Tracking_T" in name for names in of.values() for name in names)


def test_a_landmark_over_2_cm_off_masks_its_neighbours(skeleton: Skeleton) -> None:
    kinematics, errors = _trial(skeleton)
    column = errors.names.index("RKNE")
    errors.distances_m[3, column] = 0.0201
    errors.distances_m[4, column] = 0.0199
    errors.distances_m[5, column] = np.nan
    quality = judge(skeleton, kinematics, errors)
    masked = {"hip_flexion_r", "hip_adduction_r", "hip_rotation_r", "knee_angle_r"}
    assert _flagged(skeleton, quality.flags, LANDMARK_OFF, 3) == masked
    assert not quality.flags[4:6].any()
    assert quality.mask.sum() == quality.flags.size - 4


def test_ranges_count_turns_and_leave_the_root_free(skeleton: Skeleton) -> None:
    kinematics, errors = _trial(skeleton)
    at = skeleton.coordinate_names.index
    kinematics.values[:, at("knee_angle_l")] = np.deg2rad(155)
    kinematics.values[:, at("arm_flex_r")] = np.deg2rad(360 + 30)
    kinematics.values[:, at("pelvis_rotation")] = np.deg2rad(700)
    kinematics.values[:, at("hip_flexion_r")] = np.deg2rad(140.2)
    kinematics.values[:, at("knee_angle_r")] = np.deg2rad(100 - 360)  # no turn of 100°: slides follow the angle
    quality = judge(skeleton, kinematics, errors)
    assert _flagged(skeleton, quality.flags, OUT_OF_RANGE, 0) == {"knee_angle_l", "knee_angle_r"}


def test_jumps_flag_both_frames(skeleton: Skeleton) -> None:
    kinematics, errors = _trial(skeleton)
    kinematics.values[10:, skeleton.coordinate_names.index("elbow_flex_r")] += np.deg2rad(25)  # 2,500°/s
    kinematics.values[15:, skeleton.coordinate_names.index("elbow_flex_l")] += np.deg2rad(15)
    kinematics.values[5:, skeleton.coordinate_names.index("pelvis_tx")] += 0.2
    flags = judge(skeleton, kinematics, errors).flags & JUMP
    assert np.flatnonzero(flags.any(1)).tolist() == [4, 5, 9, 10]
    assert _flagged(skeleton, flags, JUMP, 9) == {"elbow_flex_r"}


def test_frames_that_nobody_stands_by(skeleton: Skeleton) -> None:
    kinematics, errors = _trial(skeleton)
    errors.solved[0] = False
    errors.distances_m[0] = np.nan
    errors.distances_m[1, 0] = 0.05  # over OpenSim's 4 cm
    source = np.ones(FRAMES, bool)
    source[2] = False
    quality = judge(skeleton, kinematics, errors, source)
    assert (quality.flags[[0, 2]] & NOT_SOLVED).all() and not (quality.flags[1] & NOT_SOLVED).any()
    assert np.flatnonzero(~quality.trusted).tolist() == [0, 1, 2]
    summary = quality.summary(errors)
    assert summary["frames_trusted"] == FRAMES - 3
    assert summary["marker_max_mm"] == pytest.approx(50)
    assert summary["worst_marker"] == errors.names[0]
