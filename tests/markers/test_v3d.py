"""MoVi's V3D files, in the form that the authors' toolbox reads."""

import numpy as np
import pytest
import scipy.io

from biomech.errors import BioposeError
from biomech.labels.sources import MarkerTrial, find_trials
from biomech.markers.marker_map import read_marker_map
from biomech.markers.v3d import read_v3d, v3d_motions


@pytest.fixture
def file(tmp_path):
    names = [group[0] for group in read_marker_map("movi_67").sources]
    location = np.random.default_rng(0).uniform(100, 1800, (50, 67, 3))
    location[30, 4] = 0
    move = {
        "markerName": np.array([names], dtype=object),
        "markerLocation": location,
        "motions_list": np.array([["walking"], ["throw/catch"], ["walking"]], dtype=object),
        "flags120": np.array([[1, 20], [21, 40], [41, 50]]),
    }
    subject = {"id": 3, "sex": "female", "height": 1650.0, "mass": 61.0}
    path = tmp_path / "F_v3d_Subject_3.mat"
    scipy.io.savemat(path, {"Subject_3_F": {"subject": subject, "move": move}})
    return path, location


def test_motions_are_cut_out_of_the_take(file):
    path, location = file
    assert v3d_motions(path) == [("Subject_3_F", name) for name in ("walking", "throw/catch", "walking #2")]
    found = read_v3d(path, "throw/catch")
    assert (found.height_m, found.mass_kg) == (pytest.approx(1.65), 61.0)
    assert found.markers.rate_hz == pytest.approx(120) and found.markers.time_s[0] == pytest.approx(20 / 120)
    x, y, z = location[20, 0] / 1000
    np.testing.assert_allclose(found.markers.positions_m[0, 0], [x, z, -y])
    assert np.isnan(found.markers.positions_m[10, 4]).all() and np.isfinite(found.markers.positions_m[9, 4]).all()


def test_they_become_trials_with_the_67_markers(file):
    trials = find_trials([file[0].parent], rate_hz=60)
    names = ["movi_Subject_3_F_throw_catch", "movi_Subject_3_F_walking", "movi_Subject_3_F_walking_2"]
    assert [trial.name for trial in trials] == names
    loaded = trials[1].load()
    assert isinstance(loaded, MarkerTrial) and loaded.marker_map.name == "movi_67"
    assert loaded.markers.positions_m.shape == (10, 67, 3) and loaded.height_m == pytest.approx(1.65)


def test_another_mat_is_told_from_it(tmp_path, file):
    scipy.io.savemat(tmp_path / "other.mat", {"a": 1})
    with pytest.raises(BioposeError, match="MoVi"):
        v3d_motions(tmp_path / "other.mat")
    with pytest.raises(BioposeError, match="There are walking"):
        read_v3d(file[0], "flying")
