"""OpenPose's and mmpose's files."""

import json
from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.keypoints.layouts import LAYOUTS
from biomech.keypoints.readers import (
    BODY_25,
    COCO_17,
    is_from_elsewhere,
    read_alphapose,
    read_keypoints,
    read_mmpose,
    read_openpose,
)


def body(x: float, height: float, count: int = 25) -> np.ndarray:
    points = np.column_stack([x + 10 * np.sin(np.arange(count)), np.linspace(0, height, count), np.full(count, 0.8)])
    points[4] = 0  # a point that was not found
    return points


def write_openpose(folder: Path, number: int, people: list[np.ndarray]) -> None:
    entries = [{"person_id": [-1], "pose_keypoints_2d": points.ravel().tolist()} for points in people]
    name = f"clip_{number:012d}_keypoints.json"
    (folder / name).write_text(json.dumps({"version": 1.3, "people": entries}))


def test_openpose_follows_one_of_two_that_swap_their_order(tmp_path: Path) -> None:
    for frame in range(6):
        pair = [body(100 + 10 * frame, 200), body(400 - 10 * frame, 300)]
        write_openpose(tmp_path, frame + 7, pair if frame % 2 else pair[::-1])
    large = read_openpose(tmp_path, size_px=(640, 480), rate_hz=50)
    assert large.names == BODY_25 and large.found.all()
    np.testing.assert_allclose(large.xy[:, 0, 0], 400 - 10 * np.arange(6))
    np.testing.assert_allclose(large.time_s, np.arange(6) / 50)
    assert np.isnan(large.xy[:, 4]).all() and (large.confidence[:, 4] == 0).all()
    left = read_openpose(tmp_path, size_px=(640, 480), person=0)
    np.testing.assert_allclose(left.xy[:, 0, 0], 100 + 10 * np.arange(6))
    with pytest.raises(BioposeError, match="no person 2: at most 2"):
        read_openpose(tmp_path, size_px=(640, 480), person=2)


def test_openpose_leaves_frames_empty_rather_than_take_somebody_else(tmp_path: Path) -> None:
    write_openpose(tmp_path, 0, [body(100, 200)])
    write_openpose(tmp_path, 1, [body(500, 200)])
    write_openpose(tmp_path, 3, [body(110, 200)])  # file 2 is missing
    keypoints = read_openpose(tmp_path, size_px=(640, 480))
    assert keypoints.found.tolist() == [True, False, False, True]


def test_openpose_files_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(BioposeError, match="no OpenPose files"):
        read_openpose(tmp_path, size_px=(640, 480))
    write_openpose(tmp_path, 0, [body(100, 200, 19)])
    with pytest.raises(BioposeError, match="not an OpenPose BODY_25 file: no layout of 19 points"):
        read_openpose(tmp_path, size_px=(640, 480))


@pytest.mark.parametrize("with_names", [True, False])
def test_mmpose(tmp_path: Path, with_names: bool) -> None:
    points = body(100, 200, 17)
    one = {"keypoints": points[:, :2].tolist(), "keypoint_scores": points[:, 2].tolist()}
    entries = [{"frame_id": 0, "instances": [one]}, {"frame_id": 1, "instances": []}]
    names = {str(i): f"point_{i}" for i in range(17)}
    content = {"meta_info": {"keypoint_id2name": names}, "instance_info": entries} if with_names else entries
    path = tmp_path / "clip.json"
    path.write_text(json.dumps(content))
    keypoints = read_mmpose(path, size_px=(640, 480))
    assert keypoints.names == (list(names.values()) if with_names else COCO_17)
    assert keypoints.found.tolist() == [True, False]
    np.testing.assert_allclose(keypoints.xy[0, 5], points[5, :2])


def test_points_that_are_not_this_films(tmp_path: Path) -> None:
    cases = {
        "shares": (body(0, 1) * [0.1, 1, 1] + [0.4, 0, 0], "between 0 and 1"),
        "stored": (body(500, 200), "before its rotation"),
        "larger": (body(900, 1500), "its own pixels"),
    }
    for name, (points, why) in cases.items():
        (tmp_path / name).mkdir()
        points[4] = 0
        write_openpose(tmp_path / name, 0, [points])
        with pytest.raises(BioposeError, match="points") as caught:
            read_openpose(tmp_path / name, size_px=(360, 640))
        assert why in str(caught.value)
    (tmp_path / "small").mkdir()
    write_openpose(tmp_path / "small", 0, [body(100, 25)])
    assert "were the points found in this film" in read_openpose(tmp_path / "small", size_px=(3600, 6400)).notes[0]


def test_numbers_that_go_too_far_and_files_that_hold_something_else(tmp_path: Path) -> None:
    write_openpose(tmp_path, 0, [body(100, 200)])
    write_openpose(tmp_path, 50_000_000, [body(100, 200)])
    with pytest.raises(BioposeError, match="2 files, whose numbers go from 0 to 50000000"):
        read_openpose(tmp_path, size_px=(640, 480))
    (tmp_path / "clip_000050000000_keypoints.json").unlink()
    for number, content in enumerate(('{"people": 3}', '{"people": [3]}', "[1]", "[" * 100_000, '{"people": [{}]}'), 1):
        other = tmp_path / f"clip_{number:012d}_keypoints.json"
        other.write_text(content)
        with pytest.raises(BioposeError, match=other.name):
            read_openpose(tmp_path, size_px=(640, 480))
        other.unlink()


def write_alphapose(path: Path, people: list[tuple[str, np.ndarray]]) -> Path:
    entries = [
        {"image_id": image, "category_id": 1, "keypoints": points.ravel().tolist(), "score": 2.5, "idx": k}
        for k, (image, points) in enumerate(people)
    ]
    path.write_text(json.dumps(entries))
    return path


@pytest.mark.parametrize("layout", ["coco17", "halpe26", "wholebody133", "halpe136"])
def test_alphapose_of_every_layout(tmp_path: Path, layout: str) -> None:
    count = len(LAYOUTS[layout])
    people = [(f"{frame}.jpg", body(100 + 5 * frame, 200, count)) for frame in (0, 1, 3)]
    path = write_alphapose(tmp_path / "alphapose-results.json", [*people, ("1.jpg", body(500, 100, count))])
    found = read_keypoints(path, size_px=(640, 480), rate_hz=25.0)
    assert found.names == LAYOUTS[layout] and found.found.tolist() == [True, True, False, True]
    np.testing.assert_allclose(found.xy[:, 0, 0], [100, 105, np.nan, 115])
    np.testing.assert_allclose(np.diff(found.time_s), 0.04)
    assert found.focal_px and "default" in found.focal_source


def test_alphapose_files_of_another_kind(tmp_path: Path) -> None:
    path = write_alphapose(tmp_path / "a.json", [("0.jpg", body(10, 200, 17)), ("1.jpg", body(10, 200, 26))])
    with pytest.raises(BioposeError, match="people of different points"):
        read_alphapose(path, size_px=(640, 480))
    with pytest.raises(BioposeError, match="a picture without a number"):
        read_alphapose(write_alphapose(path, [("x", body(10, 200, 17))]), size_px=(640, 480))
    with pytest.raises(BioposeError, match="no layout of 19 points"):
        read_alphapose(write_alphapose(path, [("0.jpg", body(10, 200, 19))]), size_px=(640, 480))
    with pytest.raises(BioposeError, match="no list of people"):
        path.write_text("{}")
        read_alphapose(path, size_px=(640, 480))


def test_openpose_s_format_from_others(tmp_path: Path) -> None:
    """As Pose2Sim writes Halpe-26: no ``_keypoints`` in the names."""
    for frame in range(2):
        people = [{"person_id": [-1], "pose_keypoints_2d": body(100, 200, 26).ravel().tolist()}]
        (tmp_path / f"cam01_{frame:06d}.json").write_text(json.dumps({"version": 1.3, "people": people}))
    found = read_keypoints(tmp_path, size_px=(640, 480), rate_hz=60.0, focal_px=700.0)
    assert found.names == LAYOUTS["halpe26"] and found.focal_px == 700 and found.found.all()
    with pytest.raises(BioposeError, match="26 points, where the layout coco17 has 17"):
        read_keypoints(tmp_path, size_px=(640, 480), rate_hz=60.0, layout="coco17")
    with pytest.raises(BioposeError, match="how large and fast"):
        read_keypoints(tmp_path, size_px=(640, 480))


def test_mmpose_picture_by_picture(tmp_path: Path) -> None:
    points = body(100, 200, 17)
    one = {"keypoints": points[:, :2].tolist(), "keypoint_scores": points[:, 2].tolist(), "bbox": [[0, 0, 1, 1]]}
    for frame in range(2):
        (tmp_path / f"{frame:06d}.json").write_text(json.dumps([one]))
    assert read_openpose(tmp_path, size_px=(640, 480)).names == COCO_17


def test_what_is_theirs(tmp_path: Path) -> None:
    assert is_from_elsewhere(write_alphapose(tmp_path / "a.json", [("0.jpg", body(10, 200, 17))]))
    (tmp_path / "mmpose.json").write_text(json.dumps({"meta_info": {}, "instance_info": []}))
    assert is_from_elsewhere(tmp_path / "mmpose.json")
    for text in ("{}", "[]", "nothing", '{"smpl": [1, 2]}'):
        (tmp_path / "other.json").write_text(text)
        assert not is_from_elsewhere(tmp_path / "other.json")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.png").touch()
    assert not is_from_elsewhere(tmp_path / "pictures") and not is_from_elsewhere(tmp_path / "absent.json")
