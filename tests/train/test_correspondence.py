"""Calibration finds the points and the errors from which frames were made."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.mesh.rays import towards
from biomech.train.correspondence import BETWEEN, BONES, Seen, body_points, calibrate, read_clips
from biomech.train.synthetic.clips import Clip

FRAMES = 400
PICTURE_SD, LANDMARK_SD = 0.004, (0.01, 0.02, 0.05)  # statures


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return AnnyBody.load([0])


@pytest.fixture(scope="module")
def true_table() -> list[dict]:
    """An offset for every point of the left; the right's is its mirror image, the nose's is in the middle."""
    rng = np.random.default_rng(1)
    offsets = {name: rng.normal(0, 0.03, (2, 3)) * [1, 1, name != "nose"] for name in BONES}
    for name in BONES:
        offsets[name][1] *= name.endswith(BETWEEN)
    rows = []
    for name in POINT_NAMES:
        left = name.replace("right", "left")
        sign, bone = (1, BONES[left]) if name == left else (-1, BONES[left].replace("Left", "Right"))
        offset, before = offsets[left] * [1, 1, sign]
        rows.append({"name": name, "bone": bone, "offset": offset, "before": before})
    return rows


@pytest.fixture(scope="module")
def frames(body: AnnyBody, true_table: list[dict]) -> Seen:
    """Bones turned at random before random cameras, and a detector that errs by the given spread."""
    rng = np.random.default_rng(2)
    bones = len(body.bone_names)
    stature = rng.uniform(1.5, 1.9, FRAMES)
    frames = Seen(
        xy=np.zeros((FRAMES, len(POINT_NAMES), 2)),
        confidence=np.full((FRAMES, len(POINT_NAMES)), 0.9),
        world_m=np.zeros((FRAMES, len(POINT_NAMES), 3)),
        joints=rng.normal(0, 0.3, (FRAMES, bones, 3)) + np.array([0.3, 0.1, 4.0]),
        turned=Rotation.from_rotvec(rng.normal(0, 1, (FRAMES * bones, 3))).as_matrix().reshape(-1, bones, 3, 3),
        stature_m=stature,
        focal_px=rng.uniform(400, 900, FRAMES),
        center_px=rng.uniform(180, 220, (FRAMES, 2)),
    )
    points = body_points(frames, body, true_table)
    exact = points[..., :2] / points[..., 2:] * frames.focal_px[:, None, None] + frames.center_px[:, None]
    size_px = frames.focal_px * stature / frames.joints[:, 0, 2]
    frames.xy = exact + rng.normal(0, PICTURE_SD, exact.shape) * size_px[:, None, None]
    turn = towards(frames.xy, frames.confidence, frames.center_px, frames.focal_px)
    along_ray = np.einsum("fji,fpj->fpi", turn, points - points[:, :1])
    frames.world_m = along_ray + rng.normal(0, 1, points.shape) * LANDMARK_SD * stature[:, None, None]
    # What is hidden is guessed, and must not count.
    hidden = rng.random(frames.confidence.shape) < 0.2
    frames.confidence[hidden] = 0.1
    frames.xy[hidden] += rng.normal(0, 60, (int(hidden.sum()), 2))
    return frames


def test_the_points_and_the_spread_come_back(frames: Seen, body: AnnyBody, true_table: list[dict]) -> None:
    table = calibrate(frames, body)
    assert [row["name"] for row in table] == list(POINT_NAMES)
    for row, true in zip(table, true_table, strict=True):
        assert row["bone"] == true["bone"]
        np.testing.assert_allclose(row["offset"], true["offset"], atol=0.002)
        np.testing.assert_allclose(row["before"], true["before"], atol=0.002)
    picture = np.array([row["picture_sd"] for row in table])
    np.testing.assert_allclose(picture, PICTURE_SD, rtol=0.25)
    landmarks = np.array([row["landmark_sd"] for row in table])
    np.testing.assert_allclose(landmarks.mean(0), LANDMARK_SD, rtol=0.15)


def test_clips_are_read_frame_by_frame(clip_of: Callable[..., Clip], body: AnnyBody, tmp_path: Path) -> None:
    for number in range(2):
        clip_of(number).save(tmp_path / f"train_{number}.npz")
    (tmp_path / "held_out_0.npz").write_bytes(b"not to be read")
    seen, first = read_clips(tmp_path, "train", body), clip_of(0)
    assert len(seen.xy) == len(seen.turned) == 2 * len(first.xy)
    np.testing.assert_allclose(seen.xy[: len(first.xy)], first.xy, atol=1e-3)
    np.testing.assert_allclose(seen.joints[: len(first.xy), 0], first.root_position_m, atol=1e-5)
    np.testing.assert_allclose(seen.turned[: len(first.xy), 0], first.rotations[:, 0], atol=1e-5)
    assert (seen.stature_m > 1).all()
    with pytest.raises(BioposeError, match="no clips"):
        read_clips(tmp_path, "other", body)
