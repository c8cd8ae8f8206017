"""The recoverers by name: `fit` from the detector's own 3D, `mqhmr` from what MQ-HMR says of each frame.

Each is imported where it is asked for: torch and MQ-HMR keep nobody waiting who only names them.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.names import MQHMR_WEIGHTS, check_recoverer
from biomech.side_by_side import one_thread

if TYPE_CHECKING:
    from biomech.mesh.mqhmr.network import MQHMR
    from biomech.mesh.mqhmr.point_sd import PointSd

SHIPPED = Path(__file__).parent / "mqhmr" / MQHMR_WEIGHTS
NOT_MOVED = 0.05  # share of the frames worth a note


def check(recoverer: str, mqhmr_weights: Path | None = None) -> None:
    """Refuse a recoverer that there is not, or not in this installation.

    Args:
        recoverer: its name.
        mqhmr_weights: in place of the package's; whether they are there is not looked at.

    Raises:
        BioposeError: it is not of ``biomech.names.RECOVERERS``, or lacks its weights.
    """
    check_recoverer(recoverer)
    if recoverer == "mqhmr" and mqhmr_weights is None and not SHIPPED.is_file():
        raise BioposeError(
            "this installation has no weights of MQ-HMR",
            mend="Give `recover=fit`, or name the mqhmr.safetensors of `biopose train mqhmr` with `mqhmr_weights`.",
        )


def trained(mqhmr_weights: Path | None = None) -> tuple["MQHMR", "PointSd"]:
    """MQ-HMR with the standard deviations of its points, which lie beside the weights; the package's by default.

    Raises:
        BioposeError: one of the files is missing or not what it should be.
    """
    from biomech.mesh.mqhmr import point_sd
    from biomech.mesh.mqhmr.load import load_mqhmr

    check("mqhmr", mqhmr_weights)
    weights = mqhmr_weights or SHIPPED
    return load_mqhmr(weights), point_sd.PointSd.load(weights.with_name(point_sd.NAME))


def keeps_heat_maps(recoverer: str) -> bool:
    """Whether a recoverer needs the maps behind the keypoints."""
    return recoverer == "mqhmr"


def standing_shape(
    keypoints: Keypoints,
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Float[np.ndarray, " shape"], list[str]]:
    """The shape of a person who stands upright and straight throughout a clip.

    Args:
        keypoints: of that clip.
        height_m, mass_kg, sex, progress: as ``recover``.

    Returns:
        The shape, and what is to be told of the standing.

    Raises:
        BioposeError: as ``recover``.
    """
    from biomech.mesh.neutral import StandingNote
    from biomech.mesh.recover import recover
    from biomech.mesh.steady import recover_steadied

    keypoints.check()
    keypoints.check_in_picture()
    whole = (float(keypoints.time_s[0]), float(keypoints.time_s[-1]))
    motion = recover_steadied(
        keypoints,
        lambda seen: recover(seen, height_m=height_m, mass_kg=mass_kg, sex=sex, neutral_s=whole, progress=progress),
    )
    return motion.shape, [note for note in motion.notes if isinstance(note, StandingNote)]


def recover_with(
    recoverer: str,
    keypoints: Keypoints,
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
    refine: bool = True,
    mqhmr_weights: Path | None = None,
    neutral_s: tuple[float, float] | None = None,
    shape: Float[np.ndarray, " shape"] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BodyMotion:
    """The body that moves as the keypoints show.

    Args:
        recoverer: of ``biomech.names.RECOVERERS``.
        keypoints: of one person; for mqhmr BlazePose's with the maps behind them. They are checked.
        height_m, mass_kg, sex, progress: as ``recover``.
        refine: move MQ-HMR's answers onto the picture first.
        mqhmr_weights: in place of the package's, with its recipe and ``spread.json`` beside it.
        neutral_s, shape: as ``recover``; refused with mqhmr.

    Returns:
        As ``recover``, whichever recoverer it was.

    Raises:
        BioposeError: as ``recover``; there is no such recoverer; or MQ-HMR lacks its weights or the maps.
    """
    check(recoverer, mqhmr_weights)
    keypoints.check()
    keypoints.check_in_picture()
    if recoverer != "fit" and (neutral_s is not None or shape is not None):
        raise BioposeError("`neutral` is for the fit", mend="Leave `neutral` or `recover=mqhmr` away.")
    from biomech.mesh.signatures import signed
    from biomech.mesh.steady import frames_steadied, recover_steadied

    if recoverer == "fit":
        from biomech.mesh.recover import recover

        with one_thread():
            motion = recover_steadied(
                keypoints,
                lambda seen: recover(
                    seen,
                    height_m=height_m,
                    mass_kg=mass_kg,
                    sex=sex,
                    neutral_s=neutral_s,
                    shape=shape,
                    progress=progress,
                ),
            )
            return signed(motion, keypoints, height_m=height_m, mass_kg=mass_kg)
    from biomech.mesh.mqhmr.predict import look_at
    from biomech.mesh.mqhmr.refine import refined
    from biomech.mesh.mqhmr.through_time import recover_frames

    (network, points_spread), notes = trained(mqhmr_weights), []
    if refine:
        frames, moved = refined(network, keypoints, progress=progress)
        left = 1 - float(moved[frames.seen].mean())
        if left > NOT_MOVED:
            notes.append(f"MQ-HMR's answer could not be moved onto the picture in {left:.0%} of the frames")
    else:
        frames = look_at(network, keypoints, progress=progress)
    steady = frames_steadied(frames, keypoints.camera_turns)
    motion = recover_steadied(
        keypoints,
        lambda seen: recover_frames(
            seen, steady, points_spread, height_m=height_m, mass_kg=mass_kg, sex=sex, progress=progress
        ),
    )
    motion = replace(motion, notes=[*motion.notes, *notes])
    return signed(motion, keypoints, height_m=height_m, mass_kg=mass_kg)
