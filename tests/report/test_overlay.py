"""The overlay at known pixels, its time stamps, and what it says of frames that cannot be trusted."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.joint_centres import joint_centres
from biomech.markers.markers import Markers
from biomech.osim_models import DEFAULT_PATH
from biomech.report.overlay import LEFT, MIDDLE, RED, RIGHT, SkeletonDrawing, skeleton_of, write_overlay, write_video
from biomech.skeleton.model import load_model
from biomech.video import Video

STAMPS_S = np.array([2.0, 2.033, 2.067, 2.2, 2.21, 2.5])
SIZE = (320, 482)  # width, height
GREY = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
# 2 m in front of the lens, 1 m is 100 px.
CAMERA = Camera(200.0, (159.5, 240.5), SIZE, np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.0, 2.0]))
JOINTS = {"hip_r": (-0.8, 0.5, 0.0), "knee_r": (-0.8, -0.5, 0.0), "hip_l": (0.8, 0.5, 0.0), "knee_l": (0.8, -0.5, 0.0)}
SKELETON = SkeletonDrawing(
    [("hip_r", "knee_r"), ("hip_l", "knee_l"), ("knee_l", "LTOE")],
    left=frozenset({"hip_l", "knee_l", "LTOE"}),
    right=frozenset({"hip_r", "knee_r"}),
)
MARKERS = {"LTOE": (0.8, -1.4, 0.0), "C7": (0.0, 1.0, 0.0), "behind": (0.0, 0.0, 3.0), "lost": (np.nan,) * 3}


def still(points: dict[str, tuple], time_s: np.ndarray) -> Markers:
    return Markers(list(points), np.tile(np.array(list(points.values()), float), (len(time_s), 1, 1)), time_s)


def overlay(folder: Path, **options) -> list[tuple[float, np.ndarray]]:
    with_start = [(t, GREY) for t in np.concatenate(([0.0, 1.9], STAMPS_S))]
    write_video(folder / "film.mp4", iter(with_start), SIZE, 30.0)
    video = Video.open(folder / "film.mp4", start_s=1.95)
    out = folder / "overlay.mp4"
    time_s = options.pop("time_s", STAMPS_S)
    written = write_overlay(video, still(MARKERS, time_s), still(JOINTS, time_s), SKELETON, CAMERA, out, **options)
    frames = list(Video.open(out).frames())
    assert written == len(frames) == len(STAMPS_S)
    return frames


def near(picture: np.ndarray, x: float, y: float, color: tuple[int, int, int]) -> bool:
    """Whether that colour is there; 4:2:0 and the encoder pale thin lines, so the nearest of those in use counts."""
    colors = np.array([color, LEFT, RIGHT, MIDDLE, RED, (120, 120, 120)])
    return np.linalg.norm(picture[round(y), round(x)] - colors, axis=1).argmin() == 0


def test_points_and_lines_are_where_the_camera_projects_them(tmp_path: Path) -> None:
    for _, picture in overlay(tmp_path):
        assert picture.shape == GREY.shape
        assert near(picture, 79.5, 190.5, RIGHT)  # hip
        assert near(picture, 79.5, 240.5, RIGHT)  # middle of the thigh
        assert near(picture, 239.5, 240.5, LEFT)
        assert near(picture, 239.5, 335.5, LEFT)  # between knee and toe marker
        assert near(picture, 159.5, 140.5, MIDDLE)  # C7
        assert near(picture, 110, 240.5, (120, 120, 120))
        assert near(picture, 159.5, 240.5, (120, 120, 120))  # what is behind the lens is not drawn


def test_a_smaller_picture_has_them_at_its_own_scale(tmp_path: Path) -> None:
    for _, picture in overlay(tmp_path, max_side_px=400):
        assert picture.shape == (400, 266, 3)
        assert near(picture, 66.0, 199.5, RIGHT)
        assert near(picture, 199.0, 199.5, LEFT)


def test_stamps_stay_as_they_were_filmed(tmp_path: Path) -> None:
    stamps = [t for t, _ in overlay(tmp_path)]
    np.testing.assert_allclose(stamps, STAMPS_S - STAMPS_S[0], atol=2e-5)
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
    content = (tmp_path / "overlay.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_untrusted_frames_have_a_red_border(tmp_path: Path) -> None:
    trusted = np.array([True, False, True, False, False, True])
    red = [near(picture, 2, 300, RED) for _, picture in overlay(tmp_path, trusted=trusted)]
    assert red == [False, True, False, True, True, False]


def test_a_frame_without_markers_near_in_time_stays_bare(tmp_path: Path) -> None:
    known = STAMPS_S[[0, 1, 2, 5]]
    drawn = [near(picture, 79.5, 240.5, RIGHT) for _, picture in overlay(tmp_path, time_s=known)]
    assert drawn == [True, True, True, False, False, True]


def test_another_videos_camera_is_refused_and_nothing_written(tmp_path: Path) -> None:
    write_video(tmp_path / "film.mp4", iter([(0.0, np.zeros((100, 100, 3), np.uint8))]), (100, 100), 30.0)
    video, time_s = Video.open(tmp_path / "film.mp4"), np.zeros(1)
    with pytest.raises(BioposeError, match="320×482"):
        write_overlay(video, still(MARKERS, time_s), still(JOINTS, time_s), SKELETON, CAMERA, tmp_path / "o.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]


def test_a_film_that_cannot_be_read_to_its_end_leaves_nothing(tmp_path: Path) -> None:
    film, time_s = tmp_path / "film", np.arange(2) / 30
    film.mkdir()
    for index, height in enumerate((SIZE[1], SIZE[1] - 2)):
        cv2.imwrite(str(film / f"{index}.png"), GREY[:height])
    video, out = Video.open(film), tmp_path / "overlay.mp4"
    with pytest.raises(BioposeError, match="different sizes"):
        write_overlay(video, still(MARKERS, time_s), still(JOINTS, time_s), SKELETON, CAMERA, out)
    assert [p.name for p in tmp_path.iterdir()] == ["film"]


def test_the_skeletons_lines_follow_its_joints() -> None:
    model = load_model(DEFAULT_PATH)
    skeleton = skeleton_of(model)
    for line in (("hip_r", "walker_knee_r"), ("walker_knee_l", "ankle_l"), ("back", "acromial_l"), ("back", "neck")):
        assert line in skeleton.segments
    ends = {parent: child for parent, child in skeleton.segments if child in model_markers(model)}
    assert ends.keys() == {"neck", "mtp_r", "mtp_l", "radius_hand_r", "radius_hand_l"}
    assert {"hip_l", "LASI", "LKNE", "FLTI", "lthumb", "mtp_l"} <= skeleton.left
    assert {"hip_r", "RASI", "RKNE", "FRTI", "rthumb", "mtp_r"} <= skeleton.right
    assert not {"back", "neck", "C7", "STRN"} & (skeleton.left | skeleton.right)
    centres = joint_centres(model, Kinematics([], np.zeros((1, 0)), np.zeros(1), np.zeros(0, bool)))
    assert {name for line in skeleton.segments for name in line} <= set(centres.names) | model_markers(model)


def model_markers(model) -> set[str]:
    return {marker.getName() for marker in model.getMarkerSet()}
