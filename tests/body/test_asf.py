"""CMU's .asf/.amc against the .bvh conversion of the same trials, and a skeleton worked out by hand."""

import zipfile

import numpy as np
import pytest
import torch

from biomech.body.anny import AnnyBody
from biomech.body.asf import METRES_PER_INCH, parse_amc, parse_asf, replay_amc
from biomech.body.cmu import read_cmu, replay
from biomech.errors import BioposeError

ASF = """:version 1.10
:units
  mass 1.0
  length 0.5
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name upper
    direction 0 -1 0
    length 2
    axis 0 0 90 XYZ
    dof rx
    limits (-160.0 20.0)
  end
  begin
    id 2
    name lower
    direction 0 -1 0
    length 3
    axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root upper
    upper lower
  end
"""
AMC = ":FULLY-SPECIFIED\n:DEGREES\n1\nroot 1 2 3 0 0 0\nupper 0\n2\nroot 1 2 3 0 90 0\nupper 90\n"


def test_a_small_skeleton_by_hand():
    clip = parse_amc(AMC, parse_asf(ASF, "small.asf"), "small.amc")
    unit = METRES_PER_INCH / 0.5
    # File (x left, y up, z forward) to body (x forward, y up, z right).
    np.testing.assert_allclose(clip.starts_m[0] / unit, [[3, 2, -1], [3, 2, -1], [3, 0, -1]], atol=1e-12)
    # The bone turns about its own x axis, which its axis line lays along the file's y (up): straight down it stays.
    np.testing.assert_allclose(clip.starts_m[1, 2] / unit, [3, 0, -1], atol=1e-12)
    # Root and bone, 90° each about the vertical: what looked forward looks back.
    np.testing.assert_allclose(clip.rotations[1, 2] @ [1, 0, 0], [-1, 0, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (ASF.replace("length 0.5", ""), "asf"),
        (ASF.replace("upper lower", "upper"), "asf"),
        (ASF.replace("angle deg", "angle rad"), "rad"),
    ],
)
def test_a_broken_asf_is_named(text, error):
    with pytest.raises(BioposeError, match=error):
        parse_asf(text, "small.asf")


@pytest.mark.parametrize("text", ["", "1\nroot 1 2 3", AMC + "3\nroot 0 0 0 0 0 0\n"])
def test_a_broken_amc_is_named(text):
    with pytest.raises(BioposeError, match=r"small\.amc"):
        parse_amc(text, parse_asf(ASF, "small.asf"), "small.amc")


def test_another_skeleton_cannot_be_replayed():
    with pytest.raises(BioposeError, match="rfemur"):
        replay_amc(parse_amc(AMC, parse_asf(ASF, "small.asf"), "small.amc"), AnnyBody.load([0]))


@pytest.mark.parametrize("trial", ["02_01", "02_03"])
def test_the_replay_equals_that_of_the_bvh_of_the_same_trial(biopose_data, trial):
    body = AnnyBody.load([0])
    with zipfile.ZipFile(biopose_data / "cmu_asf_amc_01_03.zip") as archive:
        folder = f"asf_amc_01_03/{trial[:2]}"
        skeleton = parse_asf(archive.read(f"{folder}/{trial[:2]}.asf").decode(), trial)
        clip = parse_amc(archive.read(f"{folder}/{trial}.amc").decode(), skeleton, trial)
    native = replay_amc(clip, body)
    converted = replay(read_cmu(biopose_data / "cmu_bvh_01_14.zip", trial), body)
    first = len(native.time_s) - len(converted.time_s)  # the conversion begins with a zero pose, which is left out
    assert native.time_s[1] == pytest.approx(1 / 120)

    def joints(motion, start: int) -> np.ndarray:
        rest = body.rest(torch.tensor(motion.shape))
        posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
        placed = posed.joints - posed.joints[:, :1]
        return placed[start:].numpy()

    apart = np.linalg.norm(joints(native, first) - joints(converted, 0), axis=-1)
    limbs = [i for i, name in enumerate(body.bone_names) if name.endswith(("Leg", "Foot", "Arm", "ForeArm", "Head"))]
    assert np.median(apart[:, limbs]) < 0.03
    assert np.percentile(apart[:, limbs], 95) < 0.12


@pytest.mark.parametrize(
    ("old", "new"),
    [("length 0.5", "length 0"), ("axis 0 0 90 XYZ", "axis 0 0 90"), ("0 -1 0", "0 x 0"), ("dof rx", "dof q")],
)
def test_what_is_no_skeleton(old: str, new: str) -> None:
    with pytest.raises(BioposeError, match=r"not a whole \.asf file"):
        parse_asf(ASF.replace(old, new, 1), "small.asf")


@pytest.mark.parametrize(
    ("old", "new"), [("upper 90", "upper x"), ("upper 90\n", ""), ("root 1 2 3 0 90 0", "root 1 2 3 0 1e300 0")]
)
def test_what_is_no_motion_of_it(old: str, new: str) -> None:
    with pytest.raises(BioposeError, match=r"not a whole \.amc file"):
        parse_amc(AMC.replace(old, new), parse_asf(ASF, "small.asf"), "small.amc")
