"""Our skeleton with the markers of a marker map, made the person's: for `biopose ik` and `biopose label` alike."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from biomech.errors import BioposeError
from biomech.leftovers import temporary_folder
from biomech.markers.marker_map import MarkerMap
from biomech.markers.markers import Markers
from biomech.osim_models.build import write as write_generic
from biomech.scaling.anthropometry import Sex
from biomech.scaling.personalise import LANDMARK_SD_M, TRACKING_SD_M, Personalised, personalise


def _offset_sd_m(known: MarkerMap) -> dict[str, float]:
    return dict(zip(known.names, np.where(known.fixed, LANDMARK_SD_M, TRACKING_SD_M).tolist(), strict=True))


def personal_model(
    known: MarkerMap,
    motions: Sequence[Markers],
    *,
    out_osim: Path,
    static: Markers | None = None,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: Sex | None = None,
) -> Personalised:
    """Our skeleton with a map's markers, made the person's who did the motions; `biopose ik` takes it so, too.

    Args:
        known: the map.
        motions: under the model's names.
        out_osim: the personal model.
        others: as of ``personalise``.

    Returns:
        The person's model and how it came about, as of ``personalise``.

    Raises:
        BioposeError: as ``personalise``.
    """
    with temporary_folder("generic") as aside:
        generic = aside / "generic.osim"
        write_generic(generic, known.on_model())
        try:
            return personalise(
                generic,
                motions,
                out_osim=out_osim,
                static=static,
                height_m=height_m,
                mass_kg=mass_kg,
                sex=sex,
                offset_sd_m=_offset_sd_m(known),
            )
        except BioposeError as error:
            if error.where != str(generic):
                raise
            whose = f"our skeleton with the markers of the map '{known.name}'"  # the file is none of the user's
            raise BioposeError(error.what, where=whose, mend=error.mend) from error
