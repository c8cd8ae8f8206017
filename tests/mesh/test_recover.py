"""Mesh recovery against a walking body whose keypoints are known to the noise added to them."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.comparison.truth import LIMB_BONES, joint_errors, limb_joints
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh import fit
from biomech.mesh import recover as recovery
from biomech.mesh.recover import recover
from biomech.mesh.signatures import angles

FRAMES = 16
HEIGHT_M = 1.70


@pytest.fixture(scope="module")
def truth(walking: Callable[..., BodyMotion], camera: Camera) -> BodyMotion:
    return replace(walking(FRAMES), camera=camera)


@pytest.fixture(scope="module")
def keypoints(truth: BodyMotion, camera: Camera, seen: Callable[..., Keypoints]) -> Keypoints:
    return seen(truth, camera)


@pytest.fixture(scope="module")
def recovered(keypoints: Keypoints) -> BodyMotion:
    return recover(keypoints, height_m=HEIGHT_M, mass_kg=75.0)


def part(keypoints: Keypoints, frames: slice | list[int]) -> Keypoints:
    """A copy of some of the frames."""
    assert keypoints.world_m is not None
    return replace(
        keypoints,
        xy=keypoints.xy[frames].copy(),
        confidence=keypoints.confidence[frames].copy(),
        world_m=keypoints.world_m[frames].copy(),
        time_s=keypoints.time_s[frames],
    )


def degrees_apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.degrees(Rotation.from_matrix(np.swapaxes(one, -1, -2) @ other).magnitude())


def check_whole(motion: BodyMotion, frames: int) -> None:
    assert motion.rotations.shape[0] == len(motion.root_position_m) == len(motion.time_s) == frames
    assert motion.quality is not None and motion.quality.shape == (frames,)
    assert np.isfinite(motion.rotations).all() and np.isfinite(motion.root_position_m).all()
    np.testing.assert_allclose(np.linalg.det(motion.rotations), 1, atol=1e-6)


def stature(motion: BodyMotion) -> float:
    return float(AnnyBody.load([0]).stature(torch.tensor(motion.shape).float()))


def test_joints(recovered: BodyMotion, truth: BodyMotion) -> None:
    check_whole(recovered, FRAMES)
    errors = joint_errors(recovered, truth)
    # The lifter takes off a bias that this detector has not.
    assert errors.pa_mpjpe_mm < 30 and errors.mpjpe_mm < 60
    travelled, true = (np.ptp(m.camera.to_camera(m.root_position_m), axis=0) for m in (recovered, truth))
    # In half a second the way along the ray is a change of size by a tenth.
    np.testing.assert_allclose(travelled, true, atol=0.15)
    assert recovered.quality is not None and recovered.quality.min() == 1
    assert recovered.notes == []
    np.testing.assert_array_equal(recovered.time_s, truth.time_s)


def test_height_and_distance(recovered: BodyMotion, truth: BodyMotion, camera: Camera, keypoints: Keypoints) -> None:
    """The given height holds; one camera sees no size, so a person told to be taller is farther away."""
    assert stature(recovered) == pytest.approx(HEIGHT_M, abs=0.01)
    assert recovered.camera is not None
    depth = recovered.camera.to_camera(recovered.root_position_m)[:, 2]
    np.testing.assert_allclose(depth, camera.to_camera(truth.root_position_m)[:, 2], rtol=0.03)
    taller = recover(part(keypoints, slice(0, 6)), height_m=1.9)
    assert stature(taller) == pytest.approx(1.9, abs=0.01)
    assert taller.camera is not None
    farther = taller.camera.to_camera(taller.root_position_m)[:, 2] / depth[:6]
    np.testing.assert_allclose(farther, 1.9 / HEIGHT_M, rtol=0.04)


def test_the_world_is_upright(recovered: BodyMotion, truth: BodyMotion, camera: Camera) -> None:
    assert recovered.camera is not None
    up, true_up = (c.rotation_camera_from_world[:, 1] for c in (recovered.camera, camera))
    assert np.degrees(np.arccos(up @ true_up)) < 6
    # A mirrored or turned world would be seen here.
    seen, true = (m.camera.rotation_camera_from_world @ m.rotations[:, 0] for m in (recovered, truth))
    assert degrees_apart(seen, true).max() < 12
    facing = recovered.rotations[:, 0, :, 0].mean(0)
    assert facing[0] > 0.95 and abs(facing[2]) < 1e-6, "X is not where the person faces"
    assert np.linalg.det(recovered.camera.rotation_camera_from_world) == pytest.approx(1)


def test_feet_stand_on_the_floor(recovered: BodyMotion) -> None:
    whole = AnnyBody.load()
    feet = AnnyBody.load(torch.cat([v for n, v in whole.foot_vertices.items() if n.startswith("sole")]))
    with torch.no_grad():
        rest = feet.rest(torch.tensor(recovered.shape).float())
        posed = feet.pose(
            rest, torch.tensor(recovered.rotations).float(), torch.tensor(recovered.root_position_m).float()
        )
        lowest = feet.skin(rest, posed)[..., 1].amin(1).numpy()
    assert np.abs(lowest).max() < 0.05 and abs(float(np.median(lowest))) < 0.03


def test_it_repeats(keypoints: Keypoints) -> None:
    three = part(keypoints, slice(0, 3))
    first, second = recover(three, height_m=HEIGHT_M), recover(three, height_m=HEIGHT_M)
    np.testing.assert_array_equal(first.rotations, second.rotations)
    np.testing.assert_array_equal(first.root_position_m, second.root_position_m)
    np.testing.assert_array_equal(first.shape, second.shape)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_few_frames(keypoints: Keypoints, truth: BodyMotion, frames: int) -> None:
    motion = recover(part(keypoints, slice(0, frames)), height_m=HEIGHT_M)
    check_whole(motion, frames)
    cut = replace(truth, rotations=truth.rotations[:frames], root_position_m=truth.root_position_m[:frames])
    assert joint_errors(motion, cut).pa_mpjpe_mm < 35


def test_frames_without_the_person_are_bridged_and_flagged(keypoints: Keypoints, truth: BodyMotion) -> None:
    gaps = [0, 6, 7, 8, 15]
    gappy = part(keypoints, slice(None))
    assert gappy.world_m is not None
    gappy.xy[gaps], gappy.confidence[gaps], gappy.world_m[gaps] = np.nan, 0.0, np.nan
    motion = recover(gappy, height_m=HEIGHT_M)
    check_whole(motion, FRAMES)
    assert motion.quality is not None
    assert (motion.quality[gaps] == 0).all() and (np.delete(motion.quality, gaps) > 0.9).all()
    assert any("poorly seen" in note for note in motion.notes)
    steps = np.linalg.norm(np.diff(limb_joints(motion), axis=0), axis=-1).max(1)
    true_steps = np.linalg.norm(np.diff(limb_joints(truth), axis=0), axis=-1).max(1)
    assert steps.max() < 2 * true_steps.max()


def test_half_a_person_is_flagged(keypoints: Keypoints) -> None:
    half = part(keypoints, slice(0, 4))
    below = [i for i, n in enumerate(half.names) if any(w in n for w in ("knee", "ankle", "heel", "foot"))]
    half.confidence[:, below] = 0.0
    motion = recover(half, height_m=HEIGHT_M)
    check_whole(motion, 4)
    assert motion.quality is not None and 0 < motion.quality.max() < 0.7
    for leg in ("left leg", "right leg"):
        assert any(leg in note and "guesses" in note for note in motion.notes)
    assert not any("arm" in note for note in motion.notes)


def test_a_film_saved_the_other_way_up_is_said(keypoints: Keypoints) -> None:
    few = part(keypoints, slice(0, 12))
    assert few.world_m is not None
    turned = replace(few, xy=np.array(few.size_px) - 1.0 - few.xy, world_m=few.world_m * np.array([-1.0, -1.0, 1.0]))
    assert any("upside down" in note for note in recover(turned).notes)
    assert not any("upside down" in note for note in recover(few).notes)


def test_one_wild_point_does_not_move_the_rest(keypoints: Keypoints) -> None:
    before = recover(part(keypoints, slice(0, 5)), height_m=HEIGHT_M)
    wild = part(keypoints, slice(0, 5))
    wild.xy[2, wild.names.index("left_wrist")] += 150
    after = recover(wild, height_m=HEIGHT_M)
    apart = np.linalg.norm(limb_joints(after) - limb_joints(before), axis=-1)
    others = [i for i, name in enumerate(LIMB_BONES) if name not in ("LeftForeArm", "LeftHand")]
    assert apart[:, others].mean() < 0.03 and apart.max() < 0.25


def test_a_trembling_face_is_no_nodding(keypoints: Keypoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pixels of a face are ten degrees of its small lever; a head's turns are smoother than a limb's."""
    trembling = part(keypoints, slice(0, 12))
    face = [k for k, name in enumerate(trembling.names) if name.startswith(("nose", "mouth"))]
    trembling.xy[:, face, 1] += 4 * np.resize([1, -1, -1, 1, 1, 1, -1], 12)[:, None]

    def nodding() -> float:
        neck = angles(recover(trembling, height_m=HEIGHT_M))["neck_extension"]
        return float(np.square(np.diff(neck, 2)).mean() ** 0.5)

    now = nodding()
    monkeypatch.setattr(fit, "LEVERS", {})
    assert now < 0.6 * nodding()


def test_points_of_a_detector_without_3d(keypoints: Keypoints, truth: BodyMotion) -> None:
    flat = replace(part(keypoints, slice(0, 6)), world_m=None)
    motion = recover(flat, height_m=HEIGHT_M)
    check_whole(motion, 6)
    cut = replace(truth, rotations=truth.rotations[:6], root_position_m=truth.root_position_m[:6])
    assert joint_errors(motion, cut).pa_mpjpe_mm < 50


def test_windows_are_joined_without_a_jump(keypoints: Keypoints, recovered: BodyMotion, monkeypatch) -> None:
    monkeypatch.setattr(recovery, "WINDOW", 7)
    monkeypatch.setattr(recovery, "OVERLAP", 3)
    motion = recover(keypoints, height_m=HEIGHT_M, mass_kg=75.0)
    check_whole(motion, FRAMES)
    steps, whole_steps = (np.linalg.norm(np.diff(limb_joints(m), axis=0), axis=-1).max() for m in (motion, recovered))
    assert steps < 1.5 * whole_steps
    assert np.linalg.norm(limb_joints(motion) - limb_joints(recovered), axis=-1).mean() < 0.05


@pytest.mark.parametrize("frames", [1, 200, 270, 271, 700, 9000])
def test_windows_cover_every_frame_and_overlap(frames: int) -> None:
    windows = list(recovery._windows(frames))
    assert windows[0].start == 0 and windows[-1].stop == frames
    for before, after in itertools.pairwise(windows):
        assert before.start < after.start and before.stop - after.start == recovery.OVERLAP
    assert max(w.stop - w.start for w in windows) <= recovery.WINDOW + recovery.OVERLAP


def test_progress_reaches_its_end(keypoints: Keypoints) -> None:
    said: list[tuple[int, int]] = []
    recover(part(keypoints, slice(0, 2)), height_m=HEIGHT_M, progress=lambda done, of: said.append((done, of)))
    assert [done for done, _ in said] == list(range(1, len(said) + 1)) and said[-1][0] == said[-1][1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height_m": 17.0}, "17.0 m is not a person's"),
        ({"height_m": 178.0}, "178.0 m is not a person's"),
        ({"height_m": float("nan")}, "nan m is not a person's"),
        ({"height_m": "1.78"}, "`height_m` is '1.78', no number"),
        ({"mass_kg": 1.0}, "1.0 kg is not a person's"),
        ({"mass_kg": 7200.0}, "7200.0 kg is not a person's"),
        ({"height_m": 1.8, "mass_kg": 5.0}, "5 kg at 1.8 m is nobody's"),
        ({"height_m": 0.6, "mass_kg": 70.0}, "70 kg at 0.6 m is nobody's"),
    ],
)
def test_impossible_people(keypoints: Keypoints, options: dict[str, float], message: str) -> None:
    with pytest.raises(BioposeError, match=message):
        recover(keypoints, **options)  # type: ignore[arg-type]


def test_keypoints_that_cannot_be_fitted(keypoints: Keypoints) -> None:
    with pytest.raises(BioposeError, match="focal length"):
        recover(replace(keypoints, focal_px=None))
    with pytest.raises(BioposeError, match="no frame shows the person"):
        recover(replace(keypoints, xy=np.full_like(keypoints.xy, np.nan)))
    with pytest.raises(BioposeError, match="keypoint names"):
        recover(replace(keypoints, names=[f"marker {i}" for i in range(33)]))
    limbs = [name for name in keypoints.names if name.endswith(("knee", "ankle", "elbow", "wrist"))]
    with pytest.raises(BioposeError, match="no left_shoulder, right_shoulder, left_hip, right_hip"):
        recover(keypoints_of(keypoints, limbs))


def keypoints_of(keypoints: Keypoints, names: list[str]) -> Keypoints:
    places = [keypoints.names.index(name) for name in names]
    xy, confidence = keypoints.xy[:, places], keypoints.confidence[:, places]
    return replace(keypoints, names=names, xy=xy, confidence=confidence, world_m=None)


def test_3d_points_without_a_number_are_none(keypoints: Keypoints) -> None:
    few = part(keypoints, slice(0, 4))
    assert few.world_m is not None
    nowhere = recover(replace(few, world_m=np.full_like(few.world_m, np.nan)), height_m=HEIGHT_M)
    without = recover(replace(few, world_m=None), height_m=HEIGHT_M)
    np.testing.assert_array_equal(nowhere.rotations, without.rotations)
