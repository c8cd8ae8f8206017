"""The network's bench: figures of answers whose errors are known."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from biomech.bench import neurik_noisy, neurik_oracle, neurik_real, neurik_runs, neurik_speed
from biomech.bench.personalise import ROTATIONS
from biomech.body.gait import walk
from biomech.cli.bench import app
from biomech.comparison.alignment import Heading, turned
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.people import random_adult, seeded
from biomech.labels.shards import write_index, write_shard
from biomech.markers.marker_map import read_marker_map
from biomech.markers.markers import Markers
from biomech.markers.virtual import extract, load_virtual_markers, marker_body, neutral_static
from biomech.mesh.fit_markers import MarkerFit
from biomech.neurik.predict import NeuralAnswer
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.skeleton import Skeleton

FRAMES = 40


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton.from_osim(DEFAULT_PATH)


@pytest.fixture(scope="module")
def motion(skeleton: Skeleton) -> Kinematics:
    """All coordinates swing by a few degrees (and centimetres) about a pose inside their ranges."""
    time_s = np.arange(FRAMES) / 60
    middle = np.clip(0.1, skeleton.ranges[:, 0], skeleton.ranges[:, 1])
    phase = np.arange(len(skeleton.coordinate_names))
    values = middle + 0.05 * np.sin(6 * time_s[:, None] + phase)
    return Kinematics(list(skeleton.coordinate_names), values, time_s, skeleton.rotational)


@pytest.fixture
def labels(skeleton: Skeleton, motion: Kinematics, tmp_path: Path) -> Path:
    """Two held-out subjects with two motions on two bodies each, and one subject of training."""
    folder = tmp_path / "labels" / "shards"
    folder.mkdir(parents=True)
    with torch.no_grad():
        pose = skeleton(torch.from_numpy(motion.values))
    columns = {
        "markers": pose.markers.numpy(),
        "coordinates": motion.values,
        "joints": pose.joints.numpy(),
        "flags": np.zeros(motion.values.shape, dtype=np.uint8),
        "marker_rms": np.zeros(FRAMES),
        "marker_max": np.zeros(FRAMES),
        "trusted": np.ones(FRAMES, dtype=bool),
        "scales": np.ones((len(skeleton.body_names), 3)),
        "marker_offsets": np.zeros((len(skeleton.marker_names), 3)),
    }
    for subject, take, body in [(s, t, b) for s in ("09", "13", "01") for t in ("01", "02") for b in (0, 1)]:
        name = f"cmu_{subject}_{take}__b{body:02d}"
        about = {"name": name, "subject": f"cmu_{subject}", "model": name, "mass_kg": 70.0, "rate_hz": 60.0}
        write_shard(folder / f"{name}.safetensors", columns, about | {"frames": FRAMES, "markers_from": "body"})
    names = {
        "coordinates": skeleton.coordinate_names,
        "rotational": skeleton.rotational.tolist(),
        "bodies": skeleton.body_names,
        "joints": skeleton.joint_names,
        "markers": skeleton.marker_names,
    }
    write_index(folder, names)
    return folder.parent


def answer(trial: neurik_oracle.LabelledTrial, skeleton: Skeleton, change: np.ndarray, scale: float) -> NeuralAnswer:
    values = trial.truth.values + change
    scales = dict.fromkeys(skeleton.body_names[1:], np.full(3, 1 + scale))
    kinematics = dataclasses.replace(trial.truth, values=values)
    return NeuralAnswer(kinematics, scales, np.ones(FRAMES, bool), np.full(values.shape, np.deg2rad(3.0)))


def test_held_out_trials_come_in_turn_from_subjects_and_motions(labels: Path) -> None:
    trials = neurik_oracle.held_out_trials(labels, 4, 25, seed=1)
    assert {trial.name.rsplit("__", 1)[0] for trial in trials} == {
        f"cmu_{subject}_{take}" for subject in ("09", "13") for take in ("01", "02")
    }
    assert [trial.subject for trial in trials[:2]] != [trials[0].subject] * 2
    assert all(len(trial.mask) == 25 for trial in trials)
    again = neurik_oracle.held_out_trials(labels, 4, 25, seed=1)
    assert [trial.name for trial in again] == [trial.name for trial in trials]
    assert len(neurik_oracle.held_out_trials(labels, 99, 25, seed=1)) == 8  # none of training


def test_the_oracle_counts_what_is_wrong_and_nothing_else(labels: Path, skeleton: Skeleton) -> None:
    trial = neurik_oracle.held_out_trials(labels, 1, FRAMES, seed=0)[0]
    nothing = np.zeros(trial.truth.values.shape)
    perfect = neurik_oracle.summed_up(
        [neurik_oracle.outcome(trial, answer(trial, skeleton, nothing, 0), skeleton)], skeleton
    )
    for name in ("oracle_mae_deg", "oracle_scale_mae", "oracle_mpblpe_mm", "oracle_masked_share"):
        assert perfect[name] == pytest.approx(0, abs=1e-4)
    assert perfect["oracle_mpblpe_against_input_mm"] == pytest.approx(0, abs=1e-3)

    knee, tilt, along = (skeleton.coordinate_names.index(n) for n in ("knee_angle_r", "pelvis_tilt", "pelvis_tx"))
    angles = len(neurik_oracle.counted(skeleton))
    change = nothing.copy()
    change[:, knee] = np.deg2rad(6)
    change[:, tilt] = 2 * np.pi  # a whole turn is no error
    half = trial.mask.copy()
    half[: FRAMES // 2, knee] = False
    masked = dataclasses.replace(trial, mask=half)
    found = neurik_oracle.summed_up(
        [neurik_oracle.outcome(masked, answer(trial, skeleton, change, 0), skeleton)], skeleton
    )
    assert found["oracle_mae_unmasked_deg"] == pytest.approx(6 / angles, abs=1e-3)
    assert found["oracle_mae_deg"] == pytest.approx(6 * 0.5 / (angles - 0.5), abs=1e-3)
    still = np.rad2deg(np.abs(trial.truth.values[FRAMES // 2 :, knee]).mean())
    assert found["oracle_by_coordinate"]["knee_angle_r"] == {
        "mae_deg": 6.0, "p95_deg": 6.0, "masked_share": 0.5,
        "zero_motion_mae_deg": pytest.approx(still, abs=0.01),
    }  # fmt: skip
    assert found["oracle_within_uncertainty"] == pytest.approx(1 - 0.5 / (angles - 0.5), abs=1e-3)

    moved = nothing.copy()
    moved[:, along] = 0.01
    found = neurik_oracle.summed_up(
        [neurik_oracle.outcome(trial, answer(trial, skeleton, moved, 0), skeleton)], skeleton
    )
    assert found["oracle_mpblpe_mm"] == pytest.approx(10) and found["oracle_mae_deg"] == 0
    assert found["oracle_mpblpe_root_aligned_mm"] == pytest.approx(0, abs=1e-3)
    larger = neurik_oracle.summed_up(
        [neurik_oracle.outcome(trial, answer(trial, skeleton, nothing, 0.03), skeleton)], skeleton
    )
    assert larger["oracle_scale_mae"] == pytest.approx(0.03) and larger["oracle_mpblpe_mm"] > 5


def clip(motion: Kinematics) -> neurik_noisy.RecoveredClip:
    whole = np.broadcast_to(motion.rotational, motion.values.shape)
    nothing = Markers([], np.zeros((FRAMES, 0, 3)), motion.time_s)
    return neurik_noisy.RecoveredClip("c", nothing, Path(), Path(), None, motion, whole, "motion", 0.0)  # type: ignore[arg-type]


def test_heading_and_place_are_no_errors_but_angles_and_shakes_are(motion: Kinematics) -> None:
    made = clip(motion)
    turned_away = turned(motion, Heading(1.0, (3.0, -1.0)))
    same = neurik_noisy.row([made], [neurik_noisy.against_truth(made, turned_away)])
    assert same["mae_deg"] < 0.002 and same["acceleration_error_rad_s2"] < 0.002

    knee = motion.names.index("knee_angle_l")
    bent = dataclasses.replace(motion, values=motion.values.copy())
    bent.values[:, knee] += np.deg2rad(4)
    found = neurik_noisy.row([made], [neurik_noisy.against_truth(made, bent)])
    angles = int(motion.rotational.sum())
    assert found["mae_deg"] == pytest.approx(4 / angles, abs=2e-3)
    assert found["acceleration_error_rad_s2"] == pytest.approx(0, abs=1e-3)

    bent.values[:, knee] = motion.values[:, knee] + 0.001 * (-1.0) ** np.arange(FRAMES)  # to and fro every frame
    found = neurik_noisy.row([made], [neurik_noisy.against_truth(made, bent)])
    assert found["acceleration_error_rad_s2"] == pytest.approx(0.004 * 60**2 / angles, rel=1e-3)
    smooth = neurik_noisy.low_pass(bent).column("knee_angle_l")[10:-10]
    assert np.abs(smooth - motion.column("knee_angle_l")[10:-10]).max() < 1e-4


def test_a_pair_without_error_is_solved_without_error(tmp_path: Path) -> None:
    """Also: both models are scaled by the neutral postures, and a clip seen under another heading is the same."""
    body = marker_body()
    shape = random_adult(body, seeded("bench"))
    whole = walk(body, torch.as_tensor(shape, dtype=torch.float32), seconds=1.0, rate_hz=24.0)
    markers = extract(body, whole).positions_m
    cos, sin = np.cos(0.4), np.sin(0.4)
    seen = markers @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]).T + [0.5, 0, 1]
    neutral = neutral_static(body, shape, 1).positions_m[0]
    path = tmp_path / "held_00000.npz"
    np.savez(path, truth=markers, recovered=seen, rate_hz=24.0, neutral_truth=neutral, neutral_recovered=neutral)
    (made,) = neurik_noisy.held_out_clips(tmp_path, 5, 0, tmp_path / "work")
    assert made.scaled_by == "neutral posture" and made.marker_error_mm < 0.1
    assert made.mask[:, made.truth.rotational].mean() > 0.9
    solved = neurik_noisy.solvers(None)["fast"](made)  # type: ignore[arg-type]
    found = neurik_noisy.row([made], [neurik_noisy.against_truth(made, solved)])
    assert found["mae_deg"] < 0.05 and found["acceleration_error_rad_s2"] < 0.5


def test_what_is_no_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BioposeError, match="no held-out pairs"):
        neurik_noisy.held_out_clips(tmp_path, 1, 0, tmp_path / "work")
    np.savez(tmp_path / "held_1.npz", truth=np.zeros((3, 142, 3)))
    with pytest.raises(BioposeError, match="not a pair"):
        neurik_noisy.held_out_clips(tmp_path, 1, 0, tmp_path / "work")


def test_rotations_against_the_expert_with_and_without_a_constant() -> None:
    time_s = np.linspace(0, 1, 200, endpoint=False)
    course = 0.3 * np.sin(2 * np.pi * time_s)[:, None] + np.zeros(len(ROTATIONS))
    expert = Kinematics(list(ROTATIONS), course, time_s, np.ones(len(ROTATIONS), bool))
    ours = dataclasses.replace(expert, values=course.copy())
    ours.values[:, ROTATIONS.index("knee_angle_r")] += np.deg2rad(5)
    found = neurik_real.against({"a": expert}, {"a": ours})
    assert found["knee_angle_r"]["mae_deg"] == pytest.approx(5)
    assert found["knee_angle_r"]["offset_free_deg"] == pytest.approx(0, abs=1e-9)
    assert found["hip_flexion_r"]["mae_deg"] == pytest.approx(0, abs=1e-9)
    assert found["hip_flexion_r"]["zero_mae_deg"] == pytest.approx(np.rad2deg(0.3 * 2 / np.pi), rel=1e-3)


def test_the_body_is_found_from_the_markers_of_a_laboratory() -> None:
    """A walking body's landmarks, a centimetre off as a palpated one is, under OpenCap's names; the 142 come back."""
    body, known, table = marker_body(), read_marker_map("opencap"), load_virtual_markers()
    shape = random_adult(body, seeded("lab"))
    walking = walk(body, torch.as_tensor(shape, dtype=torch.float32), seconds=1.2, rate_hz=20.0)
    true = extract(body, walking)
    rng = np.random.default_rng(0)
    names, columns = [], []
    for name, segment, location in zip(known.names, known.bodies, known.locations_m, strict=True):
        of_segment = [k for k, at in enumerate(table.body) if at == segment]
        nearest = of_segment[int(np.linalg.norm(table.location_m[of_segment] - location, axis=1).argmin())]
        names.append(name)
        columns.append(true.positions_m[:, nearest] + rng.normal(0, 0.002, (len(true.time_s), 3)))
    lab = Markers(names, np.stack(columns, 1), true.time_s)
    lab.positions_m[3:6, names.index("r.ASIS")] = np.nan
    fit = MarkerFit([lab], known, height_m=float(body.stature(torch.as_tensor(shape, dtype=torch.float32))))
    found = fit.motion(lab)
    assert np.sqrt(np.nanmean(fit.distances_m(found, lab) ** 2)) < 0.008
    off = np.linalg.norm(extract(body, found).positions_m - true.positions_m, axis=-1)
    legs = [k for k, at in enumerate(table.body) if at.split("_")[0] in ("pelvis", "femur", "tibia")]
    assert off[:, legs].mean() < 0.03


def test_a_clip_of_any_length_from_a_short_one(motion: Kinematics) -> None:
    short = Markers(["A"], np.arange(FRAMES * 3.0).reshape(FRAMES, 1, 3), motion.time_s)
    long = neurik_speed.tiled(short, 100)
    assert long.rate_hz == pytest.approx(60) and len(long.time_s) == 100
    assert (long.positions_m[FRAMES : 2 * FRAMES] == short.positions_m).all()


def test_runs_say_what_differs_and_how_far_seeds_spread(tmp_path: Path) -> None:
    base = {"seed": 0, "rate": 0.001, "sizes": {"window": 64}, "weights": {"joints": 1.0}}
    for name, change in (("a", {}), ("b", {"seed": 1}), ("c", {"sizes": {"window": 32}})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "neurik.json").write_text(json.dumps({"recipe": base | change, "steps": 9}))
    a, b, c = (neurik_runs.TrainedRun.open(tmp_path / name) for name in "abc")
    assert neurik_runs.differs(b, a) == {} and neurik_runs.differs(c, a) == {"sizes.window": 32}
    found = neurik_runs.spread([("a", {"mae": 1.0}), ("b", {"mae": 2.0}), ("d", {"mae": 3.0})])
    assert found["mae"] == {"mean": 2.0, "sd": 1.0, "least": 1.0, "most": 3.0} and found["runs"] == ["a", "b", "d"]
    with pytest.raises(BioposeError, match="no trained network"):
        neurik_runs.TrainedRun.open(tmp_path)


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["neurik", "--weights", str(tmp_path / "none.safetensors"), "--json"])
    assert isinstance(result.exception, BioposeError) and "none.safetensors" in str(result.exception.where)


def test_trained_runs_need_labels(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["neurik", "--data", str(tmp_path), "--runs", str(tmp_path)])
    assert isinstance(answer.exception, BioposeError) and "held-out markers" in answer.exception.what
