"""Changed bodies are what they are called, and the ordinary one is Anny."""

import numpy as np
import pytest
import torch

from biomech.body.anny import AnnyBody
from biomech.body.body import Rest
from biomech.body.driven import driven
from biomech.train.synthetic.odd_people import KINDS, STUMP, ChangedBody, posed, shape_of


@pytest.fixture(scope="module")
def base() -> AnnyBody:
    return AnnyBody.load(torch.arange(0, len(AnnyBody.load().vertices), 5))


def changed(base: AnnyBody, kind: str) -> tuple[ChangedBody, Rest]:
    body = ChangedBody(base, KINDS[kind], np.random.default_rng(0))
    return body, body.rest(base.default_shape())


def test_an_ordinary_one_is_as_it_was(base: AnnyBody) -> None:
    body, rest = changed(base, "ordinary")
    assert torch.equal(rest.vertices, base.rest(base.default_shape()).vertices)
    assert torch.equal(body.skin_weights, base.skin_weights) and not body.rigid.any()


@pytest.mark.parametrize(
    ("kind", "bones"),
    [("no forearm", ("RightForeArm", "RightHand")), ("no lower leg, stands", ("RightLeg", "RightFoot"))],
)
def test_nothing_is_beyond_a_stump(base: AnnyBody, kind: str, bones: tuple[str, str]) -> None:
    body, rest = changed(base, kind)
    begin, end = (rest.joints[base.bone_names.index(bone)] for bone in bones)
    own = body.skin_weights[:, base.bone_names.index(bones[0])] == 1
    along = ((rest.vertices - begin) @ (end - begin)) / (end - begin).square().sum()
    assert own.sum() > 50 and along[own].max() < STUMP + 0.01
    assert not body.skin_weights[:, base.bone_names.index(bones[1])].any()


def test_a_prosthesis_is_thin_and_reaches_the_floor(base: AnnyBody) -> None:
    body, rest = changed(base, "prosthesis of the leg")
    whole = base.rest(base.default_shape()).vertices
    assert body.rigid.sum() > 50 and rest.vertices[body.rigid, 1].min() < whole[:, 1].min() + 0.02
    knee, ankle = (rest.joints[base.bone_names.index(bone), 1] for bone in ("RightLeg", "RightFoot"))
    shank = body.rigid & (rest.vertices[:, 1] > ankle + 0.05) & (rest.vertices[:, 1] < knee)
    assert np.ptp(rest.vertices[shank, 0].numpy()) < 0.6 * np.ptp(whole[shank, 0].numpy())


def test_a_belly_stands_out_in_front_alone(base: AnnyBody) -> None:
    _, rest = changed(base, "pregnant")
    off = rest.vertices - base.rest(base.default_shape()).vertices
    assert 0.08 < off[:, 0].max() < 0.17 and off[:, 0].min() == 0 and not off[:, 1].any()


def test_sizes() -> None:
    body, rng = AnnyBody.load(), np.random.default_rng(1)
    adult = body.default_shape().double().numpy()
    toddler, heavy = (torch.tensor(shape_of(KINDS[kind], adult, rng)).float() for kind in ("toddler", "very heavy"))
    assert 0.6 < body.stature(toddler) < 1.0
    assert 36 < body.mass(heavy) / body.stature(heavy) ** 2 < 47
    assert np.array_equal(shape_of(KINDS["pregnant"], adult, rng), adult)


def test_who_stoops_bends_the_thorax_and_looks_ahead() -> None:
    body = AnnyBody.load([0])
    motion = driven(body, body.default_shape().double().numpy(), [], np.zeros((1, 0)), np.zeros(1))
    bent = posed(KINDS["stoops"], motion, np.random.default_rng(0))
    turned = [
        name for k, name in enumerate(body.bone_names) if not np.allclose(bent.rotations[0, k], motion.rotations[0, k])
    ]
    assert turned == ["Spine", "Spine1", "Neck"]
    assert posed(KINDS["ordinary"], motion, np.random.default_rng(0)) is motion
