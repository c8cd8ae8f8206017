"""Windows out of the motion library, and reading a body back whose neutral posture is known."""

import numpy as np
import pytest
import torch

from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.labels.library.build import build
from biomech.labels.library.generated import generate
from biomech.labels.library.store import MotionLibrary
from biomech.labels.people import random_adult, seeded
from biomech.markers.virtual import extract, load_virtual_markers, marker_body, neutral_static
from biomech.train.neurik.library import LibrarySource
from biomech.train.neurik.people import ScaledBodies
from biomech.train.neurik.reading import Reader


@pytest.fixture(scope="module")
def source(skeleton, tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    build(folder, each=10)
    generator = torch.Generator().manual_seed(0)
    scales = torch.exp(0.05 * torch.randn(5, len(skeleton.body_names), 3, generator=generator))
    scales[:, 0] = 1
    offsets = 0.01 * torch.randn(5, 142, 3, generator=generator)
    carrying = skeleton.carrying(list(load_virtual_markers().names)).float()
    return LibrarySource(MotionLibrary.load(folder), carrying, ScaledBodies(scales, offsets))


def test_windows_are_the_motions_on_people(source):
    windows = source.windows(30, split="train", rate_hz=60.0)
    assert {motion.split for motion in windows.motions} == {"train"}
    last = len(windows) - 1
    window = windows.batch([0, 7, last])
    assert window.markers.shape == (3, 30, 142, 3) and window.mask.all()
    kinematics, _ = source.library.read(windows.motions[0].name)
    there = np.interp(7 / 60, kinematics.time_s, kinematics.column("knee_angle_r"))
    column = source.skeleton.coordinate_names.index("knee_angle_r")
    assert window.coordinates[1, 0, column] == pytest.approx(there, abs=1e-5)
    assert np.allclose(window.coordinates[0, 7:], window.coordinates[1, :-7], atol=1e-6)
    pose = source.skeleton(
        torch.from_numpy(window.coordinates[2]),
        torch.from_numpy(window.scales[2]).expand(30, -1, -1),
        torch.from_numpy(window.marker_offsets[2]).expand(30, -1, -1),
    )
    assert np.allclose(window.markers[2], pose.markers.numpy(), atol=1e-5)
    faster = source.windows(30, split="train", rate_hz=30.0)
    assert np.allclose(faster.batch([0]).coordinates[0, 7], source.windows(30, split="train", rate_hz=60.0).batch(
        [0]).coordinates[0, 14], atol=1e-5)  # fmt: skip


def test_a_driven_body_is_read_back():
    body, shape = AnnyBody.load([0]), random_adult(marker_body(), seeded("read"))
    motion = generate("squat", 2.0, 10.0, np.random.default_rng(1))
    moving = driven(body, shape, motion.names, motion.values, motion.time_s)
    markers = extract(marker_body(), moving).positions_m
    reader = Reader()
    found = reader(markers, neutral_static(marker_body(), shape, 1).positions_m[0])
    for name in ("knee_angle_r", "hip_flexion_l", "pelvis_tilt", "ankle_angle_r", "lumbar_extension"):
        column = reader.anatomy.coordinate_names.index(name)
        off = np.degrees(found.coordinates[:, column].numpy() - motion.column(name))
        assert np.abs(off).mean() < 1.5, name
