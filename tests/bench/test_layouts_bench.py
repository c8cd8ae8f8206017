"""The bench of layouts: what is cut away, and the means."""

import numpy as np
import pytest

from biomech.bench.layouts import FEET, LAYOUTS, means, reduced
from biomech.bench.sources import PARTS, bench_sources
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.keypoints.layouts import BLAZEPOSE_33, COCO_17


@pytest.fixture
def seen() -> Keypoints:
    rng = np.random.default_rng(0)
    frames, points = 4, len(BLAZEPOSE_33)
    return Keypoints(
        list(BLAZEPOSE_33),
        rng.uniform(0, 600, (frames, points, 2)),
        rng.uniform(0.2, 1, (frames, points)),
        np.arange(frames) / 30,
        (640, 480),
        700.0,
        world_m=rng.normal(0, 0.3, (frames, points, 3)),
    )


def test_what_is_cut_away(seen: Keypoints) -> None:
    assert reduced(seen, "blazepose") is seen
    flat = reduced(seen, "blazepose_2d")
    assert flat.world_m is None and flat.names == seen.names and seen.world_m is not None
    coco, halpe = reduced(seen, "coco17"), reduced(seen, "halpe26")
    assert coco.names == COCO_17 and halpe.names == [*COCO_17, *FEET, "neck", "mid_hip", "head"]
    for cut in (coco, halpe):
        cut.check()
        for name in set(cut.names) & set(seen.names):
            np.testing.assert_array_equal(cut.xy[:, cut.names.index(name)], seen.xy[:, seen.names.index(name)])
    hips = [seen.names.index(name) for name in ("left_hip", "right_hip")]
    np.testing.assert_allclose(halpe.xy[:, halpe.names.index("mid_hip")], seen.xy[:, hips].mean(1))
    with pytest.raises(BioposeError, match="no layout 'body25' here"):
        reduced(seen, "body25")


def test_means_of_each_layout() -> None:
    rows = {
        "beam_cam01, coco17": {"pa_mpjpe_mm": 60.0, "beam_knee_deg": 5.0},
        "beam_cam02, coco17": {"pa_mpjpe_mm": 70.0, "beam_knee_deg": 7.0},
        "opencap_walk, coco17": {"mae18_deg": 4.0, "knee_deg": 3.0},
        "beam_cam01, blazepose": {"pa_mpjpe_mm": 50.0, "beam_knee_deg": 4.0},
    }
    figures = means(rows)
    assert figures["coco17_pa_mpjpe_mm"] == 65 and figures["coco17_mae18_deg"] == 4
    assert figures["blazepose_pa_mpjpe_mm"] == 50 and not any(name.startswith("halpe26") for name in figures)
    assert {name.split(", ")[1] for name in rows} <= set(LAYOUTS)


def test_parts_by_name(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, "layouts", lambda *_: {"coco17_pa_mpjpe_mm": 1.0})
    assert bench_sources(tmp_path, tmp_path, only=("lay",)) == {"coco17_pa_mpjpe_mm": 1.0}
    with pytest.raises(BioposeError, match="there is no 'crowds'"):
        bench_sources(tmp_path, tmp_path, only=("crowds",))
