"""Calibration finds the points and the errors from which frames were made."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.files import whole_file
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.mesh.calibrate import BONES, body_points, calibrate, read_shards
from biomech.mesh.rays import towards

FRAMES = 400
PICTURE_SD, LANDMARK_SD = 0.004, (0.01, 0.02, 0.05)  # statures


@pytest.fixture(scope="module")
def bone_names() -> list[str]:
    return AnnyBody.load([0]).bone_names


@pytest.fixture(scope="module")
def true_table() -> list[dict]:
    """An offset for every point of the left; the right's is its mirror image, the nose's is in the middle."""
    rng = np.random.default_rng(1)
    offsets = {name: rng.normal(0, 0.03, 3) * [1, 1, name != "nose"] for name in BONES}
    rows = []
    for name in POINT_NAMES:
        left = name.replace("right", "left")
        sign, bone = (1, BONES[left]) if name == left else (-1, BONES[left].replace("Left", "Right"))
        rows.append({"name": name, "bone": bone, "offset": offsets[left] * [1, 1, sign]})
    return rows


@pytest.fixture(scope="module")
def frames(bone_names: list[str], true_table: list[dict]) -> dict[str, np.ndarray]:
    """Bones turned at random before random cameras, and a detector that errs by the given spread."""
    rng = np.random.default_rng(2)
    bones = len(bone_names)
    stature = rng.uniform(1.5, 1.9, FRAMES)
    frames = {
        "joints": rng.normal(0, 0.3, (FRAMES, bones, 3)) + np.array([0.3, 0.1, 4.0]),
        "turned": Rotation.from_rotvec(rng.normal(0, 1, (FRAMES * bones, 3))).as_matrix().reshape(-1, bones, 3, 3),
        "stature_m": stature,
        "focal_px": rng.uniform(400, 900, FRAMES),
        "center_px": rng.uniform(180, 220, (FRAMES, 2)),
        "confidence": np.full((FRAMES, len(POINT_NAMES)), 0.9),
    }
    points = body_points(frames, bone_names, true_table)
    exact = points[..., :2] / points[..., 2:] * frames["focal_px"][:, None, None] + frames["center_px"][:, None]
    size_px = frames["focal_px"] * stature / frames["joints"][:, 0, 2]
    frames["xy"] = exact + rng.normal(0, PICTURE_SD, exact.shape) * size_px[:, None, None]
    turn = towards(frames["xy"], frames["confidence"], frames["center_px"], frames["focal_px"])
    along_ray = np.einsum("fji,fpj->fpi", turn, points - points[:, :1])
    frames["world_m"] = along_ray + rng.normal(0, 1, points.shape) * LANDMARK_SD * stature[:, None, None]
    # What is hidden is guessed, and must not count.
    hidden = rng.random(frames["confidence"].shape) < 0.2
    frames["confidence"][hidden] = 0.1
    frames["xy"][hidden] += rng.normal(0, 60, (int(hidden.sum()), 2))
    return frames


def test_the_points_and_the_spread_come_back(
    frames: dict[str, np.ndarray], bone_names: list[str], true_table: list[dict]
) -> None:
    table = calibrate(frames, bone_names)
    assert [row["name"] for row in table] == list(POINT_NAMES)
    for row, true in zip(table, true_table, strict=True):
        assert row["bone"] == true["bone"]
        np.testing.assert_allclose(row["offset"], true["offset"], atol=0.002)
    picture = np.array([row["picture_sd"] for row in table])
    np.testing.assert_allclose(picture, PICTURE_SD, rtol=0.25)
    landmarks = np.array([row["landmark_sd"] for row in table])
    np.testing.assert_allclose(landmarks.mean(0), LANDMARK_SD, rtol=0.15)


def test_shards_are_read_frame_by_frame(tmp_path) -> None:
    for seed, clips in ((0, 2), (1, 3)):
        with whole_file(tmp_path / f"train_{seed:05d}.npz") as temporary, open(temporary, "wb") as file:
            np.savez(
                file,
                xy=np.full((clips, 9, 33, 2), seed),
                stature_m=np.arange(clips) + 10 * seed,
                center_px=np.full((clips, 2), seed),
            )
    (tmp_path / "held_out_00000.npz").write_bytes(b"not to be read")
    read = read_shards(tmp_path, "train_*.npz")
    assert read["xy"].shape == (45, 33, 2) and (read["xy"][:18] == 0).all() and (read["xy"][18:] == 1).all()
    np.testing.assert_array_equal(read["stature_m"], np.repeat([0, 1, 10, 11, 12], 9))
    assert read["center_px"].shape == (45, 2)
