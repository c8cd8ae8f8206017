"""BodyMotion, or the markers of somebody who stands → a scaled Model."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from biomech.body.motion import BodyMotion
from biomech.files import path_of
from biomech.leftovers import temporary_folder
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc
from biomech.pipeline.options import Options
from biomech.skeleton.osim import Model


def scale(
    source: BodyMotion | Markers | Path | str,
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    model: Model | Path | str | None = None,
    marker_set: Path | str | None = None,
    scaling: Path | str | None = None,
    tasks: Path | str | None = None,
    up: str | None = None,
    subject: str | None = None,
    name: str = "scaled",
) -> Model:
    """Scale a generic model to a person with OpenSim's Scale tool.

    Args:
        source: a recovered body, or a static trial (some frames of the person standing as the model does; m, Y up);
            or the path of either, .npz, .trc or .c3d.
        height_m: of the person; noted in the tool's setup, for which the scaling has no use.
        mass_kg: of the person; by default the body's, or the model's own.
        model: another generic one than ours, with the markers of ``source``, or with ``marker_set`` (.xml).
        scaling: scale setup (.xml) with the measurements that fit that model.
        tasks: of a static trial: IK or scale setup (.xml) with the markers' weights; by default ``scaling``'s.
        up, subject: of a static trial's file: its axis that points up (x, y, z, -x, -y, -z), and whose markers, where
            it has several people's.
        name: of the model.

    Returns:
        The model with its markers moved to where they were measured, ``factors`` by body, and notes on what looks
        wrong.

    Raises:
        BioposeError: a mass or height that nobody has, markers or measurements that do not fit the model, or OpenSim
            failed.

    Example:
        >>> import biomech
        >>> model = biomech.scale("walk_motion.npz", height_m=1.70, mass_kg=65.0)
        >>> model.save("walk_scaled.osim")
    """
    from biomech.pipeline import scale as stage

    with ExitStack() as stack:
        aside = stack.enter_context(temporary_folder("scaling"))
        if isinstance(model, Model):
            model = stack.enter_context(model.as_file())
        if isinstance(source, Markers):
            write_trc(source, aside / "static.trc")
            source = aside / "static.trc"
        options = Options(
            height_m=height_m,
            mass_kg=mass_kg,
            model=_path(model),
            marker_set=_path(marker_set),
            scaling=_path(scaling),
            tasks=_path(tasks),
            up=up,
            subject=subject,
        )
        target = aside / f"{name}.osim"
        figures = stage.scale(
            source if isinstance(source, BodyMotion) else path_of(source, "a body motion or markers"), target, options
        )
        factors = {body: np.array(factor) for body, factor in figures["factors"].items()}
        return Model(name, Model.load(target).osim, factors, list(figures["notes"]))


def _path(given: Path | str | None) -> Path | None:
    return None if given is None else path_of(given, "a path")
