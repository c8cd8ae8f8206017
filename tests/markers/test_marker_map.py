"""Marker maps: every map of the package on our model, real files through them, and a user's slips."""

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.markers.c3d import read_c3d
from biomech.markers.marker_map import marker_maps, read_marker_map, recognise
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc
from biomech.osim_models.build import build_model

OWN = "source,marker,body,x_m,y_m,z_m,weight,fixed\n"


@pytest.fixture(scope="module")
def bodies() -> set[str]:
    model = build_model()
    return {model.getBodySet().get(i).getName() for i in range(model.getBodySet().getSize())}


@pytest.mark.parametrize("name", marker_maps())
def test_maps_fit_our_model(name, bodies):
    known = read_marker_map(name)
    assert set(known.bodies) <= bodies
    assert np.isfinite(known.locations_m).all() and abs(known.locations_m).max() < 0.5
    sources = [source.casefold() for group in known.sources for source in group]
    assert len(sources) == len(set(sources))
    assert (known.weights[known.fixed] >= 0).all() and known.fixed.sum() >= 15
    # Right and left are each other's mirror images, where the map has both (OpenCap's own set is not even).
    if name != "opencap":
        place = dict(zip(known.names, known.locations_m, strict=True))
        for marker in (m for m in known.names if m.startswith("R") and "L" + m[1:] in place):
            np.testing.assert_allclose(place["L" + marker[1:]], place[marker] * [1, 1, -1], atol=1e-9)


@pytest.mark.parametrize(
    ("file", "name", "found"),
    [
        ("c3d/cmu_02_05.c3d", "cmu_41", 41),
        ("c3d/pycgm/Static_trial.c3d", "plug_in_gait", 39),
        ("c3d/pycgm/Sample_Static.c3d", "plug_in_gait", 35),
        ("opencap_lab_subject4/MarkerData/walking1.trc", "opencap", 45),
    ],
)
def test_real_files_find_their_map(biopose_data, file, name, found):
    path = biopose_data / file
    markers = read_c3d(path) if path.suffix == ".c3d" else read_trc(path)
    known = recognise(markers.names)
    mapped = known.apply(markers)
    assert (known.name, len(mapped.names)) == (name, found)
    assert set(mapped.names) <= set(known.tasks())


def test_names_are_matched_whatever_their_capitals_and_the_rest_is_left_out():
    known = read_marker_map("movi_67")
    assert len(known.names) == 67
    names = [group[-1].upper() for group in known.sources] + ["extra"]
    mapped = known.apply(Markers(names, np.arange(68 * 3.0).reshape(1, 68, 3), np.zeros(1)))
    assert mapped.names == known.names
    np.testing.assert_array_equal(mapped.positions_m[0, 1], [3, 4, 5])


def test_what_is_missing_is_named():
    markers = Markers(["C7", "LASI"], np.zeros((1, 2, 3)), np.zeros(1))
    with pytest.raises(BioposeError, match=r"only 2 of the 44.*RFHD.*"):
        read_marker_map("plug_in_gait").apply(markers, "trial.c3d")
    with pytest.raises(BioposeError, match="no marker map of the package"):
        recognise(markers.names)


def test_ones_own_map(tmp_path):
    (tmp_path / "mine.csv").write_text(OWN + "A alpha,KNEE,femur_r,0,-0.4,0.05,10,1\n")
    mine = read_marker_map(tmp_path / "mine.csv")
    assert mine.on_model() == [("KNEE", "femur_r", (0.0, -0.4, 0.05))] and mine.found(["ALPHA"]) == {"KNEE": "ALPHA"}


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ("", "columns"),
        ("A,K,femur_r,0,0,0,1,1\nB,K,femur_r,0,0,0,1,1\n", "repeats K"),
        ("A,K,femur_r,x,0,0,1,1\n", "'x'"),
    ],
)
def test_a_broken_map_is_named(tmp_path, rows, error):
    (tmp_path / "mine.csv").write_text(OWN + rows)
    with pytest.raises(BioposeError, match=error):
        read_marker_map(tmp_path / "mine.csv")
    with pytest.raises(BioposeError, match="cmu_41"):
        read_marker_map("nobodys")
