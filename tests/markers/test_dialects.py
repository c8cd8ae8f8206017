"""Files of markers as other programs write them: what can be told without doubt is read, the rest is named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import opensim
import pytest

from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.markers.matching import of_subject, people, with_model_names
from biomech.markers.read import read_for_model, read_markers
from biomech.markers.trc import read_trc, write_trc
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.model import load_model

NAMES = ["C7", "L.ASIS", "r_knee", "r_ankle"]
POINTS = np.random.default_rng(3).uniform(0.1, 1.7, (12, 4, 3)).round(5)


def trc(
    path: Path,
    *,
    units: str = "m",
    rate: str = "100",
    time: Callable[[int], str] = lambda k: f"{k / 100:.5f}",
    cell: Callable[[float], str] = lambda v: f"{v:.5f}",
    scale: float = 1.0,
    names: list[str] = NAMES,
    names_by: str = "\t",
    by: str = "\t",
    encoding: str = "utf-8",
    gap: str | None = None,
) -> Path:
    """A .trc of ``POINTS`` in some dialect; ``gap``: what stands thrice for the second marker in the third frame."""
    head = "DataRate CameraRate NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame OrigNumFrames".split()
    triple = "\t\t\t" if names_by == "\t" else names_by
    lines = ["PathFileType\t4\t(X/Y/Z)\tx.trc", by.join(head)]
    lines.append(by.join([rate, rate, "12", str(len(names)), units, rate, "1", "12"]))
    lines.append(names_by.join(["Frame#", "Time", triple.join(names)]))
    lines += [by + by + by.join(f"{axis}{k}" for k in range(1, len(names) + 1) for axis in "XYZ"), ""]
    for k, frame in enumerate(POINTS * scale):
        cells = [cell(v) for v in frame.ravel()]
        if gap is not None and k == 2:
            cells[3:6] = [gap] * 3
        lines.append(by.join([str(k + 1), time(k), *cells]))
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


@pytest.mark.parametrize(
    ("dialect", "note"),
    [
        ({"cell": lambda v: f"{v:.5f}".replace(".", ","), "time": lambda k: f"{k / 100:.5f}".replace(".", ",")}, None),
        ({"names_by": " "}, None),
        ({"names_by": " ", "by": " "}, None),
        ({"units": "millimeters", "scale": 1000.0}, None),
        ({"units": "Centimetres", "scale": 100.0}, None),
        ({"units": "", "scale": 1000.0}, None),
        ({"encoding": "utf-16"}, None),
        ({"time": lambda k: f"{k * 10:.5f}"}, "in ms"),
        ({"time": lambda k: str(k)}, "counts frames"),
        ({"time": lambda k: f"{k / 240:.2f}", "rate": "240"}, "stands still"),
        ({"gap": "9999.999"}, "1 marker positions of 9999.999, thrice"),
        ({"gap": "-1.00000"}, "1 marker positions of -1, thrice"),
    ],
)
def test_dialects_of_trc_are_read(tmp_path: Path, dialect: dict, note: str | None) -> None:
    markers = read_trc(trc(tmp_path / "a.trc", **dialect))
    expected = POINTS.copy()
    if "gap" in dialect:
        expected[2, 1] = np.nan
    assert markers.names == NAMES
    np.testing.assert_allclose(markers.positions_m, expected, atol=1e-9)
    rate = float(dialect.get("rate", "100"))
    np.testing.assert_allclose(markers.time_s, np.arange(12) / rate, atol=1e-9)
    assert len(markers.notes) == (note is not None) and all(note in said for said in markers.notes if note)


def test_time_that_data_rate_does_not_explain_is_refused(tmp_path: Path) -> None:
    for time in (lambda k: f"{k // 6:.5f}", lambda k: f"{(k % 6) / 100:.5f}"):
        with pytest.raises(BioposeError, match="does not increase at data row"):
            read_trc(trc(tmp_path / "a.trc", time=time))


def test_a_common_beginning_of_all_names_is_dropped_only_where_it_helps() -> None:
    prefixed = Markers([f"Subj01_{name}" for name in NAMES], POINTS, np.arange(12) / 100)
    found = with_model_names(prefixed, [*NAMES, "r_toe"], where=Path("a.trc"))
    assert found.names == NAMES and any("'Subj01_' is dropped" in note for note in found.notes)
    right = ["r_hip", "r_knee", "r_ankle"]
    same = with_model_names(Markers(right, POINTS[:, :3], np.arange(12) / 100), [*right, "l_knee"], where=Path("a.trc"))
    assert same.names == right and not any("dropped" in note for note in same.notes)


def test_two_people_are_told_apart_by_name() -> None:
    both = Markers([f"{who}:{name}" for who in "AB" for name in NAMES], np.tile(POINTS, (1, 2, 1)), np.arange(12) / 100)
    both.positions_m[:, 4:] += 1
    assert people(both.names) == ["A", "B"] and people(["A:C7", "A:r_knee", "ball"]) == []
    with pytest.raises(BioposeError, match="2 people are in the file: A, B") as refused:
        with_model_names(both, NAMES, where=Path("a.trc"))
    assert "`subject=A`" in (refused.value.mend or "")
    chosen = of_subject(both, "B", "a.trc")
    assert chosen.names == NAMES
    np.testing.assert_allclose(chosen.positions_m, POINTS + 1)
    with pytest.raises(BioposeError, match="no marker is one of 'C'"):
        of_subject(both, "C", "a.trc")


@pytest.fixture(scope="module")
def model() -> opensim.Model:
    return load_model(DEFAULT_PATH)


@pytest.fixture(scope="module")
def standing(model: opensim.Model) -> Markers:
    """The model's own markers as it stands by default, three frames, a step aside of the origin."""
    state = model.getWorkingState()
    model.realizePosition(state)
    places = np.array([marker.getLocationInGround(state).to_numpy() for marker in model.getMarkerSet()])
    names = [marker.getName() for marker in model.getMarkerSet()]
    return Markers(names, np.repeat(places[None] + [0.3, 0.0, 0.2], 3, 0), np.arange(3) / 100)


# Rows: where the file's X, Y and Z are from the upright axes (X forward, Y up, Z right).
DIRECTIONS = {
    "X": [[0, 1, 0], [0, 0, 1], [1, 0, 0]],
    "Z": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    "-X": [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    "-Y": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "-Z": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
}


@pytest.mark.parametrize("up", DIRECTIONS)
def test_any_direction_may_be_up(tmp_path: Path, model: opensim.Model, standing: Markers, up: str) -> None:
    file_from_upright = np.array(DIRECTIONS[up], dtype=float)
    assert np.linalg.det(file_from_upright) == pytest.approx(1)
    turned = Markers(standing.names, standing.positions_m @ file_from_upright.T, standing.time_s)
    write_trc(turned, path := tmp_path / "a.trc")
    read = read_for_model(path, model)
    np.testing.assert_allclose(read.positions_m, standing.select(read.names).positions_m, atol=1e-6)
    assert [note for note in read.notes if f"stands along the file's {up} axis" in note]
    # Said by the user, it is no guess: the body is upright, whichever way it then faces.
    said = read_markers(path, up=up.lower())
    np.testing.assert_allclose(said.positions_m[..., 1], standing.positions_m[..., 1], atol=1e-6)


@pytest.mark.parametrize("mirror", [[[1, 0, 0], [0, 0, 1], [0, 1, 0]], [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]])
def test_left_handed_axes_are_named(tmp_path: Path, model: opensim.Model, standing: Markers, mirror: list) -> None:
    write_trc(Markers(standing.names, standing.positions_m @ np.array(mirror), standing.time_s), tmp_path / "a.trc")
    with pytest.raises(BioposeError, match="mirrored"):
        read_for_model(tmp_path / "a.trc", model)


@pytest.mark.parametrize("unit", ["mm", "m"])
@pytest.mark.parametrize("few", [True, False])
def test_two_units_in_one_file(tmp_path: Path, standing: Markers, unit: str, few: bool) -> None:
    """Whichever the header says, and whether few or most are in m: read alike, and the names told."""
    in_m = standing.names[:2] if few else standing.names[4:]
    away = standing.positions_m + np.array([0.7, 0.0, -0.4])
    mixed = away * 1000
    mixed[:, [standing.names.index(name) for name in in_m]] /= 1000
    write_trc(Markers(standing.names, mixed, standing.time_s), path := tmp_path / "a.trc")
    path.write_text(path.read_text().replace("\tm\t", f"\t{unit}\t", 1))
    read = read_trc(path)
    np.testing.assert_allclose(read.positions_m, away, atol=1e-5)
    (note,) = [note for note in read.notes if "two units are mixed" in note]
    assert f"{len(in_m)} markers are in m" in note and in_m[0] in note


def test_a_marker_at_the_origin_is_in_the_same_unit(tmp_path: Path, standing: Markers) -> None:
    """The laboratory's origin, with noise of a quarter of a millimetre."""
    frames = 20
    at = np.repeat(standing.positions_m[:1] + np.array([0.7, 0.0, -0.4]), frames, 0)
    origin = np.random.default_rng(0).normal(0, 2.5e-4, (frames, 1, 3))
    both = Markers([*standing.names, "origin"], np.concatenate([at, origin], 1), np.arange(frames) / 100)
    write_trc(both, tmp_path / "a.trc")
    read = read_trc(tmp_path / "a.trc")
    assert read.notes == []
    np.testing.assert_allclose(read.positions_m, both.positions_m, atol=1e-6)


def test_a_laboratory_kilometres_below_is_named(tmp_path: Path, standing: Markers) -> None:
    write_trc(Markers(standing.names, standing.positions_m - [0, 5000, 0], standing.time_s), tmp_path / "a.trc")
    with pytest.raises(
        BioposeError, match=r"more than 200 m from the origin \(the middle at -4,999 m along Y\)"
    ) as error:
        read_trc(tmp_path / "a.trc")
    assert "Take the offset along Y off" in str(error.value)
