"""How far off the fit may be: covariances out of the band, and standard deviations of coordinates."""

from pathlib import Path

import numpy as np
import pytest

from biomech.body.linkage import BALL_TURNS, HINGE_TURNS, coordinates_of, pose_of, turned_by
from biomech.body.motion import BodyMotion
from biomech.coverage import LEVELS
from biomech.mesh.banded import BandedNormalEquations
from biomech.mesh.expected import NAMES, coordinate_sd, half_widths, half_widths_by_name


def test_covariances_are_the_inverse_s_diagonal_blocks() -> None:
    rng = np.random.default_rng(0)
    for frames in (1, 2, 5, 6):
        equations = BandedNormalEquations(frames, 3, 0)
        equations.add_frames(rng.normal(size=(frames, 4)), rng.normal(size=(frames, 4, 3)))
        equations.add_differences(
            (1.0, -2.0, 1.0), rng.normal(size=(max(frames - 2, 0), 5)), rng.normal(size=(frames, 5, 3))
        )
        dense = np.zeros((frames * 3, frames * 3))
        for gap, blocks in enumerate(equations.blocks):
            for k, block in enumerate(blocks):
                rows, columns = slice(3 * (k + gap), 3 * (k + gap) + 3), slice(3 * k, 3 * k + 3)
                dense[rows, columns] = block
                dense[columns, rows] = block.T
        inverse = np.linalg.inv(dense)
        wanted = [inverse[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] for k in range(frames)]
        assert np.allclose(equations.covariances(), wanted)


def test_spreads_of_coordinates_are_those_of_drawn_poses() -> None:
    rng = np.random.default_rng(1)
    pose = pose_of(["hip_flexion_r", "knee_angle_r", "arm_add_l"], np.array([[0.6, 0.9, -0.7]]))
    turns = BALL_TURNS.size + HINGE_TURNS.size
    root = 0.02 * rng.normal(size=(3 + turns, 3 + turns))
    covariance = root @ root.T * 0.05
    drawn = rng.multivariate_normal(np.zeros(3 + turns), covariance, 20000)
    moved = turned_by(pose[np.zeros(20000, int)], drawn[:, 3:])
    turn = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    found = dict(zip(NAMES, coordinate_sd(pose, covariance[None], turn)[0], strict=True))
    for name, values in coordinates_of(moved).items():
        assert abs(found[name] / values.std() - 1) < 0.05, name
    for k, axis in enumerate("xyz"):
        assert abs(found[f"pelvis_t{axis}"] / (drawn[:, :3] @ turn.T)[:, k].std() - 1) < 0.05


def test_several_cameras_have_half_widths_of_their_own(tmp_path: Path) -> None:
    sd = np.radians(np.linspace(0.5, 4, 5))[:, None] * np.ones(len(NAMES))
    one, two, three, four = (half_widths(list(NAMES), sd, cameras=count) for count in (1, 2, 3, 4))
    assert np.array_equal(three, four) and not np.array_equal(one, two) and not np.array_equal(two, three)
    for count in (2, 3):
        by_level = [half_widths(list(NAMES), sd, level, cameras=count) for level in LEVELS]
        assert (np.diff(by_level, axis=0) >= 0).all() and (by_level[0] > 0).all()
    left, right = NAMES.index("knee_angle_l"), NAMES.index("knee_angle_r")
    assert np.array_equal(two[:, left], two[:, right])
    seen_by_two = BodyMotion(
        *("anny", ["Hips"], np.tile(np.eye(3), (5, 1, 1, 1)), np.zeros((5, 3)), np.zeros(1), ["size"]),
        time_s=np.arange(5) / 30,
        coordinate_names=list(NAMES),
        coordinate_sd=sd,
        cameras=2,
    )
    seen_by_two.save(tmp_path / "motion.npz")
    loaded = BodyMotion.load(tmp_path / "motion.npz")
    assert loaded.cameras == 2
    found = half_widths_by_name(loaded)
    assert found is not None and found["knee_angle_l"] == pytest.approx(two[:, left])
