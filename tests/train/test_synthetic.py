"""The synthetic set: the drawing against the camera's geometry, motions made by code, shards that go on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from biomech.body.anny import AnnyBody
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import CROP_SIZE
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library.skeleton import names as coordinate_names
from biomech.labels.library.store import LibraryMotion, write_index, write_motion
from biomech.train.synthetic import make
from biomech.train.synthetic.clips import Clip
from biomech.train.synthetic.motions import RECORDED, Motions
from biomech.train.synthetic.people import clothing
from biomech.train.synthetic.view import Skin, rasterise


def test_the_nearer_triangle_wins_and_shares_find_the_pixel_again() -> None:
    square = np.array([[10.0, 10.0], [10.0, 50.0], [50.0, 10.0]])
    xy, depth = np.concatenate([square, square + 5]), np.array([3.0, 3, 3, 2, 2, 2])
    pixel, corners, shares = rasterise(xy, depth, np.arange(6).reshape(2, 3).T, 64)
    places = np.stack([pixel % 64, pixel // 64], 1)
    assert np.allclose(np.einsum("pc,pci->pi", shares, xy[corners]), places)
    in_both = (places >= 15).all(1) & (places.sum(1) < 60)
    assert in_both.sum() > 300 and (corners[in_both] >= 3).all()
    assert (corners[places.min(1) < 15] < 3).all()


def test_triangles_from_behind_or_behind_the_lens_are_not_drawn() -> None:
    xy = np.array([[10.0, 10.0], [10.0, 50.0], [50.0, 10.0]])
    assert len(rasterise(xy[::-1], np.full(3, 2.0), np.arange(3)[:, None], 64)[0]) == 0
    assert len(rasterise(xy, np.array([2.0, -1, 2]), np.arange(3)[:, None], 64)[0]) == 0


def test_the_simpler_surface_is_closed_over_the_same_body() -> None:
    surface = Skin()
    body = surface.body
    rest = body.rest(body.default_shape()).vertices.numpy().astype(float)
    a, b, c = (rest[corner] for corner in surface.corners)
    volume = (np.cross(a, b) * c).sum() / 6  # above 0: the normals point outwards
    whole = float(body.mass(body.default_shape())) / 980
    assert volume == pytest.approx(whole, rel=0.02)
    assert np.allclose(np.linalg.norm(surface.normals(rest), axis=1), 1)


@pytest.mark.parametrize("kind", ["squat", "sit_to_stand", "walk", "random"])
def test_motions_stand_on_the_floor(kind: str) -> None:
    body = AnnyBody.load([0])
    soles = AnnyBody.load(torch.cat([body.foot_vertices[name] for name in ("sole_r", "sole_l")]))
    shape = body.default_shape()
    made = Motions(frames=20, rate_hz=15.0).draw(shape.numpy(), np.random.default_rng(3), kind)
    assert made.rotations.shape[0] == 20 and made.quality is None
    with torch.no_grad():
        rest = soles.rest(shape)
        posed = soles.pose(rest, torch.tensor(made.rotations).float(), torch.tensor(made.root_position_m).float())
        lowest = soles.skin(rest, posed)[..., 1].amin(1)
    assert lowest.abs().max() < 0.01
    if kind == "squat":
        knee = made.rotations[:, made.bone_names.index("LeftLeg")]
        flexion = np.degrees(np.arccos(np.clip((np.trace(knee, axis1=1, axis2=2) - 1) / 2, -1, 1)))
        assert np.ptp(flexion) > 20


def test_recordings_take_part_where_there_is_a_library(tmp_path: Path) -> None:
    names = list(coordinate_names())
    values = np.zeros((60, len(names)))
    values[:, names.index("knee_angle_r")] = np.linspace(0.0, 1.0, 60)
    turns = np.array([not name.startswith("pelvis_t") or name == "pelvis_tilt" for name in names])
    motion = Kinematics(names, values, np.arange(60) / 30.0, turns)
    write_motion(tmp_path, "one", motion, np.ones(len(names), bool))
    row = LibraryMotion("one", "cmu", "free", "other", "cmu_1", "train", 30.0, 60, "whole body", None, "good", "", "")
    write_index(tmp_path, [row])
    shape = AnnyBody.load([0]).default_shape().numpy()
    made = Motions(20, 15.0, tmp_path).draw(shape, np.random.default_rng(0), RECORDED)
    knee = made.rotations[:, made.bone_names.index("RightLeg")]
    bend = np.arccos(np.clip((np.trace(knee, axis1=1, axis2=2) - 1) / 2, -1, 1))
    assert np.ptp(bend) > 0.4
    write_index(tmp_path, [replace(row, source="opencap_subject3")])
    with pytest.raises(BioposeError, match="no recording"):  # whose films are reported on
        Motions(20, 15.0, tmp_path)


def test_clothes_stand_off_the_skin_and_faces_are_bare() -> None:
    surface = Skin()
    rest = surface.body.rest(surface.body.default_shape()).vertices.numpy()
    off = clothing(surface.body, surface.normals(rest), np.random.default_rng(1)).norm(dim=1).numpy()
    owner = surface.body.skin_weights.argmax(1).numpy()
    face = (owner == surface.body.bone_names.index("Head")) & (rest[:, 1] < np.quantile(rest[:, 1], 0.97))
    assert off.max() < 0.08 and off[face].max() < 0.01 and off.max() > 0.005


@pytest.mark.slow
def test_a_stopped_set_goes_on_and_ends_the_same(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(make, "CLIPS", 2)
    frames = 2 * make.FRAMES
    assert make.make(tmp_path, frames, seed=5) == 1
    assert make.make(tmp_path, frames, seed=5) == 0
    _, last = sorted(tmp_path.glob("train_*.npz"))
    before = Clip.load(last)
    last.unlink()
    assert make.make(tmp_path, frames, seed=5) == 1
    after = Clip.load(last)
    assert np.array_equal(before.xy, after.xy) and np.array_equal(before.heat, after.heat)
    # What the network said lies on the true body.
    places = (after.root_position_m[:, :2] / after.root_position_m[:, 2:]) * after.focal_px + after.principal_px
    hips = after.xy[:, 23:25].mean(1)
    assert np.median(np.linalg.norm(hips - places, axis=1) / after.size_px) < 0.06
    assert CROP_SIZE // 4 == after.heat.shape[-1]
    keypoints = make.keypoints_of(after)
    assert keypoints.xy.shape == (make.FRAMES, 33, 2)
