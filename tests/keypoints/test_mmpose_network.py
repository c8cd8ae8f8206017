"""mmpose's networks, before a stand-in of what is called of mmpose; and mmpose itself where it is installed."""

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from biomech.errors import BioposeError
from biomech.keypoints import mmpose_network
from biomech.keypoints.detector import Region
from biomech.keypoints.detectors import make_detector
from biomech.keypoints.layouts import COCO_17
from biomech.keypoints.mmpose_network import MMPoseNetwork
from biomech.keypoints.top_down import TopDown

HERE = importlib.util.find_spec("mmpose") is not None


class Network(torch.nn.Module):
    """As ``init_model`` makes it: with its config, and the names of its points."""

    def __init__(self, names: list[str] | None):
        super().__init__()
        self.head = torch.nn.Linear(2, 17)
        self.cfg = {"codec": {"type": "SimCCLabel", "input_size": (192, 256)}}
        self.dataset_meta = {"keypoint_id2name": dict(enumerate(names))} if names else {}


class Stub:
    """``mmpose.apis``; remembers what it was shown."""

    def __init__(self) -> None:
        self.names: list[str] | None = COCO_17
        self.fails: Exception | None = None
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []
        self.score = 0.9

    def init_model(self, config: str, checkpoint: None, device: str, cfg_options: dict) -> Network:
        assert checkpoint is None and device == "cpu" and Path(config).is_file()
        if self.fails:
            raise self.fails
        return Network(self.names)

    def inference_topdown(self, model: Network, picture: np.ndarray, boxes: np.ndarray, bbox_format: str) -> list[Any]:
        assert bbox_format == "xyxy"
        self.seen.append((picture, boxes[0]))
        low, high = boxes[0].reshape(2, 2)
        xy = low + np.linspace(0, 1, 17)[:, None] * (high - low)
        found = types.SimpleNamespace(keypoints=xy[None], keypoint_scores=np.full((1, 17), self.score))
        return [types.SimpleNamespace(pred_instances=found)]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    stub = Stub()
    apis = types.ModuleType("mmpose.apis")
    apis.init_model, apis.inference_topdown = stub.init_model, stub.inference_topdown  # type: ignore[attr-defined]
    package = types.ModuleType("mmpose")
    package.apis = apis  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mmpose", package)
    monkeypatch.setitem(sys.modules, "mmpose.apis", apis)
    monkeypatch.setattr(mmpose_network, "_without_compiled_operators", lambda: None)
    return stub


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    config, weights = tmp_path / "rtmpose.py", tmp_path / "rtmpose.pth"
    config.write_text("model = dict()")
    torch.save({"meta": {"epoch": 1}, "state_dict": Network(None).state_dict()}, weights)
    return config, weights


def test_points_of_a_box(stub: Stub, files: tuple[Path, Path]) -> None:
    network = MMPoseNetwork(*files)
    assert network.point_names == COCO_17 and network.aspect == 0.75 and network.name == "mmpose rtmpose"
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[..., 0] = 200  # red
    found = TopDown(network, None).points(frame, Region((50.0, 40.0), 80.0, 0.0))  # type: ignore[arg-type]
    picture, box = stub.seen[-1]
    assert picture[0, 0].tolist() == [0, 0, 200]  # mmpose takes blue first
    np.testing.assert_allclose(box, [50 - 24, 40 - 32, 50 + 24, 40 + 32])  # mmpose pads by a quarter itself
    np.testing.assert_allclose(found.xy[[0, -1]], [[26, 8], [74, 72]])
    assert found.presence == pytest.approx(0.9)
    np.testing.assert_allclose(found.next_region.center_px, [50, 40])
    stub.score = np.nan
    with pytest.raises(BioposeError, match="not a number"):
        TopDown(network, None).points(frame, Region((50.0, 40.0), 80.0, 0.0))  # type: ignore[arg-type]


def test_names_of_the_config_or_of_their_number(stub: Stub, files: tuple[Path, Path]) -> None:
    stub.names = [*COCO_17[:16], "hip"]
    assert MMPoseNetwork(*files).point_names == [*COCO_17[:16], "mid_hip"]
    assert MMPoseNetwork(*files, layout="coco17").point_names == COCO_17
    stub.names = None
    assert MMPoseNetwork(*files).point_names == COCO_17
    with pytest.raises(BioposeError, match="17 points, where the layout halpe26 has 26"):
        MMPoseNetwork(*files, layout="halpe26")


def test_files_that_are_none(stub: Stub, files: tuple[Path, Path], tmp_path: Path) -> None:
    config, weights = files
    with pytest.raises(BioposeError, match="no such file"):
        MMPoseNetwork(config, tmp_path / "absent.pth")
    other = tmp_path / "other.pth"
    other.write_text("nothing")
    with pytest.raises(BioposeError, match="checkpoint"):
        MMPoseNetwork(config, other)
    torch.save({"state_dict": {}}, other)
    with pytest.raises(BioposeError, match="holds no weights"):
        MMPoseNetwork(config, other)
    torch.save({"state_dict": torch.nn.Linear(3, 3).state_dict()}, other)
    with pytest.raises(BioposeError, match=r"weights of another network than rtmpose\.py builds"):
        MMPoseNetwork(config, other)
    torch.save({"state_dict": {name: part * np.nan for name, part in Network(None).state_dict().items()}}, other)
    with pytest.raises(BioposeError, match="some weights are not numbers"):
        MMPoseNetwork(config, other)
    torch.save(Network, other)  # a class: reading it would execute
    with pytest.raises(BioposeError, match="holds more than tensors"):
        MMPoseNetwork(config, other)
    stub.fails = KeyError("no head\nand more")
    with pytest.raises(BioposeError, match="mmpose cannot build this config"):
        MMPoseNetwork(config, weights)


def test_what_it_has_to_be_told(files: tuple[Path, Path]) -> None:
    with pytest.raises(BioposeError, match="the detector mmpose needs a config"):
        make_detector("mmpose", network=files[1])
    with pytest.raises(BioposeError, match="the detector mmpose needs a file of weights"):
        make_detector("mmpose", config=files[0])
    with pytest.raises(BioposeError, match="`mirror` is for blazepose"):
        make_detector("mmpose", config=files[0], network=files[1], mirror=True)


@pytest.mark.skipif(HERE, reason="mmpose is installed")
def test_without_mmpose_its_install_is_named(files: tuple[Path, Path]) -> None:
    with pytest.raises(BioposeError, match="needs mmpose, which is not installed") as refused:
        make_detector("mmpose", config=files[0], network=files[1])
    assert "`biopose doctor --install mmpose`" in str(refused.value.mend)


@pytest.mark.skipif(not HERE, reason="mmpose is not installed: biopose doctor --install mmpose")
def test_mmpose_itself(tmp_path: Path) -> None:
    """RTMPose-m of its own config, the weights as chance has them."""
    from biomech.keypoints.mmpose_install import try_out

    config = try_out()
    torch.save({"state_dict": mmpose_network.initialised(config).state_dict()}, tmp_path / "chance.pth")
    network = MMPoseNetwork(config, tmp_path / "chance.pth")
    assert network.point_names == COCO_17 and network.aspect == 0.75
    xy, score = network.look(np.full((120, 160, 3), 90, np.uint8), (80.0, 60.0), (60.0, 80.0))
    assert xy.shape == (17, 2) and np.isfinite(score).all()
    assert (np.abs(xy - [80, 60]) <= [30, 40]).all()
