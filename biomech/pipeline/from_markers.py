"""The entrance with recorded markers: read and match them, scale the model if that is asked for, solve.

Five ways to a scaled model: it is one already; a marker map knows the markers, and our skeleton is made the person's
as `biopose label` does it (``known_markers``); OpenSim's Scale tool makes it from a static trial; ``personalise`` finds
sizes and marker places from the motion itself (and a static trial, where there is one); or the network, which knows
the 142 virtual markers, says them.
"""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import opensim

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.inverse_kinematics.coordinate_tasks import coordinate_goals
from biomech.inverse_kinematics.marker_tasks import read_tasks
from biomech.leftovers import temporary_folder
from biomech.markers.marker_map import MarkerMap
from biomech.markers.markers import Markers
from biomech.markers.read import read_for_model
from biomech.markers.same_person import bony, check_same_person
from biomech.markers.trc import read_trc, write_trc
from biomech.markers.virtual import load_virtual_markers
from biomech.neurik.own_model import scale_by_network
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline import solvers
from biomech.pipeline.figures import (
    NetworkScaleFigures,
    PersonalScaleFigures,
    ReadMarkersFigures,
    SolveFigures,
    StageRecord,
    ToolScaleFigures,
    personally_scaled,
    tool_scaled,
)
from biomech.pipeline.known_markers import known_set, map_inputs, read_known, scale_known
from biomech.pipeline.options import Options
from biomech.pipeline.solve import SolverOptions, share_seen, solve, task_weights
from biomech.pipeline.stages import Bar, Result, Solution, Stage
from biomech.scaling.anthropometry import Sex
from biomech.scaling.measurements import VIRTUAL_MARKER_MEASUREMENTS, Measurement, read_measurements
from biomech.scaling.personalise import personalise
from biomech.scaling.scale_tool import rounded_factors, scale_model, with_markers
from biomech.skeleton.model import load_model, print_whole, quiet_opensim

HERE = Path(__file__)
SCALING = (
    "biomech.scaling.scale_tool",
    "biomech.pipeline.known_markers",
    "biomech.neurik.own_model",
    "biomech.pipeline.solve",
)


def stages(recorded: Path, files: Result, options: Options, bar: Bar) -> list[Stage]:
    """The stages from a .trc or .c3d on.

    Args:
        recorded: a .trc or .c3d.
        files: the run's; says which solvers there are.
        options: what the user said.
        bar: makes a progress bar from a label.

    Returns:
        ``read``, ``scale`` and one for each solver, in this order.

    Raises:
        BioposeError: the options cannot be used.
    """
    options.check_entrance("markers")
    known = known_set(recorded, options)
    read = _read if known is None else functools.partial(read_known, known)
    scale = _scaling(options) if known is None else functools.partial(scale_known, known)
    by_tool, from_motion = scale is _scale, scale not in (_scale, _take_as_scaled)
    own = options.files()
    model = options.model or DEFAULT_PATH
    if by_tool:
        _measurements(_model(options), options)  # what would fail after the first stage is told at once
    return [
        Stage(
            "read",
            inputs={"recording": recorded, "generic model": model, **own, **map_inputs(known, options)},
            outputs=[files.markers],
            options=options.key("markers", "read"),
            work=functools.partial(read, recorded, files, options),
            code=("biomech.pipeline.known_markers", "biomech.scaling.scale_tool", HERE),
        ),
        Stage(
            "scale",
            inputs={
                **{"generic model": model, **own, **map_inputs(known, options)},
                **({"markers": files.markers} if from_motion or options.static else {}),
                **(solvers.network_inputs() if scale is _scale_by_network else {}),
            },
            outputs=[files.model, files.scale_setup, *files.scale_files] if by_tool else [files.model],
            options={**options.key("markers", "scale"), "by_network": scale is _scale_by_network},
            work=lambda: scale(files, options),
            code=(*SCALING, HERE),
        ),
        *solvers.solving_stages(
            files,
            options,
            "markers",
            inputs={"markers": files.markers, "model": files.model, **own, **map_inputs(known, options)},
            work=lambda solution: _solve(files, solution, known, options, bar),
            code=("biomech.pipeline.solve", HERE),
        ),
    ]


def _scaling(options: Options) -> Callable[[Result, Options], StageRecord]:
    """The way to the scaled model that the options say.

    Raises:
        BioposeError: they say none, or what has no meaning on it.
    """
    if not options.personalise:
        options.refuse(("sex",), "says what proportions are expected: of a video, or with `personalise`")
    if options.personalise:
        options.refuse(("scaling",), "tells the Scale tool what to measure; `personalise` needs no measurements")
        return _personalise
    if options.static is not None:
        return _scale
    if options.model is not None:
        why = "scales a model, and without `static` or `personalise` nothing is scaled"
        options.refuse(("height_m", "mass_kg", "scaling"), why)
        return _take_as_scaled
    if "neural" in (options.solvers or ()):
        options.refuse(("marker_set", "scaling"), "is for another model than the one that the network scales")
        return _scale_by_network
    raise BioposeError(
        "there is nothing to solve with: our model needs to be scaled",
        mend="Give `personalise`, `static=STATIC.trc`, an already scaled model with `model=SCALED.osim`, or a marker "
        "map with `marker_set=MAP.csv`; for the 142 virtual markers `solver=neural` needs none.",
    )


def check_network(recorded: Path, options: Options) -> None:
    """Whether the network knows the markers and the model.

    Args:
        recorded: a .trc or .c3d; it is read.
        options: the model with its markers, and how the file is read.

    Raises:
        BioposeError: it does not, or the markers or the model cannot be read.
    """
    model = _model(options)
    solvers.check_network(
        model, read_for_model(recorded, model, up=options.up, subject=options.subject).names, str(recorded)
    )


def _model(options: Options) -> opensim.Model:
    model = with_markers(options.model or DEFAULT_PATH, options.marker_set)
    with quiet_opensim("Off"):
        model.initSystem()
    if not model.getMarkerSet().getSize():
        raise BioposeError(
            "the model has no markers",
            where=str(options.model),
            mend="Give your laboratory's marker set, an .xml with places on this model's bodies: `marker_set=SET.xml`.",
        )
    return model


def _read(recorded: Path, files: Result, options: Options) -> ReadMarkersFigures:
    model = _model(options)
    markers = read_for_model(
        recorded, model, up=options.up, subject=options.subject, start_s=options.start_s, end_s=options.end_s
    )
    write_trc(markers, files.markers)
    return {
        "frames": len(markers.time_s),
        "rate_hz": round(markers.rate_hz, 3),
        "markers": len(markers.names),
        "notes": markers.notes,
    }


def _scale(files: Result, options: Options) -> ToolScaleFigures:
    assert options.static is not None
    return scale_to_static(files.model, options.static, options, motion=read_trc(files.markers))


def scale_to_static(
    out_osim: Path, static_trial: Path, options: Options, *, motion: Markers | None = None
) -> ToolScaleFigures:
    """The model, scaled by OpenSim's tool to a static trial (.trc, .c3d).

    Args:
        out_osim: beside it lie the setup and what it needs (``scale_model``).
        static_trial: somebody stands in it as the model does.
        options: mass and height, model, marker set, measurements and tasks, and how the file is read.
        motion: of the person, under the model's names; a static trial of somebody else is then refused.

    Returns:
        The stage's figures: mass_kg, factors by body, static_marker_rms_mm and notes.

    Raises:
        BioposeError: as ``scale_model``.
    """
    model = _model(options)
    weights = read_tasks(options.scaling) if options.scaling else task_weights(model, options.tasks)[0]
    static = _static(static_trial, motion, model, options)
    notes = [f"static trial: {note}" for note in static.notes]
    mass_kg = options.mass_kg
    if mass_kg is None:
        mass_kg = float(model.getTotalMass(model.getWorkingState()))
        notes.append(f"no mass given: the model's own is kept ({mass_kg:.1f} kg)")
    scaled = scale_model(
        options.model or DEFAULT_PATH,
        static,
        mass_kg=mass_kg,
        height_m=options.height_m,
        measurements=_measurements(model, options),
        tasks=weights,
        marker_set=options.marker_set,
        out_osim=out_osim,
    )
    return tool_scaled(scaled.figures(), notes + scaled.notes)


def _static(path: Path, motion: Markers | None, model: opensim.Model, options: Options) -> Markers:
    """The static trial, of the person who moves where a motion is known."""
    static = read_for_model(path, model, up=options.up, subject=options.subject)
    if motion is not None:
        places = {
            marker.getName(): (marker.getParentFrame().findBaseFrame().getName(), bool(marker.get_fixed()))
            for marker in model.getMarkerSet()
        }
        check_same_person(static, motion, bony(places), path)
    return static


def _personalise(files: Result, options: Options) -> PersonalScaleFigures:
    model = _model(options)
    weights, notes = task_weights(model, options.tasks)
    static = None
    if options.static is not None:
        static = _static(options.static, read_trc(files.markers), model, options)
        notes += [f"static trial: {note}" for note in static.notes]
    with temporary_folder("marked") as aside:
        marked = aside / "marked.osim"
        print_whole(model, marked)
        try:
            found = personalise(
                marked,
                [read_trc(files.markers)],
                out_osim=files.model,
                tasks=weights,
                static=static,
                height_m=options.height_m,
                mass_kg=options.mass_kg,
                sex=cast("Sex | None", options.sex),
            )
        except BioposeError as error:
            if error.where != str(marked):
                raise
            given = str(options.model or DEFAULT_PATH)  # the user knows of no other
            raise BioposeError(error.what, where=given, mend=error.mend) from error
    return personally_scaled(found.figures(), notes + found.notes)


def _measurements(model: opensim.Model, options: Options) -> tuple[Measurement, ...]:
    if options.scaling is not None:
        return read_measurements(options.scaling)
    if set(load_virtual_markers().names) <= {marker.getName() for marker in model.getMarkerSet()}:
        return VIRTUAL_MARKER_MEASUREMENTS
    raise BioposeError(
        "which distances between your markers scale which bodies is not known",
        mend="Give a scale setup with the measurements of your marker set: `scaling=SETUP.xml`.",
    )


def _take_as_scaled(files: Result, options: Options) -> StageRecord:
    assert options.model is not None
    with whole_file(files.model) as temporary:
        if options.marker_set is None:
            shutil.copyfile(options.model, temporary)
        else:
            model = _model(options)
            print_whole(model, temporary)
    return {"notes": ["the model is taken as scaled to the person: neither `static` nor `personalise` was given"]}


def _scale_by_network(files: Result, options: Options) -> NetworkScaleFigures:
    own = scale_by_network(
        read_trc(files.markers),
        out_osim=files.model,
        height_m=options.height_m,
        mass_kg=options.mass_kg,
    )
    return {
        "mass_kg": round(own.mass_kg, 2),
        "stature_m": round(own.stature_m, 3),
        "factors": rounded_factors(own.factors),
        "notes": own.notes,
    }


def _solve(files: Result, solution: Solution, known: MarkerMap | None, options: Options, bar: Bar) -> SolveFigures:
    markers = read_trc(files.markers)
    model, setup = load_model(files.model), options.tasks or options.scaling
    weights, notes = (known.expected(markers.seen), []) if known and setup is None else task_weights(model, setup)
    with bar("Solving") as progress:
        figures = solve(
            files.model,
            markers,
            weights,
            files=solution,
            markers_trc=files.markers,
            quality=share_seen(markers),
            goals=coordinate_goals(setup, model, markers.time_s),
            told=SolverOptions.of(options),
            progress=progress,
        )
    return {**figures, "notes": notes + figures["notes"]}
