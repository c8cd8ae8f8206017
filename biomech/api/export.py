"""A result → files of other programs."""

from collections.abc import Sequence
from pathlib import Path

from biomech.api.ik import IkResult
from biomech.exports.formats import Exported, check_formats
from biomech.files import path_of


def export(
    source: IkResult | Path | str | Sequence[Path | str],
    out: Path | str,
    *,
    to: str | Sequence[str] | None = None,
    geometry: Path | str | None = None,
    body_models: Path | str | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a model's motion for other programs.

    Args:
        source: what ``ik`` gave, or its folder; or the paths of an .osim and a .mot and, where they are at hand, of
            markers (.trc, .c3d), the quality and the uncertainty file (.csv).
        out: a folder for the files; or the file itself, where there is one format.
        to: of c3d, json, glb, bvh, npz and csv; all that can hold this motion where None.
        geometry: a folder with the surfaces (.vtp, .stl, .obj) that the model names; plain bones otherwise.
        body_models: of npz, the folder of your own SMPL model files: limbs and pelvis are laid on those of its
            SMPL-H at rest; on a plain T-pose otherwise.
        overwrite: write over files that are there.

    Returns:
        The paths of the files, by format, and what should be known of them.

    Raises:
        BioposeError: the source cannot be read, a format is not known or cannot hold this motion, or a file is there.

    Example:
        >>> import biomech
        >>> found = biomech.ik("walk_keypoints.npz", height_m=1.70, mass_kg=75.0)
        >>> biomech.export(found, "exported", to=["bvh", "csv"]).files["bvh"].name
        'walk.bvh'
    """
    from biomech.exports.take import Take
    from biomech.exports.write import write_exports  # here, for it loads OpenSim and torch

    formats = None if to is None else check_formats([to] if isinstance(to, str) else list(to))
    models = None if body_models is None else Path(body_models)
    folder = None if geometry is None else Path(geometry)
    if isinstance(source, IkResult):
        take = Take(
            name=source.model.name.removesuffix("_scaled"),
            model=source.model,
            kinematics=source.kinematics,
            markers=source.markers,
            uncertainty=source.uncertainty,
            trusted=source.trusted,
            geometry=() if folder is None else (folder,),
            body_models=models,
        )
    else:
        given = list(source) if isinstance(source, list | tuple) else [source]
        take = Take.read([path_of(one, "a result") for one in given], folder, models)
    return write_exports(take, Path(out), formats, overwrite=overwrite)
