"""Calibrations of other programs → ``Calibration``.

- Pose2Sim (Caliscope, anipose): one .toml; metres, rotation vectors, world axes as they were calibrated
- Qualisys: one .qca.txt; millimetres, lenses in 64ths of a pixel, cameras that look along −Z
- OpenCap: a cameraIntrinsicsExtrinsics.pickle, or the same as .json, for each camera; millimetres, world of the board
"""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import cv2
import numpy as np

from biomech.array_files import load
from biomech.calibration.cameras import CalibratedCamera, Calibration
from biomech.errors import BioposeError
from biomech.files import check_file, read_json, read_text
from biomech.markup import read_xml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KNOWN = "Pose2Sim's .toml, Qualisys' .qca.txt, OpenCap's .pickle or .json of each camera, or a folder of the latter"
OF_ONE_CAMERA = (".pickle", ".pkl", ".json")
OPENCAP = "cameraIntrinsicsExtrinsics"
QCA_SUBPIXELS = 64.0
MM = 1000.0


def read_calibration(*paths: Path) -> Calibration:
    """The cameras of one file, or of several files of a camera each.

    Args:
        paths: one .toml or .qca.txt of all cameras, or OpenCap's files (or one folder that holds them, in whatever
            depth).

    Returns:
        Cameras in the order of the file, or of the files' camera names; the vertical where it is plain.

    Raises:
        BioposeError: a file is none of those, or says nothing of a camera that can be.
    """
    files = [file for path in paths for file in calibration_files(Path(path))]
    suffixes = {file.suffix.lower() for file in files}
    where = ", ".join(str(path) for path in paths)
    up = None
    if len(files) == 1 and suffixes == {".toml"}:
        cameras, up = _of_toml(files[0])
    elif (len(files) == 1 and suffixes == {".txt"}) or suffixes == {".qca"}:
        cameras = _of_qca(files[0])
    elif files and suffixes <= set(OF_ONE_CAMERA):
        cameras = [camera for file in files for camera in _of_opencap(file, len(files) == 1)]
        cameras.sort(key=lambda camera: _natural(camera.name))
    else:
        raise BioposeError("not a calibration that can be read", where=where, mend=f"Give {KNOWN}.")
    names = [camera.name for camera in cameras]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BioposeError(f"two cameras are named {', '.join(sorted(twice))}", where=where, mend="Name each once.")
    if len(cameras) < 2:
        raise BioposeError(
            f"{len(cameras) or 'no'} camera in it", where=where, mend="Give the calibration of all cameras together."
        )
    for camera in cameras:
        camera.check(where)
    calibration = Calibration(cameras, where, up)
    return calibration if up is not None else calibration.with_vertical()


def calibration_files(path: Path) -> list[Path]:
    """The files of a calibration: itself, or OpenCap's in a folder.

    Raises:
        BioposeError: there is none.
    """
    if not path.is_dir():
        return [check_file(path)]
    found = sorted(file for file in path.rglob(f"*{OPENCAP}*") if file.suffix.lower() in OF_ONE_CAMERA)
    by_stem = {file.with_suffix(""): file for file in found}  # of a .json and a .pickle of one camera one
    if not by_stem:
        raise BioposeError(f"no {OPENCAP} in it", where=str(path), mend=f"Give {KNOWN}.")
    return list(by_stem.values())


def _read(path: Path, read: Callable[[], list[CalibratedCamera]]) -> list[CalibratedCamera]:
    """Whatever is missing or wrong in a file is said of the file.

    Raises:
        BioposeError: something is.
    """
    try:
        return read()
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, cv2.error) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else "a number in it is none, or one is missing"
        raise BioposeError(f"not a whole calibration: {what}", where=str(path), mend="Export it again.") from error


def _of_toml(path: Path) -> tuple[list[CalibratedCamera], np.ndarray | None]:
    """Its cameras, and the vertical if one of our own files says it."""
    try:
        table = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise BioposeError(f"not a .toml: {error}", where=str(path), mend="Export it again.") from error
    sections = [part for part in table.values() if isinstance(part, dict) and "matrix" in part]
    sections = sections or [part for part in table.get("cameras", {}).values() if isinstance(part, dict)]
    if any(part.get("fisheye") for part in sections):
        raise BioposeError("a fisheye lens", where=str(path), mend="Calibrate the lens as a common one, or crop to it.")

    def read() -> list[CalibratedCamera]:
        return [
            CalibratedCamera(
                name=str(part["name"]),
                size_px=_size(part["size"]),
                matrix=_array(part["matrix"], 3, 3),
                distortion=_distortion(part.get("distortions", [0.0] * 4)),
                rotation=cv2.Rodrigues(_array(part["rotation"], 3))[0],
                shift_m=_array(part["translation"], 3),
            )
            for part in sections
        ]

    up = table.get("metadata", {}).get("up")
    try:
        return _read(path, read), None if up is None else _array(up, 3) / np.linalg.norm(_array(up, 3))
    except (ValueError, TypeError) as error:
        raise BioposeError("its `up` is no direction", where=str(path), mend="Take the line away.") from error


def _of_qca(path: Path) -> list[CalibratedCamera]:
    found = read_xml(path, what="Qualisys calibration", mend="Export it again.").iter("camera")
    return _read(path, lambda: [_qca_camera(one) for one in found if one.find("intrinsic") is not None])


def _qca_camera(one: Element) -> CalibratedCamera:
    """The rows of its transform are the camera's right, up and backwards in the world."""
    place, lens, view = one.find("transform"), one.find("intrinsic"), one.find("fov_video")
    assert place is not None and lens is not None
    if view is None:
        view = one.find("fov_marker")
    if view is None:
        raise KeyError("fov_video")
    if int(float(one.get("viewrotation", "0"))) % 360:
        raise ValueError("turned view")
    left, top = float(view.attrib["left"]), float(view.attrib["top"])
    size = float(view.attrib["right"]) - left + 1, float(view.attrib["bottom"]) - top + 1
    into_camera = np.diag([1.0, -1.0, -1.0])
    rows = np.array([[float(place.attrib[f"r{i}{j}"]) for j in (1, 2, 3)] for i in (1, 2, 3)])
    at = np.array([float(place.attrib[axis]) for axis in "xyz"]) / MM
    numbers = {name: float(value) / QCA_SUBPIXELS for name, value in lens.attrib.items() if name.endswith(("U", "V"))}
    matrix = np.array(
        [
            [numbers["focalLengthU"], 0, numbers["centerPointU"] - left],
            [0, numbers["focalLengthV"], numbers["centerPointV"] - top],
            [0, 0, 1],
        ]
    )
    bent = [f"radialDistortion{k}" for k in (1, 2)] + [f"tangentalDistortion{k}" for k in (1, 2)]
    distortion = _distortion([float(lens.attrib[name]) for name in (*bent, "radialDistortion3")])
    rotation = into_camera @ rows
    return CalibratedCamera(
        one.attrib["serial"], _size(size), matrix, distortion, _nearest_rotation(rotation), -rotation @ at
    )


def _of_opencap(path: Path, alone: bool) -> list[CalibratedCamera]:
    """One camera, or, of a .json that names them, all."""
    if path.suffix.lower() == ".json":
        held = read_json(path, what="a calibration", mend="Export it again.")
    else:
        held = load(path, allow_pickle=True)  # nothing in it is run
    if not isinstance(held, dict):
        raise BioposeError("no camera in it", where=str(path), mend=f"Give {KNOWN}.")
    if "intrinsicMat" in held:
        return _read(path, lambda: [_opencap_camera(held, _name_of(path))])
    if alone and held and all(isinstance(part, dict) and "intrinsicMat" in part for part in held.values()):
        return _read(path, lambda: [_opencap_camera(part, str(name)) for name, part in held.items()])
    raise BioposeError("it lacks intrinsicMat", where=str(path), mend=f"Give {KNOWN}.")


def _opencap_camera(held: dict[str, Any], name: str) -> CalibratedCamera:
    height, width = np.asarray(held["imageSize"], float).ravel()[:2]
    return CalibratedCamera(
        name=name,
        size_px=_size((width, height)),
        matrix=_array(held["intrinsicMat"], 3, 3),
        distortion=_distortion(np.asarray(held["distortion"], float).ravel()),
        rotation=_nearest_rotation(_array(held["rotation"], 3, 3)),
        shift_m=_array(held["translation"], 3) / MM,
    )


def _name_of(path: Path) -> str:
    """OpenCap's Cam0 of a folder's or a file's name; else the file's name."""
    for text in (path.stem, *reversed(path.parts[:-1])):
        if found := re.search(r"cam(era)?[ _-]?\d+", text, re.IGNORECASE):
            return found.group()
    return path.stem


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _size(numbers: Sequence[float]) -> tuple[int, int]:
    width, height = (round(float(number)) for number in numbers)
    if min(width, height) < 1:
        raise ValueError("size")
    return width, height


def _array(numbers: Any, *shape: int) -> np.ndarray:
    return np.asarray(numbers, float).reshape(shape)


def _distortion(numbers: Any) -> np.ndarray:
    """As many as OpenCV takes."""
    found = np.asarray(numbers, float).ravel()
    if not np.isfinite(found).all():
        raise ValueError("distortion")
    wanted = next(count for count in (4, 5, 8, 12, 14) if count >= len(found))
    return np.concatenate([found, np.zeros(wanted - len(found))])


def _nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """Numbers in a file are rounded."""
    if np.abs(matrix @ matrix.T - np.eye(3)).max() > 0.02:
        return matrix  # ``check`` refuses it
    left, _, right = np.linalg.svd(matrix)
    return left @ right
