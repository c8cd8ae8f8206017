"""Sizes and marker places found from motion: known truths come back, and what is written is what was found."""

from pathlib import Path

import numpy as np
import pytest
import torch

from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc
from biomech.osim_models import DEFAULT_PATH
from biomech.scaling.anthropometry import TABLE, derive, load_proportions
from biomech.scaling.personalise import personalise
from biomech.scaling.scaled_model import write_scaled
from biomech.scaling.segments import factors_of, segment_of, stature
from biomech.scaling.varied_frames import varied_frames
from biomech.skeleton.model import load_model
from biomech.skeleton.skeleton import Skeleton

torch.set_num_threads(1)
SIZES = {"pelvis": (1.05, 1.08, 1.1), "thigh": (1, 0.93, 1), "shank": (1, 1.06, 1), "torso": (1.02, 0.96, 0.95)}


@pytest.fixture(scope="module")
def generic() -> Skeleton:
    return Skeleton.from_osim(DEFAULT_PATH)


def motion(generic: Skeleton, frames: int = 40) -> torch.Tensor:
    """Every joint swings at a rate of its own."""
    values = torch.as_tensor(generic.defaults).repeat(frames, 1)
    time = torch.linspace(0, 2 * np.pi, frames, dtype=torch.float64)
    for rate, name in enumerate(generic.coordinate_names):
        amplitude = 0.05 if name.startswith("pelvis_t") else 0.3
        values[:, rate] += amplitude * torch.sin((1 + 0.37 * rate) * time)
        if name.startswith("knee"):
            values[:, rate] = values[:, rate].abs() + 0.1
    return values


def true_scales(generic: Skeleton, factor: float = 1.0) -> torch.Tensor:
    scales = torch.ones(len(generic.body_names), 3, dtype=torch.float64)
    for k, body in enumerate(generic.body_names[1:], start=1):
        scales[k] = factor * torch.tensor(SIZES.get(segment_of(body), (1.0, 1.0, 1.0)))
    return scales


@pytest.fixture(scope="module")
def recorded(generic: Skeleton) -> Markers:
    """Markers of a person of other proportions, each 8 mm off its place."""
    offsets = torch.as_tensor(np.random.default_rng(3).normal(0, 0.008, (len(generic.marker_names), 3)))
    places = generic(motion(generic), true_scales(generic), offsets).markers.numpy()
    noise = np.random.default_rng(4).normal(0, 0.001, places.shape)
    whole = Markers(list(generic.marker_names), places + noise, np.arange(len(places)) / 50)
    return whole.select(sorted({*whole.names[::3], "RASI", "LASI", "RPSI", "RKNE", "LKNE", "RANK", "LANK"}))


@pytest.fixture(scope="module")
def found(recorded: Markers, tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("personal") / "person.osim"
    return personalise(DEFAULT_PATH, [recorded], out_osim=out, mass_kg=70)


def test_lengths_come_back_from_motion(found):
    for body, axis in (("femur_r", 1), ("tibia_r", 1), ("pelvis", 2)):
        assert found.factors[body][axis] == pytest.approx(SIZES[segment_of(body)][axis], abs=0.025)
    assert found.marker_rms_m < 0.002
    assert found.seconds < 60


def test_both_sides_share_their_factors(found):
    for body, factor in found.factors.items():
        if body.endswith("_r"):
            np.testing.assert_array_equal(factor, found.factors[f"{body[:-2]}_l"])


def test_the_written_model_is_the_one_that_was_found(found, generic: Skeleton):
    written = Skeleton.from_osim(found.model_osim)
    scales = torch.ones(len(generic.body_names), 3, dtype=torch.float64)
    for body, factor in found.factors.items():
        scales[generic.body_names.index(body)] = torch.as_tensor(factor)
    still = np.zeros(3)
    offsets = torch.as_tensor(np.array([found.marker_offsets_m.get(name, still) for name in generic.marker_names]))
    coordinates = motion(generic)
    ours, theirs = generic(coordinates, scales, offsets), written(coordinates)
    torch.testing.assert_close(ours.markers, theirs.markers, atol=1e-6, rtol=0)
    torch.testing.assert_close(ours.joints, theirs.joints, atol=1e-6, rtol=0)
    model = load_model(found.model_osim)
    assert model.getTotalMass(model.getWorkingState()) == pytest.approx(70, abs=1e-6)


def test_a_height_that_disagrees_is_said(recorded: Markers, tmp_path: Path):
    wrong = personalise(DEFAULT_PATH, [recorded], out_osim=tmp_path / "a.osim", mass_kg=70, height_m=2.1)
    assert any("not of 2.10 m" in note for note in wrong.notes)


def test_millimetres_taken_for_metres_are_refused(recorded: Markers, tmp_path: Path):
    large = Markers(recorded.names, recorded.positions_m * 5, recorded.time_s)
    with pytest.raises(BioposeError, match="no person's"):
        personalise(DEFAULT_PATH, [large], out_osim=tmp_path / "a.osim")
    assert not list(tmp_path.iterdir())


def test_markers_that_show_no_size_are_refused(recorded: Markers, tmp_path: Path):
    """Three that may be anywhere on the pelvis."""
    pelvis = recorded.select(["RASI", "LASI", "RPSI"])
    with pytest.raises(BioposeError, match="do not show the size"):
        personalise(DEFAULT_PATH, [pelvis], out_osim=tmp_path / "a.osim", offset_sd_m=dict.fromkeys(pelvis.names, 0.1))
    assert not list(tmp_path.iterdir())


def test_impossible_height_and_mass_are_refused(recorded: Markers, tmp_path: Path):
    with pytest.raises(BioposeError, match="height"):
        personalise(DEFAULT_PATH, [recorded], out_osim=tmp_path / "a.osim", height_m=178)
    with pytest.raises(BioposeError, match="mass"):
        personalise(DEFAULT_PATH, [recorded], out_osim=tmp_path / "a.osim", mass_kg=-3)


def test_stature_grows_with_the_model(generic: Skeleton):
    factors = factors_of(generic)
    row = stature(generic, factors)
    assert row is not None
    assert row.sum() == pytest.approx(1.70, abs=0.005)  # as Rajagopal et al. 2016 state
    assert np.append(np.full(factors.count, 1.1), 1) @ row == pytest.approx(1.1 * row.sum(), rel=1e-6)


def test_stature_of_the_experts_model(biopose_data: Path):
    """The expert scaled to a person of 1.68 m, by markers alone."""
    skeleton = Skeleton.from_osim(biopose_data / "opencap_lab_subject4/Models/manually_scaled.osim")
    row = stature(skeleton, factors_of(skeleton))
    assert row is not None and row.sum() == pytest.approx(1.68, abs=0.02)


def test_the_table_is_what_the_data_says(biopose_data: Path):
    import json

    assert derive(biopose_data / "ansur2") == json.loads(TABLE.read_text())


def test_proportions_are_of_people():
    women, men = load_proportions("female"), load_proportions("male")
    thigh = women.measures.index("thigh_length")
    assert 0.35 < np.exp(women.at(1.63)[thigh]) < np.exp(men.at(1.76)[thigh]) < 0.45
    assert np.linalg.eigvalsh(women.covariance).min() > 0


def test_frames_are_of_many_poses():
    """Long stillness, a short swing and one wild frame: the swing is shown, the stillness not repeated."""
    rest = np.random.default_rng(0).normal(0, 0.3, (6, 3))
    positions = np.repeat(rest[None], 500, axis=0) + np.random.default_rng(1).normal(0, 1e-4, (500, 6, 3))
    positions[450:480, 3:, 1] += np.linspace(0, 0.5, 30)[:, None]
    markers = Markers([f"m{k}" for k in range(6)], positions, np.arange(500) / 100)
    chosen = [frame for _, frame in varied_frames([markers], markers.names, 10)]
    assert len(chosen) <= 10
    assert sum(450 <= frame < 480 for frame in chosen) >= 4


def test_written_markers_in_offset_frames(tmp_path: Path, generic: Skeleton):
    write_scaled(DEFAULT_PATH, {}, {"C7": np.array([0.01, 0.0, 0.0])}, 60, tmp_path / "a.osim")
    written = Skeleton.from_osim(tmp_path / "a.osim")
    moved = written.marker_locations.sum(-1) - generic.marker_locations.sum(-1)
    assert moved[generic.marker_names.index("C7")].tolist() == pytest.approx([0.01, 0, 0], abs=1e-9)
    assert float(moved.norm()) == pytest.approx(0.01, abs=1e-9)


@pytest.mark.slow
def test_a_real_persons_trials(biopose_data: Path, tmp_path: Path):
    """From the unscaled model without a static trial: better than the expert's 9.8 mm on walking."""
    data = biopose_data / "opencap_lab_subject4"
    trials = [read_trc(data / f"MarkerData/{name}.trc") for name in ("walking1", "squats1")]
    found = personalise(
        data / "Models/unscaled_generic.osim", trials, out_osim=tmp_path / "a.osim", height_m=1.68, mass_kg=62.6
    )
    assert found.marker_rms_m < 0.0098
    assert found.factors["femur_r"][1] == pytest.approx(0.958, abs=0.05)  # the expert's
    assert found.factors["tibia_r"][1] == pytest.approx(1.018, abs=0.05)
    assert found.stature_m == pytest.approx(1.68, abs=0.03)


@pytest.mark.slow
def test_a_child_is_found_from_an_adult_s_model(generic: Skeleton, recorded: Markers, tmp_path: Path) -> None:
    """Half as tall, and nothing said of the height; six of forty frames have their markers exchanged."""
    places = generic(motion(generic), true_scales(generic, 0.6)).markers.numpy()
    places[::7] = places[::7, np.random.default_rng(5).permutation(places.shape[1])]
    child = Markers(list(generic.marker_names), places, np.arange(len(places)) / 50).select(recorded.names)
    found = personalise(DEFAULT_PATH, [child], out_osim=tmp_path / "child.osim", mass_kg=20.0)
    generic_m = stature(generic, factors_of(generic))
    assert generic_m is not None and found.stature_m is not None
    assert found.marker_rms_m < 0.01 and not {frame for _, frame in found.frames} & set(range(0, 40, 7))
    np.testing.assert_allclose(found.factors["femur_r"][1], 0.6 * 0.93, rtol=0.05)
    assert any(note.startswith("6 of 40 frames are left out") for note in found.notes)
