"""Bodies against bodies: readers of the true layouts, joints by the right regressor, frames that count."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data_sets import FRAMES, body_models, regressor, write_3dpw, write_bedlam, write_emdb, write_h36m
from scipy.spatial.transform import Rotation

from biomech.body.motion import BodyMotion
from biomech.body.sources.people import Parameters
from biomech.body.sources.surface import surface_of
from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.evaluation import mesh_judge
from biomech.evaluation.evaluate import Evaluation, evaluate
from biomech.evaluation.judge import EvalOptions
from biomech.evaluation.mesh_score import H36M_ROWS, LSP14
from biomech.evaluation.sequence import HowFound
from biomech.evaluation.sets import dataset_of
from biomech.mesh.mqhmr.bodies import SMPL_BONES
from biomech.train.mqhmr.coco import H36M

pytest.importorskip("smplx")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return body_models(tmp_path_factory.mktemp("models"))


def _judged(
    name: str, root: Path, answers: Path, models: Path | None, split: str, *, pickles: bool = True
) -> Evaluation:
    options = EvalOptions(
        root / "out", HowFound(split, allow_pickle=pickles), predictions=answers, system="X", body_models=models
    )
    return evaluate(dataset_of(name), root, options)


def _vertices(one: dict, gender: str, models: Path, cameras: np.ndarray, body: str = "smpl") -> np.ndarray:
    """As a system that makes no error sees them: in camera axes, wherever."""
    parameters = Parameters(body, gender, one["poses"].reshape(FRAMES, -1, 3), one["trans"], one["betas"])
    vertices, _, _ = surface_of(parameters, models)
    return np.einsum("fij,fvj->fvi", cameras[:, :3, :3], vertices) + np.array([0.3, 0.2, 5])


def test_3dpw(tmp_path: Path, models: Path) -> None:
    held = write_3dpw(tmp_path)
    sequences = dataset_of("3dpw").sequences(tmp_path, HowFound("test", allow_pickle=True))
    assert [one.name for one in sequences] == ["downtown_walk_00_0", "downtown_walk_00_1"]
    joint = held["cam_poses"][2] @ [*held["trans"][1][2], 1]
    assert sequences[1].known["person"] == pytest.approx((1960 * joint[:2] / joint[2] + [540, 960]).tolist())
    answers = tmp_path / "answers"
    answers.mkdir()
    for actor, gender in enumerate(("male", "female")):
        one = {"poses": held["poses"][actor], "trans": held["trans"][actor], "betas": held["betas"][actor][:10]}
        np.savez(answers / f"downtown_walk_00_{actor}.npz", vertices=_vertices(one, gender, models, held["cam_poses"]))
    found = _judged("3dpw", tmp_path, answers, models, "test")
    assert [score.figures["frames"] for score in found.scores] == [FRAMES, FRAMES - 2]
    # Of the others' vertices, in single precision and moved by metres.
    for score in found.scores:
        assert score.figures["mpjpe_mm"] < 0.01 and score.figures["pve_mm"] < 0.01, score.figures
    assert found.totals["X"]["frames"] == 2 * FRAMES - 2


def test_errors_are_of_the_protocols_joints(tmp_path: Path, models: Path) -> None:
    """A turned and larger body: no error after the alignment, and before it what the regressor's joints say."""
    held = write_3dpw(tmp_path)
    answers = tmp_path / "answers"
    answers.mkdir()
    one = {"poses": held["poses"][0], "trans": held["trans"][0], "betas": held["betas"][0][:10]}
    true = _vertices(one, "male", models, held["cam_poses"])
    turn = Rotation.from_euler("y", 20, degrees=True).as_matrix()
    said = 1.1 * true @ turn.T
    np.savez(answers / "downtown_walk_00_0.npz", vertices=said, frame_ids=np.arange(FRAMES))
    found = _judged("3dpw", tmp_path, answers, models, "test").scores[0].figures
    joints = [np.einsum("jv,fvx->fjx", regressor()[list(H36M_ROWS)], points) for points in (said, true)]
    ours, real = (j - j[:, [2, 3]].mean(1, keepdims=True) for j in joints)
    assert found["mpjpe_mm"] == pytest.approx(1000 * np.linalg.norm(ours - real, axis=-1).mean(), rel=1e-4)
    assert found["pa_mpjpe_mm"] < 0.01 and found["pve_mm"] > 50


def test_emdb_and_frames_without_an_answer(tmp_path: Path, models: Path) -> None:
    one = write_emdb(tmp_path)
    answers = tmp_path / "answers"
    answers.mkdir()
    vertices = _vertices(one, "female", models, one["cameras"])
    np.savez(answers / "P0_00_mvs_a.npz", vertices=vertices[1:], frame_ids=np.arange(1, FRAMES))
    (score,) = _judged("emdb", tmp_path, answers, models, "emdb1").scores
    # Frame 2 is a bad one; of the five good ones the first is not answered. The neutral regressor is not the woman's.
    assert score.figures["frames"] == 4 and score.figures["missing"] == pytest.approx(0.2)
    assert score.figures["joints"] == 24 and 1 < score.figures["mpjpe_mm"] < 500
    (other,) = dataset_of("emdb").sequences(tmp_path, HowFound("emdb2", allow_pickle=True))
    assert other.name == "P1_14_outdoor_climb"


def test_h36m_and_joints_alone(tmp_path: Path) -> None:
    points = write_h36m(tmp_path)
    dataset = dataset_of("h36m")
    (front,) = dataset.sequences(tmp_path, HowFound("p2"))
    assert front.name == "S9_Directions_1.60457274" and front.group == "Directions"
    assert len(dataset.sequences(tmp_path, HowFound("p1"))) == 2
    answers = tmp_path / "answers"
    answers.mkdir()
    joints = points[5:10][:, [H36M.index(name) for name in LSP14], :3].copy()
    joints[:, LSP14.index("left_wrist")] += [0, 0, 0.014]
    np.savez(answers / f"{front.name}.npz", joints=joints, frames=np.arange(1, 22, 5))
    (score,) = _judged("h36m", tmp_path, answers, None, "p2").scores
    assert score.figures["mpjpe_mm"] == pytest.approx(1.0) and score.figures["frames"] == 5
    assert np.isnan(score.figures["pve_mm"])


def test_bedlam(tmp_path: Path, models: Path) -> None:
    held = write_bedlam(tmp_path)
    sequences = dataset_of("bedlam").sequences(tmp_path, HowFound("validation"))
    name = "20221010_3-10_500__seq_000000__rp_beth"
    assert [one.name for one in sequences] == [name.replace("beth", "aaron"), name]
    answers = tmp_path / "answers"
    answers.mkdir()
    one = held["people"][1]
    shaped = {**one, "betas": np.append(one["betas"], 0.5)}
    vertices = _vertices(shaped, "neutral", models, np.tile(np.eye(4), (FRAMES, 1, 1)), "smplx")
    np.savez(answers / f"{name}.npz", vertices=vertices, frame_ids=held["frames"])
    found = _judged("bedlam", tmp_path, answers, models, "validation")
    figures = next(score for score in found.scores if score.error is None).figures
    assert figures["mpjpe_mm"] < 0.01 and figures["pve_mm"] < 0.01 and figures["joints"] == 22


def test_pickles_are_read_by_the_reader_of_arrays_alone(tmp_path: Path, models: Path) -> None:
    write_3dpw(tmp_path)
    with pytest.raises(BioposeError, match="pickle"):
        dataset_of("3dpw").sequences(tmp_path, HowFound("test"))
    marker = tmp_path / "ran"

    class Runs:
        def __reduce__(self):
            return Path.touch, (marker,)

    path = tmp_path / "sequenceFiles/test/downtown_walk_00.pkl"
    path.write_bytes(pickle.dumps({"genders": Runs()}))
    with pytest.raises(BioposeError, match="no array"):
        dataset_of("3dpw").sequences(tmp_path, HowFound("test", allow_pickle=True))
    assert not marker.exists()
    path.write_bytes(pickle.dumps({"genders": ["m"]}))
    with pytest.raises(BioposeError, match="not a file of 3DPW"):
        dataset_of("3dpw").sequences(tmp_path, HowFound("test", allow_pickle=True))


def test_missing_models_say_what_to_put_where(tmp_path: Path, models: Path) -> None:
    held = write_3dpw(tmp_path)
    answers, few = tmp_path / "answers", tmp_path / "few"
    answers.mkdir()
    few.mkdir()
    np.savez(answers / "downtown_walk_00_0.npz", vertices=np.random.default_rng(0).normal(0, 0.2, (FRAMES, 6890, 3)))
    assert len(held["poses"]) == 2
    with pytest.raises(BioposeError, match=r"regressor.*J_regressor_h36m.npy"):
        _judged("3dpw", tmp_path, answers, few, "test")
    np.save(few / "J_regressor_h36m.npy", regressor())
    with pytest.raises(BioposeError, match=r"no smpl model.*SMPL_MALE"):
        _judged("3dpw", tmp_path, answers, few, "test")
    np.save(few / "J_regressor_h36m.npy", np.zeros((14, 6890)))
    with pytest.raises(BioposeError, match="14 × 6890 instead of 17"):
        _judged("3dpw", tmp_path, answers, few, "test")
    np.savez(answers / "downtown_walk_00_0.npz", vertices=np.random.default_rng(0).normal(0, 0.2, (FRAMES, 10475, 3)))
    with pytest.raises(BioposeError, match="Convert the answer"):
        _judged("3dpw", tmp_path, answers, models, "test")
    np.savez(answers / "downtown_walk_00_0.npz", joints=np.zeros((FRAMES, 17, 3)))
    with pytest.raises(BioposeError, match="right_ankle"):
        _judged("3dpw", tmp_path, answers, models, "test")


def test_biopose_itself(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its body has the protocol's joints in each frame's camera; what recovers it is tested elsewhere."""
    one = write_emdb(tmp_path)
    pictures = tmp_path / "P0/00_mvs_a/images"
    pictures.mkdir(parents=True)
    for frame in range(FRAMES):
        (pictures / f"{frame:05d}.jpg").write_bytes(b"")
    from biomech.body.anny import AnnyBody

    body = AnnyBody.load([0])

    def run(film: Path, folder: Path, options, *, overwrite: bool):
        assert film == pictures and options.rate_hz == 30 and options.person == (550, 1000)
        folder.mkdir(parents=True, exist_ok=True)
        rotations = np.tile(np.eye(3), (FRAMES, len(body.bone_names), 1, 1))
        camera = Camera(1960.0, (540.0, 960.0), (1080, 1920), np.diag([1.0, -1, -1]), np.array([0.0, 1, 4]))
        motion = BodyMotion(
            "anny", body.bone_names, rotations, np.zeros((FRAMES, 3)), body.default_shape().double().numpy(),
            body.shape_names, np.arange(FRAMES) / 30, camera,
        )  # fmt: skip
        motion.save(folder / "motion.npz")
        return type("Result", (), {"motion": folder / "motion.npz"})

    monkeypatch.setattr(mesh_judge, "run_mesh", run)
    options = EvalOptions(tmp_path / "out", HowFound("emdb1", allow_pickle=True))
    with pytest.raises(BioposeError, match="cannot be shipped"):
        evaluate(dataset_of("emdb"), tmp_path, options)
    assert not (tmp_path / "out").exists()  # nothing was run for a score that cannot be
    options = replace(options, body_models=models)
    found = evaluate(dataset_of("emdb"), tmp_path, options)
    figures = found.totals["BioPose"]
    assert figures["joints"] == 22 and figures["frames"] == FRAMES - 1 and figures["missing"] == 0
    assert len(one["poses"]) == FRAMES and np.isnan(figures["pve_mm"]) and figures["pa_mpjpe_mm"] > 10
    answer = mesh_judge.own_answer(tmp_path / "out/emdb_emdb1/P0_00_mvs_a/biopose/motion.npz", pictures, 30, "smpl24")
    assert answer.joints_m is not None and set(answer.joint_names) == set(SMPL_BONES[:22])
    head, foot = (answer.joints_m[0, answer.joint_names.index(name), 1] for name in ("head", "left_foot"))
    assert foot - head > 1.2  # y is down in a camera
    lsp = mesh_judge.own_answer(tmp_path / "out/emdb_emdb1/P0_00_mvs_a/biopose/motion.npz", pictures, 30, "lsp14")
    assert lsp.joint_names == tuple(LSP14)
