"""What the options say of a detector, and keypoints that were found before, by us or by another program."""

from pathlib import Path
from typing import Any

from biomech.errors import BioposeError
from biomech.files import check_file
from biomech.keypoints.detector import Detector
from biomech.keypoints.detectors import make_detector
from biomech.keypoints.readers import is_from_elsewhere, read_keypoints
from biomech.pipeline.figures import ReadKeypointsFigures
from biomech.pipeline.options import Entrance, Options
from biomech.pipeline.stages import Result, Stage, recorded

HERE = Path(__file__)


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
    if isinstance(options.one_person(), tuple):
        raise BioposeError("`person` takes a number here", mend="Give `person=0` for the leftmost.")
    told = ("video", "size_px", "rate_hz", "layout", "person", "focal_px", "fov_deg")
    return {name: getattr(options, name) for name in told}


def reading_stage(keypoints: Path, files: Result, options: Options) -> Stage:
    """Keypoints that were detected before, by us or another program.

    Args:
        keypoints: the file or folder.
        files: the run's.
        options: what the user said.

    Returns:
        ``read``, which leaves them as our own.
    """
    entrance: Entrance = "points" if is_from_elsewhere(keypoints) else "keypoints"
    film = {} if options.video is None else {"film": check_file(options.video)}
    return Stage(
        "read",
        inputs={**recorded(keypoints), **film},
        outputs=[files.keypoints],
        options=options.key(entrance, "read"),
        work=lambda: _read(keypoints, files, options),
        code=("biomech.keypoints.readers", HERE),
    )


def _read(source: Path, files: Result, options: Options) -> ReadKeypointsFigures:
    from_elsewhere, notes = is_from_elsewhere(source), list[str]()
    keypoints = read_keypoints(source, **(told_of_points(options) if from_elsewhere else {}))
    if from_elsewhere:
        notes.append(f"{keypoints.detector}; focal length {keypoints.focal_px:.0f} px: {keypoints.focal_source}")
    keypoints.save(files.keypoints)
    found = int(keypoints.found.sum())
    return {"frames": len(keypoints.time_s), "frames_with_person": found, "notes": [*keypoints.notes, *notes]}
