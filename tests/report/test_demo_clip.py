"""The demo's film shows the truth that goes with it."""

import numpy as np
import pytest
import torch

from biomech.body.anny import AnnyBody
from biomech.comparison.truth import LIMB_BONES, limb_joints
from biomech.errors import BioposeError
from biomech.report.demo_clip import RATE_HZ, SIZE_PX, demo_truth, render_demo
from biomech.report.still import stills
from biomech.video import Video, focal_length


def test_the_whole_walk_is_in_the_picture() -> None:
    motion = demo_truth(3.0)
    assert motion.camera is not None
    body = AnnyBody.load(torch.arange(0, 13_000, 11))
    rest = body.rest(torch.tensor(motion.shape).float())
    posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
    pixels = motion.camera.project(body.skin(rest, posed).double().numpy())
    assert (pixels > 5).all()
    assert (pixels < np.array(SIZE_PX) - 5).all()
    assert np.ptp(pixels[..., 1], axis=1).min() > 180  # large enough to be seen


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "walk.mp4"
    return path, render_demo(path, seconds=0.2)


def test_the_film_shows_the_body_where_the_truth_has_it(clip) -> None:
    path, motion = clip
    video = Video.open(path)
    assert focal_length(video)[0] == pytest.approx(motion.camera.focal_px)
    frames = list(video.frames())
    np.testing.assert_allclose([t for t, _ in frames], motion.time_s, atol=1e-4)
    assert video.rate_hz == pytest.approx(RATE_HZ)
    joints = limb_joints(motion)
    thighs = (joints[:, LIMB_BONES.index("RightUpLeg")] + joints[:, LIMB_BONES.index("RightLeg")]) / 2
    chest = (joints[:, LIMB_BONES.index("RightArm")] + joints[:, LIMB_BONES.index("LeftUpLeg")]) / 2
    for (_, picture), thigh, middle in zip(frames, thighs, chest, strict=True):
        for place, strongest in ((middle, 0), (thigh, 2)):  # a red shirt and blue trousers
            x, y = np.round(motion.camera.project(place)).astype(int)
            assert picture[y, x].argmax() == strongest
            assert np.ptp(picture[y, x].astype(int)) > 20
    # Against the wall nothing is seen but the head and shoulders.
    wall = frames[0][1][5, 5].astype(int)
    upper = np.abs(frames[0][1][:150].astype(int) - wall).max(-1) > 40
    head = motion.camera.project(joints[0, :2].mean(0))
    assert 0 < upper.sum() < 6000
    assert abs(np.argwhere(upper)[:, 1].mean() - head[0]) < 25


def test_stills_come_in_rows_of_two(clip) -> None:
    path, _ = clip
    video = Video.open(path)
    picture = stills(video, [0.0, 0.1, 0.15])
    assert picture.shape == (2 * SIZE_PX[1], 2 * SIZE_PX[0], 3)
    frames = [p for _, p in video.frames()]
    np.testing.assert_array_equal(picture[: SIZE_PX[1], SIZE_PX[0] :], frames[3])
    assert (picture[SIZE_PX[1] :, SIZE_PX[0] :] == 255).all()
    with pytest.raises(BioposeError, match="no frame at 3 s"):
        stills(video, [3.0])
