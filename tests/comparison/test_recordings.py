"""Folders of other programs as they lie, and tables of several people."""

from pathlib import Path

import pytest

from biomech.comparison.marker_fit import marker_fit
from biomech.comparison.pairing import pairs_of, read_pairs
from biomech.comparison.recordings import recordings_of
from biomech.errors import BioposeError


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    return folder


@pytest.fixture
def opencap(tmp_path: Path) -> Path:
    return touched(
        tmp_path / "OpenCapData_1",
        "sessionMetadata.yaml",
        "MarkerData/walk1.trc",
        *(f"OpenSimData/Kinematics/{trial}.mot" for trial in ("neutral", "walk1", "walk2")),
        "OpenSimData/Model/LaiUhlrich2022_scaled.osim",
        "OpenSimData/Model/Geometry/pelvis.vtp",
    )


def test_opencap_sessions(opencap: Path) -> None:
    for given in (opencap, opencap / "OpenSimData"):
        found = recordings_of(given)
        assert [one.trial for one in found] == ["neutral", "walk1", "walk2"]
        assert {one.model for one in found} == {opencap / "OpenSimData/Model/LaiUhlrich2022_scaled.osim"}


def test_pose2sim_projects(tmp_path: Path) -> None:
    single = touched(tmp_path / "one", "Config.toml", "pose-3d/a.trc", "kinematics/a.mot", "kinematics/a.osim")
    (found,) = recordings_of(single)
    assert (found.trial, found.motion, found.model) == ("a", single / "kinematics/a.mot", single / "kinematics/a.osim")
    assert recordings_of(single / "kinematics") == [found]
    batch = touched(tmp_path / "batch", "Config.toml", "T1/kinematics/b.mot", "T2/kinematics/c.mot", "T3/videos/x.mp4")
    assert [(one.trial, one.model) for one in recordings_of(batch)] == [("b", None), ("c", None)]


def test_runs_show_every_solver(tmp_path: Path) -> None:
    run = touched(
        tmp_path / "run",
        "biopose.json",
        "walk_scaled.osim",
        "walk_fast.mot",
        "walk_neural.mot",
        "walk_scaled_generic.osim",
    )
    found = recordings_of(run)
    assert [(one.trial, one.method, one.model) for one in found] == [
        ("walk", solver, run / "walk_scaled.osim") for solver in ("fast", "neural")
    ]
    (alone,) = recordings_of(run / "walk_fast.mot")
    assert alone.model == run / "walk_scaled.osim"


def test_trials_are_paired_by_name(opencap: Path, tmp_path: Path) -> None:
    lab = touched(tmp_path / "lab", "OpenSimData/Kinematics/walk1.mot", "OpenSimData/Kinematics/walk2.mot")
    pairs = pairs_of(lab, [opencap])
    assert [(one.reference.name, one.motion.name, one.method) for one in pairs] == [
        (name, name, "OpenCapData_1") for name in ("walk1.mot", "walk2.mot")
    ]
    run = touched(tmp_path / "run", "biopose.json", "film_scaled.osim", "film_fast.mot", "film_neural.mot")
    mocap = touched(tmp_path, "mocap.mot") / "mocap.mot"
    assert [one.method for one in pairs_of(mocap, [run])] == ["fast", "neural"]
    assert [one.method for one in pairs_of(mocap, [run, lab / "OpenSimData/Kinematics/walk1.mot"])][:2] == [
        "run/fast",
        "run/neural",
    ]
    with pytest.raises(BioposeError, match="no trial in common: the reference has walk1, walk2, this has film"):
        pairs_of(lab, [run])
    with pytest.raises(BioposeError, match="more than one motion of a trial"):
        pairs_of(run, [mocap])


def test_folders_that_are_none(tmp_path: Path) -> None:
    for folder in (
        tmp_path,
        touched(tmp_path / "b", "OpenSimData/Model/x.osim"),
        touched(tmp_path / "c", "biopose.json"),
    ):
        with pytest.raises(BioposeError, match="a folder, not a file"):
            recordings_of(folder)


def test_a_table_of_people(tmp_path: Path) -> None:
    touched(tmp_path, "a/ref.mot", "a/mine.mot", "b/ref.mot", "b/mine.mot", "b/ref_scaled.osim", "m.osim")
    table = tmp_path / "pairs.csv"
    table.write_text(
        "\ufeffperson,reference,motion,model\nA,a/ref.mot,a/mine.mot,m.osim\nB,b/ref.mot,b/mine.mot,\n",
        encoding="utf-8",
    )
    first, second = read_pairs(table)
    assert (first.person, first.motion, first.model) == ("A", tmp_path / "a/mine.mot", tmp_path / "m.osim")
    assert (second.person, second.method, second.model) == ("B", "motion", tmp_path / "b/ref_scaled.osim")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no row"),
        ("person,reference,motion\n", "holds no row"),
        ("person,reference\nA,a.mot\n", "has no column motion"),
        ("person,reference,motion,colour\nA,a,b,red\n", "columns of no meaning here: colour"),
        ("person,reference,motion\nA,a.mot,\n", "line 2 has no motion"),
        ("person,reference,motion\nA,a.mot,b.mot,c.mot\n", "line 2 has more cells than"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(BioposeError, match=said):
        read_pairs(tmp_path / "pairs.csv")


def test_how_well_a_motion_meets_its_own_markers(tmp_path: Path) -> None:
    touched(tmp_path, "walk_neural.mot", "walk_fast.mot", "ik.mot", "alone.mot")
    (tmp_path / "walk_quality.csv").write_text("time,marker_rms_mm,marker_max_mm\n0,3,9\n1,,\n2,4,8\n")
    (tmp_path / "walk_fast_quality.csv").write_text("time,marker_rms_mm,marker_max_mm\n0,1,2\n")
    head = "name\nversion=1\nnRows=2\nnColumns=4\ninDegrees=no\nendheader\n"
    columns = "time\ttotal_squared_error\tmarker_error_RMS\tmarker_error_max\n"
    (tmp_path / "ik_ik_marker_errors.sto").write_text(f"{head}{columns}0\t0.1\t0.003\t0.009\n1\t0.1\t0.004\t0.02\n")
    for name, rms, largest in (("walk_neural", 12.5**0.5, 9), ("walk_fast", 1, 2), ("ik", 12.5**0.5, 20)):
        fit = marker_fit(tmp_path / f"{name}.mot")
        assert fit is not None and (fit.rms_mm, fit.max_mm) == pytest.approx((rms, largest))
    assert marker_fit(tmp_path / "alone.mot") is None
    touched(tmp_path, "alone_quality.csv")
    with pytest.raises(BioposeError, match="not a quality file"):
        marker_fit(tmp_path / "alone.mot")
