"""The scaled model that a trial is solved with: made once for a body, and kept in the campaign's folder.

Many motions are replayed on the same body, and scaling takes longer than solving one of them. Two processes that want
the same model at once both make it, and since it comes out the same to the byte, either's may stay.
"""

import functools
import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import read_json, sha256
from biomech.labels.sources import BodyTrial, MarkerTrial
from biomech.markers.markers import Markers
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline.provenance import code_hash
from biomech.scaling.by_marker_map import _offset_sd_m, personal_model
from biomech.scaling.measurements import VIRTUAL_MARKER_MEASUREMENTS
from biomech.scaling.scale_tool import scale_model
from biomech.skeleton.skeleton import Skeleton

RECORD, MODEL = "scaled.json", "scaled.osim"


@dataclass(frozen=True)
class ScaledModel:
    """A subject's model and how it was scaled."""

    key: str
    osim: Path
    factors: Mapping[str, Float[np.ndarray, "3"]]  # by body, along its own X, Y, Z
    mass_kg: float
    rms_mm: float  # of the markers that it was scaled by
    notes: list[str]

    def scales(self, skeleton: Skeleton) -> Float[np.ndarray, "bodies 3"]:
        """Factors in the skeleton's order of bodies; the ground's are 1."""
        return np.stack([self.factors.get(body, np.ones(3)) for body in skeleton.body_names])

    def marker_offsets(self, skeleton: Skeleton, generic: Skeleton) -> Float[np.ndarray, "markers 3"]:
        """How far the scaled model's markers lie from the generic ones' scaled places, in their bodies (m).

        Args:
            skeleton: this model's own; has all of ``generic``'s markers.
            generic: not scaled; says which markers, and in which order.

        Returns:
            In ``generic``'s order, along the bodies' X, Y, Z.
        """
        ones = np.ones(3)
        at = {marker.name: marker.location @ ones for marker in skeleton.description.markers}
        return np.stack([at[m.name] - m.location @ self.factors.get(m.body, ones) for m in generic.description.markers])


def scaled_model(recorded: BodyTrial | MarkerTrial, folder: Path, aside: Path) -> ScaledModel:
    """The model of who was recorded: by the body's static trial, or by the recorded motion of real markers.

    Args:
        recorded: with a static trial, or with the subject's recordings of real markers.
        folder: where models are kept; one that is there already is taken.
        aside: folder on the same disk for what is not finished.

    Returns:
        Factors by body, mass (kg), the RMS of the markers that it was scaled by (mm), and the path of the .osim.

    Raises:
        BioposeError: there is nothing that it could be scaled by, or scaling failed.
    """
    made_of = hashlib.sha256(f"{sha256(DEFAULT_PATH)} {_made_by()}".encode())
    for seen in ([] if recorded.static is None else [recorded.static]) + _motion(recorded):
        made_of.update(np.ascontiguousarray(seen.positions_m).tobytes() + ",".join(seen.names).encode())
    how = recorded.weights if isinstance(recorded, BodyTrial) else _offset_sd_m(recorded.marker_map)
    posture = recorded.posture if isinstance(recorded, BodyTrial) else None
    made_of.update(json.dumps([how, posture, recorded.height_m, recorded.mass_kg], sort_keys=True).encode())
    key = made_of.hexdigest()[:16]
    place = Path(folder) / key
    if not is_whole(place):
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="scaling-", dir=aside) as temporary:
            work = Path(temporary) / key
            work.mkdir()
            osim = work / MODEL
            record = _by_static(recorded, osim) if isinstance(recorded, BodyTrial) else _by_motion(recorded, osim)
            for file in work.iterdir():  # the rest of what scaling leaves repeats the generic model and the markers
                if file.name != MODEL:
                    file.unlink()
            record["sum"] = _sum(osim, record)
            (work / RECORD).write_text(json.dumps(record, indent=1) + "\n")
            if place.exists() and not is_whole(place):  # cut, altered, or left by an older version
                place.rename(Path(temporary) / "damaged")
            try:
                work.rename(place)
            except OSError:  # another process was first
                if not is_whole(place):
                    raise
    return _read(place)


@functools.cache
def _made_by() -> str:
    return code_hash("biomech.labels.models")


class ModelRecord(TypedDict, total=False):
    """What lies beside a kept model; ``sum`` is of both."""

    factors: dict[str, list[float]]  # by body, along its own X, Y, Z
    mass_kg: float
    rms_mm: float
    notes: list[str]
    sum: str


def is_whole(place: Path) -> bool:
    """Whether a kept model is what was written: neither cut nor altered."""
    try:
        record = read_json(place / RECORD, what="the record of a model")
        return record.pop("sum") == _sum(place / MODEL, record)
    except (BioposeError, OSError, AttributeError, KeyError):
        return False


def _sum(osim: Path, record: Mapping[str, object]) -> str:
    said = json.dumps(json.loads(json.dumps(record)), sort_keys=True)
    return hashlib.sha256(f"{sha256(osim)} {said}".encode()).hexdigest()


def _by_static(recorded: BodyTrial, out_osim: Path) -> ModelRecord:
    scaled = scale_model(
        DEFAULT_PATH,
        recorded.static,
        mass_kg=recorded.mass_kg,
        height_m=recorded.height_m,
        measurements=VIRTUAL_MARKER_MEASUREMENTS,
        tasks=recorded.weights,
        posture=recorded.posture,
        out_osim=out_osim,
    )
    return _record(scaled.factors, scaled.mass_kg, scaled.static_errors.clip_rms_m, scaled.notes)


def _motion(recorded: BodyTrial | MarkerTrial) -> list[Markers]:
    """What a model is personalised on."""
    return recorded.of_subject if isinstance(recorded, MarkerTrial) else []


def _by_motion(recorded: MarkerTrial, out_osim: Path) -> ModelRecord:
    """The generic skeleton with the real markers' set, personalised on all that the subject did.

    All markers count alike: how far each may be from its place says what a weight would. That holds for those, too,
    that IK is not to track, such as hip joint centres found from the motion.
    """
    person = personal_model(
        recorded.marker_map,
        _motion(recorded),
        out_osim=out_osim,
        static=recorded.static,
        height_m=recorded.height_m,
        mass_kg=recorded.mass_kg,
    )
    return _record(person.factors, person.mass_kg, person.marker_rms_m, person.notes)


def _record(
    factors: Mapping[str, Float[np.ndarray, "3"]], mass_kg: float, rms_m: float, notes: list[str]
) -> ModelRecord:
    by_body = {body: np.asarray(factor).tolist() for body, factor in sorted(factors.items())}
    return {"factors": by_body, "mass_kg": mass_kg, "rms_mm": round(rms_m * 1000, 3), "notes": notes}


def _read(place: Path) -> ScaledModel:
    record = json.loads((place / RECORD).read_text())
    return ScaledModel(
        place.name,
        place / MODEL,
        {body: np.array(factors) for body, factors in record["factors"].items()},
        record["mass_kg"],
        record["rms_mm"],
        record["notes"],
    )
