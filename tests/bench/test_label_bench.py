"""The label bench: its figures on made-up motions, and a small run of the whole."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from biomech.bench import label
from biomech.bench.personalise import ROTATIONS
from biomech.kinematics.kinematics import Kinematics
from biomech.labels import check


def test_a_constant_is_told_from_the_course() -> None:
    time_s = np.linspace(0, 1, 200, endpoint=False)
    course = np.stack([0.3 * np.sin(2 * np.pi * time_s + k) for k in range(len(ROTATIONS))], axis=1)
    reference = Kinematics(list(ROTATIONS), course, time_s, np.ones(len(ROTATIONS), bool))
    motion = dataclasses.replace(reference, values=course.copy())
    knee, turn, flat = (ROTATIONS.index(n) for n in ("knee_angle_r", "pelvis_rotation", "hip_flexion_l"))
    motion.values[:, knee] += np.deg2rad(5)
    motion.values[:, turn] += 2 * np.pi
    motion.values[:, flat] *= 0.5
    figures = label._compared({"a": reference, "b": reference}, {"a": motion, "b": reference})
    assert figures["mae"]["knee_angle_r"] == pytest.approx(2.5)  # in one of two trials
    assert figures["bias"]["knee_angle_r"] == pytest.approx(2.5)
    assert figures["offset_free"]["knee_angle_r"] == pytest.approx(0, abs=1e-9)
    assert figures["mae"]["pelvis_rotation"] == pytest.approx(0, abs=1e-9)
    lost = np.rad2deg(0.15 * 2 / np.pi) / 2  # mean of a half-height sine's magnitude, in one of two trials
    assert figures["offset_free"]["hip_flexion_l"] == pytest.approx(lost, rel=0.01)
    assert figures["range_ratio"]["hip_flexion_l"] == pytest.approx(0.75)


@pytest.mark.slow
def test_a_small_run(biopose_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = biopose_data / "opencap_lab_subject4"
    for folder, names in (
        ("Models", ["manually_scaled.osim"]),
        ("MarkerData", ["walking1.trc", "DJ1.trc", "static1.trc"]),
        ("IK", [f"{n}{e}" for n in ("walking1", "DJ1") for e in ("_ik.mot", "_manual_scaling_ik.mot")]),
    ):
        (tmp_path / "data" / folder).mkdir(parents=True)
        for name in names:
            shutil.copy(data / folder / name, tmp_path / "data" / folder)
    monkeypatch.setattr(label, "CHECKED", 1)
    monkeypatch.setattr(check, "CHECK_FRAMES", 20)
    figures = label.bench_label(tmp_path / "data", tmp_path / "out", workers=1)
    assert figures["trials"] == 2 and figures["checked_frames"] == 20
    # Nearer to the expert than to nothing, and about as near as the two references are to each other.
    assert figures["rotation_mae_deg"] < 6 < figures["zero_motion_mae_deg"]
    assert 4 < figures["rotation_mae_addbiomechanics_and_expert_deg"] < 6
    assert figures["rotation_mae_expert_model_our_solver_deg"] < 0.5
    assert figures["offset_free_mae_deg"] < figures["rotation_mae_deg"]
    # How much faster is a figure of the bench, and no matter of a test: it hangs on what else the machine does.
    assert figures["fast_against_opensim_deg"] < 0.1 and figures["speed_ratio_opensim"] > 0
    assert 0 < figures["masked_share"] < 0.5 and figures["marker_rms_mm"] < 12
    assert set(figures["by_rotation"]) == set(ROTATIONS)
