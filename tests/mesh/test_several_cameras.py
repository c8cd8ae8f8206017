"""The fit with the evidence of several cameras: one sum of squares, and what it is worth."""

from dataclasses import replace

import numpy as np
import pytest
from several_cameras import calibrated

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.calibration.together import together
from biomech.camera import Camera
from biomech.comparison.truth import joint_errors
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.cameras_from_person import cameras_from_person
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.evidence import seen_by
from biomech.mesh.expected import view_note
from biomech.mesh.fit import WindowFit
from biomech.mesh.ground import sole_points
from biomech.mesh.habit import Habit
from biomech.mesh.level import Level
from biomech.mesh.placing import Placing
from biomech.mesh.recover import recover
from biomech.mesh.start import FromDetector
from biomech.mesh.subject import Subject

HEIGHT_M = 1.70


@pytest.fixture(scope="module")
def from_two(walker_seen: list[Keypoints], round_walker: list[Camera]) -> BodyMotion:
    found = together(walker_seen[:2], ["a", "b"], calibrated(round_walker[:2]))
    return recover(found.keypoints, calibration=found.calibration, height_m=HEIGHT_M)


def test_two_cameras_see_more_than_one(
    from_two: BodyMotion, walker: BodyMotion, walker_seen: list[Keypoints], round_walker: list[Camera]
) -> None:
    truth = replace(walker, camera=round_walker[0])
    one = joint_errors(recover(walker_seen[0], height_m=HEIGHT_M), truth)
    two = joint_errors(from_two, truth)
    assert two.pa_mpjpe_mm < 0.8 * one.pa_mpjpe_mm
    assert two.mpjpe_mm < 25  # by the first camera's axes: place, turn and size are right too


def test_the_world_is_the_calibrations(from_two: BodyMotion, round_walker: list[Camera]) -> None:
    assert from_two.camera is not None
    up, true_up = (c.rotation_camera_from_world[:, 1] for c in (from_two.camera, round_walker[0]))
    assert np.degrees(np.arccos(up @ true_up)) < 1.5
    assert from_two.camera.focal_px == pytest.approx(round_walker[0].focal_px)
    assert any("from the calibration's" in note for note in from_two.notes)
    assert from_two.quality is not None and from_two.quality.min() > 0.9
    assert from_two.cameras == 2 and "filmed by 2 cameras: two of three frames" in str(view_note(from_two))


def test_without_a_height_the_cameras_tell_it(walker_seen: list[Keypoints], round_walker: list[Camera]) -> None:
    found = together(walker_seen, ["a", "b", "c"], calibrated(round_walker))
    motion = recover(found.keypoints, calibration=found.calibration)
    body = AnnyBody.load([0])
    stature = Subject.start(body, None, None).with_shape(motion.shape).stature_m
    assert stature == pytest.approx(HEIGHT_M, abs=0.025)
    assert any("by the cameras the person is" in note for note in motion.notes)
    taller = recover(found.keypoints, calibration=found.calibration, height_m=1.85)
    assert any("not 1.85, which is" in note for note in taller.notes)


def test_a_camera_that_loses_the_person_does_not_matter(
    walker_seen: list[Keypoints], round_walker: list[Camera], walker: BodyMotion
) -> None:
    lost = replace(walker_seen[0], xy=walker_seen[0].xy.copy(), confidence=walker_seen[0].confidence.copy())
    lost.xy[5:14], lost.confidence[5:14] = np.nan, 0.0
    found = together([lost, *walker_seen[1:]], ["a", "b", "c"], calibrated(round_walker))
    motion = recover(found.keypoints, calibration=found.calibration, height_m=HEIGHT_M)
    assert motion.quality is not None and motion.quality.min() > 0.9
    assert joint_errors(motion, replace(walker, camera=round_walker[0])).pa_mpjpe_mm < 15


def test_cameras_found_from_the_person(
    walker_seen: list[Keypoints], round_walker: list[Camera], walker: BodyMotion
) -> None:
    names, true = ["a", "b", "c"], calibrated(round_walker)
    found = together(
        walker_seen, names, None, find=lambda films, whose: cameras_from_person(films, whose, height_m=HEIGHT_M)
    )
    for number in (1, 2):
        turn = found.calibration.turn(number) @ true.turn(number).T
        assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) < 2
        np.testing.assert_allclose(found.calibration.shift_m(number), true.shift_m(number), atol=0.25)
    motion = recover(found.keypoints, calibration=found.calibration, height_m=HEIGHT_M)
    assert joint_errors(motion, replace(walker, camera=round_walker[0])).pa_mpjpe_mm < 18
    assert any("found from the person" in note for note in found.notes)


def test_cameras_of_a_detector_without_3d(walker_seen: list[Keypoints], round_walker: list[Camera]) -> None:
    """The sequence network's points stand in for the detector's."""
    films, true = [replace(film, world_m=None) for film in walker_seen], calibrated(round_walker)
    found = cameras_from_person(films, ["a", "b", "c"], height_m=HEIGHT_M)
    for number in (1, 2):
        turn = found.turn(number) @ true.turn(number).T
        assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) < 5


def test_the_gradient_is_the_costs(walker_seen: list[Keypoints], round_walker: list[Camera]) -> None:
    """Of pose, shape and level together, against finite differences."""
    found = together(walker_seen, ["a", "b", "c"], calibrated(round_walker))
    body = AnnyBody.load([0])
    placing = Placing(body)
    places, correspondence = Correspondence.load(body.bone_names).match(found.keypoints[0].names)
    views, _ = seen_by(found.keypoints, places, correspondence, FromDetector(), found.calibration)
    fit = WindowFit(views, placing, correspondence, Habit.load(), sole_points())
    subject = Subject.start(body, HEIGHT_M, None)
    state = FromDetector().state(views, np.arange(24), correspondence, placing, subject)
    state = fit.minimise(state, iterations=3, grounded=False)
    state = replace(state, level=Level.calibrated(np.array([0.05, -0.98, -0.19]) / np.linalg.norm([0.05, 0.98, 0.19])))
    equations = fit._equations(state, None, free_level=True)
    rng = np.random.default_rng(0)
    step, shared = 1e-5 * rng.normal(size=equations.gradient.shape), 1e-5 * rng.normal(size=3)
    costs = [fit.cost(fit._moved(state, sign * step, sign * shared, None, True)) for sign in (1, -1)]
    slope = (equations.gradient * step).sum() + (equations.shared_gradient * shared).sum()
    # The person's distance scales the picture's residuals, and is not followed.
    assert (costs[0] - costs[1]) / 2 == pytest.approx(slope, rel=0.02)


def test_what_the_fit_refuses(walker_seen: list[Keypoints], round_walker: list[Camera]) -> None:
    calibration = calibrated(round_walker)
    with pytest.raises(BioposeError, match="keypoints of 2 cameras and 3 calibrated"):
        recover(walker_seen[:2], calibration=calibration)
    with pytest.raises(BioposeError, match="and no calibrated ones"):
        recover(walker_seen[:2])
    late = replace(walker_seen[2], time_s=walker_seen[2].time_s + 0.01)
    with pytest.raises(BioposeError, match="same points and moments"):
        recover([*walker_seen[:2], late], calibration=calibration)


def test_a_calibrated_level_has_its_vertical() -> None:
    for up in ([0, -1, 0], [0.3, -0.9, -0.2], [0.95, -0.1, 0.2]):
        unit = np.array(up) / np.linalg.norm(up)
        level = Level.calibrated(unit)
        np.testing.assert_allclose(level.camera_from_world[:, 1], unit, atol=1e-12)
        np.testing.assert_array_equal(level.residual(), 0)
        assert level.moved(np.array([0.01, 0, 0])).residual()[0] > 0
