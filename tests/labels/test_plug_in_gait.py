"""Plug-in Gait people against the angles that their own files hold, by the model that both commands make."""

from pathlib import Path

import numpy as np
import pytest

from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.labels.library.recordings import _read
from biomech.markers.marker_map import recognise
from biomech.markers.recordings import MarkerRecording
from biomech.scaling.by_marker_map import personal_model
from biomech.skeleton.skeleton import Skeleton

MOST_DEG = {
    "hip_flexion": 9,
    "knee_angle": 7,
    "ankle_angle": 7,
}  # of 22 legs 10, 4 and 4 in the mean; hips by 7 of frame
OWN = {"hip_flexion": "HipAngles", "knee_angle": "KneeAngles", "ankle_angle": "AnkleAngles"}


@pytest.mark.slow
def test_sagittal_angles_are_the_file_s_own(biopose_data: Path, tmp_path: Path) -> None:
    data = biopose_data / "motions/biomechzoo_pig"
    if not data.is_dir():
        pytest.skip("the data of biomechzoo are not there")
    walk, static = data / "Straight_HC050A11.npz", data / "Static_HC050A01.npz"
    markers = _read(walk)
    known = recognise(markers.names)
    motion = MarkerRecording(walk).on_model(markers, known)
    standing = MarkerRecording(static).on_model(_read(static), known)
    personal_model(known, [motion], out_osim=tmp_path / "person.osim", static=standing)
    found, _ = inverse_kinematics(Skeleton.from_osim(tmp_path / "person.osim"), motion, known.expected(motion.seen))
    with np.load(walk, allow_pickle=False) as stored:
        first = np.flatnonzero(np.isfinite(stored["xyz_mm"]).all(-1).any(1))[0]
        names, angles = stored["angle_names"].tolist(), stored["angles_deg"][first : first + len(found.time_s)]
    for angle, most in MOST_DEG.items():
        for side in "rl":
            own = angles[:, names.index(side.upper() + OWN[angle]), 0]
            off = np.abs(np.rad2deg(found.column(f"{angle}_{side}")) - own)[np.isfinite(own) & (own != 0)]
            assert len(off) > 50 and off.mean() < most, f"{angle}_{side}"
