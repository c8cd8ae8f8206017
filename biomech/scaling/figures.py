"""What a run's record says of a scaled model."""

from typing import TypedDict


class ScaleFigures(TypedDict):
    """Of one that OpenSim's tool scaled."""

    mass_kg: float
    factors: dict[str, list[float]]  # by body, along its own X, Y, Z
    static_marker_rms_mm: float


class PersonalFigures(TypedDict):
    """Of one that was personalised from motion."""

    mass_kg: float
    stature_m: float | None
    factors: dict[str, list[float]]  # by body, along its own X, Y, Z
    personal_marker_rms_mm: float
