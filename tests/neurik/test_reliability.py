"""How far an answer can be trusted: half widths, flags and their reasons. An untrained network's answers do for it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from biomech.bench.neural_reliability import area, corruptions, fits, separation
from biomech.coverage import LEVELS
from biomech.markers.markers import Markers
from biomech.neurik.network import NeurIK, Sizes
from biomech.neurik.predict import TrainedNeurIK, load_network, neural_kinematics
from biomech.neurik.reliability import REASONS, ReliabilityLimits, judge
from biomech.neurik.uncertainty import UncertaintyCalibration
from biomech.train.neurik.calibrate import answers, calibrate, coverage, fit, held_out
from biomech.train.neurik.data import plain
from biomech.train.neurik.pose_errors import PoseErrors

SMALL = Sizes(window=16, node_width=12, width=24, layers=1, heads=2)


@pytest.fixture(scope="module")
def people(skeleton, motions):
    """Batches of one kind of motion: to measure on, and others."""
    first, second = (type(motions)(skeleton, count=64, time=16, seed=seed) for seed in (1, 2))
    return tuple([plain(some.batch(list(range(k, k + 32)))) for k in (0, 32)] for some in (first, second))


@pytest.fixture(scope="module")
def network(skeleton, people):
    """Untrained, but for limits and half widths measured on its answers; the heads say a little."""
    torch.manual_seed(0)
    network = TrainedNeurIK(skeleton, {"sizes": SMALL._asdict()}).eval()
    with torch.no_grad():
        network.doubt[-1].weight.normal_(0, 0.3)
        network.doubt[-1].bias.fill_(1.0)
    calibration = fit(network, people[0])
    limits = ReliabilityLimits.learn([signs for _, _, signs in answers(network, people[0])])
    network.recipe = {
        **network.recipe,
        "calibration": {name: values.tolist() for name, values in vars(calibration).items()},
        "trust": json.loads(json.dumps(limits.as_recipe())),
    }
    return network


def clip(network: NeurIK, positions: torch.Tensor, rate_hz: float = 60.0) -> Markers:
    time = np.arange(len(positions)) / rate_hz
    return Markers(list(network.anatomy.marker_names), positions.double().numpy(), time)


def test_half_widths_hold_the_truth_as_often_as_they_say_on_other_people(network, people):
    reached = coverage(network, people[1])
    assert set(reached["all"]) == {"50", "68.3", "90"}
    for level in LEVELS:
        assert abs(reached["all"][f"{100 * level:g}"] - 100 * level) < 6
    # The network's own word is far off here, so that the calibration has something to mend.
    assert abs(coverage(network, people[1], UncertaintyCalibration.laplace(40))["all"]["68.3"] - 68.3) > 10
    assert {"hip", "knee", "wrist", "pelvis turn"} <= set(reached)


def test_width_is_a_power_law_between_knots_and_in_proportion_beyond():
    calibration = UncertaintyCalibration(np.array([[1.0, 4.0]]), np.array([[[2.0, 32.0]]] * 3), np.ones(1))
    expected = np.array([[0.5], [1.0], [2.0], [4.0], [8.0]])
    assert np.allclose(calibration.width(expected)[:, 0], [1.0, 2.0, 8.0, 32.0, 64.0])
    laplace = UncertaintyCalibration.of({}, 3).width(np.full((2, 3), 0.1))
    assert np.allclose(laplace, 0.1 * np.log(1 / (1 - 0.683)))


def test_uncertainty_of_filled_frames_grows_with_the_gap(network, motions, skeleton):
    long = clip(network, type(motions)(skeleton, count=1, time=60, seed=5).markers[0])
    whole = neural_kinematics(long, network=network)
    assert whole.uncertainty.shape == whole.kinematics.values.shape and (whole.uncertainty > 0).all()
    holes = replace(long, positions_m=long.positions_m.copy())
    holes.positions_m[20:31] = np.nan
    holes.positions_m[55:] = np.nan
    answer = neural_kinematics(holes, network=network)
    assert np.array_equal(np.flatnonzero(~answer.solved), [*range(20, 31), *range(55, 60)])
    knee = answer.uncertainty[:, network.anatomy.coordinate_names.index("knee_angle_r")]
    assert knee[25] > knee[22] > knee[20] and knee[25] > knee[28] and knee[59] > knee[56]
    speed = UncertaintyCalibration.of(network.recipe, 40).speed[network.anatomy.coordinate_names.index("knee_angle_r")]
    neighbours = np.interp(25, [19, 31], knee[[19, 31]])
    assert knee[25] == pytest.approx(np.hypot(neighbours, speed * 6 / 60), rel=1e-6)


def test_bad_markers_are_flagged_and_good_ones_left(network, people):
    figures = separation(network, people[1][:1])
    assert figures["false_alarms"]["flagged_percent"] < 12  # of five signs at 1 % each, on few people
    assert set(figures["bad"]) == {name for name, _ in corruptions(network, people[1][0])}
    for name in ("legs swapped", "person in a mirror", "noise of 10 cm", "knee bent backwards"):
        assert figures["bad"][name]["flagged_percent"] > 95, name
        assert figures["bad"][name]["auc"] > 0.97, name


def test_one_bad_limb_is_named_in_its_frames(network, people):
    positions = people[1][0].markers[0].clone()
    markers = clip(network, positions)
    good = judge(markers, neural_kinematics(markers, network=network), network=network)
    tibia = np.flatnonzero(network.anatomy.node_of_marker == network.anatomy.node_names.index("tibia_l"))
    half = tibia[: len(tibia) // 2]
    positions[4:8, half] += torch.tensor([0.0, 0.15, 0.1])
    markers = clip(network, positions)
    verdict = judge(markers, neural_kinematics(markers, network=network), network=network)
    assert verdict.flagged[4:8].all() and verdict.because("body")[4:8].all()
    assert {verdict.where[k] for k in range(4, 8)} == {"tibia_l"}
    assert not verdict.flagged[[0, 1, 2, 12, 14]].any() and not good.flagged.any() and not good.notes
    assert (verdict.score[4:8] > 1).all() and (good.score <= 1).all()
    assert "the network doubts" in verdict.notes[0] and "tibia_l" in verdict.notes[0]
    # Markers known to be bad are not held against the skeleton.
    sure = np.ones((16, 142))
    sure[4:8, half] = 0
    answer = neural_kinematics(markers, confidence=sure, network=network)
    assert not judge(markers, answer, confidence=sure, network=network).flagged.any()


def test_frames_that_were_filled_in_are_said_to_be(network, people):
    markers = clip(network, people[1][0].markers[1])
    markers.positions_m[6:9] = np.nan
    verdict = judge(markers, neural_kinematics(markers, network=network), network=network)
    assert np.array_equal(np.flatnonzero(verdict.because("filled")), [6, 7, 8])
    assert verdict.flagged[6:9].all()
    bare = TrainedNeurIK(network.skeleton, {"sizes": SMALL._asdict()}).eval()
    verdict = judge(markers, neural_kinematics(markers, network=bare), network=bare)
    assert np.array_equal(np.flatnonzero(verdict.flagged), [6, 7, 8]) and "biopose train calibrate" in verdict.notes[0]


def test_a_jump_is_faster_than_people_move_at_any_rate(network, people):
    still = people[1][0].markers[2, :1].repeat(16, 1, 1)
    still[8:] += torch.tensor([0.5, 0.0, 0.0])
    for rate in (60.0, 240.0):
        markers = clip(network, still, rate)
        answer = neural_kinematics(markers, network=network)
        assert judge(markers, answer, network=network).because("speed")[7:9].all()


class Held:
    """What `calibrate` asks of a folder of labels."""

    folder = "labels"

    def __init__(self, motions):
        self.motions = motions

    def windows(self, length, **_):
        return self.motions


@pytest.fixture
def errors(network):
    """Poses misjudged by some 5 degrees that last over the clip, and some that do not; sizes by a few percent."""
    generator = torch.Generator().manual_seed(0)
    coordinates, bodies = len(network.anatomy.coordinate_names), len(network.anatomy.body_names)
    constant = torch.randn(3, 1, coordinates, generator=generator)
    off = 0.09 * constant + 0.02 * torch.randn(3, 20, coordinates, generator=generator)
    off[..., network.anatomy.translation] *= 0.1
    sizes = torch.exp(0.03 * torch.randn(3, bodies, 3, generator=generator))
    sizes[:, 0] = 1
    markers, still = torch.zeros(60, 142, 3), torch.zeros(60, coordinates)
    first = torch.tensor([0, 20, 40, 60])
    return PoseErrors(markers, still, off.flatten(0, 1), torch.ones(3, bodies, 3), sizes, first)


def test_calibration_is_kept_beside_the_weights(skeleton, network, motions, errors, tmp_path):
    weights = tmp_path / "neurik.safetensors"
    save_file({name: value.detach() for name, value in network.named_parameters()}, weights)
    weights.with_suffix(".json").write_text(json.dumps({"sizes": SMALL._asdict(), "steps": 3}))
    held = Held(type(motions)(skeleton, count=40, time=16, seed=3))
    calibrated = calibrate(weights, held, errors)
    recipe = json.loads(weights.with_suffix(".json").read_text())
    assert recipe["steps"] == 3 and recipe["calibration"]["recovered_clips"] == 3
    again = load_network(weights, skeleton)
    assert np.array_equal(np.array(again.recipe["trust"]["usual"]["body"]), calibrated.recipe["trust"]["usual"]["body"])
    # Clean and recovered together were calibrated, so that together they keep their word.
    both = recipe["calibration"]["coverage_percent"]
    assert abs((both["clean"]["all"]["68.3"] + both["recovered"]["all"]["68.3"]) / 2 - 68.3) < 4
    off = held_out(held, again, "val", errors)[0].markers - held_out(held, again, "val")[0].markers
    assert 0.01 < off.norm(dim=-1).mean() < 0.1


def test_recovered_clips_are_held_against_quality_and_truth(network, people, tmp_path):
    truth = people[1][0].markers[:2].numpy()
    recovered = truth.copy()
    recovered[:, 10:] *= [1.0, 1.0, -1.0]
    quality = np.where(np.arange(16) < 10, 1.0, 0.1)
    told = {"rate_hz": 60.0, "quality": quality}
    for k in range(2):
        np.savez(tmp_path / f"{k}.npz", truth=truth[k], recovered=recovered[k], **told)
    figures = fits(network, sorted(tmp_path.glob("*.npz")))
    assert figures["frames"] == 32 and figures["flagged_percent"]["quality below 0.5"] > 95
    assert figures["marker_error_mm"]["flagged"] > 100


def test_signs_are_bits_in_order():
    assert REASONS == ("markers", "body", "range", "speed", "first", "filled")
    assert area(np.array([2.0, 3.0]), np.array([1.0, 0.5])) == 1.0
    assert area(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.5
    assert area(np.array([]), np.array([1.0])) is None
