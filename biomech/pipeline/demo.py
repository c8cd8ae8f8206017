"""`biopose demo`: the main job on a film whose truth is known, and how far the one is from the other."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.comparison.truth import COORDINATES, CoordinateError, JointErrors, coordinate_error, joint_errors
from biomech.kinematics.mot import read_mot
from biomech.markers.trc import write_trc
from biomech.markers.virtual import extract, load_virtual_markers, marker_body
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline.claim import claimed
from biomech.pipeline.figures import FrameFigures, SolveFigures
from biomech.pipeline.record import Run
from biomech.pipeline.run import Bar, Options, Result, run_ik
from biomech.pipeline.solve import solve
from biomech.report.demo_clip import render_demo
from biomech.scaling.by_body import scale_to_body


@dataclass(frozen=True)
class DemoResult:
    """The files of the demo and the errors."""

    film: Path
    height_m: float  # of the body that walks; the main job is told both
    mass_kg: float
    result: Result
    truth: Result
    joints: JointErrors
    coordinates: dict[str, CoordinateError]


def run_demo(
    folder: Path,
    *,
    seconds: float = 3.0,
    overwrite: bool = False,
    bar: Bar = lambda _: nullcontext(None),
    on_stage: Callable[[str, bool], None] | None = None,
) -> DemoResult:
    """Film the walk, run the main job on it, solve the true markers with the same skeleton, and compare.

    In the folder lie ``walk.mp4``, ``result/`` as of ``biopose ik`` and ``truth/``: the true motion, markers and the
    model and coordinates that the classical tools make of them. What is up to date is not made again.

    Args:
        folder: for the film and both folders.
        seconds: of walking.
        overwrite: make everything anew.
        bar: makes a progress bar from a label.
        on_stage: called with each stage's name and whether it is skipped.

    Returns:
        The files, the size that the main job was told, and the errors of joints (mm) and coordinates (degrees).

    Raises:
        BioposeError: no off-screen drawing, no network and no detector yet, or any stage's.
    """
    film, truth_folder = folder / "walk.mp4", folder / "truth"
    with claimed(truth_folder):
        return _demo(film, truth_folder, seconds, overwrite, bar, on_stage)


def _demo(
    film: Path,
    truth_folder: Path,
    seconds: float,
    overwrite: bool,
    bar: Bar,
    on_stage: Callable[[str, bool], None] | None,
) -> DemoResult:
    folder = film.parent
    run = Run.open(truth_folder, overwrite=overwrite, on_stage=on_stage)
    truth = Result.of(truth_folder, film.stem, run.record, solvers=("opensim",))
    run.stage(
        "film",
        inputs={},
        outputs=[film, truth.motion],
        options={"seconds": seconds},
        work=lambda: _film(film, truth.motion, seconds, bar),
        code=("biomech.report.demo_clip", Path(__file__)),
    )
    moved = BodyMotion.load(truth.motion)
    body, shape = AnnyBody.load([0]), torch.as_tensor(moved.shape, dtype=torch.float32)
    height_m, mass_kg = round(float(body.stature(shape)), 2), round(float(body.mass(shape)), 1)
    result = run_ik(
        film,
        folder / "result",
        Options(height_m=height_m, mass_kg=mass_kg),
        overwrite=overwrite,
        bar=bar,
        on_stage=on_stage,
    )
    run.stage(
        "truth",
        inputs={"motion": truth.motion, "generic model": DEFAULT_PATH},
        outputs=[truth.markers, truth.model, *truth.solutions[0].written(from_film=False)],
        options={"mass_kg": mass_kg},
        work=lambda: _solve_truth(truth, moved, mass_kg, bar),
        code=("biomech.pipeline.solve", "biomech.scaling.by_body", Path(__file__)),
    )
    solved, true = read_mot(result.kinematics), read_mot(truth.kinematics)
    return DemoResult(
        film=film,
        height_m=height_m,
        mass_kg=mass_kg,
        result=result,
        truth=truth,
        joints=joint_errors(BodyMotion.load(result.motion), moved),
        coordinates={name: coordinate_error(solved, true, name) for name in COORDINATES},
    )


def _film(film: Path, motion: Path, seconds: float, bar: Bar) -> FrameFigures:
    with bar("Filming") as progress:
        moved = render_demo(film, seconds=seconds, progress=progress)
    moved.save(motion)
    return {"frames": len(moved.time_s)}


def _solve_truth(truth: Result, moved: BodyMotion, mass_kg: float, bar: Bar) -> SolveFigures:
    markers = extract(marker_body(), moved)
    write_trc(markers, truth.markers)
    scale_to_body(moved, truth.model, mass_kg=mass_kg)
    with bar("Solving the truth") as progress:
        return solve(
            truth.model,
            markers,
            load_virtual_markers().weights_by_name(),
            files=truth.solutions[0],
            markers_trc=truth.markers,
            quality=np.ones(len(markers.time_s)),
            progress=progress,
        )
