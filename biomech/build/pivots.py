"""Finds the points that the embedded body turns about, and writes ``biomech/body/anny/pivots.json``.

    python -m biomech.build.pivots           # prints the fit; --write updates the table

Anny's own joints are an animator's: its hips lie some 3 cm behind and 4 cm above where our skeleton has them, its
knees 2 cm before and 4 cm above, so that the skin of a bent leg lands centimetres from where a skeleton carries it, and
a solved arm bends by up to 5° more than the body's.
Here random adults, on Anny's own joints, stand in the neutral pose; our skeleton, scaled to each, says where its joints
are; and each joint becomes an affine combination of bony landmarks, the same for every shape, by least squares.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from biomech.body.anny.model import PIVOTS, AnnyBody
from biomech.body.linkage import HINGES
from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.files import whole_file
from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.labels.people import random_adult, seeded
from biomech.markers.virtual import (
    from_vertices,
    load_virtual_markers,
    marker_body,
    neutral_motion,
    neutral_static,
)
from biomech.osim_models import DEFAULT_PATH
from biomech.scaling.measurements import VIRTUAL_MARKER_MEASUREMENTS
from biomech.scaling.scale_tool import scale_model
from biomech.skeleton.skeleton import Skeleton

ADULTS = ("02_01", "02_03", "03_02", "07_01", "08_03", "12_02")  # that labels replay these motions on; and the average
RIDGE_M = 0.02  # draws the weights together: a difference of 0.1 counts like a miss of 2 mm
FLEXED_RAD = np.deg2rad(np.arange(10.0, 100.0, 10.0))
# Bone of the right side: the bone that it hangs on, the skeleton's joint, the landmarks.
BONES = {
    "RightUpLeg": ("Hips", "hip_r", ("RASI", "LASI", "RPSI", "LPSI", "RKNE", "RKNI")),
    "RightLeg": ("RightUpLeg", "walker_knee_r", ("RKNE", "RKNI", "RANK", "RAKI", "RTIA")),
    "RightFoot": ("RightLeg", "ankle_r", ("RANK", "RAKI", "RTIA", "RHEE", "RMT1", "RMT5")),
    "RightArm": ("Spine1", "acromial_r", ("RSHO", "LSHO", "C7", "CLAV", "T8", "STRN")),
    "RightForeArm": ("RightArm", "elbow_r", ("RELSO", "RELS", "RSHO")),
    "RightHand": ("RightForeArm", "radius_hand_r", ("RWRA", "RWRB", "RELS", "RELSO")),
    "LowerBack": ("Hips", "back", ("RASI", "LASI", "RPSI", "LPSI", "LUMB")),
    "Neck": ("Spine1", "neck", ("C7", "CLAV", "T8", "STRN")),
}


def joints_at_rest(
    body: AnnyBody, shape: Float[np.ndarray, " shape"], folder: Path
) -> dict[str, Float[np.ndarray, "3"]]:
    """Where the joints of the skeleton, scaled to the body, lie on the body at rest (m).

    Args:
        body: on Anny's own joints.
        shape: of an adult.
        folder: for the scaled model.

    Returns:
        By Anny's bone, those of ``BONES``, in the body's axes.
    """
    tensor = torch.as_tensor(shape, dtype=torch.float32)
    tasks = load_virtual_markers().weights_by_name()
    static = neutral_static(body, shape)
    scaled = scale_model(
        DEFAULT_PATH,
        static,
        mass_kg=float(body.mass(tensor)),
        measurements=VIRTUAL_MARKER_MEASUREMENTS,
        tasks=tasks,
        posture=NEUTRAL_POSTURE,
        out_osim=folder / "adult.osim",
    )
    skeleton = Skeleton.from_osim(scaled.model_osim)
    kinematics, _ = inverse_kinematics(skeleton, static, tasks)
    values = torch.from_numpy(kinematics.values[:1])
    with torch.no_grad():
        joints = dict(zip(skeleton.joint_names, skeleton(values).joints[0].numpy(), strict=True))
    joints["walker_knee_r"] = _knee(skeleton, values, joints["walker_knee_r"])
    joints["radius_hand_r"] = _wrist(skeleton, values, joints)
    motion, rest = neutral_motion(body, shape, 1), body.rest(tensor)
    posed = body.pose(rest, torch.as_tensor(motion.rotations).float(), torch.as_tensor(motion.root_position_m).float())
    found = {}
    for bone, (parent, joint, _) in BONES.items():
        p = body.bone_names.index(parent)
        away = posed.rotations[0, p].double().numpy().T @ (joints[joint] - posed.joints[0, p].double().numpy())
        found[bone] = rest.joints[p].double().numpy() + away
    return found


def _knee(
    skeleton: Skeleton, standing: Float[torch.Tensor, "1 coordinates"], at: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3"]:
    """The point of the thigh that moves least with the shank from straight to bent; along the axis, where ``at`` is."""
    values = standing.repeat(len(FLEXED_RAD) + 1, 1)
    values[1:, skeleton.coordinate_names.index("knee_angle_r")] += torch.from_numpy(FLEXED_RAD)
    with torch.no_grad():
        pose = skeleton(values)
    tibia = skeleton.body_names.index("tibia_r")
    rotations, positions = pose.rotations[:, tibia].numpy(), pose.positions[:, tibia].numpy()
    turned = rotations[1:] @ rotations[0].T
    moved = positions[1:] - np.einsum("fij,j->fi", turned, positions[0])
    # Relative to ``at``, and hardly at all along the axis, which the turns do not tell.
    left = moved - at + np.einsum("fij,j->fi", turned, at)
    matrix = np.concatenate([*(np.eye(3) - turned), 1e-3 * np.eye(3)])
    return at + np.linalg.lstsq(matrix, np.append(left, np.zeros(3)), rcond=None)[0]


def _wrist(
    skeleton: Skeleton, standing: Float[torch.Tensor, "1 coordinates"], joints: dict[str, Float[np.ndarray, "3"]]
) -> Float[np.ndarray, "3"]:
    """Of the line about which the radius turns on the ulna, the point nearest to the wrist's centre.

    A hand that turned about the wrist's own centre would turn the styloids half as far about the ulna.
    """
    with torch.no_grad():
        ulna = skeleton(standing).rotations[0, skeleton.body_names.index("ulna_r")].numpy()
    axis = ulna @ next(hinge.axis for hinge in HINGES if hinge.link == "radius_r")
    start = joints["radioulnar_r"]
    return start + axis * (axis @ (joints["radius_hand_r"] - start))


def fit() -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Weights of the landmarks for every joint of the right side, and how far they miss (RMS over the adults, m)."""
    body, table = marker_body(anatomical=False), load_virtual_markers()
    shapes = [body.default_shape().numpy()] + [random_adult(body, seeded(0, f"cmu_{k}", 0)) for k in ADULTS]
    with tempfile.TemporaryDirectory() as folder:
        targets = [joints_at_rest(body, shape, Path(folder)) for shape in shapes]
    points = [
        dict(zip(table.names, from_vertices(body, body.rest(torch.as_tensor(s).float()).vertices).numpy(), strict=True))
        for s in shapes
    ]
    weights, misses = {}, {}
    for bone, (_, _, landmarks) in BONES.items():
        columns = np.concatenate([np.stack([p[name] for name in landmarks], 1) for p in points])
        wanted = np.concatenate([t[bone] for t in targets])
        # The weights sum to 1: the last landmark's is what the others leave.
        base = columns[:, -1]
        matrix, right = columns[:, :-1] - base[:, None], wanted - base
        even = np.full(len(landmarks) - 1, 1 / len(landmarks))
        ridge = RIDGE_M * np.eye(len(even))
        solved = np.linalg.lstsq(np.vstack([matrix, ridge]), np.append(right, ridge @ even), rcond=None)[0]
        weights[bone] = dict(zip(landmarks, [*solved.tolist(), float(1 - solved.sum())], strict=True))
        misses[bone] = float(np.sqrt(np.square(matrix @ solved - right).reshape(-1, 3).sum(1).mean()))
    return weights, misses


def write(weights: dict[str, dict[str, float]], path: Path = PIVOTS) -> None:
    """Put the weights, as ones of the surface's vertices, into the table; the left side's are the mirror images'.

    Args:
        weights: by bone of the right side or the middle, of its landmarks; they sum to 1.
        path: of the table, which is replaced.
    """
    table = load_virtual_markers()
    rows = {}
    for bone, by_landmark in weights.items():
        sides = (("Right", table.names), ("Left", table.mirror))
        for side, names in sides if bone.startswith("Right") else sides[:1]:
            vertices: dict[int, float] = {}
            for landmark, weight in by_landmark.items():
                row = table.names.index(names[table.names.index(landmark)])
                for vertex, share in zip(table.vertices[row].tolist(), table.shares[row].tolist(), strict=True):
                    vertices[vertex] = vertices.get(vertex, 0.0) + weight * share
            rows[bone.replace("Right", side)] = {str(v): round(w, 5) for v, w in sorted(vertices.items())}
    with whole_file(path) as temporary:
        lines = ",\n".join(f" {json.dumps(bone)}: {json.dumps(row)}" for bone, row in rows.items())
        temporary.write_text(f"{{\n{lines}\n}}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="update pivots.json")
    options = parser.parse_args()
    weights, misses = fit()
    for bone, by_landmark in weights.items():
        print(f"{bone:14s} {misses[bone] * 1000:5.1f} mm  {', '.join(f'{n} {w:.2f}' for n, w in by_landmark.items())}")
    if options.write:
        write(weights)


if __name__ == "__main__":
    main()
