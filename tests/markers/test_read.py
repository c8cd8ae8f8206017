"""Recorded markers as a model takes them, on a real trial that was spoilt on purpose."""

from pathlib import Path

import numpy as np
import opensim
import pytest

from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.markers.read import read_for_model, read_markers
from biomech.markers.trc import read_trc, write_trc
from biomech.skeleton.model import load_model


@pytest.fixture(scope="module")
def subject(biopose_data: Path) -> Path:
    return biopose_data / "opencap_lab_subject4"


@pytest.fixture(scope="module")
def model(subject: Path) -> opensim.Model:
    return load_model(subject / "Models/manually_scaled.osim")


@pytest.fixture(scope="module")
def squat(subject: Path) -> Markers:
    return read_trc(subject / "MarkerData/squats1.trc")


def written(path: Path, markers: Markers, turn: np.ndarray | None = None, scale: float = 1.0) -> Path:
    """The trial as a file, its positions turned (rows are the file's axes) and scaled."""
    turned = markers.positions_m if turn is None else markers.positions_m @ turn.T
    write_trc(Markers(markers.names, turned * scale, markers.time_s), path)
    return path


Z_UP = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
X_UP = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])


def test_an_upright_trial_is_left_as_it_is(tmp_path: Path, squat: Markers, model: opensim.Model) -> None:
    read = read_for_model(written(tmp_path / "a.trc", squat), model)
    np.testing.assert_allclose(read.positions_m, squat.select(read.names).positions_m, atol=1e-7)
    assert not [note for note in read.notes if "taken as up" in note]


@pytest.mark.parametrize(("turn", "axis"), [(Z_UP, "Z"), (X_UP, "X")])
def test_another_vertical_is_found_and_told(
    tmp_path: Path, squat: Markers, model: opensim.Model, turn: np.ndarray, axis: str
) -> None:
    path = written(tmp_path / "a.trc", squat, turn)
    read = read_for_model(path, model)
    heights = squat.select(read.names).positions_m[..., 1]
    np.testing.assert_allclose(read.positions_m[..., 1], heights, atol=1e-7)
    assert [note for note in read.notes if f"stands along the file's {axis} axis" in note and "`up=y`" in note]
    # A turn, not a mirror: left stays left.
    flat = read.positions_m - np.nanmean(read.positions_m, 1, keepdims=True)
    original = squat.select(read.names).positions_m
    original = original - np.nanmean(original, 1, keepdims=True)
    u, _, vt = np.linalg.svd(np.nan_to_num(flat[0]).T @ np.nan_to_num(original[0]))
    assert np.linalg.det(u @ vt) == pytest.approx(1)
    # Who says which axis is up is believed.
    said = read_for_model(path, model, up=axis.lower())
    np.testing.assert_allclose(said.positions_m, read.positions_m, atol=1e-7)
    lying = read_for_model(path, model, up="y")
    assert np.nanmax(np.ptp(lying.positions_m[0, :, 1])) < np.nanmax(np.ptp(read.positions_m[0, :, 1]))
    for one in (said, lying):
        assert not [note for note in one.notes if "taken as up" in note]


@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_a_size_that_no_person_has_beside_the_model_is_refused(
    tmp_path: Path, squat: Markers, model: opensim.Model, scale: float
) -> None:
    path = written(tmp_path / "a.trc", squat, scale=scale)
    with pytest.raises(BioposeError, match="times the size of the model's"):
        read_for_model(path, model)


def test_gaps_are_counted_for_every_marker(tmp_path: Path, squat: Markers, model: opensim.Model) -> None:
    gappy = Markers(squat.names, squat.positions_m[:20].copy(), squat.time_s[:20])
    for name, frames in (("C7", 5), ("r_knee", 12), ("L_toe", 20)):
        gappy.positions_m[:frames, gappy.names.index(name)] = np.nan
    notes = read_for_model(written(tmp_path / "a.trc", gappy), model).notes
    assert "1 of 45 markers never seen: L_toe" in notes
    assert "gaps in 2 of 45 markers, in frames of 20: r_knee 12, C7 5" in notes


def test_other_spellings_and_a_window(tmp_path: Path, squat: Markers, model: opensim.Model) -> None:
    spelled = Markers([f"S4:{name.replace('_', '.').upper()}" for name in squat.names], squat.positions_m, squat.time_s)
    read = read_for_model(written(tmp_path / "a.trc", spelled), model, start_s=0.1, end_s=0.2)
    assert read.time_s == pytest.approx(np.arange(10) / 100 + 0.1) and len(read.names) == 45
    np.testing.assert_allclose(read.positions_m, squat.select(read.names).positions_m[10:20], atol=1e-7)
    assert [note for note in read.notes if note.startswith("matched by normalised names (45): S4:")]
    beyond = read_for_model(tmp_path / "a.trc", model, start_s=0.1, end_s=60).notes
    assert [note for note in beyond if "`end_s` outside it" in note] and not [n for n in read.notes if "outside" in n]
    with pytest.raises(BioposeError, match="no frame between 100 s and inf s: the trial goes from 0 s to"):
        read_for_model(tmp_path / "a.trc", model, start_s=100)


def test_a_c3d_and_what_is_neither(biopose_data: Path, tmp_path: Path) -> None:
    path = biopose_data / "c3d/cmu_02_05.c3d"
    own = read_markers(path)
    z_up = read_markers(path, up="z")
    np.testing.assert_allclose(own.positions_m[..., 1], z_up.positions_m[..., 1], atol=1e-9)
    with pytest.raises(BioposeError, match="not a marker file"):
        read_markers(tmp_path / "a.csv")
    with pytest.raises(BioposeError, match="`up=w` is no axis"):
        read_markers(path, up="w")
