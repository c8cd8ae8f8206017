"""The keywords of ``biomech.ik``, as type checkers and editors see them; a test holds them to the table of options."""

from pathlib import Path
from typing import TypedDict

from biomech.skeleton.osim import Model


class IkOptions(TypedDict, total=False):
    """As the fields of ``biomech.pipeline.options.Options``, where what each means is said; paths as texts too.

    But for ``person``: by it a type checker knows what ``biomech.ik`` gives.
    """

    height_m: float | None
    mass_kg: float | None
    sex: str | None
    solvers: str | tuple[str, ...] | None
    polish: bool
    smooth_mm: float | None
    start_s: float | None
    end_s: float | None
    model: Model | Path | str | None
    marker_set: Path | str | None
    scaling: Path | str | None
    static: Path | str | None
    personalise: bool
    tasks: Path | str | None
    up: str | None
    subject: str | None
    recovered: bool
    detector: str
    detector_weights: Path | str | None
    detector_config: Path | str | None
    layout: str | None
    video: Path | str | None
    size_px: tuple[int, int] | None
    mirror: bool
    fewer_looks: bool
    neutral: tuple[float, float] | Path | str | None
    recover: str
    refine: bool
    mqhmr_weights: Path | str | None
    rate_hz: float | None
    every: int | None
    focal_px: float | None
    fov_deg: float | None
    camera_motion: str
    calibration: Path | str | None
    offsets_s: tuple[float, ...] | None
    body_models: Path | str | None
    marker_vertices: Path | str | None
    camera: str | None
    allow_pickle: bool
    overlay: bool
    report: bool
    fill: bool
    workers: int | None
