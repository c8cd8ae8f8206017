"""Pose networks in ONNX files: read as they are, right to a pixel, and refused in words where they are none."""

from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.keypoints.detect import detect
from biomech.keypoints.detector import Region
from biomech.keypoints.detectors import make_detector
from biomech.keypoints.layouts import COCO_17, HALPE_26, LAYOUTS, layout_names
from biomech.keypoints.peaks import curve_peaks, map_peaks
from biomech.video import Video

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
from onnx import helper  # noqa: E402

from biomech.keypoints.onnx_network import OnnxNetwork  # noqa: E402
from biomech.keypoints.top_down import TopDown  # noqa: E402

import dots  # noqa: E402  isort: skip

SIZE = (320, 240)


def person(points: int, x: float = 160.0, y: float = 120.0) -> np.ndarray:
    """Points on a grid, as far apart as dots want it."""
    columns = 5 if points < 20 else 6
    grid = np.stack(np.divmod(np.arange(points), columns)[::-1], 1)
    return np.array([x, y]) + (grid - grid.mean(0)) * [22.0, 26.0] + 0.3


class Somebody:
    """Finds the person where there is one."""

    def __init__(self, center_px: tuple[float, float]):
        self.center_px = center_px

    def regions(self, frame: np.ndarray, closely: bool = False) -> list[tuple[float, Region]]:
        return [(0.9, Region(self.center_px, 190.0, 0.1))] if frame.any() else []


@pytest.mark.parametrize("simcc", [True, False])
@pytest.mark.parametrize("layout", ["coco17", "halpe26"])
def test_the_points_are_where_they_are(tmp_path: Path, simcc: bool, layout: str) -> None:
    names = LAYOUTS[layout]
    path = dots.network(tmp_path / "net.onnx", len(names), simcc=simcc)
    net = OnnxNetwork(path)
    assert net.point_names == names and net.curves == simcc and net.aspect == 0.75
    for x, y in ((160.0, 120.0), (90.0, 100.0)):
        xy = person(len(names), x, y)
        found = TopDown(net, Somebody((x, y))).points(dots.picture(xy, SIZE, 6.0), Region((x + 4, y - 5), 200.0, 0.0))
        np.testing.assert_allclose(found.xy, xy, atol=2.0)  # a cell is six pixels, and a dot flat on top
        assert found.presence > 0.5 and found.world_m is None
        # The next box is around the points.
        np.testing.assert_allclose(found.next_region.center_px, (xy.min(0) + xy.max(0)) / 2, atol=2)
        extent = np.ptp(xy, axis=0) * 1.1 * 1.25
        assert found.next_region.size_px == pytest.approx(max(extent[1], extent[0] / 0.75), rel=0.03)


def test_a_film_through_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    import biomech.keypoints.blazepose

    (tmp_path / "film").mkdir()
    truth = [person(17, 130.0 + 6 * k) for k in range(4)]
    for k, xy in enumerate(truth):
        picture = dots.picture(xy, SIZE, 6.0) if k != 2 else np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        cv2.imwrite(str(tmp_path / "film" / f"{k}.png"), picture[..., ::-1])
    monkeypatch.setattr(biomech.keypoints.blazepose, "BlazePose", lambda **_: Somebody((130.0, 120.0)))
    network = dots.network(tmp_path / "net.onnx", 17, simcc=True)
    found = detect(Video.open(tmp_path / "film"), make_detector("onnx", network=network))
    assert found.names == COCO_17 and found.detector == "ONNX net" and found.world_m is None
    assert found.found.tolist() == [True, True, False, True]
    for k in (0, 1, 3):
        np.testing.assert_allclose(found.xy[k], truth[k], atol=3.0)  # dots flat on top


def test_what_is_no_pose_network_is_told(tmp_path: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("nothing")
    with pytest.raises(BioposeError, match="not an ONNX network"):
        OnnxNetwork(text)
    with pytest.raises(BioposeError, match="no such file"):
        OnnxNetwork(tmp_path / "absent.onnx")
    weights = {"w": np.ones((3 * 16 * 16, 1000), np.float32)}
    nodes = [helper.make_node("Flatten", ["input"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["logits"])]
    classifier = dots.write(tmp_path / "c.onnx", nodes, weights, {"logits": ["batch", 1000]}, ["batch", 3, 16, 16])
    with pytest.raises(BioposeError, match=r"neither heat maps nor SimCC's curves .* logits \[1, 1000\]"):
        OnnxNetwork(classifier)
    nodes = [helper.make_node("Relu", ["input"], ["out"])]
    sound = dots.write(tmp_path / "s.onnx", nodes, {}, {"out": ["batch", 2]}, ["batch", 2])
    with pytest.raises(BioposeError, match="not a network of one picture"):
        OnnxNetwork(sound)
    shape = ["batch", 3, "height", "width"]
    any_size = dots.write(tmp_path / "a.onnx", nodes, {}, {"out": shape}, shape)
    with pytest.raises(BioposeError, match="does not say how large its picture is"):
        OnnxNetwork(any_size)


def test_layouts_that_do_not_fit(tmp_path: Path) -> None:
    path = dots.network(tmp_path / "net.onnx", 21, simcc=False)
    with pytest.raises(BioposeError, match="no layout of 21 points") as refused:
        OnnxNetwork(path)
    assert "halpe26 (26)" in str(refused.value.mend)
    with pytest.raises(BioposeError, match="21 points, where the layout coco17 has 17"):
        OnnxNetwork(path, "coco17")
    with pytest.raises(BioposeError, match="there is no layout 'coco'"):
        OnnxNetwork(path, "coco")
    assert layout_names(26) == HALPE_26 and len(layout_names(133)) == 133
    assert all(len(set(names)) == len(names) for names in LAYOUTS.values())


def test_an_answer_that_is_no_number_is_refused(tmp_path: Path) -> None:
    path = dots.network(tmp_path / "net.onnx", 17, simcc=True, nan=True)
    detector = TopDown(OnnxNetwork(path), Somebody((160.0, 120.0)))
    with pytest.raises(BioposeError, match="not a number"):
        detector.points(dots.picture(person(17), SIZE, 6.0), Region((160.0, 120.0), 200.0, 0.0))


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "needs a file of weights"),
        ({"network": Path("n.onnx"), "mirror": True}, "`mirror` is for blazepose"),
        ({"network": Path("n.onnx"), "config": Path("c.py")}, "`detector_config` is for mmpose"),
    ],
)
def test_what_it_cannot_be_told(told: dict, why: str) -> None:
    with pytest.raises(BioposeError, match=why):
        make_detector("onnx", **told)


def test_peaks_between_cells() -> None:
    rng = np.random.default_rng(1)
    truth = rng.uniform(8, 38, (30, 2))
    y, x = np.mgrid[:64, :48]
    apart = [np.square(x - a) + np.square(y - b) for a, b in truth]
    maps = np.stack([0.8 * np.exp(-distance / (2 * 2.0**2)) for distance in apart])
    found, height = map_peaks(maps)
    np.testing.assert_allclose(found, truth, atol=0.05)
    np.testing.assert_allclose(height, 0.8, atol=0.05)
    bins = np.arange(384)
    along = [np.exp(-np.square(bins - 8 * truth[:, k : k + 1]) / (2 * 6.0**2)) for k in (0, 1)]
    found, _ = curve_peaks(*along)
    np.testing.assert_allclose(found / 8, truth, atol=0.01)
    # Nothing there: anywhere, with no height.
    found, height = map_peaks(np.zeros((2, 64, 48)))
    assert np.isfinite(found).all() and (height == 0).all()
