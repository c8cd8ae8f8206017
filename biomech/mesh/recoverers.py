"""The recoverers by name: `fit` from the detector's own 3D, `mqhmr` from what MQ-HMR says of each frame."""

from collections.abc import Callable
from dataclasses import replace

from biomech.body.motion import BodyMotion
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.mqhmr.predict import check_default, load_default, look_at
from biomech.mesh.mqhmr.refine import refined
from biomech.mesh.mqhmr.through_time import recover_frames
from biomech.mesh.recover import recover
from biomech.street import check_recoverer

NOT_MOVED = 0.05  # share of the frames worth a note


def check(recoverer: str) -> None:
    """Refuse a recoverer that there is not, or not in this installation.

    Raises:
        BioposeError: it is not of ``biomech.street.RECOVERERS``, or lacks its weights.
    """
    check_recoverer(recoverer)
    if recoverer == "mqhmr":
        check_default()


def keeps_looks(recoverer: str) -> bool:
    """Whether a recoverer needs the maps behind the keypoints."""
    return recoverer == "mqhmr"


def recover_with(
    recoverer: str,
    keypoints: Keypoints,
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    refine: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> BodyMotion:
    """The body that moves as the keypoints show.

    Args:
        recoverer: of ``biomech.street.RECOVERERS``.
        height_m, mass_kg, progress: as ``recover``.
        refine: move MQ-HMR's answers onto the picture first.

    Raises:
        BioposeError: as ``recover``; there is no such recoverer; or MQ-HMR lacks its weights or the maps.
    """
    check(recoverer)
    if recoverer == "fit":
        return recover(keypoints, height_m=height_m, mass_kg=mass_kg, progress=progress)
    network, notes = load_default(), []
    if refine:
        frames, moved = refined(network, keypoints, progress=progress)
        left = 1 - float(moved[frames.seen].mean())
        if left > NOT_MOVED:
            notes.append(f"MQ-HMR's answer could not be moved onto the picture in {left:.0%} of the frames")
    else:
        frames = look_at(network, keypoints, progress=progress)
    motion = recover_frames(keypoints, frames, height_m=height_m, mass_kg=mass_kg, progress=progress)
    return replace(motion, notes=[*motion.notes, *notes])
