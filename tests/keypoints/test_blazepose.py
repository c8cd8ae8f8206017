"""BlazePose against mediapipe, and against its own mirror."""

import os
from pathlib import Path

import numpy as np
import pytest
from mediapipe_reference import FRAMES, REFERENCE, mediapipe_answer

from biomech.errors import BioposeError
from biomech.keypoints.blazepose import CROP_SIZE, MIRRORED, POINT_NAMES, BlazePose, _inside, without_chatter
from biomech.keypoints.detector import Detection, Region
from biomech.video import Video


@pytest.fixture(scope="module")
def frames(beam: Path) -> list[np.ndarray]:
    return [frame for index, (_, frame) in enumerate(Video.open(beam).frames()) if index in FRAMES]


@pytest.fixture(scope="module")
def found(task: Path, frames: list[np.ndarray]) -> list[Detection]:
    network = BlazePose(task)
    return [network.points(frame, network.regions(frame)[0][1]) for frame in frames]


def compare(found: list[Detection], reference: np.ndarray) -> None:
    away_px = np.linalg.norm(np.stack([d.xy for d in found]) - reference[..., :2], axis=-1)
    away_m = np.linalg.norm(np.stack([d.world_m for d in found]) - reference[..., 3:], axis=-1)
    assert np.median(away_px) < 0.5  # 1 px is asked for; 0.25 measured, on a person 1000 px tall
    assert np.quantile(away_px, 0.95) < 3
    assert np.median(away_m) < 0.004
    assert np.abs(np.stack([d.confidence for d in found]) - reference[..., 2]).max() < 0.1


def test_same_points_as_mediapipe(found: list[Detection]) -> None:
    compare(found, np.loadtxt(REFERENCE, delimiter=",").reshape(len(FRAMES), 33, 6))


def test_same_points_as_the_mediapipe_here(task: Path, frames: list[np.ndarray], found: list[Detection]) -> None:
    pytest.importorskip("mediapipe")
    compare(found, mediapipe_answer(task, frames))


def test_the_library_s_chatter_is_kept_from_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="passed on"), without_chatter():
        os.write(2, b"INFO: Created a delegate.\n")
        raise ValueError("passed on")
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"


def test_mask_holds_the_points(found: list[Detection]) -> None:
    trunk = [POINT_NAMES.index(f"{side}_{part}") for side in ("left", "right") for part in ("hip", "shoulder", "knee")]
    for person in found:
        matrix = person.region.matrix(64)
        cells = np.floor(person.xy[trunk] @ matrix[:, :2].T + matrix[:, 2]).astype(int)
        assert person.mask[cells[:, 1], cells[:, 0]].mean() > 0.8
        assert 0.03 < person.mask.mean() < 0.3
        assert person.appearance.sum() == pytest.approx(1)


def test_mirror_averaging_is_even_handed(task: Path, frames: list[np.ndarray]) -> None:
    """With it, the mirrored picture's answer is the mirrored answer; without it, it is not."""
    away = {}
    for mirror in (False, True):
        network = BlazePose(task, mirror=mirror)
        region = network.regions(frames[1])[0][1]
        straight = network.points(frames[1], region)
        width = frames[1].shape[1]
        # The crop's middle lies between two pixels, so the mirrored grid of pixels begins one step further on.
        step, angle = region.size_px / CROP_SIZE, -region.angle_rad
        x = width - 1 - region.center_px[0] + step * np.cos(angle)
        turned = Region((x, region.center_px[1] + step * np.sin(angle)), region.size_px, angle)
        other = network.points(np.ascontiguousarray(frames[1][:, ::-1]), turned)
        back = (other.xy * [-1, 1] + [width - 1, 0])[MIRRORED[:33]]
        away[mirror] = np.median(np.linalg.norm(back - straight.xy, axis=-1))
        world = other.world_m[MIRRORED[:33]] * [-1, 1, 1]
        assert np.linalg.norm(world - straight.world_m, axis=-1).mean() < (0.01 if mirror else 0.2)
    assert away[True] < 1 < away[False]


def test_depth_grows_away_from_the_lens(task: Path, two_people: Path) -> None:
    """Somebody who walks to the left, seen from the side, has the left side nearer to the lens."""
    network = BlazePose(task)
    _, frame = next(Video.open(two_people, 4.0, 4.1).frames())
    walker = network.points(frame, network.regions(frame)[0][1])
    depth = dict(zip(POINT_NAMES, walker.world_m[:, 2], strict=True))
    assert depth["left_shoulder"] < depth["right_shoulder"] - 0.1
    assert depth["left_hip"] < depth["right_hip"] - 0.1


def test_a_picture_without_people(task: Path) -> None:
    network = BlazePose(task)
    grey = np.full((480, 640, 3), 128, np.uint8)
    assert network.track(grey) is None
    assert network.regions(grey, closely=True) == []


def test_who_stands_at_the_rim_of_the_picture_is_whole_in_no_other_part() -> None:
    size = 1080, 1920
    part, inner = Region((270.0, 500.0), 540.0, 0.0), Region((540.0, 500.0), 540.0, 0.0)
    assert _inside(Region((270.0, 500.0), 500.0, 0.0), part, size)
    assert _inside(Region((60.0, 530.0), 500.0, 0.0), part, size)  # the part ends with the picture there
    assert not _inside(Region((60.0, 530.0), 500.0, 0.0), part)
    assert not _inside(Region((480.0, 530.0), 500.0, 0.0), part, size)  # but not there, and another one shows him
    assert _inside(Region((480.0, 530.0), 500.0, 0.0), inner, size)
    assert not _inside(Region((330.0, 530.0), 500.0, 0.0), inner, size)
    assert not _inside(Region((60.0, 700.0), 500.0, 0.0), part, size)


def test_another_file_than_a_network(tmp_path: Path) -> None:
    (tmp_path / "net.task").write_bytes(b"no zip")
    with pytest.raises(BioposeError, match="not a BlazePose network"):
        BlazePose(tmp_path / "net.task")
