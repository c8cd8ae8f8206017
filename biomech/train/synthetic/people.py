"""The people of the synthetic set: their build and their clothes."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from biomech.body.anny import AnnyBody
from biomech.labels.people import random_person

MEASURED = 0.8  # share of the people who are adults as measured; the others are any, children among them


def random_shape(body: AnnyBody, rng: np.random.Generator) -> Float[np.ndarray, " shape"]:
    """A random person.

    Args:
        body: whose numbers they are; it has their names and bounds.
        rng: of the person.

    Returns:
        The body's own numbers.
    """
    if rng.random() < MEASURED:
        return random_person(rng).shape
    shape = body.default_shape().double().numpy()
    bounds = body.shape_bounds.double().numpy()
    local = bounds[:, 0] < 0
    shape[local] = rng.normal(0, 0.25, local.sum())
    for name, low, high in (
        ("gender", 0, 1),
        ("muscle", 0.2, 0.8),
        ("weight", 0.2, 0.85),
        ("height", 0.2, 0.6),
        ("proportions", 0.2, 0.9),
    ):
        shape[body.shape_names.index(name)] = rng.uniform(low, high)
    shape[body.shape_names.index("age")] = rng.uniform(0.3, 0.95)
    return np.clip(shape, bounds[:, 0], bounds[:, 1])


# How far cloth stands off the skin, m, from tight to wide; of shoes and hair too.
CLOTH_M = {
    "shoes": (0.002, 0.018),
    "trousers": (0.0, 0.035),
    "shirt": (0.0, 0.03),
    "sleeves": (0.0, 0.025),
    "hair": (0.0, 0.05),
}
FOLDS, FOLD_SHARE = 6, 0.4  # waves of the cloth along the body, and how much of its distance they take


def clothing(
    body: AnnyBody, normals: Float[np.ndarray, "vertices 3"], rng: np.random.Generator
) -> Float[Tensor, "vertices 3"]:
    """How far clothes, shoes and hair carry the surface outwards at rest.

    Args:
        body: its vertices count.
        normals: of the surface at rest, of length 1.
        rng: of what is worn and how wide.

    Returns:
        m, rest axes; to be added to the vertices.
    """
    stands_off = {part: rng.uniform(low, high) * (rng.random() < 0.8) for part, (low, high) in CLOTH_M.items()}
    with torch.no_grad():
        rest = body.rest(body.default_shape()).vertices.numpy()
    wave = 1 + FOLD_SHARE * np.sin(rest * FOLDS * rng.normal(4, 2, 3) + rng.uniform(0, 6.3, 3)).mean(1)
    by_bone = np.array([stands_off.get(_part(name), 0.0) for name in body.bone_names])
    off = body.skin_weights.numpy() @ by_bone
    crown = body.bone_names.index("Head")
    head = (body.skin_weights.argmax(1) == crown).numpy() & (rest[:, 1] > np.quantile(rest[:, 1], 0.985))
    off = np.where(head, stands_off["hair"], off)
    return torch.from_numpy(normals * (off * wave)[:, None]).float()


def _part(bone: str) -> str:
    if "Toe" in bone or bone.endswith("Foot"):
        return "shoes"
    if bone.endswith("Leg") or bone in ("Hips", "LHipJoint", "RHipJoint"):
        return "trousers"
    if bone.endswith(("Arm", "Shoulder")):
        return "sleeves"
    return "shirt" if bone in ("LowerBack", "Spine", "Spine1") else ""


def clothes(body: AnnyBody, rng: np.random.Generator) -> Float[np.ndarray, "vertices 3"]:
    """Colours of skin, shirt, trousers and shoes, by the bone that moves each vertex most.

    Args:
        body: its vertices count.
        rng: of colours, bare arms and bare legs.

    Returns:
        Red, green, blue, 0 to 1.
    """
    skin = np.array([0.95, 0.78, 0.66]) * rng.uniform(0.35, 1.0)
    shirt, trousers, shoes, hair = rng.uniform(0.05, 0.95, (4, 3))
    bare_arms, bare_legs = rng.random(2) < 0.5
    colour = np.empty((len(body.bone_names), 3))
    for bone, name in enumerate(body.bone_names):
        if "Toe" in name or name.endswith("Foot"):
            colour[bone] = shoes
        elif name in ("LeftLeg", "RightLeg"):
            colour[bone] = skin if bare_legs else trousers
        elif "UpLeg" in name or "HipJoint" in name or name == "Hips":
            colour[bone] = trousers
        elif "ForeArm" in name:
            colour[bone] = skin if bare_arms else shirt
        elif any(part in name for part in ("Hand", "Finger", "Thumb", "Neck1", "Head")):
            colour[bone] = skin
        else:
            colour[bone] = shirt
    owner = body.skin_weights.argmax(1).numpy()
    vertices = colour[owner]
    with torch.no_grad():
        rest = body.rest(body.default_shape())
    head = rest.joints[body.bone_names.index("Head")]
    scalp = (owner == body.bone_names.index("Head")) & ((rest.vertices[:, 0] - head[0]) < 0.06).numpy()
    vertices[scalp & ((rest.vertices[:, 1] - head[1]) > 0.07).numpy()] = hair * 0.6
    return np.clip(vertices + rng.normal(0, 0.02, vertices.shape), 0, 1)
