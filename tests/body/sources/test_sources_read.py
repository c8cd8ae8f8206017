"""Files in the forms of other programs → MeshMotion: who, when, where, and what was assumed."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_smpl import smplh_arrays
from scipy.spatial.transform import Rotation

from biomech.body.sources.read import FAMILIES, HowRead, is_mesh_file, read_meshes
from biomech.errors import BioposeError

pytest.importorskip("smplx")
FRAMES = 12
SMPL_PARENTS = np.array([-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21])
SMPLX_PARENTS = np.array([*range(-1, 21), *[15] * 3, *range(20, 50)])[:55]


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name, vertices, parents in (("smpl/SMPL", 6890, SMPL_PARENTS), ("smplx/SMPLX", 10475, SMPLX_PARENTS)):
        path = folder / f"{name}_NEUTRAL.npz"
        path.parent.mkdir()
        arrays = smplh_arrays(vertices, parents)
        np.savez(path, **arrays | {"v_template": blob(np.random.default_rng(0), vertices)})
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def blob(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Points as far apart as a person's."""
    return rng.uniform([-0.25, -0.85, -0.15], [0.25, 0.85, 0.15], (*shape, 3))


def turns(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(0, 0.1, (*shape, 3))


def matrices(vectors: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(*vectors.shape, 3)


def save(path: Path, held: object) -> Path:
    if path.suffix == ".pt":
        torch.save(held, path)
    else:
        path.write_bytes(pickle.dumps(held))
    return path


def test_amass_and_plain_smpl(tmp_path, models, rng) -> None:
    path = tmp_path / "walk_poses.npz"
    held = {"poses": turns(rng, FRAMES, 24).reshape(FRAMES, -1), "trans": np.zeros((FRAMES, 3)), "betas": np.zeros(16)}
    np.savez(path, **held, gender=np.array("neutral"), mocap_framerate=np.array(120.0))
    assert is_mesh_file(path)
    mesh = read_meshes(path, HowRead(body_models=models, every=2, start_s=0.02))
    assert mesh.vertices_m.shape == (5, 6890, 3) and (mesh.topology, mesh.frame, mesh.place) == (
        *("smpl", "world", "measured"),
    )
    np.testing.assert_allclose(mesh.time_s, 3 / 120 + np.arange(5) / 60)
    assert any("Z axis points up" in note for note in mesh.notes)
    with pytest.raises(BioposeError, match="cannot be shipped"):
        read_meshes(path)


def test_wham_has_people_in_its_world_and_before_the_camera(tmp_path, models, rng) -> None:
    def person(frames: range) -> dict:
        count = len(frames)
        vertices = (blob(rng, count, 6890) + np.array([0, 0, 4])).astype(np.float32)
        return {
            **{"pose": rng.normal(0, 0.1, (count, 72)), "trans": np.zeros((count, 3)), "verts": vertices},
            **{"pose_world": rng.normal(0, 0.1, (count, 72)), "trans_world": np.zeros((count, 3))},
            **{"betas": np.zeros((count, 10)), "frame_ids": np.array(frames)},
        }

    path = save(tmp_path / "wham_output.pkl", {0: person(range(4)), 1: person(range(3, 12, 2))})
    mesh = read_meshes(path, HowRead(body_models=models, allow_pickle=True, rate_hz=25))
    assert mesh.seen.tolist() == [True, False] * 4 + [True]
    assert mesh.time_s[0] == pytest.approx(3 / 25) and mesh.frame == "world"
    assert any("several people" in note for note in mesh.notes) and any("missing in 4 of 9" in n for n in mesh.notes)
    first = read_meshes(path, HowRead(body_models=models, allow_pickle=True, person=0))
    assert first.seen.all() and any("30 Hz is assumed" in note for note in first.notes)
    before = read_meshes(path, HowRead(allow_pickle=True, person=0, camera="camera"))  # its vertices need no model
    assert before.frame == "camera" and before.vertices_m.shape == (4, 6890, 3)
    with pytest.raises(BioposeError, match="no person 2"):
        read_meshes(path, HowRead(body_models=models, allow_pickle=True, person=2))


def test_gvhmr_and_its_kin(tmp_path, models, rng) -> None:
    part = {
        **{"body_pose": torch.tensor(turns(rng, FRAMES, 21).reshape(FRAMES, -1))},
        **{"global_orient": torch.tensor(turns(rng, FRAMES)), "transl": torch.zeros(FRAMES, 3)},
        **{"betas": torch.zeros(FRAMES, 10)},
    }
    for stem in ("smpl_params", "body_params"):
        held = {f"{stem}_global": part, f"{stem}_incam": part, "K_fullimg": 1000 * torch.eye(3).repeat(FRAMES, 1, 1)}
        path = save(tmp_path / f"{stem}.pt", held)
        mesh = read_meshes(path, HowRead(body_models=models))
        assert (mesh.topology, mesh.frame, mesh.focal_px) == ("smplx", "world", 1000.0)
        assert read_meshes(path, HowRead(body_models=models, camera="camera")).frame == "camera"


def test_prompthmr(tmp_path, models, rng) -> None:
    world = {"pose": rng.normal(0, 0.1, (4, 165)), "shape": np.zeros((4, 10)), "trans": np.zeros((4, 3))}
    held = {"people": {1: {"smplx_world": world, "frames": np.arange(2, 6)}}, "camera": {"img_focal": 900.0}}
    path = save(tmp_path / "results.pkl", held)
    mesh = read_meshes(path, HowRead(body_models=models, allow_pickle=True))
    assert mesh.frame == "world" and len(mesh.time_s) == 4 and mesh.topology == "smplx"
    with pytest.raises(BioposeError, match="no bodies in the camera"):
        read_meshes(path, HowRead(body_models=models, allow_pickle=True, camera="camera"))


def test_tracks_of_4d_humans(tmp_path, models, rng) -> None:
    """Two people, one of whom is only foretold in the last frame; a lens that is far too long."""

    def frame(time: int) -> dict:
        people = [
            {
                "global_orient": matrices(turns(rng, 1)),
                "body_pose": matrices(turns(rng, 23)),
                "betas": np.zeros(10, np.float32),
            }
            for _ in range(2)
        ]
        return {
            **{"time": time, "tid": [1, 2], "tracked_time": [0, int(time == 3)], "smpl": people},
            **{"camera": [np.array([0.1, 0.2, 40.0])] * 2, "size": [np.array([1280, 720])] * 2},
        }

    path = save(tmp_path / "demo.pkl", {f"{time:06d}.jpg": frame(time) for time in range(4)})
    mesh = read_meshes(path, HowRead(body_models=models, allow_pickle=True, person=0, focal_px=1000.0))
    assert (mesh.frame, mesh.place, mesh.size_px) == ("camera", "weak", (720, 1280))
    assert np.nanmean(mesh.vertices_m[..., 2]) == pytest.approx(40 * 1000 / (5000 / 256 * 1280), abs=0.1)
    assert len(read_meshes(path, HowRead(body_models=models, allow_pickle=True, person=1)).time_s) == 3


def test_single_pictures(tmp_path, models, rng) -> None:
    def picture(people: int) -> dict:
        body = {"global_orient": matrices(turns(rng, people, 1)), "body_pose": matrices(turns(rng, people, 23))}
        camera = {"pred_cam_t": np.tile([0, 0, 5.0], (people, 1)), "focal_length": np.full((people, 2), 1100.0)}
        return {"pred_smpl_params": {**body, "betas": np.zeros((people, 10))}, **camera}

    path = save(tmp_path / "camerahmr.pkl", [picture(1) for _ in range(3)])
    mesh = read_meshes(path, HowRead(body_models=models, allow_pickle=True))
    assert (mesh.frame, mesh.place, mesh.focal_px, len(mesh.time_s)) == ("camera", "recovered", 1100.0, 3)
    with pytest.raises(BioposeError, match="several people"):
        read_meshes(save(path, [picture(2), picture(2)]), HowRead(body_models=models, allow_pickle=True))


def test_sam_3d_body(tmp_path, rng) -> None:
    def person(x: float) -> dict:
        return {
            **{"pred_vertices": blob(rng, 18439).astype(np.float32), "pred_cam_t": np.array([x, 0, 4.0])},
            **{"pred_keypoints_3d": np.zeros((70, 3)), "focal_length": np.float32(1200)},
        }

    frames = [[person(0.0), person(2.0)], [person(2.0), person(0.0)], [person(0.1)]]
    path = save(tmp_path / "out.pkl", frames)
    mesh = read_meshes(path, HowRead(allow_pickle=True))
    assert (mesh.topology, mesh.frame, len(mesh.time_s)) == ("mhr", "camera", 3)
    np.testing.assert_allclose(np.median(mesh.vertices_m[..., 0], axis=1), [0, 0, 0.1], atol=0.05)
    assert mesh.landmarks_m is not None and mesh.landmarks_m.shape == (3, 23, 3)
    other = read_meshes(path, HowRead(allow_pickle=True, person=1))
    np.testing.assert_allclose(np.median(other.vertices_m[..., 0], axis=1), [2, 2], atol=0.05)


def test_vertices_in_any_unit(tmp_path, rng) -> None:
    vertices = blob(rng, 4, 500)
    np.save(tmp_path / "m.npy", vertices)
    torch.save({"verts": torch.tensor(vertices * 1000), "fps": 50}, tmp_path / "mm.pt")
    (tmp_path / "cm.json").write_text(json.dumps({"vertices": (100 * vertices).tolist(), "fps": 25}))
    whole = read_meshes(tmp_path / "m.npy")
    assert whole.topology == "other" and whole.frame is None
    for name, rate in (("mm.pt", 50), ("cm.json", 25)):
        mesh = read_meshes(tmp_path / name)
        np.testing.assert_allclose(mesh.vertices_m, whole.vertices_m, atol=1e-4)
        assert mesh.time_s[1] == pytest.approx(1 / rate)
        assert any("cannot be in metres" in note for note in mesh.notes)
    assert is_mesh_file(tmp_path / "cm.json")


def test_what_cannot_be_is_refused(tmp_path, models, rng) -> None:
    def refused(match: str, how: HowRead | None = None, **held: object) -> None:
        path = tmp_path / "bad.npz"
        np.savez(path, **held)  # type: ignore[arg-type]
        with pytest.raises(BioposeError, match=match) as error:
            read_meshes(path, how or HowRead(body_models=models))
        assert error.value.where is not None

    good = blob(rng, 4, 500)
    broken = good.copy()
    broken[2, 7] = np.nan
    refused("not numbers", vertices=broken)
    refused("no frame shows", vertices=np.full((2, 9, 3), np.nan))
    refused("nobody is", vertices=good * 5)
    refused("instead of frames", vertices=np.zeros((4, 500, 2)))
    refused("no body is recognised", thing=np.zeros(3))
    refused("do not increase", vertices=good, time_s=np.array([0.0, 1, 1, 2]))
    refused("3 times", vertices=good, time_s=np.array([0.0, 1, 2]))
    refused("no camera 'left'", HowRead(camera="left"), vertices=good)
    refused("`up` is for", HowRead(camera="camera", up="y"), vertices=good)
    pose = turns(rng, 4, 24).reshape(4, -1)
    base = {"betas": np.zeros(10), "trans": np.zeros((4, 3))}
    refused("holds 20 joints", poses=turns(rng, 4, 20).reshape(4, -1), **base)
    refused("radians", poses=pose * 1e4, **base)
    refused("not a number", poses=np.full((4, 72), np.nan), **base)
    refused("3 of places", poses=pose, betas=np.zeros(10), trans=np.zeros((3, 3)))
    refused("only turn", global_orient=2 * matrices(turns(rng, 4, 1)), body_pose=turns(rng, 4, 23))
    refused("no number of a shape", poses=pose, betas=np.full(10, 500.0), trans=np.zeros((4, 3)))
    refused("between", HowRead(body_models=models, start_s=100.0), poses=pose, **base)


def test_a_model_of_another_body_is_refused(tmp_path, rng) -> None:
    (tmp_path / "smpl").mkdir()
    np.savez(tmp_path / "smpl" / "SMPL_NEUTRAL.npz", **smplh_arrays(6000, SMPL_PARENTS))
    np.savez(tmp_path / "a.npz", poses=np.zeros((2, 72)), trans=np.zeros((2, 3)), betas=np.zeros(10))
    with pytest.raises(BioposeError, match="not a model of smpl"):
        read_meshes(tmp_path / "a.npz", HowRead(body_models=tmp_path))


def test_joints_of_soma_are_not_taken_for_smpls(tmp_path, rng) -> None:
    alone = {"poses": blob(rng, 4, 77, 3), "transl": blob(rng, 4, 3), "identity_coeffs": blob(rng, 45)}
    np.savez(tmp_path / "soma.npz", **alone)
    gem = {"body_pose": torch.zeros(4, 228), "global_orient": torch.zeros(4, 3), "identity_coeffs": torch.zeros(4, 45)}
    for path in (tmp_path / "soma.npz", save(tmp_path / "hpe.pt", {"body_params_global": gem})):
        with pytest.raises(BioposeError, match="SOMALayer"):
            read_meshes(path)


def test_keypoints_are_none(tmp_path) -> None:
    np.savez(tmp_path / "k.npz", xy=np.zeros((2, 3, 2)), names=np.array(["a", "b", "c"]))
    assert not is_mesh_file(tmp_path / "k.npz") and not is_mesh_file(tmp_path / "film.mp4")
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
