"""Readers of SMPL's θ and β: 3DPW, BEDLAM, BML-MoVi, and the .npz files of SPIN, CLIFF and HMR2.0.

Only plain arrays are read. 3DPW's own files are pickles: they want an explicit word, and are then read by the reader
that knows arrays alone.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.array_files import load
from biomech.body.amass import read_amass
from biomech.errors import BioposeError, plainly
from biomech.mesh.mqhmr.bodies import SMPL_BONES
from biomech.train.mqhmr.coco import scaled_region
from biomech.train.mqhmr.datasets import PersonInPicture, named_points, region_of_points, rotations_of

# OpenPose's 18 in COCO's form, as 3DPW has them, and its 25 of the body; then the 24 of SPIN, whose first 19 are
# HMR2.0's "extra" ones.
OPENPOSE_18 = (
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee "
    "right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear"
).split()
OPENPOSE_25 = (
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip right_hip "
    "right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear left_foot_index "
    "left_small_toe left_heel right_foot_index right_small_toe right_heel"
).split()
SPIN = (
    "right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist right_elbow right_shoulder "
    "left_shoulder left_elbow left_wrist lsp_neck head_top pelvis neck spine jaw head nose left_eye right_eye "
    "left_ear right_ear"
).split()
EXTRA = SPIN[:19]
POSES, SHAPES = ("pose_cam", "pose", "body_pose"), ("shape", "betas")
KNOWN = (
    *("imgname", "center", "scale", "gender", *POSES, *SHAPES, "has_smpl", "has_body_pose", "has_betas"),
    *("cam_int", "trans_cam", "cam_ext", "gtkps", "part", "S"),
    *(f"{part}_keypoints_{d}" for part in ("body", "extra") for d in ("2d", "3d")),
)
BODY_BY_NUMBERS = {66: "smpl", 72: "smpl", 156: "smplh", 165: "smplx"}
GENDERS = {"m": "male", "f": "female", "n": "neutral"}
MOVI_RATE_HZ = 30.0
MOVI_REACH_M = 0.9  # from the pelvis to the crop's edges
FOCAL_TOLERANCE = 0.01  # of pixels that are not quite square


def read_3dpw(sequence: Path, pictures: Path, *, allow_pickle: bool = False, every: int = 1) -> list[PersonInPicture]:
    """Everybody in a sequence (``sequenceFiles/*/NAME.pkl``), in the frames whose camera is right.

    Args:
        sequence: the .pkl.
        pictures: ``imageFiles``, which holds a folder of ``image_00000.jpg`` … for each sequence.
        allow_pickle: whether the pickle is looked into, by the reader that knows arrays alone.
        every: every so many frames.

    Returns:
        Person after person, each frame by frame: SMPL's θ and β, place (m), joints in space (m) and OpenPose's points
        (px).

    Raises:
        BioposeError: not allowed, or not such a file.
    """
    if not allow_pickle:
        raise BioposeError(
            "a sequence of 3DPW is a pickle, which is not looked into unasked",
            where=str(sequence),
            mend="If the file is from the set's makers, allow it (`allow_pickle`); only arrays are then read.",
        )
    try:
        return list(_3dpw_people(load(Path(sequence), allow_pickle=True), Path(pictures), every))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BioposeError(f"not a sequence of 3DPW ({plainly(error)})", where=str(sequence)) from error


def _3dpw_people(data: dict, pictures: Path, every: int) -> Iterator[PersonInPicture]:
    intrinsics, cameras = np.asarray(data["cam_intrinsics"], float), np.asarray(data["cam_poses"], float)
    for actor, poses in enumerate(data["poses"]):
        for frame in range(0, len(poses), every):
            if not data["campose_valid"][actor][frame]:
                continue
            turn, shift = cameras[frame, :3, :3], cameras[frame, :3, 3]
            joints = np.reshape(data["jointPositions"][actor][frame], (-1, 3)) @ turn.T + shift
            flat = joints @ intrinsics.T
            pixels = flat[:, :2] / flat[:, 2:]
            person = PersonInPicture(
                pictures / str(data["sequence"]) / f"image_{frame:05d}.jpg", region_of_points(pixels)
            )
            person.focal_px, person.principal_px = _pinhole(intrinsics)
            seen = np.asarray(data["poses2d"][actor][frame], float)
            person.keypoints_px, person.confidence_2d = named_points(OPENPOSE_18, seen[:2].T, seen[2])
            person.keypoints_m, person.confidence_3d = named_points(SMPL_BONES, joints, np.ones(len(joints)))
            person.body, person.gender = "smpl", GENDERS[str(data["genders"][actor])[0]]
            person.rotations = rotations_of(poses[frame])
            person.rotations[0] = turn @ person.rotations[0]
            person.betas = np.asarray(data["betas"][actor], float).ravel()[:10]
            person.rotation_camera_from_world = turn
            person.translation_m = turn @ np.asarray(data["trans"][actor][frame], float) + shift
            yield person


def read_smpl_npz(annotations: Path, pictures: Path) -> list[PersonInPicture]:
    """People of an .npz as SPIN, CLIFF, BEDLAM or HMR2.0 write it; whatever of these columns there is:

    ``imgname center scale`` · θ ``pose_cam pose body_pose`` with ``has_smpl has_body_pose`` · β ``shape betas`` with
    ``has_smpl has_betas`` · camera ``cam_int trans_cam cam_ext`` · points ``gtkps part S`` and HMR2.0's
    ``{body,extra}_keypoints_{2d,3d}``. BEDLAM's close-ups, filmed on the side, have to be turned upright before.

    Args:
        annotations: the .npz; arrays of objects are refused.
        pictures: folder of the files that it names.

    Returns:
        A person for each row; what the file does not say, or says it does not know, is NaN. Px and m, camera axes.

    Raises:
        BioposeError: the file is not such a one.
    """
    try:
        with np.load(annotations, allow_pickle=False) as file:
            columns = {name: file[name] for name in KNOWN if name in file}
        return [_npz_person(columns, row, Path(pictures)) for row in range(len(columns["imgname"]))]
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise BioposeError(f"not a file of SMPL labels ({plainly(error)})", where=str(annotations)) from error


def _npz_person(columns: dict[str, np.ndarray], row: int, pictures: Path) -> PersonInPicture:
    def of(*names: str) -> np.ndarray | None:
        name = next((name for name in names if name in columns), None)
        return None if name is None else columns[name][row]

    def has(*names: str) -> bool:
        flag = of(*names)
        return flag is None or bool(np.ravel(flag)[0])

    center, scale = of("center"), of("scale")
    if center is None or scale is None:
        raise KeyError("center, scale")
    name = columns["imgname"][row]
    name = name.decode() if isinstance(name, bytes) else str(name)
    person = PersonInPicture(pictures / name, scaled_region(np.ravel(center), np.ravel(scale)))
    if (intrinsics := of("cam_int")) is not None and intrinsics[0, 0] > 0:
        person.focal_px, person.principal_px = _pinhole(intrinsics.astype(float))
    if (pose := of(*POSES)) is not None and has("has_body_pose", "has_smpl"):
        person.body, person.rotations = BODY_BY_NUMBERS[pose.size], rotations_of(pose.astype(float))
        person.gender = GENDERS[str(of("gender"))[0]] if "gender" in columns else "neutral"
        if (betas := of(*SHAPES)) is not None and has("has_betas", "has_smpl"):
            person.betas = betas.astype(float)[:10]
        if (translation := of("trans_cam")) is not None:
            outer = of("cam_ext")
            person.translation_m = translation.astype(float) + (0 if outer is None else outer[:3, 3])
    for flat, space, names in (
        ("gtkps", "", SMPL_BONES),
        ("part", "S", SPIN),
        ("body_keypoints_2d", "body_keypoints_3d", OPENPOSE_25),
        ("extra_keypoints_2d", "extra_keypoints_3d", EXTRA),
    ):
        _add(person.keypoints_px, person.confidence_2d, names, of(flat))
        _add(person.keypoints_m, person.confidence_3d, names, of(space))
    return person


def _add(points: np.ndarray, confidence: np.ndarray, names: list[str], said: np.ndarray | None) -> None:
    """Points of one list where they are surer than what is there; without a confidence they are sure."""
    if said is None:
        return
    size, said = points.shape[1], said[: len(names)].astype(float)
    sure = said[:, size] if said.shape[1] > size else np.ones(len(said))
    found, certain = named_points(names[: len(said)], said[:, :size], sure)
    better = certain > confidence
    points[better], confidence[better] = found[better], certain[better]


def read_movi(
    motion: Path, calibration: Path, pictures: Path, camera: str = "PG1", first_frame: int = 0
) -> list[PersonInPicture]:
    """Frames of a BML-MoVi subject whose AMASS motion is known, seen by one of the set's two fixed cameras.

    Args:
        motion: of AMASS, in its own .npz (SMPL-H or SMPL-X; m).
        calibration: folder of ``cameraParams_PG1.npz`` and ``Extrinsics_PG1.npz``, Matlab's conventions: a row of world
            numbers in mm times the rotation, plus the translation.
        pictures: folder of the video's frames as ``image_00000.jpg`` …, 30 a second.
        camera: as the calibration's files name it.
        first_frame: of the video, where the motion starts; the set's own motion segments say so.

    Returns:
        A person for each frame of the video: θ, β and place (m, camera axes); no keypoints.

    Raises:
        BioposeError: a file is missing or not what it should be.
    """
    recorded = read_amass(motion)
    try:
        with np.load(Path(calibration) / f"cameraParams_{camera}.npz", allow_pickle=False) as file:
            intrinsics = np.asarray(file["IntrinsicMatrix"], float).T
        with np.load(Path(calibration) / f"Extrinsics_{camera}.npz", allow_pickle=False) as file:
            turn = np.asarray(file["rotationMatrix"], float).T
            shift = np.asarray(file["translationVector"], float).ravel() / 1000
    except (OSError, ValueError, KeyError) as error:
        raise BioposeError(f"not the cameras of MoVi ({plainly(error)})", where=str(calibration)) from error
    people = []
    for i, row in enumerate(np.arange(0, len(recorded.poses), recorded.rate_hz / MOVI_RATE_HZ).astype(int)):
        translation = turn @ recorded.trans_m[row] + shift
        middle = translation @ intrinsics.T
        reach = MOVI_REACH_M * intrinsics[0, 0] / translation[2]
        x, y = middle[:2] / middle[2]
        person = PersonInPicture(
            Path(pictures) / f"image_{first_frame + i:05d}.jpg",
            region_of_points(np.array([[x - reach, y - reach], [x + reach, y + reach]])),
        )
        person.focal_px, person.principal_px = _pinhole(intrinsics)
        person.body, person.gender = recorded.body, recorded.gender
        person.rotations = Rotation.from_rotvec(recorded.poses[row, :22]).as_matrix()
        person.rotations[0] = turn @ person.rotations[0]
        person.betas = recorded.betas[:10]
        person.rotation_camera_from_world, person.translation_m = turn, translation
        people.append(person)
    return people


def _pinhole(intrinsics: Float[np.ndarray, "3 3"]) -> tuple[float, tuple[float, float]]:
    """Focal length and principal point.

    Raises:
        ValueError: pixels are not square.
    """
    across, down = intrinsics[0, 0], intrinsics[1, 1]
    if abs(across - down) > FOCAL_TOLERANCE * across:
        raise ValueError(f"pixels are not square: focal lengths {across:.1f} and {down:.1f}")
    return float(across + down) / 2, (float(intrinsics[0, 2]), float(intrinsics[1, 2]))
