"""The stage `scale` alone: a recovered body or a static trial → a scaled model."""

from pathlib import Path

from biomech.body.motion import BodyMotion
from biomech.files import check_target
from biomech.markers.markers import is_marker_file
from biomech.person import check_person
from biomech.pipeline import from_markers, from_video
from biomech.pipeline.figures import ToolScaleFigures
from biomech.pipeline.kept import keeping, told_of_kept
from biomech.pipeline.options import Options


def scale(source: BodyMotion | Path, out_osim: Path, options: Options) -> ToolScaleFigures:
    """Scale a generic model to a person with OpenSim's tool.

    Args:
        source: a body motion, its file (.npz), or a static trial (.trc, .c3d).
        out_osim: beside it lie the setup and what it needs (``scale_model``).
        options: the person's size, another model with its markers and measurements, and how the static trial is read.

    Returns:
        The stage's figures: mass_kg, factors by body, static_marker_rms_mm and notes.

    Raises:
        BioposeError: an option that has no meaning, or as ``scale_model``.
    """
    check_person(options.height_m, options.mass_kg, None)
    given = [*options.files().values(), *([source] if isinstance(source, Path) else [])]
    check_target(out_osim, ".osim", *given, own=lambda made: made.with_name(f"{made.stem}_scale_setup.xml").is_file())
    setup = out_osim.with_name(f"{out_osim.stem}_scale_setup.xml")
    with keeping([out_osim, setup], {}) as kept:  # what people edit, as OpenSim's GUI lets them
        figures = _scaled(source, out_osim, options)
    told = [told_of_kept(*one, recorded=False) for one in kept]
    return {**figures, "notes": [*told, *figures["notes"]]}


def _scaled(source: BodyMotion | Path, out_osim: Path, options: Options) -> ToolScaleFigures:
    if isinstance(source, Path) and is_marker_file(source):
        return from_markers.scale_to_static(out_osim, source, options)
    options.refuse(("tasks", "up", "subject"), "is for a static trial, not for a recovered body")
    from_video.check_own_model(options)
    motion = source if isinstance(source, BodyMotion) else BodyMotion.load(source)
    motion.check()
    return from_video.scale_to_motion(motion, out_osim, options)
