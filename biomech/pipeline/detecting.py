"""What the options say of a detector, and of keypoints that another program found."""

from pathlib import Path
from typing import Any

from biomech.errors import BioposeError
from biomech.files import check_file
from biomech.keypoints.detector import Detector
from biomech.keypoints.detectors import make_detector
from biomech.pipeline.options import Options


def detector_of(options: Options, *, mirror: bool = False) -> Detector:
    """The detector that the options name.

    Args:
        options: of a run.
        mirror: look at the mirrored picture too.

    Returns:
        It, with its weights loaded.

    Raises:
        BioposeError: as ``make_detector``.
    """
    return make_detector(
        options.detector,
        network=options.detector_weights,
        config=options.detector_config,
        layout=options.layout,
        mirror=mirror,
    )


def detector_files(options: Options) -> dict[str, Path]:
    """The detector's files, where they are not the package's, by what they are to a stage.

    Raises:
        BioposeError: one is not there.
    """
    files = {"network of the detector": options.detector_weights, "network's config": options.detector_config}
    return {role: check_file(path) for role, path in files.items() if path is not None}


def told_of_points(options: Options) -> dict[str, Any]:
    """What is said of other programs' keypoints, by the arguments of ``read_keypoints``.

    Raises:
        BioposeError: the person is a pixel.
    """
    if isinstance(options.person, tuple):
        raise BioposeError("`person` takes a number here", mend="Give `person=0` for the leftmost.")
    told = ("video", "size_px", "rate_hz", "layout", "person", "focal_px", "fov_deg")
    return {name: getattr(options, name) for name in told}
