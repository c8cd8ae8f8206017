"""Reading and writing .mot, judged by OpenSim's own readers."""

from pathlib import Path

import numpy as np
import opensim as osim
import pytest

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot, write_mot
from biomech.skeleton.description import describe
from biomech.skeleton.model import coordinate_is_rotational, coordinate_names, coupled_coordinates, load_model

osim.Logger.removeFileSink()
osim.Logger.setLevelString("error")


def _kinematics() -> Kinematics:
    rng = np.random.default_rng(2)
    names = ["pelvis_tilt", "pelvis_tx", "knee_angle_r", "knee_angle_r_beta"]
    return Kinematics(names, rng.uniform(-2, 2, (6, 4)), 2 + np.arange(6) / 30, np.array([True, False, True, True]))


def test_round_trip(tmp_path: Path) -> None:
    motion = _kinematics()
    write_mot(motion, tmp_path / "a.mot")
    back = read_mot(tmp_path / "a.mot")
    assert back.names == motion.names
    np.testing.assert_allclose(back.values, motion.values, atol=1e-9)
    np.testing.assert_allclose(back.time_s, motion.time_s, atol=1e-8)
    np.testing.assert_array_equal(back.rotational, motion.rotational)


def test_opensim_takes_it_as_the_same_motion(tmp_path: Path, biopose_data: Path) -> None:
    """A model's own conversion to radians gives our radians back, the coupled patella included."""
    model = osim.Model(str(biopose_data / "opencap_lab_subject4/Models/manually_scaled.osim"))
    model.initSystem()
    motion = _kinematics()
    write_mot(motion, tmp_path / "a.mot")
    storage = osim.Storage(str(tmp_path / "a.mot"))
    assert storage.isInDegrees() and storage.getSize() == 6
    model.getSimbodyEngine().convertDegreesToRadians(storage)
    for frame in range(6):
        row = storage.getStateVector(frame)
        assert row.getTime() == pytest.approx(motion.time_s[frame], abs=1e-8)
        read = [row.getData().get(column) for column in range(4)]
        np.testing.assert_allclose(read, motion.values[frame], atol=1e-8)
    table = osim.TimeSeriesTable(str(tmp_path / "a.mot"))
    assert list(table.getColumnLabels()) == motion.names


def test_slides_that_opensim_calls_coupled_are_metres(tmp_path: Path, biopose_data: Path) -> None:
    """The pelvis of gait2354 slides by splines, so that its motion type is Coupled."""
    model = load_model(biopose_data / "opensim_core_ik_standard/subject01_simbody.osim")
    names, rotational = coordinate_names(model), coordinate_is_rotational(model)
    slides = ["pelvis_tx", "pelvis_ty", "pelvis_tz"]
    assert coupled_coordinates(model) == slides
    assert [n for n, angle in zip(names, rotational, strict=True) if not angle] == slides
    assert [c.name for c in describe(model).coordinates if not c.rotational] == slides
    values = np.random.default_rng(4).uniform(-2, 2, (3, len(names)))
    write_mot(Kinematics(names, values, np.arange(3.0), rotational), tmp_path / "a.mot", coupled=slides)
    storage = osim.Storage(str(tmp_path / "a.mot"))
    model.getSimbodyEngine().convertDegreesToRadians(storage)
    rows = [storage.getStateVector(frame).getData() for frame in range(3)]
    np.testing.assert_allclose([[row.get(k) for k in range(len(names))] for row in rows], values, atol=1e-8)
    kinds = dict(zip(names, rotational.tolist(), strict=True))
    back = read_mot(tmp_path / "a.mot", rotational=kinds, coupled=slides)
    np.testing.assert_allclose(back.values, values, atol=1e-8)
    np.testing.assert_array_equal(back.rotational, rotational)


def test_coupled_angles_of_any_name_are_read_in_radians(tmp_path: Path) -> None:
    motion = _kinematics()
    write_mot(motion, tmp_path / "a.mot", coupled=["pelvis_tilt"])
    kinds = dict(zip(motion.names, motion.rotational.tolist(), strict=True))
    back = read_mot(tmp_path / "a.mot", rotational=kinds, coupled=["pelvis_tilt"])
    np.testing.assert_allclose(back.values, motion.values, atol=1e-8)


@pytest.mark.parametrize(("line", "radians"), [("inDegrees=yes", False), ("inDegrees=no", True), ("", True)])
def test_angles_are_read_in_the_unit_that_opensim_would_take(tmp_path: Path, line: str, radians: bool) -> None:
    text = f"m\nversion=1\nnRows=1\nnColumns=3\n{line}\nendheader\ntime\tknee_angle_r\tpelvis_tx\n0\t30\t30\n"
    (tmp_path / "a.mot").write_text(text)
    motion = read_mot(tmp_path / "a.mot")
    assert osim.Storage(str(tmp_path / "a.mot")).isInDegrees() is not radians
    np.testing.assert_allclose(motion.values[0], [30 if radians else np.deg2rad(30), 30])


def test_the_two_references_of_one_trial_agree(biopose_data: Path) -> None:
    """One file is in radians, the other in degrees with CRLF and a coupled knee; the knees are alike."""
    folder = biopose_data / "opencap_lab_subject4/IK"
    ours, theirs = (read_mot(folder / f"squats1{kind}_ik.mot") for kind in ("", "_manual_scaling"))
    assert np.rad2deg(np.abs(ours.column("knee_angle_r") - theirs.column("knee_angle_r"))).max() < 15
    np.testing.assert_allclose(theirs.column("knee_angle_r_beta"), theirs.column("knee_angle_r"), atol=1e-6)
    old = read_mot(biopose_data / "opensim_core_ik_standard/std_subject01_walk1_ik.mot")
    assert old.column("knee_angle_r")[0] == pytest.approx(np.deg2rad(-55.15907196))


def test_nan_and_unsorted_time_are_refused(tmp_path: Path) -> None:
    motion = _kinematics()
    motion.values[3, 2] = np.nan
    with pytest.raises(BioposeError, match=r"knee_angle_r is not a number at 2\.1 s"):
        write_mot(motion, tmp_path / "a.mot")
    motion = _kinematics()
    motion.time_s = motion.time_s[::-1]
    with pytest.raises(BioposeError, match="increases"):
        write_mot(motion, tmp_path / "a.mot")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["hello", "m\nendheader\nframe\tx\n0\t1\n", "m\nendheader\ntime\tx\n0\tone\n"])
def test_bad_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.mot").write_text(text)
    with pytest.raises(BioposeError):
        read_mot(tmp_path / "a.mot")
