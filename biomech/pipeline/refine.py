"""A finished run's body, moved onto the picture once more."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.markers.trc import write_trc
from biomech.markers.virtual import extract, marker_body
from biomech.mesh.mqhmr.refine import refined
from biomech.mesh.mqhmr.through_time import recover_frames
from biomech.mesh.recoverers import trained
from biomech.mesh.steady import frames_steadied, recover_steadied
from biomech.pipeline.claim import claimed
from biomech.pipeline.record import RECORD, Run
from biomech.pipeline.stages import Bar, Result, plain_name, recording_name


@dataclass(frozen=True)
class Refined:
    """The files beside the run's own, and how many frames were moved."""

    motion: Path
    markers: Path
    model: Path  # the run's own, which goes with them
    frames_seen: int
    frames_moved: int
    notes: list[str]


def refine_run(folder: Path, *, iterations: int = 20, mqhmr_weights: Path | None = None, bar: Bar) -> Refined:
    """Move MQ-HMR's answers onto the picture, and make the body's motion and markers anew.

    Args:
        folder: of ``run_ik`` with the recoverer mqhmr.
        iterations: of each frame.
        mqhmr_weights: in place of the package's.
        bar: makes a progress bar from a label.

    Returns:
        The files, frames in which the person was seen and that were moved, and notes.

    Raises:
        BioposeError: the folder holds no such run, or MQ-HMR lacks its weights.
    """
    record = Run.open(folder).record
    said = record["stages"].get("recover", {}).get("options", {})
    film = record.get("source", {}).get("name", "")
    name = plain_name(recording_name(Path(film)))
    if not film or "height_m" not in said:
        raise BioposeError(
            "no run of a video that got as far as its body", where=str(folder / RECORD), mend="Run `biopose ik VIDEO`."
        )
    if said.get("recover") == "fit":
        raise BioposeError(
            "this run's body was fitted to the keypoints; what MQ-HMR sees, and refine moves, was not kept",
            where=str(folder / RECORD),
            mend=f"Run the same `biopose ik {shlex.quote(film)}` with `recover=mqhmr` into this folder first.",
        )
    files = Result.of(folder, name, record)
    (network, point_sd), keypoints = trained(mqhmr_weights), Keypoints.load(files.keypoints)
    with bar("Refining") as progress:
        frames, flags = refined(network, keypoints, iterations, progress=progress)
    with bar("Recovering") as progress:
        steady = frames_steadied(frames, keypoints.camera_turns)
        motion = recover_steadied(
            keypoints,
            lambda seen: recover_frames(
                seen,
                steady,
                point_sd,
                height_m=said["height_m"],
                mass_kg=said.get("mass_kg"),
                sex=said.get("sex"),
                progress=progress,
            ),
        )
    motion_npz, markers_trc = folder / f"{name}_refined_motion.npz", folder / f"{name}_refined.trc"
    with claimed(folder):
        motion.save(motion_npz)
        write_trc(extract(marker_body(), motion), markers_trc)
    return Refined(motion_npz, markers_trc, files.model, int(frames.seen.sum()), int(flags.sum()), motion.notes)
