"""Which bodies of a skeleton grow together, and what is known of their factors before any marker is seen.

Bodies of one segment share its three factors, and so do the segments of both sides. The axes are those of the
Rajagopal family, whose bodies all stand as the ground does in the default pose: X forward, Y up along the bone, Z
sideways.
"""

import re
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from biomech.scaling.anthropometry import Sex, load_proportions
from biomech.skeleton.skeleton import Skeleton

# The segments' bodies (without side), and the measures whose logarithms their factors along X, Y and Z follow.
SEGMENTS: dict[str, tuple[tuple[str, ...], tuple[str, str, str]]] = {
    "pelvis": (("pelvis", "sacrum"), ("pelvis_breadth", "pelvis_height", "pelvis_breadth")),
    "torso": (
        ("torso", "thorax", "lumbar", "abdomen", "spine", "scapula", "clavicle"),
        ("torso_depth", "torso_length", "shoulder_breadth"),
    ),
    "head": (("head", "neck", "skull"), ("head_length", "head_height", "head_breadth")),
    "thigh": (("femur", "patella"), ("ankle_breadth", "thigh_length", "ankle_breadth")),
    "shank": (("tibia", "fibula"), ("ankle_breadth", "shank_length", "ankle_breadth")),
    "foot": (("talus", "calcn", "toes"), ("foot_length", "foot_height", "foot_breadth")),
    "upper_arm": (("humerus",), ("wrist_girth", "upper_arm_length", "wrist_girth")),
    "forearm": (("ulna", "radius"), ("wrist_girth", "forearm_length", "wrist_girth")),
    "hand": (("hand",), ("hand_breadth", "hand_length", "hand_breadth")),
}

# Of a factor's logarithm: how far a bone's shape strays from the outer measure that stands for it. Bones of one length
# differ in breadth by about this much; our choice, of the order of the remainders in ANSUR II.
SHAPE_SD = 0.03
TOLD_HEIGHT_SD = 0.01  # of the logarithm: 1.7 cm, what a told stature, shoes and posture leave open
STATURE_SD = 0.015  # of the logarithm: of the model's stature about the person's
SOLE = ("calcn_r", "calcn_l")
# Above the shoulders' centres, as a multiple of their height above the hips': makes the stature of the Rajagopal model
# the 1.70 m that its authors state (Rajagopal et al. 2016).
VERTEX = 0.603


@dataclass(frozen=True)
class Factors:
    """The free factors of a skeleton: three to a segment, in the order of ``names``."""

    names: tuple[str, ...]  # "thigh Y"
    bodies: dict[str, int]  # index of the segment's X factor, by body

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.names)

    def spread(
        self, body_names: list[str], factors: Float[Tensor, "*batch factors"]
    ) -> Float[Tensor, "*batch bodies 3"]:
        """Every body's factors, the ground's 1.

        Args:
            body_names: the ground included, in the order that is wanted.
            factors: in the order of ``names``.

        Returns:
            Along X, Y, Z of each body; 1 too for bodies that no factor scales.
        """
        scales = factors.new_ones(*factors.shape[:-1], len(body_names), 3)
        for k, name in enumerate(body_names):
            if name in self.bodies:
                scales[..., k, :] = factors[..., self.bodies[name] : self.bodies[name] + 3]
        return scales


@dataclass(frozen=True)
class FactorPrior:
    """Normal prior of the factors' logarithms u, together with that of log stature η (m).

    ``whitener @ (u − slope (η − log generic) − shift)`` is standard normal, and so is ``(η − mean) / sd``.
    """

    whitener: Float[np.ndarray, "factors factors"]
    slope: Float[np.ndarray, " factors"]
    shift: Float[np.ndarray, " factors"]
    log_generic: float
    log_stature: tuple[float, float]


def segment_of(body: str) -> str:
    """The segment that a body belongs to; a body that no segment knows is one of its own, with its other side."""
    stem = re.sub(r"[_.]?(r|l|right|left)$", "", body.lower())
    for segment, (bodies, _) in SEGMENTS.items():
        if any(stem.startswith(known) for known in bodies):
            return segment
    return stem


def factors_of(skeleton: Skeleton) -> Factors:
    """Three factors for each segment that the skeleton has."""
    bodies = skeleton.body_names[1:]
    segments = list(dict.fromkeys(segment_of(body) for body in bodies))
    names = tuple(f"{segment} {axis}" for segment in segments for axis in "XYZ")
    return Factors(names, {body: 3 * segments.index(segment_of(body)) for body in bodies})


def factor_prior(
    factors: Factors, generic_stature_m: float, *, height_m: float | None = None, sex: Sex | None = None
) -> FactorPrior:
    """What ANSUR II says of the factors of a person, given height or sex where known.

    Args:
        factors: those of the skeleton.
        generic_stature_m: the unscaled model's, sole to vertex.
        height_m: the person's, known to 1 %; the population's where not given.
        sex: whose proportions; those of both in equal parts where not given.

    Returns:
        A normal distribution of the factors' logarithms and of log stature.
    """
    of_all, of_sex = load_proportions(), load_proportions(sex)
    size = len(of_all.measures)
    pick = np.zeros((factors.count, size))
    slope_beyond = np.ones(factors.count)  # of bodies without a measure: as stature
    for row, name in enumerate(factors.names):
        segment, axis = name.rsplit(" ", 1)
        if segment in SEGMENTS:
            pick[row, of_all.measures.index(SEGMENTS[segment][1]["XYZ".index(axis)])] = 1
            slope_beyond[row] = 0
    # The generic model is one more random person: twice the covariance.
    covariance = pick @ (of_all.covariance + of_sex.covariance) @ pick.T + SHAPE_SD**2 * np.eye(factors.count)
    return FactorPrior(
        whitener=np.linalg.inv(np.linalg.cholesky(covariance)),
        slope=pick @ of_sex.slope + slope_beyond,
        shift=pick @ (of_sex.at(generic_stature_m) - of_all.at(generic_stature_m)),
        log_generic=float(np.log(generic_stature_m)),
        log_stature=(float(np.log(height_m)), TOLD_HEIGHT_SD) if height_m else of_sex.log_stature,
    )


def stature(skeleton: Skeleton, factors: Factors) -> Float[np.ndarray, " factors+1"] | None:
    """The standing model's height, sole to vertex (m), as a row that multiplies (factors, 1).

    Measured in the default pose: from the origin of the heels' bodies to a vertex above the shoulders. None where the
    skeleton lacks the bodies for it.

    Args:
        skeleton: generic, with all its bodies.
        factors: those of the skeleton.

    Returns:
        The row (m); its product with all factors 1 is the generic model's stature.
    """
    names = skeleton.body_names
    levels = [SOLE, ("femur_r", "femur_l"), ("humerus_r", "humerus_l")]
    if not all(body in names for level in levels for body in level):
        return None
    default = torch.as_tensor(skeleton.defaults)
    basis = torch.cat([torch.eye(factors.count), torch.zeros(1, factors.count)]).to(default)
    height = skeleton(default.expand(len(basis), -1), factors.spread(names, basis)).joints[..., 1].numpy()
    sole, hip, shoulder = (height[:, [names.index(b) - 1 for b in level]].mean(1) for level in levels)
    top = shoulder + VERTEX * (shoulder - hip)
    rows = top - sole
    return np.append(rows[:-1] - rows[-1], rows[-1])
