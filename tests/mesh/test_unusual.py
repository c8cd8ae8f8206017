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
from biomech.mesh.signatures import SAID, angles, build_notes, signed
from biomech.mesh.unusual import BENT_RAD, FACE, childlike, ends_early, stoops, upright
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
        values = angles(motion)
        up, bends = upright(values, keypoints.found), values | {"lumbar_extension": np.full(FRAMES, BENT_RAD - 0.01)}
        hips, ears = (
            keypoints.xy[0, [keypoints.names.index(f"{side}_{name}") for side in ("left", "right")]].mean(0)
            for name in ("hip", "ear")
        )
        # Forwards is where the nose is before the ears.
        ahead = np.sign(keypoints.xy[0, keypoints.names.index("nose"), 0] - ears[0])
        way = (float(ahead * 0.2 * abs(hips[1] - ears[1])), 0.0)
        bent = moved(keypoints, dict.fromkeys((*FACE,), way))
        assert up.all() and stoops(motion, bent, up, bends) is told and not stoops(motion, keypoints, up, bends)
        assert not stoops(motion, bent, up, values)  # a head that is carried before a straight back
        bows = bends | {f"hip_flexion_{side}": np.full(FRAMES, np.radians(20.0)) for side in "rl"}
        assert not stoops(motion, bent, up, bows)
        assert not stoops(motion, bent, up & (np.arange(FRAMES) < FRAMES // 2), bends)


def test_a_body_that_a_limb_speaks_against_says_nothing_of_a_stoop() -> None:
    motion, keypoints = stands("side")
    values = angles(motion) | {"lumbar_extension": np.full(FRAMES, BENT_RAD - 0.01)}
    ahead = np.sign(np.diff(keypoints.xy[0, [keypoints.names.index(name) for name in ("left_ear", "nose")], 0])[0])
    bent = moved(keypoints, dict.fromkeys((*FACE,), (float(ahead * 60), 0.0)))
    assert any(SAID["stoops"] in note for note in build_notes(motion, bent, values, None))
    assert not build_notes(motion, bent, values, None, fits=False)


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


def shortened(keypoints: Keypoints, side: str, beside: str, end: str) -> Keypoints:
    xy = keypoints.xy.copy()
    first, last = (keypoints.names.index(f"{side}_{name}") for name in (beside, end))
    xy[:, last] = xy[:, first] + 0.3 * (xy[:, last] - xy[:, first])
    return replace(keypoints, xy=xy)


@pytest.mark.parametrize(("end", "beside", "limb"), [("wrist", "elbow", "arm"), ("ankle", "knee", "leg")])
def test_a_limb_that_ends_early_on_one_side(end: str, beside: str, limb: str) -> None:
    motion, keypoints = stands("front")
    values = angles(motion)
    up, hidden = upright(values, keypoints.found), behind(motion)
    free = {joint: keypoints.found & ~covered for joint, covered in hidden.items()}
    right = shortened(keypoints, "right", beside, end)
    assert ends_early(motion, right, free, up, values) == [f"right {limb}"]
    both = shortened(right, "left", beside, end)
    assert not ends_early(motion, both, free, up, values)  # both may point at the lens
    assert not ends_early(motion, keypoints, free, up, values)
    alone = free | {f"left {end}": np.zeros(FRAMES, bool)}
    assert not ends_early(motion, right, alone, up, values)  # the other one is not shown


def test_a_forearm_that_is_held_up_does_not_end_early() -> None:
    motion, keypoints = stands("front")
    values = angles(motion)
    up, hidden = upright(values, keypoints.found), behind(motion)
    free = {joint: keypoints.found & ~covered for joint, covered in hidden.items()}
    short = shortened(keypoints, "right", "elbow", "wrist")
    assert ends_early(motion, short, free, up, values)
    folded = values | {"elbow_flex_r": np.full(FRAMES, np.radians(95.0))}
    assert not ends_early(motion, short, free, up, folded)
    assert short.world_m is not None
    shoulder, elbow, wrist = (short.names.index(f"right_{name}") for name in ("shoulder", "elbow", "wrist"))
    for way in (
        np.array([0.0, 0.0, -0.25]),  # at the lens: folded by the landmarks
        0.8 * (short.world_m[:, shoulder] - short.world_m[:, elbow]),  # where no forearm of this body points
    ):
        world = short.world_m.copy()
        world[:, wrist] = world[:, elbow] + way
        assert not ends_early(motion, replace(short, world_m=world), free, up, values)
        other = short.names.index("left_pinky")  # of no account, and not found
        xy, confidence = short.xy.copy(), short.confidence.copy()
        xy[:, other], confidence[:, other], world[0] = np.nan, 0.0, np.nan
        lacking = replace(short, xy=xy, confidence=confidence, world_m=world)
        assert not ends_early(motion, lacking, free, up, values)
    unknown = replace(short, world_m=np.full_like(short.world_m, np.nan))
    assert ends_early(motion, unknown, free, up, values)
    assert ends_early(motion, replace(short, world_m=None), free, up, values)  # of a detector without landmarks
