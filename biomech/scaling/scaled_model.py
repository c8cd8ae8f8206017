"""Writing a personalised .osim: OpenSim's own scaling, then the markers' places."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import opensim
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.skeleton.description import rotation_matrix
from biomech.skeleton.model import load_model, print_whole, quiet_opensim


def write_scaled(
    model_osim: Path,
    factors: Mapping[str, Float[np.ndarray, "3"]],
    marker_offsets_m: Mapping[str, Float[np.ndarray, "3"]],
    mass_kg: float,
    out_osim: Path,
) -> None:
    """Scale a model with ``Model.scale``, so that muscles, wrapping, masses and inertias follow, and write it.

    Args:
        model_osim: the generic model.
        factors: by body, along its own X, Y, Z; bodies that are not named keep their size.
        marker_offsets_m: by marker, in its body's axes, added after scaling.
        mass_kg: of the whole body; the segments keep their shares of it.

    Raises:
        BioposeError: OpenSim cannot scale the model.
    """
    model = load_model(model_osim)
    scales = opensim.ScaleSet()
    for body, factor in factors.items():
        scale = opensim.Scale()
        scale.setSegmentName(body)
        scale.setScaleFactors(opensim.Vec3(*(float(f) for f in factor)))
        scale.setApply(True)
        scales.cloneAndAppend(scale)
    try:
        with quiet_opensim("Off"):
            if not model.scale(model.initSystem(), scales, True, mass_kg):
                raise RuntimeError("Model.scale returned false")
            for name, offset in marker_offsets_m.items():
                marker = model.updMarkerSet().get(name)
                transform = marker.getParentFrame().findTransformInBaseFrame()  # must outlive what it hands out
                moved = marker.get_location().to_numpy() + rotation_matrix(transform.R()).T @ offset
                marker.set_location(opensim.Vec3(*moved.tolist()))
            model.setName(Path(out_osim).stem)
            with whole_file(out_osim) as temporary:
                print_whole(model, temporary)
    except RuntimeError as error:
        raise BioposeError(
            f"OpenSim cannot scale this model ({' '.join(str(error).split())[:300]})", where=str(model_osim)
        ) from error
