"""The scaled model that a trial is solved with: made once for a body, and kept in the campaign's folder.

Many motions are replayed on the same body, and scaling takes longer than solving one of them. Two processes that want
the same model at once both make it, and since it comes out the same to the byte, either's may stay.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.classical.measurements import VIRTUAL_MARKER_MEASUREMENTS
from biomech.classical.scaling import scale_model
from biomech.errors import BioposeError
from biomech.files import sha256
from biomech.labels.sources import BodyTrial, MarkerTrial
from biomech.markers.markers import Markers
from biomech.markers.virtual import load_virtual_markers
from biomech.osim_models.build import DEFAULT_PATH
from biomech.skeleton.skeleton import Skeleton

RECORD = "scaled.json"


@dataclass(frozen=True)
class ScaledModel:
    """A subject's model and how it was scaled."""

    key: str
    osim: Path
    factors: Mapping[str, Float[np.ndarray, "3"]]  # by body, along its own X, Y, Z
    mass_kg: float
    static_rms_mm: float
    notes: list[str]

    def scales(self, skeleton: Skeleton) -> Float[np.ndarray, "bodies 3"]:
        """Factors in the skeleton's order of bodies; the ground's are 1."""
        return np.stack([self.factors.get(body, np.ones(3)) for body in skeleton.body_names])

    def marker_offsets(self, skeleton: Skeleton, generic: Skeleton) -> Float[np.ndarray, "markers 3"]:
        """How far the scaled model's markers lie from the generic ones' scaled places, in their bodies (m)."""
        ones = np.ones(3)
        at = {marker.name: marker.location @ ones for marker in skeleton.description.markers}
        return np.stack([at[m.name] - m.location @ self.factors.get(m.body, ones) for m in generic.description.markers])


def scaled_model(recorded: BodyTrial | MarkerTrial, folder: Path, aside: Path) -> ScaledModel:
    """The model of the person who was recorded, from ``folder`` where it is there already, or made ``aside``.

    Raises:
        BioposeError: there is nothing to scale by, or scaling failed.
    """
    if recorded.static is None:
        raise BioposeError(
            "there is no static trial to scale the model by", mend="Record the subject standing, or give one."
        )
    if recorded.mass_kg is None:
        raise BioposeError("nothing says what the subject weighs")
    return model_by_static(
        recorded.static, height_m=recorded.height_m, mass_kg=recorded.mass_kg, folder=folder, aside=aside
    )


def model_by_static(
    static: Markers, *, height_m: float | None, mass_kg: float, folder: Path, aside: Path
) -> ScaledModel:
    """Our model scaled by a static trial of the 142 markers, from ``folder`` where it is there already.

    Args:
        aside: folder, on the same disk, for what is not finished.

    Raises:
        BioposeError: the static trial or the mass cannot be used, or OpenSim failed.
    """
    made_of = hashlib.sha256(np.ascontiguousarray(static.positions_m).tobytes())
    made_of.update(json.dumps([sha256(DEFAULT_PATH), static.names, height_m, mass_kg]).encode())
    key = made_of.hexdigest()[:16]
    place = Path(folder) / key
    if not (place / RECORD).is_file():
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="scaling-", dir=aside) as temporary:
            work = Path(temporary) / key
            scaled = scale_model(
                DEFAULT_PATH,
                static,
                mass_kg=mass_kg,
                height_m=height_m,
                measurements=VIRTUAL_MARKER_MEASUREMENTS,
                tasks=load_virtual_markers().weights_by_name(),
                out_osim=work / "scaled.osim",
            )
            record = {
                "factors": {body: factors.tolist() for body, factors in sorted(scaled.factors.items())},
                "mass_kg": scaled.mass_kg,
                "static_rms_mm": round(scaled.static_errors.clip_rms_m * 1000, 3),
                "notes": scaled.notes,
            }
            for (
                file
            ) in work.iterdir():  # the rest of what scaling leaves repeats the generic model and the static trial
                if file != scaled.model_osim:
                    file.unlink()
            (work / RECORD).write_text(json.dumps(record, indent=1) + "\n")
            try:
                work.rename(place)
            except OSError:  # another process was first
                if not (place / RECORD).is_file():
                    raise
    return _read(place)


def _read(place: Path) -> ScaledModel:
    record = json.loads((place / RECORD).read_text())
    return ScaledModel(
        place.name,
        place / "scaled.osim",
        {body: np.array(factors) for body, factors in record["factors"].items()},
        record["mass_kg"],
        record["static_rms_mm"],
        record["notes"],
    )
