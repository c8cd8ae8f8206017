"""Bodies that the model does not have: told where the points show them, silent for who is ordinary."""

from dataclasses import replace

import numpy as np
import pytest

from biomech.bench.drawn_people import camera_at
from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.body.motion import BodyMotion
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.limbs import behind
from biomech.mesh.signatures import angles, signed
from biomech.mesh.unusual import FACE, childlike, ends_early, stoops, upright
from biomech.train.synthetic.ideal_detector import ideally_detected

FRAMES = 8


def stands(view: str) -> tuple[BodyMotion, Keypoints]:
    """An ordinary adult with the arms a little away from the body, and what is seen of them."""
    body = AnnyBody.load([0])
    values = np.tile(np.radians([-25.0, -25.0]), (FRAMES, 1))
    shape = body.default_shape().double().numpy()
    motion = driven(body, shape, ["arm_add_r", "arm_add_l"], values, np.arange(FRAMES) / 12)
    motion = replace(motion, camera=camera_at(view))
    return motion, ideally_detected(motion, camera_at(view))


def moved(keypoints: Keypoints, by_px: dict[str, tuple[float, float]]) -> Keypoints:
    xy = keypoints.xy.copy()
    for name, way in by_px.items():
        xy[:, keypoints.names.index(name)] += way
    return replace(keypoints, xy=xy)


@pytest.mark.parametrize("view", ["front", "side", "behind"])
def test_an_ordinary_body_is_left_alone(view: str) -> None:
    motion, keypoints = stands(view)
    assert signed(motion, keypoints).notes == motion.notes


def test_a_head_before_the_hips_is_told_from_the_side_alone() -> None:
    for view, told in (("side", True), ("front", False)):
        motion, keypoints = stands(view)
        up = upright(angles(motion), keypoints.found)
        hips, ears = (
            keypoints.xy[0, [keypoints.names.index(f"{side}_{name}") for side in ("left", "right")]].mean(0)
            for name in ("hip", "ear")
        )
        # Forwards is where the nose is before the ears.
        ahead = np.sign(keypoints.xy[0, keypoints.names.index("nose"), 0] - ears[0])
        way = (float(ahead * 0.2 * abs(hips[1] - ears[1])), 0.0)
        bent = moved(keypoints, dict.fromkeys((*FACE,), way))
        assert up.all() and stoops(motion, bent, up) is told and not stoops(motion, keypoints, up)
        assert not stoops(motion, bent, up & (np.arange(FRAMES) < FRAMES // 2))


def test_a_face_that_is_large_for_the_legs() -> None:
    motion, keypoints = stands("front")
    up = upright(angles(motion), keypoints.found)
    places = [keypoints.names.index(name) for name in FACE]
    xy = keypoints.xy.copy()
    xy[:, places] += 0.7 * (xy[:, places] - xy[:, places].mean(1, keepdims=True))
    large = replace(keypoints, xy=xy)
    assert childlike(motion, large, up) and not childlike(motion, keypoints, up)
    assert "Give `height_m`" in signed(motion, large).notes[-1]
    hidden = replace(large, confidence=np.where(["knee" in name for name in large.names], 0.2, large.confidence))
    assert not childlike(motion, hidden, up)


@pytest.mark.parametrize(("end", "beside", "limb"), [("wrist", "elbow", "arm"), ("ankle", "knee", "leg")])
def test_a_limb_that_ends_early_on_one_side(end: str, beside: str, limb: str) -> None:
    motion, keypoints = stands("front")
    up, hidden = upright(angles(motion), keypoints.found), behind(motion)
    free = {joint: keypoints.found & ~covered for joint, covered in hidden.items()}
    xy = keypoints.xy.copy()
    for side in ("right", "left"):
        first, last = (keypoints.names.index(f"{side}_{name}") for name in (beside, end))
        xy[:, last] = xy[:, first] + 0.3 * (xy[:, last] - xy[:, first])
        short = ends_early(replace(keypoints, xy=xy), free, up)
        assert short == ([f"right {limb}"] if side == "right" else [])  # both may point at the lens
    assert not ends_early(keypoints, free, up)
