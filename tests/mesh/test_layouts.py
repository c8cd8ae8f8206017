"""Other detectors' layouts before the fit: which points are meant, and what is put where a layout has none."""

import numpy as np
import pytest

from biomech.body.anny import AnnyBody
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.keypoints.layouts import BODY_25, COCO_17, HALPE_26, LAYOUTS
from biomech.mesh.completed import completed, lacking
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.rays import origin_on


@pytest.fixture(scope="module")
def table() -> Correspondence:
    return Correspondence.load(AnnyBody.load([0]).bone_names)


@pytest.mark.parametrize(("layout", "known"), [("coco17", 17), ("body25", 21), ("halpe26", 21), ("wholebody133", 33)])
def test_points_that_are_meant(table: Correspondence, layout: str, known: int) -> None:
    names = LAYOUTS[layout]
    places, own = table.match(names)
    assert len(places) == known == len(own.points.names) == len(own.picture_sd)
    for place, name in zip(places, own.points.names, strict=True):
        assert name == names[place] or name not in names


def test_the_big_toe_is_further_ahead(table: Correspondence) -> None:
    plain, halpe = table.points, table.match(HALPE_26)[1].points
    for side, medial in (("left", 1.0), ("right", -1.0)):
        name = f"{side}_foot_index"
        off = halpe.offset[halpe.names.index(name)] - plain.offset[plain.names.index(name)]
        assert 0.005 < off[0] < 0.02 and off[2] * medial > 0


def test_layouts_without_a_trunk_are_refused(table: Correspondence) -> None:
    with pytest.raises(BioposeError, match="no left_hip, right_hip, and the fit begins at the trunk"):
        table.match([name for name in COCO_17 if "hip" not in name])
    with pytest.raises(BioposeError, match="only 0 keypoint names"):
        table.match([f"point_{k}" for k in range(21)])


def test_what_a_layout_lacks() -> None:
    def lacks(names: list[str]) -> set[str]:
        known = np.isin(POINT_NAMES, names)
        return {POINT_NAMES[row] for row in lacking(known)}

    assert lacks(list(POINT_NAMES)) == set()
    assert {"left_heel", "right_foot_index", "left_thumb", "mouth_left"} <= lacks(COCO_17)
    assert lacks(BODY_25).isdisjoint({"left_heel", "left_ear"})
    # What lies beside a joint that is not there either stays away.
    assert lacks(["nose"]) == {name for name in POINT_NAMES if name.split("_")[1:2] == ["eye"]} | {
        *("left_ear", "right_ear", "mouth_left", "mouth_right")
    }


def test_points_are_put_where_the_body_says() -> None:
    """All points are of one rigid body: those left out come back where they were."""
    rng = np.random.default_rng(0)
    laid = rng.normal(0, 0.3, (5, len(POINT_NAMES), 3))
    origin = np.array([[0.3, -0.2, 4.0]]) + rng.normal(0, 0.1, (5, 3))
    focal, center = 1000.0, np.array([320.0, 240.0])
    placed = laid + origin[:, None]
    truth = center + focal * placed[..., :2] / placed[..., 2:]
    known = np.isin(POINT_NAMES, COCO_17)
    present = np.tile(known.astype(float), (5, 1))
    present[2, POINT_NAMES.index("left_ankle")] = 0
    seen = np.where(known[:, None], truth, 0.0)
    np.testing.assert_allclose(origin_on(seen, present, laid, focal, center), origin, atol=1e-6)
    xy, there = completed(seen, present, laid, lacking(known), focal, center)
    np.testing.assert_allclose(xy[there > 0], truth[there > 0], atol=1e-4)
    assert there.sum() == 5 * len(POINT_NAMES) - 3  # the ankle that is not seen hides heel and toe
    assert (seen[:, ~known] == 0).all()
