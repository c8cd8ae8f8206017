"""Finds where the virtual markers lie on the generic model, and writes that into ``virtual_markers.csv``.

    python -m biomech.build.marker_places            # prints the fit; --write updates the table

Anny's average adult stands in the neutral pose; the generic model, with a scale factor per segment, is posed and scaled
so that its published bony landmarks (``PUBLISHED``) lie on Anny's in the least-squares sense. Every marker is then
expressed in its body's frame and divided by the body's scale factors: what OpenSim's ScaleTool does, backwards. So the
published figures decide where the joints are and what zero means, and all 142 markers agree with each other.
Everything is symmetric, so only the right side is fitted and the left is its mirror image.
"""

import argparse
import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from biomech.files import whole_file
from biomech.markers.virtual import TABLE, joint_centres, load_virtual_markers, marker_body, neutral_static
from biomech.osim_models.build import build_model
from biomech.osim_models.figures import NECK_IN_TORSO_M


class Landmark(NamedTuple):
    """A published location (m, in the body's frame) and the standard deviation that it is trusted to."""

    body: str
    location_m: tuple[float, float, float]
    trust_m: float
    source: str


UHLRICH = "LaiUhlrich2022 mocap marker set (Uhlrich et al. 2022; OpenCap), Apache-2.0"
FITTER = "RajagopalLaiUhlrich2023 marker set (opensim_fitter), Apache-2.0"
HARRINGTON = "hip centre from Anny's ASIS and PSIS (Harrington 2007)"
POSE2SIM = "Markers_SKEL of Pose2Sim, mean of both sides, BSD-3"

# Pose2Sim gives the head's markers in axes that coincide with the torso's.
_NECK = np.array(NECK_IN_TORSO_M)


def _head(x: float, y: float, z: float) -> tuple[float, float, float]:
    in_head = np.array([x, y, z]) - _NECK
    return (float(in_head[0]), float(in_head[1]), float(in_head[2]))


PUBLISHED = {
    # Forward position of the 2023 set: the 2022 one's 28 mm would leave the hip 3 cm behind where Harrington's does.
    "RASI": Landmark("pelvis", (0.013, 0.010, 0.128), 0.005, f"{UHLRICH}; forward: {FITTER}"),
    "RPSI": Landmark("pelvis", (-0.154, 0.025, 0.050), 0.005, UHLRICH),
    "RHJC": Landmark("femur_r", (0.0, 0.0, 0.0), 0.010, HARRINGTON),
    "RKNE": Landmark("femur_r", (0.008, -0.404, 0.055), 0.005, UHLRICH),
    "RKNI": Landmark("femur_r", (0.011, -0.401, -0.055), 0.005, UHLRICH),
    "RANK": Landmark("tibia_r", (-0.017, -0.385, 0.047), 0.005, UHLRICH),
    "RAKI": Landmark("tibia_r", (0.006, -0.380, -0.038), 0.005, UHLRICH),
    "RHEE": Landmark("calcn_r", (-0.0133, 0.0170, -0.0020), 0.010, POSE2SIM),
    "RHEB": Landmark("calcn_r", (0.0147, -0.0237, -0.0106), 0.010, POSE2SIM),
    "RMT5": Landmark("calcn_r", (0.1359, 0.0011, 0.0614), 0.010, UHLRICH),
    "RTOS": Landmark("calcn_r", (0.1744, 0.0018, -0.0411), 0.010, POSE2SIM),
    "C7": Landmark("torso", (-0.080, 0.420, 0.0), 0.020, UHLRICH),
    "CLAV": Landmark("torso", (0.046, 0.385, 0.0), 0.020, UHLRICH),
    "RSHO": Landmark("torso", (0.0, 0.418, 0.142), 0.020, UHLRICH),
    "RELSO": Landmark("humerus_r", (0.01047, -0.27319, 0.04165), 0.005, UHLRICH),
    "RELS": Landmark("humerus_r", (0.00551, -0.27815, -0.04597), 0.005, UHLRICH),
    "RELB": Landmark("ulna_r", (-0.0390, 0.0, 0.0040), 0.020, POSE2SIM),
    "RWRA": Landmark("radius_r", (-0.0110, -0.2285, 0.0451), 0.005, POSE2SIM),
    "RWRB": Landmark("ulna_r", (-0.0387, -0.2372, 0.0211), 0.005, POSE2SIM),
    "RFIN": Landmark("hand_r", (-0.0091, -0.0851, -0.0021), 0.010, POSE2SIM),
    "RHPI": Landmark("hand_r", (0.0026, -0.0721, -0.0414), 0.010, POSE2SIM),
    "THD": Landmark("head", _head(-0.0141, 0.6577, 0.0), 0.010, POSE2SIM),
    "NOSE": Landmark("head", _head(0.0956, 0.5671, 0.0), 0.010, POSE2SIM),
    "CHIN": Landmark("head", _head(0.0951, 0.4771, 0.0), 0.010, POSE2SIM),
}

# Coordinates that the symmetric neutral pose needs; those with a side are given to both.
COORDINATES = ["pelvis_tilt", "pelvis_tx", "pelvis_ty", "lumbar_extension", "neck_extension"]
SIDE_COORDINATES = [
    *("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle"),
    *("arm_flex", "arm_add", "arm_rot", "elbow_flex", "pro_sup", "wrist_flex", "wrist_dev"),
]
# Segments that share scale factors.
SEGMENTS = {
    **{"pelvis": "pelvis", "torso": "torso", "head": "head", "femur_r": "thigh", "tibia_r": "shank"},
    **{"talus_r": "foot", "calcn_r": "foot", "toes_r": "foot", "humerus_r": "upper arm"},
    **{"ulna_r": "forearm", "radius_r": "forearm", "hand_r": "hand"},
}
# Axes that share one factor, as in the scaling (``biomech.scaling.measurements``); all three elsewhere.
AXES = {"pelvis": ((0, 1), (2,)), "torso": ((0,), (1,), (2,))}
SCALE_SPREAD = 0.05  # a segment's scale factor departs from the mean of all by about this share
ANGLE_SPREAD_RAD = 1.0  # only to hold what no landmark determines
# Anny's soles are flat on the floor, and so is the model's calcaneus frame when its sole is. The landmarks do not tell:
# the published malleoli lie a centimetre higher above the published sole than people's.
FLAT_SPREAD_RAD = 0.02

# (rotation, origin in m) of each body in ground
Frames = dict[str, tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]]


class TemplateFit(NamedTuple):
    """Pose and scale of the generic model on Anny's average adult, and what follows from them."""

    coordinates: dict[str, float]  # rad, m
    scales: dict[str, Float[np.ndarray, "3"]]  # per body
    residuals_m: dict[str, float]  # of the published landmarks
    locations_m: dict[str, Float[np.ndarray, "3"]]  # of all markers, in their bodies of the generic model


class _ScaledModel:
    """Frames of the generic model's bodies for coordinates and scale factors."""

    def __init__(self) -> None:
        self.model = build_model()
        self.state = self.model.initSystem()
        self.chain: list[tuple[str, str]] = []  # (body, parent body), from the root
        joints = self.model.getJointSet()
        for i in range(joints.getSize()):
            joint = joints.get(i)
            child = joint.getChildFrame().findBaseFrame().getName()
            self.chain.append((child, joint.getParentFrame().findBaseFrame().getName()))
        known = {"ground"}
        ordered = []
        while self.chain:
            link = next(pair for pair in self.chain if pair[1] in known)
            self.chain.remove(link)
            known.add(link[0])
            ordered.append(link)
        self.chain = [link for link in ordered if not link[0].endswith("_l")]

    def frames(self, coordinates: dict[str, float], scales: dict[str, Float[np.ndarray, "3"]]) -> Frames:
        """Frames of the midline's and the right side's bodies: joints move with their parent's scale."""
        for name, value in coordinates.items():
            self.model.updCoordinateSet().get(name).setValue(self.state, value, False)
        self.model.realizePosition(self.state)
        bodies = self.model.getBodySet()
        frames = {"ground": (np.eye(3), np.zeros(3))}
        plain = dict(frames)
        for body, parent in self.chain:
            transform = bodies.get(body).getTransformInGround(self.state)
            rotation = transform.R().asMat33()
            plain[body] = (
                np.array([[rotation.get(r, c) for c in range(3)] for r in range(3)]),
                transform.p().to_numpy(),
            )
            rotation_parent, origin_parent = plain[parent]
            offset = rotation_parent.T @ (plain[body][1] - origin_parent) * scales.get(parent, 1.0)
            frames[body] = (plain[body][0], frames[parent][1] + rotation_parent @ offset)
        return frames


def fit() -> TemplateFit:
    """Pose and scale the generic model to Anny's average adult, and carry all markers over."""
    markers = load_virtual_markers()
    body = marker_body(anatomical=False)  # the joints of the other are found on the model that comes of this
    static = neutral_static(body, body.default_shape().numpy(), 1)
    centres = joint_centres(static)
    anny = dict(zip(static.names + centres.names, [*static.positions_m[0], *centres.positions_m[0]], strict=True))
    model = _ScaledModel()
    segments = list(dict.fromkeys(SEGMENTS.values()))
    columns = [(s, list(axes)) for s in segments for axes in AXES.get(s, ((0, 1, 2),))]
    names = COORDINATES + SIDE_COORDINATES

    def unpack(x: np.ndarray) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        coordinates = dict(zip(COORDINATES, x.tolist(), strict=False))
        for name, value in zip(SIDE_COORDINATES, x[len(COORDINATES) : len(names)].tolist(), strict=True):
            coordinates |= {f"{name}_r": value, f"{name}_l": value}
        factor = {s: np.ones(3) for s in segments}
        for (s, axes), value in zip(columns, np.exp(x[len(names) :]), strict=True):
            factor[s][axes] = value
        return coordinates, {b: factor[s] for b, s in SEGMENTS.items()}

    def misses(x: np.ndarray, frames: Frames) -> dict[str, np.ndarray]:
        scales = unpack(x)[1]
        found = {}
        for name, landmark in PUBLISHED.items():
            rotation, origin = frames[landmark.body]
            found[name] = origin + rotation @ (scales[landmark.body] * landmark.location_m) - anny[name]
        return found

    def residuals(x: np.ndarray) -> np.ndarray:
        frames = model.frames(*unpack(x))
        off = np.concatenate([miss / PUBLISHED[name].trust_m for name, miss in misses(x, frames).items()])
        foot_up = frames["calcn_r"][0][:, 1]
        logs = x[len(names) :]
        angles = np.delete(x[: len(names)], [1, 2])
        spread = (logs - logs.mean()) / SCALE_SPREAD
        return np.concatenate([off, foot_up[[0, 2]] / FLAT_SPREAD_RAD, spread, angles / ANGLE_SPREAD_RAD])

    start = np.zeros(len(names) + len(columns))
    start[2] = anny["RASI"][1]
    start[len(names) :] = np.log(anny["THD"][1] / 1.66)
    x = least_squares(residuals, start, x_scale="jac").x
    coordinates, scales = unpack(x)
    frames = model.frames(coordinates, scales)
    locations = {}
    for name, mirror, body_name in zip(markers.names, markers.mirror, markers.body, strict=True):
        if body_name.endswith("_l") or mirror in locations:
            continue
        rotation, origin = frames[body_name]
        location = np.round(rotation.T @ (anny[name] - origin) / scales[body_name], 5)
        if name == mirror:
            location[2] = 0.0
        locations[name] = location
        locations[mirror] = location * (1, 1, 1 if name == mirror else -1)
    sizes = {name: float(np.linalg.norm(miss)) for name, miss in misses(x, frames).items()}
    return TemplateFit(coordinates, scales, sizes, locations)


def write(locations_m: dict[str, Float[np.ndarray, "3"]], path: Path = TABLE) -> None:
    """Put the locations into the table.

    Args:
        locations_m: by marker, in its body's frame; every marker of the table must be there.
        path: of the table; its other columns stay.
    """
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for key, value in zip(("x_m", "y_m", "z_m"), locations_m[row["name"]], strict=True):
            row[key] = f"{value + 0.0:.5f}"
    with whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="update virtual_markers.csv")
    options = parser.parse_args()
    found = fit()
    print("landmark   off (mm)   source")
    for name, off in found.residuals_m.items():
        print(f"{name:10s} {off * 1000:6.1f}     {PUBLISHED[name].source}")
    print("\nneutral pose (deg; m)")
    for name, value in found.coordinates.items():
        if not name.endswith("_l"):
            print(f"{name:20s} {value if '_t' == name[-3:-1] else np.degrees(value):8.2f}")
    print("\nscale factors")
    for body, factors in found.scales.items():
        print(f"{body:12s} {np.round(factors, 3)}")
    if options.write:
        write(found.locations_m)
        print(f"\n{TABLE}")


if __name__ == "__main__":
    main()
