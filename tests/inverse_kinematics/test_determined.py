"""What markers determine: noise gains against OpenSim's own poses, and what becomes of a motion in the air."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from biomech.errors import BioposeError
from biomech.inverse_kinematics.conditioning import noise_gains_deg_per_mm
from biomech.inverse_kinematics.determined import SURE_RAD_PER_M, TOLD_RAD_PER_M, determined, noise_gains
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc
from biomech.markers.virtual import load_virtual_markers
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline.solve import share_seen, solve
from biomech.pipeline.stages import Solution
from biomech.skeleton.model import load_model
from biomech.skeleton.skeleton import Skeleton

LEG = ["RASI", "LASI", "RPSI", "LPSI", "RKNE", "RKNI", "RANK", "RAKI", "RHEE", "RMT1", "RMT5"]


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton.from_osim(DEFAULT_PATH)


@pytest.fixture(scope="module")
def walk(skeleton: Skeleton) -> np.ndarray:
    """Six poses with everything a little bent, hips and knees in turn."""
    values = np.tile(skeleton.defaults, (6, 1))
    values[:, skeleton.free] += 0.3
    for side, sign in (("r", 1), ("l", -1)):
        values[:, skeleton.coordinate_names.index(f"hip_flexion_{side}")] += sign * np.linspace(-0.4, 0.4, 6)
    clamped = np.clip(values, *np.where(skeleton.clamped[:, None], skeleton.ranges, [-np.inf, np.inf]).T)
    return skeleton.complete(torch.from_numpy(clamped)).numpy()


@pytest.fixture(scope="module")
def markers(skeleton: Skeleton, walk: np.ndarray) -> Markers:
    positions = skeleton(torch.from_numpy(walk)).markers.numpy()
    return Markers(list(skeleton.marker_names), positions, np.arange(6) / 100)


def test_gains_are_those_of_opensims_own_poses(skeleton: Skeleton, walk: np.ndarray) -> None:
    free = [skeleton.coordinate_names[k] for k in skeleton.free]
    kinematics = Kinematics(free, walk[:2][:, skeleton.free], np.arange(2) / 100, skeleton.rotational[skeleton.free])
    expected = noise_gains_deg_per_mm(load_model(DEFAULT_PATH), kinematics, dict.fromkeys(LEG, 1.0))
    gains = noise_gains(skeleton, LEG, walk[:2], np.ones((2, len(LEG)), dtype=bool))[:, skeleton.free]
    gains = np.where(kinematics.rotational, np.rad2deg(gains) / 1000, gains)
    told = np.isfinite(expected)
    assert {name for name, one in zip(free, told.all(0), strict=True) if one} >= {"pelvis_tilt", "knee_angle_r"}
    np.testing.assert_allclose(gains[told], expected[told], rtol=1e-3)
    assert (gains[~told] > 100).all()


def test_the_leg_s_markers_tell_the_leg_alone(skeleton: Skeleton, walk: np.ndarray) -> None:
    seen = np.ones((6, len(LEG)), dtype=bool)
    seen[2, LEG.index("RHEE") :] = False
    told = determined(skeleton, LEG, walk, seen, of_set=skeleton.marker_names)
    known = {name for name, one in zip(told.names, told.mask[0], strict=True) if one}
    assert known >= {"pelvis_tx", "pelvis_tilt", "hip_flexion_r", "hip_rotation_r", "knee_angle_r", "ankle_angle_r"}
    assert not known & {"hip_flexion_l", "knee_angle_l", "arm_flex_r", "lumbar_bending", "elbow_flex_l"}
    assert (
        "ankle_angle_r" in told.names_not_told()[2].split() and "knee_angle_r" not in told.names_not_told()[2].split()
    )
    assert "ankle_angle_r" not in told.names_not_told()[0].split()
    # Of a marker set that has no more, nothing is open but the foot's frame.
    own = determined(skeleton, LEG, walk, seen, of_set=LEG)
    assert own.open.any(1).tolist() == [False, False, True, False, False, False]
    assert "arm_flex_r" in own.names_not_told()[0].split()  # not open, and not told either
    assert "arm_flex_r" in " ".join(own.notes()) and "ankle_angle_r 17%" in " ".join(own.notes())


ARM_L = ("humerus_l", "ulna_l", "radius_l", "hand_l")


def test_the_markers_that_lack_are_named(skeleton: Skeleton, walk: np.ndarray) -> None:
    """Those that nobody measured, those in a gap just then, and those that the setup gives no weight."""
    seen = np.ones((6, len(LEG)), dtype=bool)
    seen[2, LEG.index("RHEE") :] = False
    seen[4, LEG.index("RKNE")] = False  # nothing is open there, so that it is no cause
    (note,) = [
        note
        for note in determined(skeleton, LEG, walk, seen, of_set=LEG, left_out=["RTOE"]).notes()
        if "in part of the frames" in note
    ]
    assert "missing in such frames are RHEE, RMT1, RMT5; measured, but without a weight" in note and "RTOE" in note
    with pytest.raises(BioposeError, match="missing in such frames are RKNE, RHEE") as error:
        determined(skeleton, LEG, walk, seen, of_set=skeleton.marker_names, left_out=["C7"]).check("a.trc")
    assert "are missing" in str(error.value) and "without a weight" in str(error.value) and "C7" in str(error.value)


def test_all_virtual_markers_determine_everything(skeleton: Skeleton, walk: np.ndarray) -> None:
    names = list(skeleton.marker_names)
    told = determined(skeleton, names, walk, np.ones((6, len(names)), dtype=bool), of_set=names)
    open_names = {name for name, one in zip(told.names, told.mask.all(0), strict=True) if not one}
    assert open_names == {"mtp_angle_r", "mtp_angle_l"}  # 1.6° per mm: the toes' markers are 3 cm from the joint
    assert told.notes() == ["the model's markers do not show mtp_angle_r, mtp_angle_l: these are hardly measured"]
    assert not told.open.any()
    told.check("a.trc")


def test_an_angle_counts_only_with_what_it_hangs_on(
    skeleton: Skeleton, walk: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gains(skeleton: Skeleton, markers: list[str], *_: object, **__: object) -> np.ndarray:
        found = np.full(walk.shape, 0.1 * SURE_RAD_PER_M)
        if markers == LEG:  # a part of the set
            found[:, skeleton.coordinate_names.index("hip_rotation_r")] = 1.1 * TOLD_RAD_PER_M
            found[:, skeleton.coordinate_names.index("arm_rot_l")] = 0.9 * TOLD_RAD_PER_M
        return found

    monkeypatch.setattr("biomech.inverse_kinematics.determined.noise_gains", gains)
    told = determined(skeleton, LEG, walk, np.ones((6, len(LEG)), dtype=bool), of_set=skeleton.marker_names)
    lost = {name for name, one in zip(told.names, told.mask[0], strict=True) if not one}
    assert lost >= {"hip_flexion_r", "hip_adduction_r", "hip_rotation_r", "knee_angle_r", "ankle_angle_r", "arm_rot_l"}
    assert not lost & {"pelvis_tilt", "hip_rotation_l", "lumbar_extension", "arm_flex_l", "elbow_flex_l"}


SHOULDER_L = ("arm_flex_l", "arm_add_l", "arm_rot_l")
LIMB_L = ("elbow_flex_l", "pro_sup_l", "wrist_flex_l", "wrist_dev_l")


def straight_out(skeleton: Skeleton, walk: np.ndarray) -> np.ndarray:
    """The left arm straight out at its side in the first three of six frames, in one of them exactly."""
    values = walk.copy()
    out = [-90.0, -88.0, -80.0, -60.0, -40.0, -20.0]
    for name, course in zip(SHOULDER_L, (80.0, out, -10.0), strict=True):
        values[:, skeleton.coordinate_names.index(name)] = np.radians(course)
    return values


def test_a_limb_is_told_behind_two_turns_with_nearly_one_axis(skeleton: Skeleton, walk: np.ndarray) -> None:
    names, values = list(skeleton.marker_names), straight_out(skeleton, walk)
    seen = np.ones((6, len(names)), dtype=bool)
    told = determined(skeleton, names, values, seen, of_set=names)
    assert not told.open.any() and len(told.notes()) == 1  # of the toes
    gains = np.rad2deg(noise_gains(skeleton, names, values, seen)) / 1000
    arm = [skeleton.coordinate_names.index(name) for name in SHOULDER_L]
    assert gains[:, arm].max() < 0.6 and gains[:3, arm[0]].max() < 2 * gains[3:, arm].max()
    straight = determined(skeleton, names, values[:2], seen[:2], of_set=names)
    assert straight.tellable[arm].all()  # in a film of nothing else too
    few = seen.copy()  # an arm without markers is open there as anywhere
    few[:2, [k for k, m in enumerate(skeleton.description.markers) if m.body in ARM_L]] = False
    hidden = determined(skeleton, names, values, few, of_set=names).open
    opened = {skeleton.coordinate_names[k] for k in np.flatnonzero(hidden[:2].all(0))}
    assert opened == {*SHOULDER_L, *LIMB_L} and not hidden[2:].any()


def test_one_marker_at_the_elbow_does_not_tell_how_a_straight_arm_is_turned(
    skeleton: Skeleton, walk: np.ndarray
) -> None:
    """Both turns are about the arm's own axis: their sum is then as unknown as their difference."""
    names = [m.name for m in skeleton.description.markers if m.body not in ARM_L or m.name == "LELS"]
    values, seen = straight_out(skeleton, walk), np.ones((6, len(names)), dtype=bool)
    told = determined(skeleton, names, values, seen, of_set=skeleton.marker_names)
    opened = {skeleton.coordinate_names[k] for k in np.flatnonzero(told.open.all(0))}
    assert opened == {*SHOULDER_L, *LIMB_L}


def test_who_lies_on_the_side_is_told(skeleton: Skeleton, walk: np.ndarray) -> None:
    values = walk.copy()
    values[:, skeleton.coordinate_names.index("pelvis_list")] = np.radians(89.0)
    names = list(skeleton.marker_names)
    assert not determined(skeleton, names, values, np.ones((6, len(names)), dtype=bool), of_set=names).open.any()


def test_a_coupled_coordinate_is_told_by_what_drives_it(biopose_data: Path) -> None:
    model = Skeleton.from_osim(biopose_data / "opencap_lab_subject4/Models/manually_scaled.osim")
    names = [name for name in model.marker_names if not name.startswith(("r_", "L_"))]
    values = np.tile(model.defaults, (3, 1))
    told = determined(model, names, values, np.ones((3, len(names)), dtype=bool), of_set=model.marker_names)
    at = told.names.index
    assert not told.mask[:, [at("knee_angle_r"), at("knee_angle_r_beta")]].any()


def test_what_is_held_is_told(skeleton: Skeleton, walk: np.ndarray) -> None:
    seen = np.ones((6, len(LEG)), dtype=bool)
    told = determined(skeleton, LEG, walk, seen, of_set=LEG, held=["arm_flex_r"])
    at = told.names.index
    assert told.mask[:, at("arm_flex_r")].all() and not told.mask[:, at("arm_flex_l")].any()


def solved(markers: Markers, folder: Path, solver: str = "fast") -> tuple[dict, pd.DataFrame]:
    write_trc(markers, folder / "a.trc")
    files = Solution.of(folder, "a", solver, "a")
    figures = solve(
        DEFAULT_PATH,
        markers,
        dict.fromkeys(load_virtual_markers().names, 1.0),
        files=files,
        markers_trc=folder / "a.trc",
        quality=share_seen(markers),
    )
    return figures, pd.read_csv(files.quality, keep_default_na=False)


@pytest.mark.parametrize(
    "names", [["RASI", "C7", "RKNE"], ["RASI", "LASI", "RPSI", "LPSI"], ["RMT1", "RHEE", "RANK", "LFIN"]]
)
def test_a_motion_that_hangs_in_the_air_is_refused(markers: Markers, tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(BioposeError, match=r"leave \d+% of the coordinates open.*are missing.*LKNE"):
        solved(markers.select(names), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.trc"]


def test_frames_say_why_they_are_not_trusted(skeleton: Skeleton, markers: Markers, tmp_path: Path) -> None:
    gap = Markers(markers.names, markers.positions_m.copy(), markers.time_s)
    shank_down = ("tibia_r", "talus_r", "calcn_r", "toes_r")
    foot = [k for k, marker in enumerate(skeleton.description.markers) if marker.body in shank_down]
    gap.positions_m[1, foot] = np.nan
    figures, quality = solved(gap, tmp_path)
    assert list(quality.columns) == [
        *("time", "quality", "marker_rms_mm", "marker_max_mm", "trusted", "reason", "not_determined")
    ]
    assert quality.trusted.tolist() == [int(not why) for why in quality.reason]
    assert figures["frames_trusted"] == quality.trusted.sum()
    assert quality.trusted.tolist() == [1, 0, 1, 1, 1, 1] and quality.marker_rms_mm.max() < 0.1
    assert quality.reason[1] == "not determined by the markers seen"
    lost = ["knee_angle_r", "ankle_angle_r", "subtalar_angle_r"]
    assert quality.not_determined[1].split() == [*lost, "mtp_angle_r", "mtp_angle_l"]


def test_two_turns_of_a_shoulder_make_no_frame_untrusted(skeleton: Skeleton, walk: np.ndarray, tmp_path: Path) -> None:
    positions = skeleton(torch.from_numpy(straight_out(skeleton, walk))).markers.numpy()
    figures, quality = solved(Markers(list(skeleton.marker_names), positions, np.arange(6) / 100), tmp_path)
    assert quality.trusted.tolist() == 6 * [1]
    toes = ["mtp_angle_r", "mtp_angle_l"]
    assert quality.not_determined[0].split() == [*toes, "arm_flex_l", "arm_rot_l"]
    assert quality.not_determined[5].split() == toes
    assert len([note for note in figures["notes"] if "arm_flex_l" in note]) == 1
