"""Our skeleton, or another model, made a recovered body's: OpenSim's Scale tool on the body in its neutral pose."""

from pathlib import Path

import torch

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.markers.virtual import load_virtual_markers, marker_body, neutral_static
from biomech.osim_models import DEFAULT_PATH
from biomech.scaling.measurements import VIRTUAL_MARKER_MEASUREMENTS, read_measurements
from biomech.scaling.scale_tool import ScaleResult, scale_model


def scale_to_body(
    motion: BodyMotion,
    out_osim: Path,
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    model: Path | None = None,
    marker_set: Path | None = None,
    scaling: Path | None = None,
) -> ScaleResult:
    """Scale a model to a body as it stands in the neutral pose.

    Args:
        motion: its shape is what counts.
        out_osim: beside it lie the setup and what it needs (``scale_model``).
        height_m: of the person; noted in the setup.
        mass_kg: of the person; the body's where not given.
        model: another .osim than ours, with ``marker_set``, the virtual markers on it.
        marker_set: MarkerSet file that replaces the model's own markers; None: it keeps them.
        scaling: a scale setup whose measurements fit that model.

    Returns:
        The files, the factors, and how well the model meets the body's markers (m).

    Raises:
        BioposeError: as ``scale_model``.
    """
    if mass_kg is None:
        mass_kg = float(AnnyBody.load([0]).mass(torch.as_tensor(motion.shape, dtype=torch.float32)))
    return scale_model(
        model or DEFAULT_PATH,
        neutral_static(marker_body(), motion.shape),
        mass_kg=mass_kg,
        height_m=height_m,
        measurements=read_measurements(scaling) if scaling else VIRTUAL_MARKER_MEASUREMENTS,
        tasks=load_virtual_markers().weights_by_name(),
        posture=NEUTRAL_POSTURE,
        marker_set=marker_set,
        out_osim=out_osim,
    )
