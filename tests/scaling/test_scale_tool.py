"""Scaling: a skeleton of known size comes back, the setup repeats it, and OpenCap's subject lands near the expert's."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import opensim as osim
import pytest
from small_skeleton import COORDINATES, build, pose

from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.errors import BioposeError
from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.inverse_kinematics.marker_tasks import read_tasks
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc
from biomech.markers.virtual import load_virtual_markers, marker_body, neutral_static, write_marker_set
from biomech.osim_models import DEFAULT_PATH
from biomech.scaling.measurements import VIRTUAL_MARKER_MEASUREMENTS, Measurement, read_measurements
from biomech.scaling.scale_tool import judged, scale_model, with_markers
from biomech.skeleton.model import load_model
from biomech.skeleton.skeleton import Skeleton

MEASUREMENTS = (
    Measurement("pelvis", (("P_front", "P_back"), ("P_side", "P_low")), ("pelvis",)),
    Measurement("thigh", (("T_front", "T_low"), ("T_back", "T_low")), ("femur_r",)),
    Measurement("shank", (("S_front", "S_low"), ("S_back", "S_low")), ("tibia_r",)),
)


def _static(folder: Path, size: float) -> Markers:
    """A person of another size, who stands a little askew."""
    values = np.array([[0.02, 0.01, -0.03, 0.1, 1.0, 0.2, 0.05, -0.02]])
    askew = Kinematics(COORDINATES, values, np.zeros(1), np.array([True] * 3 + [False] * 3 + [True] * 2))
    return pose(build(folder / "subject.osim", size), askew)


def _scale(folder: Path, static: Markers, **options):
    options = {"mass_kg": 33.0, "measurements": MEASUREMENTS, "tasks": dict.fromkeys(static.names, 1.0)} | options
    generic = build(folder / "generic.osim")
    return scale_model(generic, static, out_osim=folder / "out" / "subject.osim", **options)


def test_a_known_size_comes_back(tmp_path: Path, capfd, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = _scale(tmp_path, _static(tmp_path, 1.1))
    assert set(result.factors) == {"pelvis", "femur_r", "tibia_r"}
    for factors in result.factors.values():
        np.testing.assert_allclose(factors, 1.1, atol=1e-5)
    assert result.mass_kg == pytest.approx(33) and result.notes == []
    assert result.static_errors.clip_rms_m < 1e-5
    model = load_model(result.model_osim)
    masses = [model.getBodySet().get(name).getMass() for name in ("pelvis", "femur_r", "tibia_r")]
    np.testing.assert_allclose(masses, [15, 12, 6], rtol=1e-6)  # shares of 10 : 8 : 4 are kept
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "opensim.log").exists() and Path.cwd() == tmp_path
    files = ["subject.osim", "subject_generic.osim", "subject_scale_factors.xml", "subject_scale_setup.xml"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [*files, "subject_static.trc"]


def test_the_setup_repeats_the_model_elsewhere(tmp_path: Path) -> None:
    """The folder is moved, and OpenSim runs the setup there alone, from yet another."""
    _scale(tmp_path, _static(tmp_path, 0.9))
    moved = (tmp_path / "out").rename(tmp_path / "moved")
    ours = (moved / "subject.osim").read_text()
    (moved / "subject.osim").unlink()
    (tmp_path / "elsewhere").mkdir()
    code = "import opensim; opensim.Logger.removeFileSink()\n"
    code += "assert opensim.ScaleTool('../moved/subject_scale_setup.xml').run()"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "elsewhere", check=True, capture_output=True)
    assert not list((tmp_path / "elsewhere").iterdir())
    assert (moved / "subject.osim").read_text() == ours


def test_markers_move_to_where_they_were_measured(tmp_path: Path) -> None:
    static = _static(tmp_path, 1.0)
    static.positions_m[:, static.names.index("T_side")] += [0.0, 0.0, 0.02]
    result = _scale(tmp_path, static)
    models = [load_model(path) for path in (tmp_path / "generic.osim", result.model_osim)]
    before, after = (model.getMarkerSet().get("T_side").get_location().to_numpy() for model in models)
    assert 0.01 < np.linalg.norm(after - before) < 0.025
    assert result.static_errors.rms_by_marker_m["T_side"] > 0.01


def test_what_looks_wrong_is_told(tmp_path: Path) -> None:
    static = _static(tmp_path, 1.0)
    notes = _scale(tmp_path, _static(tmp_path, 1.4)).notes
    assert any(note.startswith("scale factors outside 0.8-1.25: femur_r 1.40") for note in notes)
    small = {f"{body}_{side}": np.full(3, 0.68) for body in ("femur", "tibia") for side in "lr"}
    small |= {"toes_r": np.full(3, 0.7), "toes_l": np.ones(3), "pelvis": np.array([1.0, 1.0, 1.27])}
    told = "femur (both) 0.68, pelvis Z 1.27, tibia (both) 0.68, toes_r 0.70"
    assert judged(small, 70.0, 70.0) == [f"scale factors outside 0.8-1.25: {told}"]
    assert judged({"pelvis": np.array([1.0, 1.2544, 0.7961])}, 70.0, 70.0) == []  # as 1.25 and 0.80 they would be told
    unscaled = {"pelvis": np.ones(3), "femur_r": np.ones(3)}
    assert judged(unscaled, 70.0, 72.0) == [
        "no body was scaled: every factor is 1",
        "the scaled model weighs 70.00 kg instead of 72.00 kg",
    ]
    lacking = static.select([name for name in static.names if not name.startswith("S_")])
    assert any("shank could not be measured; tibia_r" in note for note in _scale(tmp_path, lacking).notes)
    with pytest.raises(BioposeError, match="share 0 markers"):
        _scale(tmp_path, Markers([f"x{n}" for n in static.names], static.positions_m, static.time_s))
    with pytest.raises(BioposeError, match="0 kg is not a person's"):
        _scale(tmp_path, static, mass_kg=0)


def test_the_virtual_markers_scale_our_skeleton(tmp_path: Path) -> None:
    """The average body's own static pose: each side alike, all within a centimetre, nothing left unscaled."""
    body, markers = marker_body(), load_virtual_markers()
    generic = load_model(DEFAULT_PATH)
    assert {b.getName() for b in generic.getBodySet()} == {b for m in VIRTUAL_MARKER_MEASUREMENTS for b in m.bodies} - {
        "patella_r",
        "patella_l",
    }
    assert {n for m in VIRTUAL_MARKER_MEASUREMENTS for pair in m.pairs for n in pair} <= set(markers.names)
    result = scale_model(
        DEFAULT_PATH,
        neutral_static(body, body.default_shape().numpy()),
        mass_kg=70,
        measurements=VIRTUAL_MARKER_MEASUREMENTS,
        tasks=markers.weights_by_name(),
        out_osim=tmp_path / "scaled.osim",
    )
    for name, factors in result.factors.items():
        assert (factors != 1).all() and (factors > 0.9).all() and (factors < 1.25).all(), name
        if name.endswith("_r"):
            np.testing.assert_allclose(factors, result.factors[name[:-1] + "l"])
    assert result.static_errors.clip_rms_m < 0.005
    scaled = load_model(result.model_osim)
    assert not any(coordinate.getDefaultClamped() for coordinate in scaled.getCoordinateSet())


def test_a_known_posture_is_kept_whatever_the_shape(tmp_path: Path) -> None:
    """On a heavy body the iliac spines lie on fat, and would tip the pelvis by tens of degrees."""
    body, markers = marker_body(), load_virtual_markers()
    shape = body.default_shape().numpy()
    shape[body.shape_names.index("weight")] = 1.0
    static = neutral_static(body, shape)
    result = scale_model(
        DEFAULT_PATH,
        static,
        mass_kg=100,
        measurements=VIRTUAL_MARKER_MEASUREMENTS,
        tasks=markers.weights_by_name(),
        posture=NEUTRAL_POSTURE,
        out_osim=tmp_path / "scaled.osim",
    )
    kinematics, errors = inverse_kinematics(Skeleton.from_osim(result.model_osim), static, markers.weights_by_name())
    assert errors.clip_rms_m < 0.002
    for name, angle in NEUTRAL_POSTURE.items():
        assert kinematics.values[0, kinematics.names.index(name)] == pytest.approx(angle, abs=np.deg2rad(0.01)), name


def test_opencaps_subject(biopose_data: Path, tmp_path: Path) -> None:
    """Their generic model, markers, measurements and static trial, against the model that their expert scaled."""
    models = biopose_data / "models/laiuhlrich2022_opencap"
    setup = models / "Scaling/Setup_scaling_LaiUhlrich2022_Mocap.xml"
    subject = biopose_data / "opencap_lab_subject4"
    result = scale_model(
        models / "LaiUhlrich2022.osim",
        read_trc(subject / "MarkerData/static1.trc"),
        mass_kg=75.337,
        height_m=1.89,
        measurements=read_measurements(setup),
        tasks=read_tasks(setup),
        marker_set=models / "LaiUhlrich2022_markers_mocap.xml",
        out_osim=tmp_path / "scaled.osim",
    )
    expert = load_model(subject / "Models/manually_scaled.osim")
    ours = load_model(result.model_osim)
    assert ours.getTotalMass(ours.getWorkingState()) == pytest.approx(75.337)
    for joint in ("walker_knee_r", "walker_knee_l", "ankle_r", "ankle_l", "elbow_r"):
        lengths = [_offset(model, joint) for model in (ours, expert)]
        assert lengths[0] == pytest.approx(lengths[1], rel=0.005), joint
    assert result.static_errors.clip_rms_m < 0.02


def _offset(model: osim.Model, joint: str) -> float:
    """How far a joint lies from its parent body's origin (m)."""
    frame = model.getJointSet().get(joint).getParentFrame()
    return float(np.linalg.norm(frame.findTransformInBaseFrame().p().to_numpy()))


def test_markers_on_bodies_that_the_model_lacks_are_named(biopose_data, tmp_path):
    write_marker_set(tmp_path / "set.xml")
    with pytest.raises(BioposeError, match=r"the model lacks \(head\)"):
        with_markers(biopose_data / "models" / "laiuhlrich2022_opencap" / "LaiUhlrich2022.osim", tmp_path / "set.xml")
