"""Every trap of OpenSim's files: found, said, and gone from the mended copy, as OpenSim's own classes see it."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import opensim
import pytest
from small_skeleton import build, motion, pose

from biomech.errors import BioposeError
from biomech.inspection.check import check_files
from biomech.inspection.finding import Checked, exit_code
from biomech.inverse_kinematics.setup import write_setup
from biomech.kinematics.mot import read_mot, write_mot
from biomech.markers.trc import read_trc, write_trc


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds")
    model, truth = build(folder / "small.osim"), motion()
    markers = pose(model, truth)
    write_trc(markers, folder / "walk.trc")
    write_mot(truth, folder / "walk.mot")
    weights = dict.fromkeys(markers.names, 1.0)
    args = {"model_osim": model, "markers_trc": folder / "walk.trc", "weights": weights, "time_s": truth.time_s}
    write_setup(folder / "setup.xml", name="walk", movable=True, **args)
    return folder


@pytest.fixture
def files(seeds: Path, tmp_path: Path) -> Path:
    for path in seeds.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def codes(checked: Checked, *severities: str) -> set[str]:
    return {one.code for one in checked.findings if not severities or one.severity in severities}


def changed(path: Path, change: Callable[[str], str]) -> Path:
    text = path.read_text(encoding="utf-8")
    after = change(text)
    assert after != text
    path.write_text(after, encoding="utf-8", newline="")
    return path


def of_rows(head: int, change: Callable[[list[list[str]]], None]) -> Callable[[str], str]:
    def over(text: str) -> str:
        lines = text.splitlines()
        rows = [line.split("\t") for line in lines[head:]]
        change(rows)
        return "\n".join([*lines[:head], *("\t".join(row) for row in rows)]) + "\n"

    return over


def put(row: int, column: int, *values: str) -> Callable[[list[list[str]]], None]:
    def change(rows: list[list[str]]) -> None:
        rows[row][column : column + len(values)] = values

    return change


def every(change: Callable[[int, list[str]], list[str]]) -> Callable[[list[list[str]]], None]:
    def over(rows: list[list[str]]) -> None:
        rows[:] = [change(k, row) for k, row in enumerate(rows)]

    return over


def test_what_we_write_is_sound(files: Path) -> None:
    checked = check_files([files])
    assert [one.path.name for one in checked] == ["setup.xml", "small.osim", "walk.mot", "walk.trc"]
    assert [(one.path.name, one.findings) for one in checked if one.open and one.path.suffix != ".osim"] == []
    assert codes(checked[1]) == {"osim-wide"}  # its joints are of the test, without ranges
    assert exit_code(checked) == 0


TRC = {
    "trc-zero": of_rows(6, put(3, 5, "0", "0", "0")),
    "trc-sentinel": of_rows(6, put(3, 5, "9999.999", "9999.999", "9999.999")),
    "trc-far": of_rows(6, put(3, 5, "1e6", "1e6", "1e6")),
    "trc-unit": lambda text: text.replace("\tm\t", "\tmm\t", 1),
    "trc-no-unit": lambda text: text.replace("\tm\t", "\t\t", 1),
    "trc-rate": lambda text: re.sub(r"(?m)^\d+\.\d{6}\t", "17\t", text, count=1),
    "trc-num-markers": lambda text: text.replace("\t12\tm", "\t13\tm"),
    "trc-num-frames": lambda text: re.sub(r"\t\d+\t12\tm", "\t3\t12\tm", text),
    "trc-time-ms": of_rows(6, every(lambda k, row: [row[0], f"{1000 * float(row[1]):.6f}", *row[2:]])),
    "trc-commas": of_rows(6, every(lambda k, row: [cell.replace(".", ",") for cell in row])),
    "trc-blanks": lambda text: text.replace("\t\t\t", " ").replace("\t", " "),
    "trc-no-axes": lambda text: re.sub(r"(?m)^\t\tX1.*\n", "", text),
    "trc-short-rows": of_rows(6, put(3, 35, "", "", "")),
    "trc-cut-off": lambda text: text[: text.rindex("\n", 0, -1) + 40],
}


@pytest.mark.parametrize("code", TRC)
def test_markers(code: str, files: Path) -> None:
    whole = read_trc(files / "walk.trc")
    path = changed(files / "walk.trc", TRC[code])
    (checked,) = check_files([path], fix=True)
    (found,) = [one for one in checked.findings if one.code == code]
    assert found.certain and found.mend and found.why
    assert exit_code([Checked(path, "markers", checked.findings)]) == 1
    assert checked.fixed == files / "walk_fixed.trc" and not [one for one in checked.left if one.severity != "note"]
    table = opensim.TimeSeriesTableVec3(str(checked.fixed))
    mended = read_trc(checked.fixed)
    assert list(table.getColumnLabels()) == whole.names and table.getNumRows() == len(mended.time_s)
    kept = np.isfinite(mended.positions_m)
    assert kept.mean() > 0.98
    np.testing.assert_allclose(mended.positions_m[kept], whole.positions_m[: len(kept)][kept], atol=1e-6)


MOT = {
    "mot-degrees": lambda text: text.replace("inDegrees=yes", "inDegrees=true"),
    "mot-time-name": lambda text: text.replace("\ntime\t", "\nTime\t"),
    "mot-blanks": lambda text: text.replace("\t", "  "),
    "mot-nrows": lambda text: re.sub(r"nRows=\d+", "nRows=3", text),
    "mot-ncolumns": lambda text: re.sub(r"nColumns=\d+", "nColumns=5", text),
    "mot-nan": of_rows(10, put(-1, 4, "nan")),
    "mot-time-repeats": of_rows(10, lambda rows: rows.insert(2, rows[2])),
    "utf-16": lambda text: text,
}


@pytest.mark.parametrize("code", MOT)
def test_motions(code: str, files: Path) -> None:
    path = files / "walk.mot"
    whole = read_mot(path)
    if code == "utf-16":
        path.write_text(path.read_text(), encoding="utf-16")
    else:
        changed(path, MOT[code])
    (checked,) = check_files([path], fix=True)
    (found,) = [one for one in checked.findings if one.code == code]
    assert found.certain and found.mend and found.severity == "error"
    assert checked.fixed is not None and not [one for one in checked.left if one.severity != "note"]
    storage = opensim.Storage(str(checked.fixed))
    mended = read_mot(checked.fixed)
    assert storage.isInDegrees() and storage.getSize() == len(mended.time_s) >= len(whole.time_s) - 1
    np.testing.assert_allclose(mended.values, whole.values[: len(mended.values)], atol=1e-6)


def test_a_hole_between_rows_is_not_mended(files: Path) -> None:
    path = changed(files / "walk.mot", of_rows(10, put(5, 4, "nan")))
    (checked,) = check_files([path], fix=True)
    (found,) = [one for one in checked.findings if one.code == "mot-nan"]
    assert not found.certain and "after 6 rows" in str(found.why) and found.where and found.where.startswith("row 6")
    storage = opensim.Storage(str(path))
    assert storage.getSize() == 6
    assert checked.fixed is None and list(files.glob("*_fixed*")) == []


def test_patellae_in_degrees(files: Path) -> None:
    truth = read_mot(files / "walk.mot")
    bent = np.abs(truth.column("knee_angle_r")) + 0.2
    truth.names += ["knee_angle_r_beta"]
    truth.values = np.column_stack([truth.values, bent])
    truth.values[:, truth.names.index("knee_angle_r")] = bent
    truth.rotational = np.array([*truth.rotational, True])
    write_mot(truth, files / "beta.mot", coupled=[])
    (checked,) = check_files([files / "beta.mot"], fix=True)
    assert codes(checked, "error") == {"mot-coupled-degrees"} and checked.fixed is not None
    np.testing.assert_allclose(read_mot(checked.fixed).column("knee_angle_r_beta"), bent, atol=1e-6)


def test_forces_are_a_table_like_any(files: Path) -> None:
    path = files / "grf.mot"
    head = "forces\nversion=1\nnRows=9\nnColumns=2\ninDegrees=no\nendheader\n"
    path.write_text(head + "time\tground_force_vx\tground_force_vy\n0\t1\t2\n0.1\t3\t4\n0.2\tnan\t4\n")
    (checked,) = check_files([path], fix=True)
    assert codes(checked) == {"mot-nrows", "mot-ncolumns", "mot-nan"} and checked.left == []
    assert opensim.Storage(str(checked.fixed)).getSize() == 2


def test_a_turn_more_and_z_up(files: Path) -> None:
    truth = read_mot(files / "walk.mot")
    truth.values[20:, truth.names.index("hip_flexion_r")] += 2 * np.pi
    truth.values[:, truth.names.index("pelvis_ty")], truth.values[:, truth.names.index("pelvis_tz")] = 0.0, 0.9
    write_mot(truth, files / "walk.mot")
    (checked,) = check_files([files / "walk.mot"], fix=True)
    assert codes(checked, "warning") == {"mot-turn", "not-y-up"} and checked.fixed is None


def test_a_motion_against_a_model(files: Path) -> None:
    truth = read_mot(files / "walk.mot")
    truth.names = ["neck" if name == "pelvis_tx" else name for name in truth.names]
    truth.rotational = np.array(
        [name != "neck" and angle for name, angle in zip(truth.names, truth.rotational, strict=True)]
    )
    write_mot(truth, files / "walk.mot")
    model = opensim.Model(str(files / "small.osim"))
    knee = model.updCoordinateSet().get("knee_angle_r")
    knee.setRangeMin(-0.01)
    knee.setRangeMax(0.01)
    knee.setDefaultClamped(True)
    model.updCoordinateSet().get("hip_flexion_r").setDefaultLocked(True)
    model.printToXML(str(files / "small.osim"))
    (checked,) = check_files([files / "walk.mot"], model=files / "small.osim")
    assert {"mot-lacking", "mot-unknown", "mot-locked", "mot-clamped"} <= codes(checked)
    truth.names = [f"x{k}" for k in range(len(truth.names))]
    write_mot(truth, files / "walk.mot")
    (checked,) = check_files([files / "walk.mot"], model=files / "small.osim")
    assert "not-this-model" in codes(checked, "error")


def test_markers_against_a_model(files: Path) -> None:
    """Lying along Z, under names that differ by case: turned and renamed in the copy, all of them."""
    truth = motion()
    truth.values[:, truth.rotational] *= 0.1
    markers = pose(files / "small.osim", truth)
    write_trc(markers, files / "walk.trc")
    x, y, z = markers.positions_m.transpose(2, 0, 1)
    markers.positions_m = np.stack([x, -z, y], -1)
    markers.names = [name.lower() for name in markers.names]
    write_trc(markers, files / "lying.trc")
    (checked,) = check_files([files / "lying.trc"], model=files / "small.osim", fix=True)
    assert codes(checked) == {"not-y-up", "names-differ"} and checked.left == []
    whole, mended = read_trc(files / "walk.trc"), read_trc(files / "lying_fixed.trc")
    assert mended.names == whole.names
    np.testing.assert_allclose(mended.positions_m, whole.positions_m, atol=1e-5)


def test_markers_of_another_set(files: Path) -> None:
    """Two names in common by chance say nothing of the others."""
    markers = read_trc(files / "walk.trc")
    markers.names = [name if k < 4 else f"other{k}" for k, name in enumerate(markers.names)]
    write_trc(markers, files / "other.trc")
    (checked,) = check_files([files / "other.trc"], model=files / "small.osim", fix=True)
    assert codes(checked, "warning") == {"not-this-model"} and checked.fixed is None


def test_a_model(files: Path) -> None:
    model = opensim.Model(str(files / "small.osim"))
    model.updCoordinateSet().get("pelvis_rotation").setDefaultClamped(True)
    model.updCoordinateSet().get("hip_flexion_r").setDefaultLocked(True)
    model.updBodySet().get("femur_r").setMass(0)
    model.updBodySet().get("tibia_r").attachGeometry(opensim.Mesh("r_tibia.vtp"))
    model.setGravity(opensim.Vec3(0, 0, -9.81))
    model.printToXML(str(files / "odd.osim"))
    (checked,) = check_files([files / "odd.osim"], fix=True)
    expected = {"osim-clamped-turn", "osim-clamped", "osim-locked", "osim-massless", "osim-meshes"}
    assert expected | {"not-y-up"} <= codes(checked) and checked.fixed is not None
    assert not {"osim-clamped-turn", "osim-clamped"} & {one.code for one in checked.left}


SETUP = {
    "setup-no-file": lambda text: text.replace("<marker_file>walk.trc", "<marker_file>C:\\trials\\walk.trc"),
    "setup-range": lambda text: re.sub(r"<time_range>[^<]*", "<time_range> -1 999", text),
}


@pytest.mark.parametrize("code", SETUP)
def test_setups_that_can_be_mended(code: str, files: Path) -> None:
    path = changed(files / "setup.xml", SETUP[code])
    (checked,) = check_files([path], fix=True)
    assert codes(checked) == {code} and checked.left == [] and checked.fixed == files / "setup_fixed.xml"
    tool = opensim.InverseKinematicsTool(str(checked.fixed), False)
    time = read_trc(files / "walk.trc").time_s
    assert (tool.getStartTime(), tool.getEndTime()) == pytest.approx((time[0], time[-1]))


UNSURE = {
    "setup-accuracy": lambda text: re.sub(r"<accuracy>[^<]*", "<accuracy>1e-5", text),
    "setup-no-folder": lambda text: re.sub(r"<results_directory>[^<]*", "<results_directory>none", text),
    "tasks-not-in-model": lambda text: text.replace('IKMarkerTask name="P_front"', 'IKMarkerTask name="Nose"'),
    "tasks-not-in-trial": lambda text: text.replace('IKMarkerTask name="P_front"', 'IKMarkerTask name="Nose"'),
    "tasks-weight": lambda text: re.sub(r"<weight>[^<]*", "<weight>-1", text, count=1),
    "tasks-twice": lambda text: text.replace('name="P_front"', 'name="P_side"'),
    "setup-no-file": lambda text: text.replace("small.osim", "none.osim"),
}


@pytest.mark.parametrize("code", UNSURE)
def test_setups_that_a_person_mends(code: str, files: Path) -> None:
    (checked,) = check_files([changed(files / "setup.xml", UNSURE[code])], fix=True)
    assert code in codes(checked) and checked.fixed is None and exit_code([checked]) == 1


def test_what_cannot_be_read(files: Path) -> None:
    (files / "bad.trc").write_text("nothing")
    checked = check_files([files / "bad.trc", files / "none.mot"])
    assert [codes(one, "unreadable") for one in checked] == [{"refused"}, {"refused"}] and exit_code(checked) == 2
    for path in (files / "empty", files / "a.txt"):
        path.mkdir() if path.suffix == "" else path.write_text("a")
        with pytest.raises(BioposeError):
            check_files([path])


def test_a_mended_copy_is_not_written_over_a_file(files: Path) -> None:
    path = changed(files / "walk.trc", TRC["trc-zero"])
    before = path.read_bytes()
    (files / "walk_fixed.trc").write_text("mine")
    with pytest.raises(BioposeError, match="there is a file of this name"):
        check_files([path], fix=True)
    assert (files / "walk_fixed.trc").read_text() == "mine" and path.read_bytes() == before
