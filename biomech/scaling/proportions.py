"""Real proportions: how long a person's segments are, given stature, sex and mass; and the same lengths on the body.

People: ANSUR II (Gordon et al. 2014, "2012 Anthropometric Survey of U.S. Army Personnel", NATICK/TR-15/007; 4,082 men,
1,986 women). The logarithms of lengths, stature and mass are jointly normal, so that any of them may be known.
``build.proportions`` says what each length is among the measures of the survey and makes
``proportions.json``.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from biomech.body.anny.model import AnnyBody
from biomech.markers.virtual import load_virtual_markers
from biomech.person import SEXES, check_sex

FILE = Path(__file__).with_name("proportions.json")
Sex = Literal["female", "male"]

# Lengths between joint centres and bony landmarks, in the order of the file; each with what its definition is
# uncertain by (our estimate, as a share of the length): how far a joint lies from the landmark differs from person to
# person, and the body's landmark is not the survey's to the millimetre.
LENGTHS = {
    "thigh": 0.015,  # hip to knee
    "shank": 0.015,  # knee to ankle
    "ankle_height": 0.15,  # of the ankle above the sole
    "foot": 0.02,  # heel to toe
    "hip_breadth": 0.06,  # between the hip joints
    "shoulder_height": 0.03,  # of the shoulder joints above the hip joints
    "c7_height": 0.015,  # of C7 above the hip joints
    "head_neck": 0.03,  # C7 to crown
    "shoulder_breadth": 0.05,  # between the shoulder joints
    "upper_arm": 0.03,
    "forearm": 0.02,
    "hand": 0.03,  # wrist to the tip of the middle finger
}
FOOT_HEIGHT_M = 0.06  # the heel is longest well above the floor


@dataclass(frozen=True)
class Expected:
    """Logarithms of the lengths (m) as people have them: linear in the logarithm of stature, with a normal rest."""

    intercept: Float[np.ndarray, " lengths"]
    by_log_stature: Float[np.ndarray, " lengths"]
    covariance: Float[np.ndarray, "lengths lengths"]
    stature_m: float  # expected itself
    stature_sd_m: float

    def at(self, stature_m: float) -> Float[np.ndarray, " lengths"]:
        """Mean logarithms at a stature."""
        return self.intercept + self.by_log_stature * np.log(stature_m)

    @functools.cached_property
    def whitener(self) -> Float[np.ndarray, "lengths lengths"]:
        """Takes a deviation of the body's logarithms to standard deviations, uncertain definitions included."""
        covariance = self.covariance + np.diag(np.square(list(LENGTHS.values())))
        return np.linalg.inv(np.linalg.cholesky(covariance))


@dataclass(frozen=True)
class Population:
    """Mean and covariance of log(lengths in m, stature in m, mass in kg) among people."""

    mean: Float[np.ndarray, " numbers"]
    covariance: Float[np.ndarray, "numbers numbers"]

    def given(self, mass_kg: float | None = None) -> Expected:
        """What is expected of a person, by stature; of that mass if it is known."""
        mean, covariance = self.mean, self.covariance
        if mass_kg is None:
            mean, covariance = mean[:-1], covariance[:-1, :-1]
        else:
            slope = covariance[:-1, -1] / covariance[-1, -1]
            mean = mean[:-1] + slope * (np.log(mass_kg) - mean[-1])
            covariance = covariance[:-1, :-1] - np.outer(slope, covariance[-1, :-1])
        slope = covariance[:-1, -1] / covariance[-1, -1]
        stature = float(np.exp(mean[-1]))
        return Expected(
            intercept=mean[:-1] - slope * mean[-1],
            by_log_stature=slope,
            covariance=covariance[:-1, :-1] - np.outer(slope, covariance[-1, :-1]),
            stature_m=stature,
            stature_sd_m=stature * float(np.sqrt(covariance[-1, -1])),
        )


@functools.cache
def people(sex: str | None = None) -> Population:
    """Women, men, or where the sex is not known the normal distribution with the moments of both in equal parts.

    Raises:
        BioposeError: it is neither of the two.
    """
    check_sex(sex)
    groups = json.loads(FILE.read_text())["groups"]
    means, covariances = (
        np.array([groups[each][key] for each in ((sex,) if sex else SEXES)]) for key in ("mean", "covariance")
    )
    apart = means - means.mean(0)
    return Population(means.mean(0), covariances.mean(0) + apart.T @ apart / len(means))


class BodyLengths:
    """The lengths of ``LENGTHS`` on the Anny body at rest."""

    def __init__(self) -> None:
        whole, markers = AnnyBody.load(), load_virtual_markers()
        with torch.no_grad():
            vertices = whole.rest(whole.default_shape()).vertices
        sole, heel = whole.foot_vertices["sole_r"], whole.foot_vertices["heel_r"]
        foot = torch.nonzero((vertices[:, 1] < vertices[sole, 1].min() + FOOT_HEIGHT_M) & (vertices[:, 2] > 0))[:, 0]
        # One vertex each, so that lengths stay smooth in the shape: the last one back and front, and one below.
        ends = [foot[vertices[foot, 0].argmin()], foot[vertices[foot, 0].argmax()], heel[vertices[heel, 1].argmin()]]
        marked = [markers.names.index(name) for name in ("C7", "THD", "RHME")]
        corners = markers.vertices[marked]
        kept, self._rows = np.unique(np.append(corners.ravel(), [int(v) for v in ends]), return_inverse=True)
        self._shares = markers.shares[marked]
        self._body = AnnyBody.load(torch.from_numpy(kept))
        names = self._body.bone_names
        self._bones = [names.index(f"Right{b}") for b in ("UpLeg", "Leg", "Foot", "Arm", "ForeArm", "Hand")]

    def log(self, shapes: Float[np.ndarray, "shapes numbers"]) -> Float[np.ndarray, "shapes lengths"]:
        """Logarithms of the lengths, m."""
        found = self._body.measure(shapes)
        hip, knee, ankle, shoulder, elbow, wrist = np.moveaxis(found.joints[:, self._bones], 1, 0)
        points = found.vertices[:, self._rows]
        c7, crown, finger = np.moveaxis((points[:, :9].reshape(-1, 3, 3, 3) * self._shares[..., None]).sum(2), 1, 0)
        heel, toe, sole = np.moveaxis(points[:, 9:], 1, 0)

        def apart(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, " shapes"]:
            return np.linalg.norm(one - other, axis=1)

        lengths = [
            apart(knee, hip),
            apart(ankle, knee),
            ankle[:, 1] - sole[:, 1],
            apart(toe[:, [0, 2]], heel[:, [0, 2]]),
            2 * hip[:, 2],
            shoulder[:, 1] - hip[:, 1],
            c7[:, 1] - hip[:, 1],
            crown[:, 1] - c7[:, 1],
            2 * shoulder[:, 2],
            apart(elbow, shoulder),
            apart(wrist, elbow),
            apart(finger, wrist),
        ]
        return np.log(np.stack(lengths, 1))


@functools.cache
def body_lengths() -> BodyLengths:
    """Made once: the whole body is read for it."""
    return BodyLengths()
