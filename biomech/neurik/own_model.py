"""The scaled model that the network itself sees in the 142 markers: its factors, and each marker where it is seen.

Thus a file of markers is all that is needed. The network's factors are what its coordinates were learned with, and its
posed bodies say where on the person each marker was: the median over the frames, in the body's frame.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from biomech.markers.markers import Markers
from biomech.neurik.predict import NeuralAnswer, neural_kinematics
from biomech.osim_models import DEFAULT_PATH
from biomech.scaling.personalise import HEIGHT_TOLERANCE
from biomech.scaling.scale_tool import judged
from biomech.scaling.scaled_model import write_scaled
from biomech.scaling.segments import factors_of, stature
from biomech.skeleton.model import load_model
from biomech.skeleton.skeleton import Skeleton

FAR_M = 0.05  # a marker further from its place on the scaled model is named


@dataclass(frozen=True)
class OwnModel:
    """What was written."""

    factors: dict[str, Float[np.ndarray, "3"]]  # by body, along its own X, Y, Z
    marker_offsets_m: dict[str, Float[np.ndarray, "3"]]  # from the scaled model's places, in the body's axes
    stature_m: float
    mass_kg: float
    notes: list[str]


def scale_by_network(
    markers: Markers,
    *,
    out_osim: Path,
    height_m: float | None = None,
    mass_kg: float | None = None,
) -> OwnModel:
    """Scale our skeleton and place its markers as the network sees them, and write it.

    Args:
        markers: most of the 142, by name (m, Y up); NaN where missing.
        out_osim: the scaled model.
        height_m: only to be compared with what comes out.
        mass_kg: of the person; the model's own if not given.

    Returns:
        What was written: factors, where each marker that is seen was put (m), and the stature (m) that comes out.

    Raises:
        BioposeError: too few of the markers, no weights, or OpenSim cannot scale the model; then nothing is written.
    """
    answer = neural_kinematics(markers)
    offsets = _offsets(Skeleton.from_osim(DEFAULT_PATH), markers, answer)
    notes = []
    if mass_kg is None:
        generic = load_model(DEFAULT_PATH)
        mass_kg = float(generic.getTotalMass(generic.getWorkingState()))
        notes.append(f"no mass given: the model's own is kept ({mass_kg:.1f} kg)")
    factors = dict(answer.scales)
    write_scaled(DEFAULT_PATH, factors, offsets, mass_kg, out_osim)
    written = load_model(out_osim)
    notes += judged(factors, float(written.getTotalMass(written.getWorkingState())), mass_kg)
    skeleton = Skeleton.from_osim(written)
    row = stature(skeleton, factors_of(skeleton))
    assert row is not None
    tall = float(row.sum())
    if height_m and abs(tall / height_m - 1) > HEIGHT_TOLERANCE:
        notes.append(f"the network sees a person of {tall:.2f} m, not of {height_m:.2f} m: check height and unit")
    far = [name for name, offset in offsets.items() if np.linalg.norm(offset) > FAR_M]
    if far:
        notes.append(f"over {100 * FAR_M:g} cm from where the scaled model has them: {', '.join(far)}")
    return OwnModel(factors, offsets, tall, mass_kg, notes)


def _offsets(skeleton: Skeleton, markers: Markers, answer: NeuralAnswer) -> dict[str, Float[np.ndarray, "3"]]:
    """From a marker's place on the scaled model to where it is seen, in its body's axes; only those that are seen."""
    names = [name for name in skeleton.marker_names if name in set(markers.seen)]
    skeleton = skeleton.carrying(names)
    scales = np.array([answer.scales.get(body, np.ones(3)) for body in skeleton.body_names])
    with torch.no_grad():
        pose = skeleton(torch.from_numpy(answer.kinematics.values[answer.solved]), torch.from_numpy(scales))
    away = markers.select(names).positions_m[answer.solved] - pose.markers.numpy()
    turns = pose.rotations.numpy()[:, skeleton.marker_body.numpy()]
    in_body = np.einsum("fmij,fmi->fmj", turns, away)
    seen = np.isfinite(in_body).all(-1)
    return {name: np.median(in_body[seen[:, k], k], axis=0) for k, name in enumerate(names) if seen[:, k].any()}
