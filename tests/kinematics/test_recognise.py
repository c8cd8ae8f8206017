"""Files as other programs write them, read as their authors meant them."""

from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.kinematics.recognise import recognise_motion
from biomech.kinematics.storage import read_storage

BENT_DEG = "time\tknee_angle_r\tankle_angle_r\tpelvis_ty\n0.45\t20\t-9\t0.9\n0.46\t30\t-8\t0.91\n"
BENT_RAD = "time\tknee_angle_r\tankle_angle_r\tpelvis_ty\n0.45\t0.4\t-0.1\t0.9\n0.46\t0.5\t-0.1\t0.91\n"


def _read(folder: Path, text: str, name: str = "a.mot"):
    (folder / name).write_text(text)
    return recognise_motion(folder / name)


@pytest.mark.parametrize(
    ("header", "rows", "knee_rad", "said"),
    [
        ("m\nversion=1\ninDegrees=yes\nendheader\n", BENT_DEG, np.deg2rad(20), ""),
        ("m\nversion=1\ninDegrees=no\nendheader\n", BENT_RAD, 0.4, ""),
        ("m\nversion=1\nendheader\n", BENT_RAD, 0.4, "no inDegrees line: read as radians"),
        ("m\nversion=1\nendheader\n", BENT_DEG, np.deg2rad(20), "can only be degrees"),
        (
            "m\nversion=1\ninDegrees=true\nendheader\n",
            BENT_DEG,
            np.deg2rad(20),
            "inDegrees=true: OpenSim takes radians",
        ),
        ("m\nversion=1\ninDegrees=yes\nendheader\n", BENT_RAD, np.deg2rad(0.4), "hardly leave zero"),
        ("m\ndatacolumns 4\nendheader\n", BENT_DEG, np.deg2rad(20), ""),
        ("", BENT_DEG, np.deg2rad(20), "no header: by their size the angles are in degrees"),
        ("", BENT_RAD, 0.4, "no header: by their size the angles are in radians"),
    ],
)
def test_units(tmp_path: Path, header: str, rows: str, knee_rad: float, said: str) -> None:
    motion = _read(tmp_path, header + rows)
    assert motion.kinematics.column("knee_angle_r")[0] == pytest.approx(knee_rad)
    assert motion.kinematics.column("pelvis_ty")[0] == 0.9 and motion.kinematics.time_s[0] == 0.45
    assert (said in motion.notes[0]) if said else motion.notes == []


def test_a_patella_in_the_other_unit_is_told_by_its_knee(biopose_data: Path) -> None:
    """OpenSim's IK writes it in radians into a file in degrees; OpenSim's own walk3d the other way round."""
    for name, said in (
        ("opencap_lab_subject4/IK/walking1_manual_scaling_ik.mot", "in radians inside a file in degrees"),
        ("opensim_core_walk3d/coordinates.sto", "in degrees inside a file in radians"),
    ):
        motion = recognise_motion(biopose_data / name)
        knee, patella = (motion.kinematics.column(f"knee_angle_l{end}") for end in ("", "_beta"))
        np.testing.assert_allclose(patella, knee, atol=2e-3)
        assert motion.notes == [f"{said}, and read so: knee_angle_r_beta, knee_angle_l_beta"]


def test_state_paths_and_what_is_no_coordinate(biopose_data: Path, tmp_path: Path) -> None:
    motion = recognise_motion(biopose_data / "opensim_core_walk3d/coordinates.sto").kinematics
    assert motion.names[:2] == ["pelvis_tilt", "pelvis_list"] and not motion.rotational[motion.names.index("pelvis_tx")]
    states = "/jointset/hip_r/hip_flexion_r/value\t/jointset/hip_r/hip_flexion_r/speed\t/forceset/soleus_r/activation"
    read = _read(tmp_path, f"s\ninDegrees=no\nversion=3\nendheader\ntime\t{states}\n1\t0.5\t3\t0.1\n")
    assert read.kinematics.names == ["hip_flexion_r"]
    assert read.notes == ["2 columns are no coordinates (speeds, forces …); left out"]
    walk = biopose_data / "opensim_core_walk3d"
    for path in (walk / "grf_walk.mot", walk / "id_walk.sto", walk / "electromyography.sto"):
        with pytest.raises(BioposeError, match=r"no column is a coordinate|not coordinates"):
            recognise_motion(path)


def test_opensims_own_results_are_read(biopose_data: Path) -> None:
    folder = biopose_data / "opensim_core_ik_standard"
    markers = recognise_motion(folder / "std_markers_coords_ik.sto")  # markers, forces and coordinates in one
    assert "hip_flexion_r" in markers.kinematics.names and "ground_force_vx" not in markers.kinematics.names
    shoulder = recognise_motion(folder / "std_subject1_abdbonepin_IK.mot").kinematics
    assert shoulder.column("pro_sup")[0] == pytest.approx(-np.pi / 2, abs=1e-6) and len(shoulder.time_s) == 1901


def test_spreadsheets(tmp_path: Path) -> None:
    """Commas or semicolons, decimal commas, blanks in names, empty cells, a time without a row, millimetres."""
    read = _read(tmp_path, "Time (s),right knee,pelvis_ty\n2,20,900\n2.1,,901\n2.1,,\n2.2,30,902\n,1,1\n", "a.csv")
    np.testing.assert_allclose(np.rad2deg(read.kinematics.column("right knee")), [20, np.nan, 30])
    np.testing.assert_allclose(read.kinematics.column("pelvis_ty"), [0.9, 0.901, 0.902])
    assert read.notes[:2] == [
        "1 rows repeat a time; the first of each is used",
        "2 of 5 rows lack values; not compared there",
    ]
    assert "translations are in millimetres; read so" in read.notes
    german = _read(tmp_path, "time;hip\n0,5;10,5\n0,6;11\n", "b.csv").kinematics
    assert german.time_s[0] == 0.5 and np.rad2deg(german.values[0, 0]) == pytest.approx(10.5)
    padded = _read(
        tmp_path, "m\ninDegrees=yes\nendheader\ntime \tright knee\t\n  0.1 \t  30.5 \n 0.2\tnan\n"
    ).kinematics
    np.testing.assert_allclose(np.rad2deg(padded.column("right knee")), [30.5, np.nan])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no line 'endheader'"),
        ("hello\n", "no line 'endheader'"),
        ("m\nendheader\n", "no rows"),
        ("frame,knee\n0,1\n", "no line 'endheader'"),
        ("time,knee\n0,1,2\n", "3 values under 2 names"),
        ("time,knee\n0,x\n", "where a number should be"),
        ("time,knee\nnan,1\n", "no row has a time"),
        ("time,knee\n0,1\n1,2\n0.5,2\n", "runs backwards after 1 s"),
        ("time,knee,knee\n0,1,2\n", "more than one column is called knee"),
        ("Speeds\nversion=1\nendheader\ntime\tknee_angle_r\n0\t1\n", "this holds speeds, not coordinates"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(BioposeError, match=what) as caught:
        _read(tmp_path, text)
    assert caught.value.where == str(tmp_path / "a.mot")


def test_a_storage_is_as_it_stands_in_the_file(biopose_data: Path) -> None:
    storage = read_storage(biopose_data / "opensim_core_ik_standard/std_subject01_walk1_ik.mot")
    assert storage.in_degrees and storage.values[0, storage.names.index("knee_angle_r")] == -55.15907196


def test_long_tables_are_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"{k / 100}\t{k}\t{-k}\n" for k in range(25))
    (tmp_path / "a.mot").write_text(
        f"a\nversion=1\ninDegrees=yes\nendheader\ntime\thip_flexion_r\tknee_angle_r\n\n{rows}\n"
    )
    whole = recognise_motion(tmp_path / "a.mot").kinematics
    monkeypatch.setattr("biomech.tables.ROWS_AT_ONCE", 4)
    parts = recognise_motion(tmp_path / "a.mot").kinematics
    np.testing.assert_array_equal(parts.values, whole.values)
    np.testing.assert_allclose(np.rad2deg(parts.values[:, 0]), np.arange(25))
    (tmp_path / "a.mot").write_text((tmp_path / "a.mot").read_text().replace("0.22\t22", "0.22\tx"))
    with pytest.raises(BioposeError, match="on line 28 stands 'x'"):
        recognise_motion(tmp_path / "a.mot")


def test_a_lost_value_is_no_row(tmp_path: Path) -> None:
    head = "m\ninDegrees=yes\nendheader\ntime\thip\tknee\n"
    with pytest.raises(BioposeError, match="line 6 has fewer values"):
        _read(tmp_path, f"{head}0\t10\t20\n0.1\t21\n0.2\t12\t22\n")
    cut = _read(tmp_path, f"{head}0\t10\t20\n0.1\t11\t21\n0.2\t1")
    assert np.isnan(cut.kinematics.values[2]).all() and "1 of 3 rows lack values; not compared there" in cut.notes
    empty = _read(tmp_path, f"{head}0\t10\t20\n0.1\t11\t\n0.2\t12\t22\n").kinematics
    np.testing.assert_allclose(np.rad2deg(empty.column("hip")), [10, 11, 12])


def test_a_separator_at_the_end_of_every_row_is_no_column(tmp_path: Path) -> None:
    read = _read(tmp_path, "time,hip,knee,\n0,10,20,\n0.1,11,21,\n", "a.csv")
    assert read.kinematics.names == ["hip", "knee"] and not any("lack values" in note for note in read.notes)
    np.testing.assert_allclose(np.rad2deg(read.kinematics.values), [[10, 20], [11, 21]])
