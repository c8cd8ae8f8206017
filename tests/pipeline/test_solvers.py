"""Several solvers in one street: which ones a run takes, what each leaves, and the network among them."""

import functools
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import opensim
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from biomech.errors import BioposeError
from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc
from biomech.neurik import own_model, predict, reliability
from biomech.neurik.network import NeurIK, Sizes
from biomech.neurik.polish import ALIKE, polish
from biomech.neurik.predict import NeuralAnswer, neural_kinematics
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline import solvers
from biomech.pipeline.run import Options, Result, run_ik
from biomech.pipeline.solvers import choose_solvers
from biomech.skeleton.skeleton import Skeleton

SIZES = Sizes(window=16, node_width=12, width=24, layers=2, heads=2)
BOTH = ("neural", "fast")


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton.from_osim(DEFAULT_PATH)


@pytest.fixture(scope="module")
def truth(skeleton: Skeleton) -> tuple[Kinematics, Markers, dict[str, np.ndarray]]:
    """A person a tenth larger than the model who moves a little, 12 frames, the markers where the model has them."""
    low, high = skeleton.ranges.T.clip(-0.8, 0.8)
    time_s = np.arange(12) / 60
    wave = 0.5 + 0.3 * np.sin(np.arange(len(low)) + 5 * time_s[:, None])
    values = low + wave * (high - low)
    scales = {body: np.full(3, 1.1) for body in skeleton.body_names[1:]}
    factors = torch.tensor([[1.0] * 3] + [[1.1] * 3] * len(scales), dtype=torch.float64)
    with torch.no_grad():
        positions = skeleton(torch.from_numpy(values), factors).markers.numpy()
    kinematics = Kinematics(skeleton.coordinate_names, values, time_s, skeleton.rotational)
    return kinematics, Markers(skeleton.marker_names, positions, time_s), scales


@pytest.fixture
def weights(skeleton: Skeleton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An untrained network in the place of the package's: it gives the closed-form first answer."""
    torch.manual_seed(0)
    path = tmp_path / "neurik.safetensors"
    save_file(dict(NeurIK(skeleton, SIZES).named_parameters()), path)
    path.with_suffix(".json").write_text(json.dumps({"sizes": SIZES._asdict()}))
    monkeypatch.setattr(predict, "FILE", path)
    loaded = functools.partial(predict.load_network, path)
    for module in (predict, reliability):
        monkeypatch.setattr(module, "load_network", loaded)
    return path


@pytest.fixture
def recorded(truth: tuple[Kinematics, Markers, dict], tmp_path: Path) -> Path:
    write_trc(truth[1], tmp_path / "walk.trc")
    return tmp_path / "walk.trc"


@pytest.fixture
def ran(recorded: Path, tmp_path: Path) -> Callable[..., tuple[list[str], Result]]:
    """Run the street on the markers; answers the stages that ran, and the result."""

    def run(**options) -> tuple[list[str], Result]:
        said: list[str] = []
        result = run_ik(
            *(recorded, tmp_path / "run", Options(**options)),
            on_stage=lambda name, skipped: None if skipped else said.append(name),
        )
        return said, result

    return run


@pytest.fixture
def answer(truth: tuple[Kinematics, Markers, dict]) -> NeuralAnswer:
    """A network that is 2 degrees and 20 mm off, and says so."""
    kinematics, _, scales = truth
    rng = np.random.default_rng(1)
    unsure = np.where(kinematics.rotational, np.deg2rad(2.0), 0.02)
    wrong = kinematics.values + unsure * rng.choice([-1.0, 1.0], kinematics.values.shape)
    said = Kinematics(kinematics.names, wrong, kinematics.time_s, kinematics.rotational)
    return NeuralAnswer(said, scales, np.ones(len(wrong), bool), np.broadcast_to(unsure, wrong.shape))


def test_which_solvers_a_run_takes(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fine() -> None:
        pass

    def unknown() -> None:
        raise BioposeError("other markers")

    assert choose_solvers(Options(solvers=BOTH), fine) == BOTH
    assert choose_solvers(Options(polish=True), fine) == ("neural",)
    for default in ("neural", "fast"):
        monkeypatch.setattr(solvers, "DEFAULT_SOLVER", default)
        assert choose_solvers(Options(), fine) == (default,)
        assert choose_solvers(Options(), unknown) == ("fast",)
        assert choose_solvers(Options(smooth_mm=10), fine) == ("fast",)
    for options, message in (
        (Options(solvers=("neural",)), "other markers"),
        (Options(polish=True), "other markers"),
        (Options(solvers=("fast", "fast")), "named twice"),
        (Options(solvers=("fast",), polish=True), "network's answer"),
        (Options(solvers=("neural", "opensim"), smooth_mm=10), "our own solver"),
    ):
        with pytest.raises(BioposeError, match=message):
            choose_solvers(options, unknown)
    weights.unlink()
    with pytest.raises(BioposeError, match="weights are not there"):
        choose_solvers(Options(solvers=("neural",)), fine)


@pytest.mark.slow
def test_the_virtual_markers_need_nothing_else(weights: Path, ran: Callable[..., tuple[list[str], Result]]) -> None:
    stages, result = ran(solvers=BOTH, mass_kg=70)
    assert stages == ["read", "scale", "solve", "solve_fast", "difference", "angles", "events", "report"]
    own = {"walk_neural.mot", "walk_ik_setup.xml", "walk_quality.csv", "walk_uncertainty.csv", "walk_angles.csv"}
    own |= {"walk_events.csv", "walk_measures.csv"}
    other = {"walk_fast.mot", "walk_fast_ik_setup.xml", "walk_fast_quality.csv", "walk_fast_angles.csv"}
    shared = {"biopose.json", "walk.trc", "walk_scaled.osim", "walk_difference.csv", "walk_difference.png"}
    shared |= {"walk_angles.png", "walk_report.html", "Geometry"}
    assert {path.name for path in result.folder.iterdir()} == own | other | shared
    model = opensim.Model(str(result.model))
    assert model.getTotalMass(model.initSystem()) == pytest.approx(70)
    figures = result.record["stages"]
    assert figures["solve"]["network_factors"] == figures["scale"]["factors"]
    assert np.mean(list(figures["scale"]["factors"].values())) == pytest.approx(1.1, rel=0.05)
    assert figures["solve"]["marker_rms_mm"] < 10 and figures["solve_fast"]["marker_rms_mm"] < 10
    motion, uncertainty = read_mot(result.kinematics), pd.read_csv(result.files["uncertainty"])
    assert [c.getName() for c in model.getCoordinateSet()] == motion.names
    assert list(uncertainty)[:2] == ["time", "pelvis_tilt_deg"] and "pelvis_tx_mm" in uncertainty
    assert len(uncertainty) == 12 and (uncertainty.iloc[:, 1:] > 0).all(axis=None)
    told = figures["difference"]["motions"]["walk_fast.mot"]
    fast = read_mot(result.folder / "walk_fast.mot")
    knees = [motion.names.index(f"knee_angle_{side}") for side in "rl"]
    apart = np.rad2deg(np.abs(motion.values - fast.values)[:, knees].mean())
    assert told["knee (deg)"] == pytest.approx(apart, abs=1e-3)
    assert "<output_motion_file>walk_classical_replay.mot" in result.ik_setup.read_text()


def test_what_runs_again(
    weights: Path, ran: Callable[..., tuple[list[str], Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Takes seconds.
    monkeypatch.setattr("biomech.comparison.curves.write_curves", lambda compared, path: path.write_text("curves"))
    ran(solvers=BOTH)
    assert ran(solvers=BOTH)[0] == []
    stages, result = ran(solvers=("neural",), polish=True)
    assert stages == ["solve", "angles", "events", "report"] and "solve_fast" not in result.record["stages"]
    assert any(note.startswith("polished") for note in result.notes)
    weights.with_suffix(".json").write_text(json.dumps({"sizes": SIZES._asdict(), "note": "trained again"}))
    assert ran(solvers=("neural",), polish=True)[0] == ["scale", "solve", "report"]


def test_other_markers_are_not_the_networks(weights: Path, biopose_data: Path, tmp_path: Path) -> None:
    subject = biopose_data / "opencap_lab_subject4"
    said = Options(model=subject / "Models/manually_scaled.osim", solvers=("neural",))
    with pytest.raises(BioposeError, match="the 142 virtual markers, of which") as refused:
        run_ik(subject / "MarkerData/walking1.trc", tmp_path / "run", said)
    assert refused.value.mend == "Give `solver=fast`." and not (tmp_path / "run").exists()


def test_flagged_frames_are_not_trusted(
    weights: Path,
    ran: Callable[..., tuple[list[str], Result]],
    truth: tuple[Kinematics, Markers, dict],
    recorded: Path,
) -> None:
    _, markers, _ = truth
    gappy = markers.positions_m.copy()
    gappy[4:6, 10:] = math.nan  # too few markers for the network
    write_trc(Markers(markers.names, gappy, markers.time_s), recorded)
    stages, result = ran(solvers=("neural",))
    assert stages and ran(solvers=("neural",))[0] == []
    result.solutions[0].tracked.unlink()  # what the setup reads in place of frames without markers
    assert ran(solvers=("neural",))[0] == ["solve"] and result.solutions[0].tracked.is_file()
    table = pd.read_csv(result.quality)
    assert table.trusted.tolist() == [1] * 4 + [0] * 2 + [1] * 6
    assert result.record["stages"]["solve"]["frames_flagged"] == 2
    assert table.marker_rms_mm.isna().sum() == 2 and len(read_mot(result.kinematics).time_s) == 10


def test_another_skeleton_is_not_the_networks(
    weights: Path, recorded: Path, biopose_data: Path, tmp_path: Path
) -> None:
    model = biopose_data / "opencap_lab_subject4/Models/manually_scaled.osim"
    with pytest.raises(BioposeError, match="our own skeleton's coordinates"):
        solvers.check_network(opensim.Model(str(model)), read_trc(recorded).names, str(model))


def test_polishing_stands_between_the_network_and_the_markers(
    skeleton: Skeleton, truth: tuple[Kinematics, Markers, dict], answer: NeuralAnswer
) -> None:
    tasks = dict.fromkeys(skeleton.marker_names, 1.0)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        own = skeleton(torch.from_numpy(truth[0].values)).markers.numpy()
    markers = Markers(truth[1].names, own + rng.normal(0, 0.01, own.shape), truth[1].time_s)
    follows, _ = inverse_kinematics(skeleton, markers, tasks)

    def polished(times: float) -> np.ndarray:
        return polish(skeleton, markers, tasks, replace(answer, uncertainty=times * answer.uncertainty)).values

    assert np.abs(polished(1e-3) - answer.kinematics.values).max() < 1e-3
    assert np.abs(polished(1e3) - follows.values).max() < 0.02

    def least(values: np.ndarray) -> np.ndarray:
        """What it says that it minimises, frame by frame, written out again."""
        with torch.no_grad():
            off = skeleton(torch.from_numpy(values)).markers.numpy() - markers.positions_m
        pull = (((values - answer.kinematics.values) / answer.uncertainty) ** 2).sum(1)
        return (off**2).sum((1, 2)) / ALIKE / 0.015**2 + pull

    found = polished(1)
    best = least(found)
    assert (best < least(answer.kinematics.values)).all() and (best < least(follows.values)).all()
    for _ in range(20):
        step = rng.normal(0, 1e-3, found.shape)
        inside = np.clip(found + step, skeleton.ranges[:, 0], skeleton.ranges[:, 1])
        moved = np.where(skeleton.clamped, inside, found + step)
        assert (least(moved) > best).all()


def test_frames_that_the_network_filled_are_not_polished(
    skeleton: Skeleton, truth: tuple[Kinematics, Markers, dict], answer: NeuralAnswer
) -> None:
    answer.solved[3] = False
    found = polish(skeleton, truth[1], dict.fromkeys(skeleton.marker_names, 1.0), answer).values
    np.testing.assert_array_equal(found[3], answer.kinematics.values[3])
    assert np.abs(found[4] - answer.kinematics.values[4]).max() > 1e-3


def test_the_own_model_has_the_markers_where_they_were_seen(
    truth: tuple[Kinematics, Markers, dict], skeleton: Skeleton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinematics, markers, scales = truth
    sure = np.full(kinematics.values.shape, 1e-3)
    true = NeuralAnswer(kinematics, scales, np.ones(12, bool), sure)
    monkeypatch.setattr(own_model, "neural_kinematics", lambda markers: true)
    positions = markers.positions_m.copy()
    knee, heel = (markers.names.index(name) for name in ("RKNE", "RHEE"))
    with torch.no_grad():
        rotations = skeleton(torch.from_numpy(kinematics.values)).rotations.numpy()
    body = rotations[:, int(skeleton.marker_body[knee])]
    positions[:, knee] += body @ [0.0, 0.02, 0.01]
    positions[5, knee] += 0.5  # one frame alone does not count
    positions[:, heel] = math.nan
    found = own_model.scale_by_network(
        Markers(markers.names, positions, markers.time_s), out_osim=tmp_path / "own.osim", height_m=3.0
    )
    np.testing.assert_allclose(found.marker_offsets_m["RKNE"], [0.0, 0.02, 0.01], atol=1e-6)
    np.testing.assert_allclose(found.marker_offsets_m["LKNE"], 0, atol=1e-6)
    assert "RHEE" not in found.marker_offsets_m
    assert any("not of 3.00 m" in note for note in found.notes)
    own = Skeleton.from_osim(tmp_path / "own.osim")
    with torch.no_grad():
        posed = own(torch.from_numpy(kinematics.values)).markers.numpy()
    seen = np.arange(142) != heel
    np.testing.assert_allclose(posed[0, seen], positions[0, seen], atol=1e-5)


def test_an_untrained_network_already_answers(weights: Path, truth: tuple[Kinematics, Markers, dict]) -> None:
    found = neural_kinematics(truth[1]).kinematics
    knee = np.rad2deg(np.abs(found.column("knee_angle_r") - truth[0].column("knee_angle_r")))
    assert knee.max() < 5
