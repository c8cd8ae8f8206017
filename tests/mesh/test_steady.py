"""A walker before a camera that turns: the body is the one before a camera that stands."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.recoverers import recover_with
from biomech.mesh.steady import UNSURE_QUALITY, steadied

FRAMES = 16
HEIGHT_M = 1.70


@pytest.fixture(scope="module")
def still(walking: Callable[..., BodyMotion], camera: Camera, seen: Callable[..., Keypoints]) -> Keypoints:
    return seen(walking(FRAMES), camera)


@pytest.fixture(scope="module")
def turns() -> np.ndarray:
    phase = np.linspace(-1, 1, FRAMES)
    angles = np.radians(np.stack([14 * phase, 3 * np.cos(4 * phase), 5 * phase], 1))
    return Rotation.from_euler("YXZ", angles).as_matrix()


@pytest.fixture(scope="module")
def turning(still: Keypoints, turns: np.ndarray) -> Keypoints:
    """The same seen by a camera that turns; its picture is as wide."""
    assert still.focal_px is not None and still.world_m is not None
    center = (np.array(still.size_px) - 1) / 2
    rays = np.concatenate([(still.xy - center) / still.focal_px, np.ones((*still.xy.shape[:2], 1))], -1)
    rays = rays @ np.swapaxes(turns, 1, 2)
    xy = still.focal_px * rays[..., :2] / rays[..., 2:] + center
    unsure = np.arange(FRAMES) == 3
    world_m = still.world_m @ np.swapaxes(turns, 1, 2)
    return replace(still, xy=xy, world_m=world_m, camera_turns=turns, camera_unsure=unsure)


def test_the_keypoints_are_those_of_a_camera_that_stands(still: Keypoints, turning: Keypoints) -> None:
    steady = steadied(turning)
    middle = (np.array(steady.size_px) - np.array(still.size_px)) / 2
    seen = steady.confidence > 0
    assert seen.mean() > 0.6 and (middle > 0).all()
    np.testing.assert_allclose(steady.xy[seen] - middle, still.xy[seen], atol=1e-6)
    assert steady.camera_turns is None
    assert steadied(still) is still


def test_the_body_is_the_one_before_a_camera_that_stands(
    still: Keypoints, turning: Keypoints, turns: np.ndarray
) -> None:
    carried = replace(turning, camera_carried=True)
    one, other = (recover_with("fit", keypoints, height_m=HEIGHT_M) for keypoints in (still, carried))
    untold = recover_with("fit", replace(turning, camera_turns=None, camera_unsure=None), height_m=HEIGHT_M)

    def apart(motion: BodyMotion) -> float:
        turned = np.swapaxes(one.rotations, -1, -2) @ motion.rotations
        return float(np.degrees(Rotation.from_matrix(turned.reshape(-1, 3, 3)).magnitude()).mean())

    assert apart(other) < 0.6 * apart(untold)
    path, wrong = (
        np.linalg.norm(motion.root_position_m - one.root_position_m, axis=1).mean() for motion in (other, untold)
    )
    assert path < 0.1 < wrong
    assert tuple(other.left_open) == ("pelvis_tx", "pelvis_tz") and not untold.left_open
    assert any("turning was taken out" in note for note in other.notes)
    assert other.quality is not None and other.quality[3] <= UNSURE_QUALITY < other.quality[8]
    # The body lies on the moving picture.
    assert other.camera is not None and other.camera_turns is not None and other.camera.size_px == still.size_px
    hips = [still.names.index(f"{side}_hip") for side in ("left", "right")]
    for frame in (0, 8, FRAMES - 1):
        pixel = other.camera.turned(other.turns_at(other.time_s)[frame]).project(other.root_position_m[frame])
        assert np.linalg.norm(pixel - turning.xy[frame, hips].mean(0)) < 0.03 * max(still.size_px)


def test_what_leaves_one_flat_picture_is_left_out(still: Keypoints, turning: Keypoints) -> None:
    far = np.repeat(Rotation.from_euler("Y", 110, degrees=True).as_matrix()[None], FRAMES, 0)
    assert not steadied(replace(turning, camera_turns=far)).found.any()


def test_the_turns_are_kept_in_files(turning: Keypoints, tmp_path) -> None:
    replace(turning, camera_carried=True).save(tmp_path / "a.npz")
    back = Keypoints.load(tmp_path / "a.npz")
    assert back.camera_carried
    np.testing.assert_allclose(back.camera_turns, turning.camera_turns)
    np.testing.assert_array_equal(back.camera_unsure, turning.camera_unsure)
    replace(turning, camera_turns=None, camera_unsure=None).save(tmp_path / "b.npz")
    without = Keypoints.load(tmp_path / "b.npz")
    assert without.camera_turns is None and not without.camera_carried
