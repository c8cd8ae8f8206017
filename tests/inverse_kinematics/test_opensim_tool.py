"""IK in processes: against a known motion, against OpenSim's own run of the setup, against the expert's result."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.inverse_kinematics import tracking
from biomech.inverse_kinematics.marker_tasks import read_tasks
from biomech.inverse_kinematics.opensim_tool import solve_ik
from biomech.inverse_kinematics.setup import write_solution
from biomech.inverse_kinematics.trusted import Trusted
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc
from biomech.pipeline.solve import SolverOptions, share_seen, solve
from biomech.pipeline.stages import Solution
from biomech.skeleton.model import load_model


def _degrees_apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.rad2deg(np.abs((one - other + np.pi) % (2 * np.pi) - np.pi))


def _replay(setup: Path, start: Path | None = None) -> None:
    """Run the setup as a user would: in its folder or ``start``, with nothing of ours."""
    code = "import sys, opensim; opensim.Logger.removeFileSink()\n"
    code += "assert opensim.InverseKinematicsTool(sys.argv[1]).run()"
    subprocess.run([sys.executable, "-c", code, str(setup)], cwd=start or setup.parent, check=True, capture_output=True)


def _solve(trial, folder: Path, **options):
    options = {"markers": trial.markers, "tasks": dict.fromkeys(trial.markers.names, 1.0), "workers": 1} | options
    markers, tasks = options.pop("markers"), options.pop("tasks")
    kinematics, errors = solve_ik(trial.model, markers, tasks, markers_trc=trial.trc, **options)
    write_solution(
        kinematics,
        folder / "small.mot",
        folder / "small_ik.xml",
        model_osim=trial.model,
        markers_trc=trial.trc,
        weights={name: weight for name, weight in tasks.items() if weight},
    )
    return kinematics, errors


def test_a_known_motion_comes_back(trial, tmp_path: Path, capfd) -> None:
    seen: list[tuple[int, int]] = []
    kinematics, errors = _solve(
        trial, tmp_path / "out", workers=2, progress=lambda done, total: seen.append((done, total))
    )
    assert kinematics.names == trial.truth.names
    assert _degrees_apart(kinematics.values, trial.truth.values).max() < 0.02
    assert np.abs(np.diff(kinematics.column("pelvis_rotation"))).max() < 0.1  # a whole turn and more, without a jump
    assert kinematics.time_s[0] == 2.0
    assert errors.clip_rms_m < 1e-5 and errors.good.all() and errors.flags() == []
    assert seen[-1][0] == seen[-1][1] and [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert capfd.readouterr() == ("", "")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["small.mot", "small_ik.xml"]


def test_the_setup_repeats_the_motion(trial, tmp_path: Path) -> None:
    """Noisy markers, two stretches; OpenSim runs the whole clip at once."""
    rng = np.random.default_rng(3)
    noisy = Markers(
        trial.markers.names, trial.markers.positions_m + rng.normal(0, 0.005, (130, 12, 3)), trial.truth.time_s
    )
    write_trc(noisy, trial.trc)
    kinematics, _ = _solve(trial, tmp_path, markers=noisy, workers=2)
    _replay(tmp_path / "small_ik.xml")
    replayed, written = read_mot(tmp_path / "small_replay.mot"), read_mot(tmp_path / "small.mot")
    assert replayed.names == written.names
    np.testing.assert_allclose(replayed.time_s, written.time_s, atol=1e-8)
    assert _degrees_apart(replayed.values, written.values).max() < 0.01
    np.testing.assert_allclose(written.values, kinematics.values, atol=1e-8)


def test_the_setup_runs_from_anywhere_or_moves_with_its_folder(trial, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "a & <b> ü", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    model, trc = (Path(shutil.copy(path, folder)) for path in (trial.model, trial.trc))
    short = Kinematics(trial.truth.names, trial.truth.values[:3], trial.truth.time_s[:3], trial.truth.rotational)
    weights = dict.fromkeys(trial.markers.names, 1.0)
    for movable, start in ((False, elsewhere), (True, folder)):
        files = (folder / "small.mot", folder / "ik.xml")
        write_solution(short, *files, model_osim=model, markers_trc=trc, weights=weights, movable=movable)
        _replay(folder / "ik.xml", start)
        replayed = read_mot(folder / "small_replay.mot")
        assert _degrees_apart(replayed.values, short.values).max() < 0.02
        (folder / "small_replay.mot").unlink()
    assert not list(elsewhere.iterdir())
    text = (folder / "ik.xml").read_text(encoding="utf-8")
    assert str(tmp_path) not in text and "<model_file>small.osim<" in text


def test_weights_choose_the_markers(trial, tmp_path: Path) -> None:
    """A marker in the wrong place does no harm at weight 0, and much at weight 1."""
    wrong = trial.markers.positions_m.copy()
    wrong[:, 11] += 0.1
    moved = Markers(trial.markers.names, wrong, trial.truth.time_s)
    write_trc(moved, trial.trc)
    tasks = dict.fromkeys(trial.markers.names, 1.0)
    harmed, errors = _solve(trial, tmp_path, markers=moved)
    kept, _ = _solve(trial, tmp_path, markers=moved, tasks=tasks | {trial.markers.names[11]: 0.0})
    assert _degrees_apart(kept.values, trial.truth.values).max() < 0.02
    assert _degrees_apart(harmed.values, trial.truth.values).max() > 1
    assert any("largest marker error exceeds 4 cm in 130 of 130" in flag for flag in errors.flags())


def test_frames_without_markers_are_interpolated_and_told(trial, tmp_path: Path) -> None:
    positions = trial.markers.positions_m.copy()
    positions[:3] = positions[60:66] = np.nan
    positions[20:30, 2] = np.nan  # one marker alone does not matter
    gappy = Markers(trial.markers.names, positions, trial.truth.time_s)
    write_trc(gappy, trial.trc)
    kinematics, errors = _solve(trial, tmp_path, markers=gappy)
    flagged = np.flatnonzero(~errors.solved)
    np.testing.assert_array_equal(flagged, [0, 1, 2, *range(60, 66)])
    assert "9 of 130 frames show too few markers" in errors.flags()[0]
    assert np.isnan(errors.rms_m[flagged]).all() and np.isnan(errors.distances_m[20:30, 2]).all()
    written = read_mot(tmp_path / "small.mot")
    assert np.isfinite(written.values).all() and len(written.time_s) == 130
    solved = np.flatnonzero(errors.solved)
    assert _degrees_apart(kinematics.values[solved], trial.truth.values[solved]).max() < 0.02
    np.testing.assert_allclose(kinematics.values[0], kinematics.values[3])
    assert _degrees_apart(kinematics.values[63], trial.truth.values[63]).max() < 5


def test_the_setup_runs_where_frames_show_nothing(trial, tmp_path: Path) -> None:
    """OpenSim's tool fails at a frame without markers; they are left out of the motion, and of what the setup reads."""
    positions = trial.markers.positions_m.copy()
    positions[60:66] = np.nan
    gappy = Markers(trial.markers.names, positions, trial.truth.time_s)
    write_trc(gappy, trial.trc)
    files = Solution.of(tmp_path, "small", "fast", "small")
    said = {"files": files, "markers_trc": trial.trc, "quality": share_seen(gappy)}
    figures = solve(trial.model, gappy, dict.fromkeys(gappy.names, 1.0), **said)
    assert (figures["frames"], figures["frames_left_out"], figures["also"]) == (124, 6, ["small_tracked.trc"])
    assert any("6 of 130 frames show too few markers and are left out" in note for note in figures["notes"])
    _replay(files.ik_setup)
    written, replayed = read_mot(files.kinematics), read_mot(tmp_path / "small_fast_replay.mot")
    seen = np.delete(trial.truth.time_s, range(60, 66))
    np.testing.assert_allclose(written.time_s, seen, atol=1e-8)
    np.testing.assert_allclose(replayed.time_s, seen, atol=1e-8)
    assert _degrees_apart(replayed.values, written.values).max() < 0.01
    assert Trusted.read(files.quality).reasons[60:66] == ["too few markers; quality below 0.5"] * 6
    filled = solve(trial.model, gappy, dict.fromkeys(gappy.names, 1.0), told=SolverOptions(fill=True), **said)
    assert filled["frames"] == 130 and len(read_mot(files.kinematics).time_s) == 130


def test_a_stretch_in_the_wrong_branch_is_solved_again(trial, tmp_path: Path, monkeypatch) -> None:
    honest, calls = tracking.track, []

    def astray(stretch, *arguments):
        calls.append(stretch)
        result = honest(stretch, *arguments)
        if stretch.lead_in:  # the second stretch, the first time
            result.values[:, 7] += 0.3
        return result

    monkeypatch.setattr("biomech.inverse_kinematics.opensim_tool.track", astray)
    kinematics, _ = _solve(trial, tmp_path, workers=2)
    assert len(calls) == 3 and calls[2].start is not None
    assert _degrees_apart(kinematics.values, trial.truth.values).max() < 0.02


def test_names_that_do_not_meet_are_told(trial, tmp_path: Path) -> None:
    renamed = Markers([f"x{n}" for n in trial.markers.names], trial.markers.positions_m, trial.truth.time_s)
    with pytest.raises(BioposeError, match="share 0 names"):
        _solve(trial, tmp_path / "out", markers=renamed)
    empty = Markers(trial.markers.names, np.full((130, 12, 3), np.nan), trial.truth.time_s)
    with pytest.raises(BioposeError):
        _solve(trial, tmp_path / "out", markers=empty)
    assert not (tmp_path / "out").exists()


def test_a_process_that_dies_leaves_no_output(trial, tmp_path: Path) -> None:
    trial.trc.write_text("not a marker file")  # OpenSim throws inside the process
    with pytest.raises(BioposeError, match="the OpenSim process ended with code 1"):
        _solve(trial, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_clamped_coordinates_are_told_and_solved_in_one_piece(trial, tmp_path: Path, monkeypatch) -> None:
    trial.model.write_text(trial.model.read_text().replace("<clamped>false", "<clamped>true"))
    model = load_model(trial.model)
    for coordinate in model.updCoordinateSet():
        coordinate.setDefaultClamped(True)
    model.printToXML(str(trial.model))
    kinematics, errors = _solve(trial, tmp_path)
    assert "clamped" in errors.flags()[0]
    _replay(tmp_path / "small_ik.xml")
    replayed = read_mot(tmp_path / "small_replay.mot")
    assert _degrees_apart(replayed.values, kinematics.values).max() < 1e-6


@pytest.mark.slow
def test_the_experts_result(biopose_data: Path, tmp_path: Path) -> None:
    """Their model, markers, weights and accuracy; their run started two seconds before."""
    folder = biopose_data / "opencap_lab_subject4"
    whole = read_trc(folder / "MarkerData/squats1.trc")
    part = Markers(whole.names, whole.positions_m[200:230], whole.time_s[200:230])
    write_trc(part, tmp_path / "squat.trc")
    kinematics, errors = solve_ik(
        folder / "Models/manually_scaled.osim",
        part,
        read_tasks(biopose_data / "models/laiuhlrich2022_opencap/IK/Setup_IK_Mocap.xml"),
        markers_trc=tmp_path / "squat.trc",
        accuracy=1e-5,
        workers=1,
    )
    expert = read_mot(folder / "IK/squats1_manual_scaling_ik.mot")
    assert kinematics.time_s[0] == pytest.approx(2.0)
    for name in ("pelvis_tilt", "pelvis_list", "pelvis_rotation", "hip_flexion_r", "knee_angle_r", "ankle_angle_l"):
        assert _degrees_apart(kinematics.column(name), expert.column(name)[200:230]).max() < 0.7, name
    assert 0.005 < errors.clip_rms_m < 0.02
    assert len(kinematics.time_s) == 30
