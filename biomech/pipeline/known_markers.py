"""Recorded markers whose names a marker map knows, taken as `biopose label` takes them: one way for both commands.

The map says where each marker sits on our skeleton, which of them are on bone, and what they weigh.
"""

from pathlib import Path
from typing import cast

from biomech.errors import BioposeError
from biomech.markers.checks import recording_notes
from biomech.markers.marker_map import MarkerMap, map_file, read_marker_map, recognise
from biomech.markers.read import between, read_markers
from biomech.markers.recordings import MarkerRecording, static_of
from biomech.markers.trc import read_trc, write_trc
from biomech.markers.virtual import load_virtual_markers
from biomech.pipeline.figures import PersonalScaleFigures, ReadKnownFigures, personally_scaled
from biomech.pipeline.options import Options
from biomech.pipeline.stages import Result
from biomech.scaling.anthropometry import Sex
from biomech.scaling.by_marker_map import personal_model


def known_set(recorded: Path, options: Options) -> MarkerMap | None:
    """The map that knows a recording's markers; None where a model, a marker set or a scale setup is given instead.

    Or where none of the package knows them, or they are the 142 virtual ones.

    Args:
        recorded: a .trc or .c3d; it is read unless a map was given.
        options: ``marker_set`` may be the .csv of a map.

    Returns:
        A given map as it is, else the package's that fits.

    Raises:
        BioposeError: a map was given that is none, or the recording cannot be read.
    """
    given = options.marker_set
    if given is not None and given.suffix.lower() == ".csv":
        options.refuse(("model", "scaling"), "is for another model than ours, and a marker map is for ours")
        return read_marker_map(given)
    if options.model is not None or given is not None or options.scaling is not None:
        return None
    names = read_markers(recorded, up=options.up, subject=options.subject).names
    try:
        known = recognise(names, str(recorded))
    except BioposeError:
        return None
    return known if len(known.found(names)) > len(set(load_virtual_markers().names) & set(names)) / 2 else None


def map_inputs(known: MarkerMap | None, options: Options) -> dict[str, Path]:
    """The table of the map, as a stage's inputs; none for none, or where it is the user's own file anyhow.

    Args:
        known: what ``known_set`` gave.
        options: says whether it is the user's own.

    Returns:
        The file by its role.
    """
    return {} if known is None or options.marker_set is not None else {"marker map": map_file(known.name)}


def read_known(known: MarkerMap, recorded: Path, files: Result, options: Options) -> ReadKnownFigures:
    """The stage `read`: the markers under the model's names, Y up.

    Args:
        known: the map of these markers.
        recorded: a .trc or .c3d.
        files: the run's; the markers' .trc is written.
        options: from when to when (s), axis that points up, and whose markers.

    Returns:
        The stage's figures and notes.
    """
    recording = MarkerRecording(recorded, up=options.up, subject=options.subject)
    whole = between(recording.read(), options.start_s, options.end_s, recorded)
    markers = recording.on_model(whole, known)
    markers.notes.append(f"the markers are those of the map '{known.name}', on our skeleton")
    markers.notes += recording_notes(markers)
    write_trc(markers, files.markers)
    return {
        "frames": len(markers.time_s),
        "rate_hz": round(markers.rate_hz, 3),
        "markers": len(markers.names),
        "marker_map": known.name,
        "notes": markers.notes,
    }


def scale_known(known: MarkerMap, files: Result, options: Options) -> PersonalScaleFigures:
    """The stage `scale`: our skeleton with these markers, made the person's by the motion and a static trial.

    Args:
        known: the map of these markers.
        files: the run's; the markers' .trc is read, and the model written.
        options: height (m), mass (kg) and sex, where they are known, and the static trial.

    Returns:
        The stage's figures: mass_kg, stature_m, factors by body, personal_marker_rms_mm and notes.
    """
    motion, static, notes = read_trc(files.markers), None, list[str]()
    if options.static is not None:
        recording = MarkerRecording(options.static, up=options.up, subject=options.subject)
        static, _ = static_of([recording], known, motion)
        notes += [f"static trial: {note}" for note in static.notes]
    found = personal_model(
        known,
        [motion],
        out_osim=files.model,
        static=static,
        height_m=options.height_m,
        mass_kg=options.mass_kg,
        sex=cast("Sex | None", options.sex),
    )
    return personally_scaled(found.figures(), notes + found.notes)
