"""The bones that models name: a packaged set, laid beside a model so that whoever opens it sees them.

OpenSim looks beside the model, then in the folder Geometry there, then where ``addDirToGeometrySearchPaths`` says, then
in its installation. The GUI brings bones of these names; its Python package brings none, and draws nothing without.
"""

import shutil
from pathlib import Path

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.markup import read_xml
from biomech.osim_models import DEFAULT_PATH

FOLDER = DEFAULT_PATH.parent / "Geometry"


def meshes_of(model_osim: Path) -> list[str]:
    """The files of bones that a model names, each once, in order.

    Raises:
        BioposeError: it cannot be read as XML.
    """
    root = read_xml(model_osim, what="model")
    named = [(e.text or "").strip() for tag in ("mesh_file", "geometry_file") for e in root.iter(tag)]
    return list(dict.fromkeys(name for name in named if name))


def mesh_beside(model_osim: Path, name: str) -> Path | None:
    """Where OpenSim finds a mesh beside a model.

    Args:
        model_osim: need not be there.
        name: of the mesh, as the model gives it.

    Returns:
        Beside the model, or in Geometry there; None where it is in neither.
    """
    folder = Path(model_osim).resolve().parent
    return next((path for path in (folder / name, folder / "Geometry" / name) if path.is_file()), None)


def lay_bones(model_osim: Path) -> list[Path]:
    """Put the packaged bones that a model names, and that are not beside it, into the folder Geometry there.

    Args:
        model_osim: a model in a folder of its own.

    Returns:
        What was written; nothing for names that the package does not have.

    Raises:
        MachineError: the folder cannot be written.
    """
    laid = []
    try:
        named = meshes_of(model_osim)
    except BioposeError:  # OpenSim takes some XML that is not well-formed; then there are no bones to see
        return []
    for name in named:
        if Path(name).name == name and (FOLDER / name).is_file() and mesh_beside(model_osim, name) is None:
            laid.append(Path(model_osim).parent / "Geometry" / name)
            with whole_file(laid[-1]) as temporary:
                shutil.copyfile(FOLDER / name, temporary)
    return laid
