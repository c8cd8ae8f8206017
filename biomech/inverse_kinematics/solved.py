"""The noun ``Solved``: what any of the solvers gives back."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from jaxtyping import Float

from biomech.inverse_kinematics.marker_errors import MarkerErrors
from biomech.inverse_kinematics.trusted import Trusted
from biomech.kinematics.kinematics import Kinematics

if TYPE_CHECKING:
    import pandas as pd


class SolverFigures(TypedDict, total=False):
    """What one solver says besides: the network, and whatever knows how far off its motion may be."""

    frames_flagged: int
    network_factors: dict[str, list[float]]  # by body, along its own X, Y, Z
    mean_uncertainty_deg: float


@dataclass(frozen=True)
class Solved:
    """A motion, how well it meets its markers, how far off it may be, and what of it is to be believed.

    Attributes:
        kinematics: rad and m, at the frames that could be solved; at all of them where gaps were filled.
        marker_errors: of every frame of the markers (m).
        uncertainty: of ``kinematics``, the same frames and coordinates (rad, m): half widths that hold the true value
            as often as one standard deviation does; NaN where it is not known, None where nothing is.
        trusted: of every frame of the markers: why it is not to be trusted, and what its markers leave open.
        quality: how well each of these frames was seen, 0 to 1.
        weights: of the markers that were tracked.
        notes: what the user should know, in sentences.
        figures: what a run's record says of the solver besides.
    """

    kinematics: Kinematics
    marker_errors: MarkerErrors
    uncertainty: Float[np.ndarray, "solved coordinates"] | None
    trusted: Trusted
    quality: Float[np.ndarray, " frames"]
    weights: dict[str, float]
    notes: list[str]
    figures: SolverFigures = field(default_factory=SolverFigures)

    @property
    def angles(self) -> "pd.DataFrame":
        """The motion as a table (``Kinematics.table``): degrees and metres by time (s)."""
        return self.kinematics.table()
