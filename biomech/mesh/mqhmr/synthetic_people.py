"""The people of the synthetic set: their build, the style in which they move, and their clothes."""

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody

# How far each bone is turned away from the recorded motion, rad, one turn for a clip: poses that CMU does not hold.
VARIED = {"UpLeg": 0.15, "Arm": 0.25, "Foot": 0.1, "Shoulder": 0.05, "LowerBack": 0.1, "Spine": 0.05, "Neck": 0.1}
DEEPER_KNEE_RAD = 0.5


def random_shape(body: AnnyBody, rng: np.random.Generator) -> Float[torch.Tensor, " shape"]:
    """A random person; four of five are adults."""
    shape = body.default_shape().numpy()
    bounds = body.shape_bounds.numpy()
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
    shape[body.shape_names.index("age")] = rng.uniform(0.6, 0.95) if rng.random() < 0.8 else rng.uniform(0.3, 0.6)
    return torch.tensor(np.clip(shape, bounds[:, 0], bounds[:, 1]))


def varied(
    rotations: Float[np.ndarray, "frames bones 3 3"], bone_names: list[str], rng: np.random.Generator
) -> Float[np.ndarray, "frames bones 3 3"]:
    """The motion in another style: joints turned a little, by choice knees bent deeper."""
    rotations = rotations.copy()
    for bone, name in enumerate(bone_names):
        amount = next((a for part, a in VARIED.items() if name.endswith(part)), None)
        if amount:
            rotations[:, bone] = rotations[:, bone] @ Rotation.from_rotvec(rng.normal(0, amount, 3)).as_matrix()
    if rng.random() < 0.4:
        for name in ("LeftLeg", "RightLeg"):
            bone = bone_names.index(name)
            bend = Rotation.from_rotvec([0, 0, -abs(rng.normal(0, DEEPER_KNEE_RAD))]).as_matrix()
            rotations[:, bone] = rotations[:, bone] @ bend
    return rotations


def clothes(body: AnnyBody, rng: np.random.Generator) -> Float[np.ndarray, "vertices 3"]:
    """Colours of skin, shirt, trousers and shoes, by the bone that moves each vertex most."""
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
