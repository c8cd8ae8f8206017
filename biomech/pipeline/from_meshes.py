"""The entrance with a body that another program recovered or recorded: its mesh through time → our body; then solve."""

from pathlib import Path

from biomech.body.motion import BodyMotion
from biomech.body.sources.model_files import PLACES
from biomech.body.sources.read import HowRead, read_meshes
from biomech.errors import BioposeError
from biomech.mesh.from_markers import recover_markers, recovered_notes
from biomech.mesh.mesh_markers import markers_on
from biomech.mesh.mesh_surface import surface_distance
from biomech.mesh.signatures import signed
from biomech.pipeline import from_video
from biomech.pipeline.figures import MeshRecoverFigures
from biomech.pipeline.options import Options
from biomech.pipeline.stages import Bar, Result, Stage

HERE = Path(__file__)
check_network = from_video.check_network


def stages(source: Path, files: Result, options: Options, bar: Bar) -> list[Stage]:
    """The stages from a file of meshes or of a body model's parameters on.

    Args:
        source: as ``read_meshes`` takes it.
        files: the run's; says which solvers there are.
        options: what the user said.
        bar: makes a progress bar from a label.

    Returns:
        ``recover``, ``extract``, ``scale`` and one for each solver, in this order.

    Raises:
        BioposeError: the options cannot be used.
    """
    options.check_entrance("meshes")
    from_video.check_own_model(options)
    how = reading(options)
    table = {} if options.marker_vertices is None else {"marker vertices": options.marker_vertices}
    return [
        Stage(
            "recover",
            inputs={"recording": source, **table},
            outputs=[files.motion],
            options=options.key("meshes", "recover") | {"model files": _model_files(options.body_models)},
            work=lambda: _recover(source, how, files, options, bar),
            code=(
                "biomech.body.sources.read",
                "biomech.mesh.mesh_markers",
                "biomech.mesh.from_markers",
                "biomech.mesh.mesh_surface",
                HERE,
            ),
        ),
        *from_video.solving_stages(files, options, bar, "meshes"),
    ]


def reading(options: Options) -> HowRead:
    """What the options say of the file.

    Args:
        options: of a run.

    Returns:
        The same for ``read_meshes``.

    Raises:
        BioposeError: a person is named by a pixel.
    """
    person = options.one_person()
    if isinstance(person, tuple):
        raise BioposeError("`person` is a number where no film is looked at", mend="Give `person=0`.")
    return HowRead(
        body_models=options.body_models,
        allow_pickle=options.allow_pickle,
        person=person,
        camera=options.camera,
        focal_px=options.focal_px,
        rate_hz=options.rate_hz,
        up=options.up,
        every=options.every,
        start_s=options.start_s,
        end_s=options.end_s,
    )


def _model_files(folder: Path | None) -> list[tuple[str, int, int]]:
    """The model files in a folder, so that another one makes the stage run again; hashing gigabytes would take long."""
    if folder is None:
        return []
    found = []
    for places in PLACES.values():
        for place in places:
            for gender in ("female", "male", "neutral"):
                path = Path(folder) / place.format(gender=gender, GENDER=gender.upper())
                if path.is_file():
                    stat = path.stat()
                    found.append((str(path), stat.st_size, stat.st_mtime_ns))
    return found


def _recover(source: Path, how: HowRead, files: Result, options: Options, bar: Bar) -> MeshRecoverFigures:
    markers, mesh = markers_on(read_meshes(source, how), options.marker_vertices)
    with bar("Fitting") as progress:
        found = recover_markers(
            markers, height_m=options.height_m, mass_kg=options.mass_kg, sex=options.sex, progress=progress
        )
    motion: BodyMotion = signed(found.motion, height_m=options.height_m, mass_kg=options.mass_kg)
    notes = [*mesh.notes, *motion.notes, *recovered_notes(found)]
    if options.marker_vertices is not None:
        notes += surface_distance(found.motion, mesh, markers).notes()
    motion.notes = notes
    motion.save(files.motion)
    assert motion.quality is not None
    return {
        "frames": len(motion.time_s),
        "mean_quality": round(float(motion.quality.mean()), 3),
        "mesh_marker_rms_mm": round(found.marker_rms_mm, 2),
        "trembling_mm": round(found.trembling_mm, 2),
        "notes": notes,
    }
