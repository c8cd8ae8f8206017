"""A body that another program recovered or recorded → BodyMotion."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from biomech.body.motion import BodyMotion

if TYPE_CHECKING:
    from biomech.body.sources.mesh_motion import MeshMotion


def from_meshes(
    source: "MeshMotion | Path | str",
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
    body_models: Path | str | None = None,
    marker_vertices: Path | str | None = None,
    person: int | None = None,
    camera: str | None = None,
    focal_px: float | None = None,
    up: str | None = None,
    rate_hz: float | None = None,
    every: int | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    allow_pickle: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> BodyMotion:
    """Fit our moving body to the mesh of another one, through time.

    Args:
        source: the path of what AMASS, WHAM, GVHMR, PromptHMR, 4D-Humans, TokenHMR, CameraHMR or SAM 3D Body wrote, of
            parameters of SMPL, SMPL-H or SMPL-X, or of vertices; or a MeshMotion, of which only person and table count.
        height_m, mass_kg, sex: of the person, where known; the mesh's own size counts otherwise.
        body_models: the folder of your own SMPL model files, which parameters need.
        marker_vertices: a table (.csv) marker → vertex, for a mesh of another kind.
        person: whose, in the file's order; who is seen longest where None.
        camera: whose axes the bodies are in, where it is not as the source has it: world, camera or weak.
        focal_px: of the camera, where the source stands for a weak perspective.
        up: the axis of the file's world that points up.
        rate_hz: frames a second, where the file names none.
        every, start_s, end_s: which frames are looked at.
        allow_pickle: read a pickle; arrays and plain values alone, nothing in it is run.
        progress: called with the windows done and expected.

    Returns:
        The body's bones, (frames, bones, 3, 3) relative to their parents, its root (m; Y up, floor at 0), one shape,
        and the quality of every frame, 0 where nobody is. Its notes say what was assumed.

    Raises:
        BioposeError: the file or what is said of it cannot be used, or nobody knows where its markers are.
    """
    from biomech.body.sources.mesh_motion import MeshMotion
    from biomech.body.sources.read import HowRead, read_meshes
    from biomech.mesh.from_markers import recover_markers, recovered_notes
    from biomech.mesh.mesh_markers import markers_on
    from biomech.mesh.mesh_surface import surface_distance
    from biomech.mesh.signatures import signed

    if not isinstance(source, MeshMotion):
        how = HowRead(
            body_models=None if body_models is None else Path(body_models),
            allow_pickle=allow_pickle,
            person=person,
            camera=camera,
            focal_px=focal_px,
            rate_hz=rate_hz,
            up=up,
            every=every,
            start_s=start_s,
            end_s=end_s,
        )
        source = read_meshes(Path(source), how)
    else:
        source.check()
    markers, mesh = markers_on(source, None if marker_vertices is None else Path(marker_vertices))
    found = recover_markers(markers, height_m=height_m, mass_kg=mass_kg, sex=sex, progress=progress)
    judged = signed(found.motion, height_m=height_m, mass_kg=mass_kg)
    notes = [*mesh.notes, *judged.notes, *recovered_notes(found)]
    if marker_vertices is not None:
        notes += surface_distance(found.motion, mesh, markers).notes()
    motion: BodyMotion = replace(judged, notes=notes)
    return motion
