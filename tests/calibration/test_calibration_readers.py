"""Calibrations as the programs write them; every one of the same three cameras."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from several_cameras import calibrated

from biomech.calibration.cameras import CalibratedCamera, Calibration
from biomech.calibration.readers import read_calibration
from biomech.calibration.written import write_calibration
from biomech.camera import Camera
from biomech.errors import BioposeError

BENT = (0.05, -0.1, 0.001, -0.002, 0.03)


@pytest.fixture
def calibration(round_walker: list[Camera]) -> Calibration:
    return calibrated(round_walker, BENT)


def opencap(camera: CalibratedCamera) -> dict:
    width, height = camera.size_px
    return {
        "distortion": camera.distortion[None],
        "intrinsicMat": camera.matrix,
        "imageSize": np.array([[height], [width]], float),
        "rotation": camera.rotation,
        "translation": 1000 * camera.shift_m[:, None],
        "rotation_EulerAngles": np.zeros((3, 1)),
    }


def as_pickles(calibration: Calibration, folder: Path) -> Path:
    for number, camera in enumerate(calibration.cameras, 1):
        path = folder / "Videos" / f"Cam{number}" / "cameraIntrinsicsExtrinsics.pickle"
        path.parent.mkdir(parents=True)
        path.write_bytes(pickle.dumps(opencap(camera), protocol=number))
    return folder


def as_json(calibration: Calibration, folder: Path) -> Path:
    for number, camera in enumerate(calibration.cameras, 1):
        held = {name: np.asarray(value).tolist() for name, value in opencap(camera).items()}
        (folder / f"Videos_Cam{number}_cameraIntrinsicsExtrinsics.json").write_text(json.dumps(held))
    return folder


def as_qca(calibration: Calibration, folder: Path) -> Path:
    cameras = []
    for camera in calibration.cameras:
        rows, place = np.diag([1, -1, -1]) @ camera.rotation, 1000 * camera.place_m
        transform = " ".join(f'r{i + 1}{j + 1}="{rows[i, j]!r}"' for i in range(3) for j in range(3)).replace(
            "np.float64(", ""
        )
        (fu, _, cu), (_, fv, cv), _ = 64 * camera.matrix
        k1, k2, p1, p2, k3 = camera.distortion
        right, bottom = camera.size_px[0] - 1, camera.size_px[1] - 1
        cameras.append(
            f'<camera serial="{camera.name}" viewrotation="0"><fov_video left="0" top="0" right="{right}" '
            f'bottom="{bottom}"/><transform {transform.replace(")", "")} x="{place[0]}" y="{place[1]}" z="{place[2]}"/>'
            f'<intrinsic focalLengthU="{fu}" focalLengthV="{fv}" centerPointU="{cu}" centerPointV="{cv}" '
            f'radialDistortion1="{k1}" radialDistortion2="{k2}" radialDistortion3="{k3}" '
            f'tangentalDistortion1="{p1}" tangentalDistortion2="{p2}"/></camera>'
        )
    path = folder / "Calib.qca.txt"
    path.write_text(f"<?xml version='1.0'?><calibration><cameras>{''.join(cameras)}</cameras></calibration>")
    return path


def as_toml(calibration: Calibration, folder: Path) -> Path:
    lines = []
    for camera in calibration.cameras:
        vector = cv2.Rodrigues(camera.rotation)[0].ravel().tolist()
        lines.append(
            f'[{camera.name}]\nname = "{camera.name}"\nsize = [ {camera.size_px[0]}.0, {camera.size_px[1]}.0]\n'
            f"matrix = {camera.matrix.tolist()}\ndistortions = {camera.distortion.tolist()}\n"
            f"rotation = {vector}\ntranslation = {camera.shift_m.tolist()}\nfisheye = false\n"
        )
    path = folder / "Calib.toml"
    path.write_text("\n".join(lines) + "\n[metadata]\nadjusted = false\nerror = 0.0\n")
    return path


@pytest.mark.parametrize("write", [as_pickles, as_json, as_qca, as_toml])
def test_what_was_written_is_read(write, calibration: Calibration, tmp_path: Path) -> None:
    found = read_calibration(write(calibration, tmp_path))
    assert [name.lower() for name in found.names] == calibration.names
    for camera, true in zip(found.cameras, calibration.cameras, strict=True):
        assert camera.size_px == true.size_px
        for name in ("matrix", "distortion", "rotation", "shift_m"):
            np.testing.assert_allclose(getattr(camera, name), getattr(true, name), atol=1e-6, err_msg=name)
    assert found.up is not None
    np.testing.assert_array_equal(found.up, [0, 1, 0])


def test_our_own_file(calibration: Calibration, tmp_path: Path) -> None:
    """A vertical that no axis has is kept."""
    tilted = Calibration(calibration.cameras, "x", np.array([0.6, 0.8, 0.0]))
    write_calibration(tilted, tmp_path / "a.toml")
    found = read_calibration(tmp_path / "a.toml")
    assert found.notes == [] and found.up is not None
    np.testing.assert_allclose(found.up, tilted.up)
    np.testing.assert_allclose(found.cameras[2].rotation, tilted.cameras[2].rotation, atol=1e-12)


class Runs:
    """A pickle of it calls what it says."""

    def __reduce__(self):
        return (Path.touch, (Path("touched"),))


@pytest.mark.parametrize("held", [Runs(), {"intrinsicMat": Runs()}, {"intrinsicMat": np.array([Runs()], object)}])
def test_a_pickle_that_runs_something_is_refused(held: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for camera in (0, 1):
        (tmp_path / f"Cam{camera}").mkdir()
        (tmp_path / f"Cam{camera}" / "cameraIntrinsicsExtrinsics.pickle").write_bytes(pickle.dumps(held))
    with pytest.raises(BioposeError, match="which is no array, tensor or plain value"):
        read_calibration(tmp_path)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.toml", "cam = [", "not a .toml"),
        ("a.toml", "[cam_1]\nname = 'a'\nmatrix = [[1,0,0],[0,1,0],[0,0,1]]\n", "lacks 'size'"),
        ("a.toml", "[cam_1]\nname = 'a'\nsize = [1, 1]\nmatrix = [[1,0],[0,1]]\n", "a number in it is none"),
        ("a.toml", "[metadata]\nerror = 0\n", "no camera in it"),
        ("a.qca.txt", "<calibration/>", "no camera in it"),
        ("a.qca.txt", "cameras", "no whole XML"),
        ("a.json", "{", "no whole JSON"),
        ("a.json", "[1, 2]", "no camera"),
        ("a.json", '{"intrinsicMat": [[1]]}', "lacks 'imageSize'"),
        ("a.pickle", "no pickle", "it cannot be read"),
        ("a.csv", "1,2", "not a calibration"),
        ("a.toml", "", "no camera in it"),
    ],
)
def test_what_is_no_calibration(name: str, text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BioposeError, match=why):
        read_calibration(tmp_path / name)


def test_a_lone_camera_and_an_empty_folder(calibration: Calibration, tmp_path: Path) -> None:
    with pytest.raises(BioposeError, match="no cameraIntrinsicsExtrinsics"):
        read_calibration(tmp_path)
    with pytest.raises(BioposeError, match="no such file"):
        read_calibration(tmp_path / "none.toml")
    alone = Calibration(calibration.cameras[:1], "x")
    with pytest.raises(BioposeError, match="1 camera in it"):
        read_calibration(as_toml(alone, tmp_path))


def test_qualisys_cameras_look_at_the_person(biopose_data: Path) -> None:
    path = biopose_data / "video" / "pose2sim_demo" / "calibration" / "Calib.qca.txt"
    if not path.exists():
        pytest.skip("no Qualisys calibration here")
    found = read_calibration(path)
    assert found.names == ["cam01", "cam02", "cam03", "cam04"]
    for camera in found.cameras:
        seen = camera.pixels(np.array([0.0, 0.0, 1.0]))
        assert (seen > 0).all() and (seen < camera.size_px).all()
