"""The main job from keypoints that another program found: read, told of their film, and what has no meaning refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.keypoints.layouts import HALPE_26
from biomech.pipeline.from_video import keypoint_stages
from biomech.pipeline.options import Options
from biomech.pipeline.run import run_ik
from biomech.pipeline.stages import Result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As Pose2Sim writes it."""
    made = tmp_path / "walk_json"
    made.mkdir()
    points = np.column_stack([np.linspace(100, 200, 26), np.linspace(50, 400, 26), np.full(26, 0.8)])
    for frame in range(4):
        people = [{"pose_keypoints_2d": np.add(points, [frame, 0, 0]).ravel().tolist()}]
        (made / f"walk_{frame:06d}.json").write_text(json.dumps({"people": people}))
    return made


def read(source: Path, out: Path, options: Options) -> tuple[Keypoints, dict[str, Any]]:
    files = Result.of(out, source.stem, {})
    out.mkdir(exist_ok=True)
    first = keypoint_stages(source, files, options, bar=_none)[0]
    assert first.name == "read"
    figures = first.work()
    return Keypoints.load(files.keypoints), dict(figures)


_none: Callable[..., Any] = lambda _: None  # noqa: E731


def test_what_is_told_of_the_film(folder: Path, tmp_path: Path) -> None:
    options = Options(size_px=(640, 480), rate_hz=50.0, focal_px=800.0)
    found, figures = read(folder, tmp_path / "out", options)
    assert found.names == HALPE_26 and found.size_px == (640, 480) and found.focal_px == 800
    np.testing.assert_allclose(np.diff(found.time_s), 0.02)
    assert figures["frames"] == figures["frames_with_person"] == 4
    assert any("focal length 800 px" in note for note in figures["notes"])
    other = keypoint_stages(folder, Result.of(tmp_path, "walk", {}), Options(rate_hz=60.0), bar=_none)[0]
    assert other.options["rate_hz"] == 60 and len(other.inputs) == 4


def test_what_has_no_meaning_is_refused(folder: Path, tmp_path: Path) -> None:
    def refused(options: Options, why: str, source: Path = folder) -> None:
        with pytest.raises(BioposeError, match=why):
            run_ik(source, tmp_path / "out", options)
        assert not (tmp_path / "out").exists()

    refused(Options(), "do not say how large and fast")
    refused(Options(size_px=(640, 480), rate_hz=0.0), "rate of 0")
    refused(Options(mirror=True), "`mirror` is for a video, not for other programs' keypoints")
    refused(Options(person=(3.0, 4.0), size_px=(640, 480), rate_hz=30.0), "takes a number here")
    refused(Options(layout="coco17", size_px=(640, 480), rate_hz=30.0), "26 points, where the layout coco17 has 17")
    own = tmp_path / "own_keypoints.npz"
    Keypoints(["a"], np.ones((2, 1, 2)), np.ones((2, 1)), np.arange(2.0), (640, 480), 700.0).save(own)
    refused(
        Options(size_px=(640, 480)), "`size_px` is for other programs' keypoints, not for keypoints of our own", own
    )
