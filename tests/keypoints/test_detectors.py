"""Detectors behind the protocol: named in one place, and any that keeps it can take BlazePose's place."""

from pathlib import Path

import numpy as np
import pytest

import biomech
from biomech.errors import BioposeError
from biomech.keypoints import detectors
from biomech.keypoints.detect import detect
from biomech.keypoints.detector import Detection, Detector, Region
from biomech.keypoints.detectors import DETECTORS, Known, known, make_detector
from biomech.keypoints.keypoints import Keypoints
from biomech.video import Video


class Flat:
    """Two points of somebody who stands still; no 3D, no mask, no maps."""

    name = "flat"
    point_names: list[str] = ["left_hip", "right_hip"]  # noqa: RUF012
    gives_world = gives_maps = False

    def regions(self, frame: np.ndarray, closely: bool = False) -> list[tuple[float, Region]]:
        return [(0.9, Region((32.0, 32.0), 40.0, 0.0)), (0.8, Region((33.0, 32.0), 41.0, 0.0))]

    def points(self, frame: np.ndarray, region: Region) -> Detection:
        return Detection(
            xy=np.array([[40.0, 32.0], [24.0, 32.0]]),
            confidence=np.full(2, 0.9),
            world_m=None,
            presence=0.99,
            region=region,
            next_region=region,
            mask=None,
            appearance=np.eye(4)[0],
        )


@pytest.fixture
def film(tmp_path: Path) -> Video:
    import cv2

    (tmp_path / "film").mkdir()
    for k in range(3):
        cv2.imwrite(str(tmp_path / "film" / f"{k}.png"), np.full((64, 64, 3), 40 * k, np.uint8))
    return Video.open(tmp_path / "film", rate_hz=30)


def test_any_detector_serves(film: Video, tmp_path: Path) -> None:
    flat: Detector = Flat()
    found = detect(film, flat)
    assert found.names == flat.point_names and found.detector == "flat" and found.found.all()
    assert found.world_m is None and found.mask_bits is None and found.mask_from_image is None
    # Its two regions are one person's, and its pictures are plain.
    assert [note[:24] for note in found.notes] == ["whether the camera moved"]
    found.save(tmp_path / "k.npz")
    assert Keypoints.load(tmp_path / "k.npz").mask(0) is None
    np.testing.assert_array_equal(biomech.detect(film, detector=flat).xy, found.xy)


def test_what_a_detector_cannot_do_is_told(film: Video) -> None:
    with pytest.raises(BioposeError, match="flat has no maps"):
        detect(film, Flat(), keep_heat_maps=True)
    with pytest.raises(BioposeError, match="made already"):
        biomech.detect(film, detector=Flat(), mirror=True)


def test_names_that_there_are(film: Video) -> None:
    for call in (known, make_detector, lambda name: biomech.detect(film, detector=name)):
        with pytest.raises(BioposeError, match="no detector 'openpose'") as refused:
            call("openpose")
        assert refused.value.mend and all(name in refused.value.mend for name in DETECTORS)
    assert all(row.version() for row in DETECTORS.values())


@pytest.mark.parametrize(("extra", "mend"), [("mmpose", "biopose[mmpose]"), (None, "pip install absent_package")])
def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, extra: str | None, mend: str) -> None:
    def make(*_: object) -> Detector:
        import absent_package.inner  # type: ignore[import-not-found]

        return absent_package.inner

    monkeypatch.setitem(detectors.DETECTORS, "absent", Known(make, str, extra))
    with pytest.raises(BioposeError, match="absent needs absent_package, which is not installed") as refused:
        make_detector("absent")
    assert mend in str(refused.value.mend)


def test_a_fault_of_ours_is_no_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(*_: object) -> Detector:
        import biomech.nowhere  # type: ignore[import-not-found]

        return biomech.nowhere

    monkeypatch.setitem(detectors.DETECTORS, "broken", Known(make, str))
    with pytest.raises(ModuleNotFoundError):
        make_detector("broken")
