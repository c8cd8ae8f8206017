"""The entrance with a video, or with its keypoints: detect, recover, extract; then scale, solve and the overlay.

What only later stages need (torch, OpenSim, pandas) is imported in their work: detection does not wait for it.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.helper import Helper
from biomech.keypoints.detect import detect
from biomech.keypoints.detectors import known
from biomech.keypoints.keypoints import Keypoints
from biomech.keypoints.readers import is_from_elsewhere
from biomech.leftovers import clear_leftovers
from biomech.markers.markers import Markers
from biomech.mesh import recoverers
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline import solvers
from biomech.pipeline.ahead import for_film, with_ahead
from biomech.pipeline.detecting import detector_files, detector_of, reading_stage
from biomech.pipeline.figures import (
    DetectFigures,
    ExtractFigures,
    FrameFigures,
    SolveFigures,
    ToolScaleFigures,
    tool_scaled,
)
from biomech.pipeline.options import Entrance, Options
from biomech.pipeline.recovering import check_recovering, recover_keypoints, recovering_stage
from biomech.pipeline.stages import Bar, Result, Solution, Stage, recorded, with_helper
from biomech.side_by_side import one_thread
from biomech.video import Video

HERE = Path(__file__)


def check_network(video: Path, options: Options) -> None:
    """Whether the network knows the markers and the model: those of the package it does.

    Args:
        video: not read.
        options: another model, if any, and markers on it.

    Raises:
        BioposeError: another model has other coordinates, or not the virtual markers.
    """
    if options.model is not None:
        from biomech.scaling.scale_tool import with_markers

        model = with_markers(options.model, options.marker_set)
        solvers.check_network(model, [marker.getName() for marker in model.getMarkerSet()], str(options.model))


def stages(video: Path, files: Result, options: Options, bar: Bar) -> list[Stage]:
    """The stages of the main job on a media file or a folder of pictures.

    Args:
        video: a media file or a folder of pictures; its first frames are read.
        files: the run's; says which solvers there are.
        options: what the user said.
        bar: makes a progress bar from a label.

    Returns:
        ``detect``, ``recover``, ``extract``, ``scale``, one for each solver and, if wanted, ``overlay``, in this order.

    Raises:
        BioposeError: the video or the options cannot be used.
    """
    options.check_entrance("film")
    check_own_model(options)
    options.files()
    clip = opened(video, options)
    street = [*body_stages(video, clip, files, options, bar), *solving_stages(files, options, bar)]
    if options.overlay:
        painter = Helper("biomech.report.overlay")
        street[1] = with_helper(street[1], painter)
        street.append(overlay_stage(video, clip, files, options, bar, painter))
    street[0] = with_ahead(street[0], for_film(street[1:]))
    return street


def overlay_stage(
    video: Path, clip: Video, files: Result, options: Options, bar: Bar, painter: Helper | None = None
) -> Stage:
    """The film with the skeleton on it, drawn by a process of its own where there is one."""
    return Stage(
        "overlay",
        inputs={
            **recorded(video),
            **{"motion": files.motion, "markers": files.markers, "model": files.model},
            **{"kinematics": files.kinematics, "quality": files.quality},
        },
        outputs=[files.overlay],
        options=options.key("film", "overlay"),
        work=lambda: _overlay(clip, files, bar, painter or Helper()),
        code=("biomech.report.overlay", "biomech.kinematics.mot", HERE),
    )


def keypoint_stages(keypoints: Path, files: Result, options: Options, bar: Bar) -> list[Stage]:
    """The stages from keypoints on: our own (.npz), or another program's (``keypoints.readers``).

    Args:
        keypoints: of one person, or of several of whom the options say which.
        files: the run's; says which solvers there are.
        options: what the user said.
        bar: makes a progress bar from a label.

    Returns:
        As ``stages``, with ``read`` in place of ``detect`` and without an overlay.

    Raises:
        BioposeError: the options cannot be used.
    """
    options.check_entrance("points" if is_from_elsewhere(keypoints) else "keypoints")
    check_own_model(options)
    check_recovering(options)
    return [
        reading_stage(keypoints, files, options),
        recovering_stage(files, options, bar),
        *solving_stages(files, options, bar),
    ]


def solving_stages(files: Result, options: Options, bar: Bar, entrance: Entrance = "film") -> list[Stage]:
    """The stages from the moving body on, wherever it came from."""
    return [
        Stage(
            "extract",
            inputs={"motion": files.motion},
            outputs=[files.markers],
            options=options.key(entrance, "extract"),
            work=lambda: _extract(files, options.fill),
            code=("biomech.markers.virtual", HERE),
        ),
        Stage(
            "scale",
            inputs={"motion": files.motion, "generic model": DEFAULT_PATH, **options.files()},
            outputs=[files.model, files.scale_setup, *files.scale_files],
            options=options.key(entrance, "scale"),
            work=lambda: _scale(files, options),
            code=("biomech.scaling.by_body", HERE),
        ),
        *solvers.solving_stages(
            files,
            options,
            entrance,
            inputs={"motion": files.motion, "markers": files.markers, "model": files.model},
            work=lambda solution: _solve(files, solution, options, bar),
            code=("biomech.pipeline.solve", "biomech.mesh.expected", HERE),
        ),
    ]


def check_own_model(options: Options) -> None:
    """Another model comes with the virtual markers on it.

    Raises:
        BioposeError: one of the two is missing.
    """
    if (options.model is None) != (options.marker_set is None):
        raise BioposeError(
            "`model` and `marker_set` go together", mend="A model is followed by its own virtual markers."
        )


def opened(video: Path, options: Options) -> Video:
    """The part of the video that the options name.

    Args:
        video: a media file or a folder of pictures.
        options: from when to when (s), the rate, and every how many frames.

    Returns:
        The frames that are to be looked at.

    Raises:
        BioposeError: it cannot be read.
    """
    return Video.open(video, options.start_s, options.end_s, options.rate_hz, options.every)


def body_stages(video: Path, clip: Video, files: Result, options: Options, bar: Bar) -> list[Stage]:
    """The stages up to the moving body.

    Args:
        video: a media file or a folder of pictures.
        clip: the video, as ``opened``.
        files: the run's.
        options: what the user said.
        bar: makes a progress bar from a label.

    Returns:
        ``detect`` and ``recover``.

    Raises:
        BioposeError: the video or the options cannot be used.
    """
    check_recovering(options)
    heat_maps = {"keep_heat_maps": recoverers.keeps_heat_maps(options.recover)}
    return [
        Stage(
            "detect",
            inputs={**recorded(video), **detector_files(options)},
            outputs=[files.keypoints],
            options=options.key("film", "detect") | heat_maps | {"detector_version": known(options.detector).version()},
            work=lambda: _detect(clip, files, options, bar),
            code=("biomech.keypoints.detect", HERE),
        ),
        recovering_stage(files, options, bar),
    ]


def solve_keypoints(files: Result, options: Options, bar: Bar) -> dict[str, float]:
    """The stages from the folder's keypoints to its motion, one after the other; no record is kept.

    Args:
        files: in a folder that holds the keypoints and may hold more, which is written over.
        options: what the user said; without what is of the film alone.
        bar: makes a progress bar from a label.

    Returns:
        What each took (s).

    Raises:
        BioposeError: as the stages.
    """
    works: dict[str, Callable[[], object]] = {
        "recover": lambda: recover_keypoints(files, options, bar),
        "extract": lambda: _extract(files, options.fill),
        "scale": lambda: _scale(files, options),
        "solve": lambda: [_solve(files, solution, options, bar) for solution in files.solutions],
    }
    seconds = {}
    for stage, work in works.items():
        started = time.perf_counter()
        work()
        seconds[stage] = time.perf_counter() - started
    return seconds


def _detect(clip: Video, files: Result, options: Options, bar: Bar) -> DetectFigures:
    return detected(clip, files, options, bar)


def detected(clip: Video, files: Result, options: Options, bar: Bar, label: str = "Detecting") -> DetectFigures:
    """The work of ``detect``: the keypoints are written, its figures and notes returned."""
    with bar(label) as progress:
        keypoints = detect(
            clip,
            detector_of(options, mirror=options.mirror),
            person=options.one_person(),
            focal_px=options.focal_px,
            fov_deg=options.fov_deg,
            camera_motion=options.camera_motion,
            keep_heat_maps=recoverers.keeps_heat_maps(options.recover),
            fewer_looks=options.fewer_looks,
            progress=progress,
        )
    keypoints.save(files.keypoints)
    return {
        "frames": len(keypoints.time_s),
        "frames_with_person": int(keypoints.found.sum()),
        "frames_looked_at": keypoints.frames_looked_at,
        "focal_px": keypoints.focal_px,
        "focal_source": keypoints.focal_source,
        "notes": [*keypoints.notes, *focal_notes(keypoints)],
    }


def focal_notes(keypoints: Keypoints) -> list[str]:
    """What there is to say of a lens that nobody told of."""
    if "assumed" in keypoints.focal_source or "default" in keypoints.focal_source:
        return [f"focal length {keypoints.focal_px:.0f} px: {keypoints.focal_source}"]
    return []


@one_thread()
def _extract(files: Result, fill: bool) -> ExtractFigures:
    from biomech.markers.trc import write_trc
    from biomech.markers.virtual import extract_seen

    markers = extract_seen(BodyMotion.load(files.motion), fill=fill)
    write_trc(markers, files.markers)
    return {"markers": len(markers.names), "notes": markers.notes if fill else []}  # else the solve says it


@one_thread()
def _scale(files: Result, options: Options) -> ToolScaleFigures:
    return scale_to_motion(BodyMotion.load(files.motion), files.model, options)


def scale_to_motion(motion: BodyMotion, out_osim: Path, options: Options) -> ToolScaleFigures:
    """``scale_to_body`` as the options say.

    Args:
        motion: m, Y up; its shape is the person's.
        out_osim: beside it lie the setup and what it needs (``scale_model``).
        options: mass and height, another model, marker set and measurements.

    Returns:
        The stage's figures: mass_kg, factors by body, static_marker_rms_mm and notes.

    Raises:
        BioposeError: as ``scale_model``.
    """
    from biomech.scaling.by_body import scale_to_body

    scaled = scale_to_body(
        motion,
        out_osim,
        height_m=options.height_m,
        mass_kg=options.mass_kg,
        model=options.model,
        marker_set=options.marker_set,
        scaling=options.scaling,
    )
    return tool_scaled(scaled.figures(), scaled.notes)


@one_thread()
def _solve(files: Result, solution: Solution, options: Options, bar: Bar) -> SolveFigures:
    from biomech.markers.trc import read_trc
    from biomech.markers.virtual import load_virtual_markers
    from biomech.mesh.expected import half_widths_by_name
    from biomech.pipeline.solve import SolverOptions, solve

    motion = BodyMotion.load(files.motion)
    assert motion.quality is not None
    with bar("Solving") as progress:
        return solve(
            files.model,
            read_trc(files.markers),
            load_virtual_markers().weights_by_name(),
            files=solution,
            markers_trc=files.markers,
            quality=motion.quality,
            told=replace(
                SolverOptions.of(options),
                recovered=True,
                half_widths=half_widths_by_name(motion),
                doubts=motion.doubts,
                left_open=motion.left_open,
            ),
            progress=progress,
        )


def _overlay(clip: Video, files: Result, bar: Bar, painter: Helper) -> FrameFigures:
    from biomech.inverse_kinematics.trusted import Trusted
    from biomech.markers.joint_centres import joint_centres
    from biomech.markers.trc import read_trc
    from biomech.report.overlay import skeleton_of, write_overlay
    from biomech.skeleton.model import load_model, read_motion

    motion = BodyMotion.load(files.motion)
    assert motion.camera is not None
    model = load_model(files.model)
    kinematics = read_motion(model, files.kinematics)
    markers, trusted = read_trc(files.markers), Trusted.read(files.quality)
    with bar("Drawing") as progress:
        frames = painter.call(
            write_overlay,
            clip,
            markers,
            _at_times(joint_centres(model, kinematics), markers.time_s),
            skeleton_of(model),
            motion.camera,
            files.overlay,
            trusted=trusted.frames,
            turns=motion.turns_at(markers.time_s),
            progress=progress,
        )
    clear_leftovers(files.folder)  # of a process that was killed over it, when the film was drawn here
    return {"frames": frames}


def _at_times(points: Markers, time_s: Float[np.ndarray, " frames"]) -> Markers:
    """Points of some of the frames at all of them; NaN at those that were left out."""
    positions = np.full((len(time_s), len(points.names), 3), np.nan)
    positions[np.abs(time_s[:, None] - points.time_s).argmin(0)] = points.positions_m
    return Markers(points.names, positions, time_s)
