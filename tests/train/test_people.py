"""Random people: scaled as OpenSim's tool scales them, and wearing the motions of others."""

import numpy as np
import pytest
import torch

from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.errors import BioposeError
from biomech.labels.people import random_adult, seeded
from biomech.markers.virtual import load_virtual_markers, marker_body, neutral_static
from biomech.neurik.anatomy import Anatomy
from biomech.osim_models import DEFAULT_PATH
from biomech.scaling.measurements import VIRTUAL_MARKER_MEASUREMENTS
from biomech.scaling.scale_tool import scale_model
from biomech.train.neurik.data import Batches, Variation, plain
from biomech.train.neurik.people import ScaledBodies, random_people

WORN = Variation(mirrored=0, worn=1, posed=0, resized=0, recovered=0, white=0, dropped=0)


@pytest.fixture(scope="module")
def people(skeleton) -> ScaledBodies:
    return random_people(skeleton.carrying(Anatomy.of(skeleton).marker_names), 2, 3)


def test_people_are_scaled_as_opensims_tool_does(skeleton, people, tmp_path):
    """Factors, and where the tool moved the markers to."""
    body, table = marker_body(), load_virtual_markers()
    result = scale_model(
        DEFAULT_PATH,
        neutral_static(body, random_adult(body, seeded(3, "people", 1))),
        mass_kg=70,
        measurements=VIRTUAL_MARKER_MEASUREMENTS,
        tasks=table.weights_by_name(),
        posture=NEUTRAL_POSTURE,
        out_osim=tmp_path / "person.osim",
    )
    theirs = type(skeleton).from_osim(result.model_osim).description
    ours = people.scales[1].numpy()
    for name, factors in zip(skeleton.body_names, ours, strict=True):
        assert factors == pytest.approx(result.factors.get(name, np.ones(3)), abs=1e-4), name
    at = {marker.name: marker.location @ np.ones(3) for marker in theirs.markers}
    generic = {marker.name: marker for marker in skeleton.description.markers}
    for name, offset in zip(table.names, people.offsets[1].numpy(), strict=True):
        scaled = generic[name].location @ result.factors.get(generic[name].body, np.ones(3))
        assert at[name] - scaled == pytest.approx(offset, abs=1e-4), name


def test_others_wear_a_motion_with_its_angles_and_its_skin_motion(skeleton, motions, people):
    moved = motions.batch([0, 1])
    skin = 0.01 * np.random.default_rng(0).standard_normal(moved.markers.shape, dtype=np.float32)
    worn = Batches([motions], skeleton, 2, 0, variation=WORN, people=people).varied(
        moved._replace(markers=moved.markers + skin), torch.Generator().manual_seed(0)
    )
    rotational = torch.as_tensor(skeleton.rotational)
    own = plain(moved)
    assert torch.equal(worn.coordinates[..., rotational], own.coordinates[..., rotational])
    assert not torch.equal(worn.coordinates, own.coordinates)  # strides
    of = [int((people.scales == scales).all(-1).all(-1).nonzero()) for scales in worn.scales]
    model = skeleton.carrying(Anatomy.of(skeleton).marker_names).float()
    time = worn.markers.shape[1]
    sizes, places = (part[of][:, None].expand(-1, time, -1, -1) for part in people)
    posed = model(worn.coordinates, sizes, places)
    back = posed.rotations[:, :, model.marker_body].mT @ (worn.markers - posed.markers)[..., None]
    before = model(own.coordinates, own.scales[:, None].expand(-1, time, -1, -1))
    there = before.rotations[:, :, model.marker_body].mT @ torch.from_numpy(skin)[..., None]
    assert torch.allclose(back, there, atol=1e-5)


def test_people_are_kept(people, tmp_path):
    people.save(tmp_path / "people.safetensors")
    again = ScaledBodies.load(tmp_path / "people.safetensors")
    assert torch.equal(again.scales, people.scales) and torch.equal(again.offsets, people.offsets)
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    with pytest.raises(BioposeError, match="not a file of random people"):
        ScaledBodies.load(tmp_path / "broken.safetensors")
