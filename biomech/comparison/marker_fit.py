"""How well a motion meets the markers that it was solved from, by the file that its program left beside it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biomech.errors import BioposeError
from biomech.inverse_kinematics.trusted import table_beside
from biomech.kinematics.storage import read_storage

OPENSIM = ("_ik_marker_errors.sto", "_marker_errors.sto")


@dataclass(frozen=True)
class OwnMarkers:
    """Marker errors of inverse kinematics: how far the model's markers are from those that were given, mm."""

    rms_mm: float  # over all frames
    max_mm: float
    path: Path


def marker_fit(motion: Path) -> OwnMarkers | None:
    """Of a motion's file; None where nothing of the kind lies beside it.

    Args:
        motion: beside it may lie NAME_quality.csv (`biopose ik`) or NAME_ik_marker_errors.sto (OpenSim).

    Raises:
        BioposeError: the file beside it is damaged.
    """
    if (quality := table_beside(motion)) is not None:
        return _of_quality(quality)
    for ending in OPENSIM:
        if (path := motion.with_name(f"{motion.stem}{ending}")).is_file():
            storage = read_storage(path, bare=True)
            names = [name.casefold() for name in storage.names]
            if {"marker_error_rms", "marker_error_max"} <= set(names):
                rms, largest = (storage.values[:, names.index(f"marker_error_{what}")] for what in ("rms", "max"))
                return _fit(1000 * rms, 1000 * largest, path)
    return None


def _of_quality(path: Path) -> OwnMarkers:
    import pandas as pd  # slow to load

    try:
        table = pd.read_csv(path)
        return _fit(table["marker_rms_mm"].to_numpy(float), table["marker_max_mm"].to_numpy(float), path)
    except (KeyError, ValueError) as error:
        raise BioposeError("not a quality file of `biopose ik`", where=str(path)) from error


def _fit(rms_mm: np.ndarray, max_mm: np.ndarray, path: Path) -> OwnMarkers:
    if not np.isfinite(rms_mm).any():
        return OwnMarkers(float("nan"), float("nan"), path)
    return OwnMarkers(float(np.sqrt(np.nanmean(np.square(rms_mm)))), float(np.nanmax(max_mm)), path)
