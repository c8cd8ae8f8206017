"""The detectors by name: the one place that knows which there are.

Another one is a class that is a ``Detector`` and a row of ``DETECTORS``. Its module is imported only where it is made,
so that what it needs may be an extra of the package (``biopose[EXTRA]``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biomech.errors import BioposeError

if TYPE_CHECKING:
    from biomech.keypoints.detector import Detector

DEFAULT_DETECTOR = "blazepose"


@dataclass(frozen=True)
class Known:
    """A detector that there is.

    Attributes:
        make: of a file of weights (None: its own), a number of threads (None: as it likes) and whether to look at the
            mirrored picture too; refuses what it cannot do.
        version: of its own weights, said without loading them: another one makes a run's keypoints anew.
        extra: of the package, with what it needs; None where it needs no more than the package does.
    """

    make: "Callable[[Path | None, int | None, bool], Detector]"
    version: Callable[[], str]
    extra: str | None = None


def _blazepose(network: Path | None, threads: int | None, mirror: bool) -> "Detector":
    from biomech.keypoints.blazepose import BlazePose

    return BlazePose(network, threads, mirror)


def _blazepose_version() -> str:
    from biomech.assets import ASSETS

    return ASSETS["blazepose_heavy"].sha256


DETECTORS = {"blazepose": Known(_blazepose, _blazepose_version)}


def known(name: str) -> Known:
    """The detector of a name.

    Raises:
        BioposeError: there is none.
    """
    if name not in DETECTORS:
        raise BioposeError(
            f"there is no detector '{name}'",
            mend=f"Give `detector={' or '.join(DETECTORS)}`; keypoints of OpenPose or mmpose are read from their "
            "own files by `biopose recover`.",
        )
    return DETECTORS[name]


def make_detector(
    name: str = DEFAULT_DETECTOR, *, network: Path | None = None, threads: int | None = None, mirror: bool = False
) -> "Detector":
    """A detector by name.

    Args:
        name: of ``DETECTORS``.
        network: a file of weights in place of its own.
        threads: for its networks; by default all cores, four at most.
        mirror: average with the mirrored picture's answer; at half the speed, evens out a left-right skew.

    Returns:
        It, with its weights loaded.

    Raises:
        BioposeError: there is no such detector, what it needs is not installed, or the weights cannot be used.
    """
    found = known(name)
    try:
        return found.make(network, threads, mirror)
    except ModuleNotFoundError as error:
        lacking = (error.name or "").partition(".")[0]
        if lacking in ("", "biomech"):  # a fault of ours
            raise
        wanted = f"'biopose[{found.extra}]'" if found.extra else lacking
        raise BioposeError(
            f"the detector {name} needs {lacking}, which is not installed", mend=f"Run: pip install {wanted}"
        ) from error
