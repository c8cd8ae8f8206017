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
        make: of what it is told; refuses what it cannot do.
        version: of its own weights, said without loading them: another one makes a run's keypoints anew.
        extra: of the package, with what it needs; None where it needs no more than the package does.
        mend: the command that installs what it needs, where pip alone does not.
    """

    make: "Callable[[Told], Detector]"
    version: Callable[[], str]
    extra: str | None = None
    mend: str | None = None  # how what it needs is installed, where not as an extra


@dataclass(frozen=True)
class Told:
    """What a detector may be told.

    Attributes:
        weights: a file of its own, in place of what it has; None: what it has.
        config: of the network that the weights are for, where they do not say it.
        layout: of its points, where their number does not tell (``layouts.LAYOUTS``).
        threads: for its networks; None: as it likes.
        mirror: look at the mirrored picture too.
    """

    weights: Path | None = None
    config: Path | None = None
    layout: str | None = None
    threads: int | None = None
    mirror: bool = False

    def refuse(self, detector: str, **needless: str) -> None:
        """Refuse what a detector cannot be told.

        Args:
            detector: its name.
            needless: by field of this class, what stands in the message after it.

        Raises:
            BioposeError: one of them was given.
        """
        for name, why in needless.items():
            if getattr(self, name) not in (None, False):
                option = {"weights": "detector_weights", "config": "detector_config"}.get(name, name)
                raise BioposeError(f"`{option}` {why}", mend=f"Leave it away with `detector={detector}`.")


def _blazepose(told: Told) -> "Detector":
    from biomech.keypoints.blazepose import BlazePose

    told.refuse("blazepose", config="is for mmpose", layout="is for other detectors: BlazePose has one")
    return BlazePose(told.weights, told.threads, told.mirror)


def _onnx(told: Told) -> "Detector":
    from biomech.keypoints.blazepose import BlazePose
    from biomech.keypoints.onnx_network import OnnxNetwork
    from biomech.keypoints.top_down import TopDown

    told.refuse("onnx", config="is for mmpose: an ONNX network says itself what it is", mirror="is for blazepose")
    network = OnnxNetwork(_wanted("onnx", told.weights, "weights", "FILE.onnx"), told.layout, told.threads)
    return TopDown(network, BlazePose(threads=told.threads))


def _mmpose(told: Told) -> "Detector":
    told.refuse("mmpose", mirror="is for blazepose")
    config = _wanted("mmpose", told.config, "config", "CONFIG.py")
    weights = _wanted("mmpose", told.weights, "weights", "CHECKPOINT.pth")
    from biomech.keypoints.blazepose import BlazePose
    from biomech.keypoints.mmpose_network import MMPoseNetwork
    from biomech.keypoints.top_down import TopDown

    return TopDown(MMPoseNetwork(config, weights, told.layout, told.threads), BlazePose(threads=told.threads))


def _wanted(detector: str, path: Path | None, what: str, metavar: str) -> Path:
    if path is None:
        raise BioposeError(
            f"the detector {detector} needs a {what if what == 'config' else 'file of weights'}",
            mend=f"Give `detector_{what}={metavar}`.",
        )
    return path


def _blazepose_version() -> str:
    from biomech.assets import ASSETS

    return ASSETS["blazepose_heavy"].sha256


# The other two find people with BlazePose's detector.
DETECTORS = {
    "blazepose": Known(_blazepose, _blazepose_version),
    "mmpose": Known(_mmpose, _blazepose_version, mend="`biopose doctor --install mmpose`"),
    "onnx": Known(_onnx, _blazepose_version, "onnx"),
}


def known(name: str) -> Known:
    """The detector of a name.

    Raises:
        BioposeError: there is none.
    """
    if name not in DETECTORS:
        raise BioposeError(
            f"there is no detector '{name}'",
            mend=f"Give `detector={' or '.join(DETECTORS)}`; keypoints of OpenPose, AlphaPose or mmpose are read from "
            "their own files by `biopose ik`.",
        )
    return DETECTORS[name]


def make_detector(
    name: str = DEFAULT_DETECTOR,
    *,
    network: Path | None = None,
    config: Path | None = None,
    layout: str | None = None,
    threads: int | None = None,
    mirror: bool = False,
) -> "Detector":
    """A detector by name.

    Args:
        name: of ``DETECTORS``.
        network: a file of weights: of ``onnx`` the network itself, of ``mmpose`` the checkpoint; in place of its own of
            ``blazepose``.
        config: of the network, for ``mmpose``.
        layout: of the points, of ``layouts.LAYOUTS``, where their number does not tell.
        threads: for its networks; by default all cores, four at most.
        mirror: average with the mirrored picture's answer; at half the speed, evens out a left-right skew.

    Returns:
        It, with its weights loaded.

    Raises:
        BioposeError: there is no such detector, what it needs is not installed, or the weights cannot be used.
    """
    found = known(name)
    try:
        return found.make(Told(network, config, layout, threads, mirror))
    except ModuleNotFoundError as error:
        lacking = (error.name or "").partition(".")[0]
        if lacking in ("", "biomech"):  # a fault of ours
            raise
        wanted = found.mend or (f"pip install 'biopose[{found.extra}]'" if found.extra else f"pip install {lacking}")
        raise BioposeError(
            f"the detector {name} needs {lacking}, which is not installed", mend=f"Run: {wanted}"
        ) from error
