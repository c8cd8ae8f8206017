"""How likely a pose is wrong although it explains the picture: what `recover` says of frames that it cannot know.

Who lies, folds or hangs upside down is shown in poses that meet every keypoint and are wrong. What tells of it are the
numbers of ``doubt_signals``. A logistic regression over them, one for each recoverer, gives the chance that the 18
rotations are more than 15° off in the mean. ``doubt.json`` says what it was learned from (``bench.doubts``), none of it
of `biopose bench hard-poses`. Of one camera alone: two leave less open, and were not measured.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import uniform_filter1d

from biomech.errors import BioposeError
from biomech.mesh import expected
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.doubt_signals import SIGNALS, Judgeable, signals_of
from biomech.mesh.fit import Evidence
from biomech.mesh.habit import Habit

FILE = Path(__file__).with_name("doubt.json")
WRONG_DEG = 15.0  # mean of the 18 rotations of a frame
OVER_S = 0.5  # log odds are means of so long
FURTHEST = 4.0  # standard deviations of a signal from its mean
LEAST_TO_TELL = 0.05  # of the frames
UNSETTLED = "an unusual pose that one camera does not settle"
COLUMNS = ("mean", "spread", "weight")  # of the table, for every signal


@dataclass(frozen=True)
class Doubt:
    """A logistic regression."""

    mean: Float[np.ndarray, " signals"]
    spread: Float[np.ndarray, " signals"]
    weight: Float[np.ndarray, " signals"]
    bias: float
    limit: float  # log odds beyond which a frame is doubted
    wide: float  # beyond which its half widths are wider
    widen: Float[np.ndarray, " coordinates"]  # how many times, columns as ``expected.NAMES``

    @classmethod
    @functools.lru_cache(maxsize=4)
    def load(cls, recoverer: str = "fit", path: Path = FILE) -> "Doubt":
        """The packaged one for a recoverer's answers.

        Args:
            recoverer: of ``biomech.names.RECOVERERS``.
            path: of the tables.

        Raises:
            BioposeError: it was made for other signals.
        """
        table = json.loads(path.read_text())["recoverers"][recoverer]
        if list(table["signals"]) != list(SIGNALS):
            raise BioposeError("the table of doubts is of other signals", where=str(path))
        mean, spread, weight = (np.array([row[key] for row in table["signals"].values()]) for key in COLUMNS)
        widen = np.array([table["widen"][name] for name in expected.NAMES])
        return cls(mean, spread, weight, table["bias"], table["limit"], table["wide"], widen)

    def log_odds(self, signals: Float[np.ndarray, "frames signals"]) -> Float[np.ndarray, " frames"]:
        """That a frame is more than ``WRONG_DEG`` off.

        Args:
            signals: by ``signals_of``.

        Returns:
            Above 0 where it is likelier than not, of frames as the table was learned from.
        """
        whitened = ((signals - self.mean) / self.spread).clip(-FURTHEST, FURTHEST)
        return whitened @ self.weight + self.bias


def judged(
    recoverer: str, evidence: Evidence, answer: Judgeable, correspondence: Correspondence, habit: Habit
) -> tuple[Bool[np.ndarray, " frames"], Float[np.ndarray, "frames coordinates"]]:
    """In which frames the pose is too likely wrong to be trusted, and how wide half widths must be.

    Args:
        recoverer: who found it, of ``biomech.names.RECOVERERS``.
        evidence, answer, correspondence, habit: as ``signals_of``.

    Returns:
        Doubted frames, none where no network has said anything; and the standard deviations, wider where it is less
        likely, but likelier than in ordinary films, that the pose is wrong.
    """
    told, sd = np.isfinite(evidence.guess_sd).all(1), answer.sd
    if not told.any():
        return told, sd
    table = Doubt.load(recoverer)
    odds = np.full(len(told), -np.inf)
    odds[told] = smoothed(
        table.log_odds(signals_of(evidence, answer, correspondence, habit)[told]), evidence.interval_s
    )
    wider = np.where((odds > table.wide)[:, None], table.widen, 1.0)
    return odds > table.limit, np.minimum(sd * wider, np.maximum(sd, expected.MOST_RAD))


def smoothed(odds: Float[np.ndarray, " frames"], interval_s: float) -> Float[np.ndarray, " frames"]:
    """Log odds, each the mean of ``OVER_S``: a pose is not doubted for a frame and believed in the next.

    Args:
        odds: of frames that follow each other.
        interval_s: between them.

    Returns:
        As many.
    """
    return uniform_filter1d(odds, max(1, round(OVER_S / interval_s)), mode="nearest")


def note(where: Bool[np.ndarray, " frames"]) -> list[str]:
    """What is to be said of a clip with doubted frames; nothing of a few.

    Args:
        where: frames that are doubted.

    Returns:
        One sentence or none.
    """
    if where.mean() < LEAST_TO_TELL:
        return []
    return [
        f"{UNSETTLED} in {where.mean():.0%} of the frames (lying, folded, kneeling, upside down): a third to a half of "
        "such frames are over 15° off although the skeleton meets the picture; film from the side or with two cameras"
    ]
