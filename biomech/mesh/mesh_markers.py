"""MeshMotion → the virtual markers on it, in a world whose Y is up or before a camera: what the body is fitted to.

SMPL's vertices of the markers are published (``markers.virtual``), SMPL-X's known or carried over, the Anny body's own
are places on its triangles; of any other mesh the user gives a table, marker → vertex.
"""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.body.sources.mesh_motion import UP_AXES, MeshMotion, upright
from biomech.errors import BioposeError, plainly
from biomech.files import open_text
from biomech.markers.smpl import known_smplx_vertices, smplx_vertices
from biomech.markers.virtual import load_virtual_markers
from biomech.mesh.from_markers import FEWEST, MeshMarkers

SPREAD_M = 0.01  # of a marker's place on another body than Anny
# Of where the person is: across, up and along, or right, down and away (m).
MIDDLE_SD_M = {
    ("measured", "world"): (0.0005, 0.0005, 0.0005),
    ("recovered", "world"): (0.002, 0.002, 0.002),
    ("recovered", "camera"): (0.002, 0.002, 0.02),
    ("weak", "camera"): (0.005, 0.005, 0.15),
    ("weak", "world"): (0.005, 0.005, 0.005),
}
LEVEL = 0.8  # cosine of who stands with an axis
HIGH, LOW = ("Head", "Neck", "Neck1"), ("LeftFoot", "RightFoot", "LeftToeBase", "RightToeBase")


def read_table(path: Path, vertices: int) -> dict[str, int]:
    """A table marker → vertex of the user's mesh (.csv with the columns marker and vertex).

    Args:
        path: of the table; its markers are of the 142.
        vertices: how many the mesh has.

    Returns:
        Vertex by marker.

    Raises:
        BioposeError: it is no such table, names other markers or vertices, or too few.
    """
    mend = "The table has the columns marker and vertex; the markers are those of `biopose extract`, vertices from 0."
    known, found = set(load_virtual_markers().names), dict[str, int]()
    try:
        with open_text(path, mend=mend) as text:
            for row in csv.DictReader(text):
                found[str(row["marker"]).strip()] = int(row["vertex"])
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise BioposeError(f"not a table of vertices ({plainly(error)})", where=str(path), mend=mend) from error
    if strange := sorted(set(found) - known):
        raise BioposeError(f"no marker is called {', '.join(strange[:5])}", where=str(path), mend=mend)
    if outside := [name for name, vertex in found.items() if not 0 <= vertex < vertices]:
        raise BioposeError(
            f"the mesh has {vertices} vertices, and {outside[0]} is at {found[outside[0]]}", where=str(path), mend=mend
        )
    if len(found) < FEWEST:
        raise BioposeError(f"{len(found)} markers, of which the body needs {FEWEST}", where=str(path), mend=mend)
    return found


def markers_on(mesh: MeshMotion, table: Path | None = None) -> tuple[MeshMarkers, MeshMotion]:
    """The markers of a mesh, upright or before a camera.

    Args:
        mesh: of one person.
        table: marker → vertex, in place of what is known of the mesh.

    Returns:
        The markers, and the mesh in their axes, with notes on what was found.

    Raises:
        BioposeError: nothing is known of such a mesh, or no axis of its world is upright.
    """
    names, positions, spread = _read_off(mesh, table)
    if mesh.frame is None:
        mesh, positions = _found_upright(mesh, names, positions)
    elif mesh.frame == "world":
        mesh = _checked(mesh, names, positions)
    assert mesh.frame is not None
    markers = MeshMarkers(
        names,
        positions,
        mesh.time_s,
        spread,
        in_camera=mesh.frame == "camera",
        middle_sd_m=MIDDLE_SD_M.get((mesh.place, mesh.frame), MIDDLE_SD_M["recovered", mesh.frame]),
        focal_px=mesh.focal_px,
        size_px=mesh.size_px,
    )
    return markers, mesh


def _read_off(mesh: MeshMotion, table: Path | None) -> tuple[list[str], Float[np.ndarray, "frames markers 3"], float]:
    virtual, vertices = load_virtual_markers(), mesh.vertices_m
    if table is not None:
        found = read_table(table, vertices.shape[1])
        return list(found), vertices[:, list(found.values())].astype(float), SPREAD_M
    if mesh.topology == "anny":
        places = (vertices[:, virtual.vertices] * virtual.shares[..., None].astype(np.float32)).sum(2)
        return list(virtual.names), places.astype(float), 0.0
    if mesh.topology == "smpl":
        return list(virtual.names), vertices[:, virtual.smpl_vertex].astype(float), SPREAD_M
    if mesh.topology == "smplx" and mesh.template_m is not None:
        return list(virtual.names), vertices[:, smplx_vertices(mesh.template_m)].astype(float), SPREAD_M
    if mesh.topology == "smplx":
        known = known_smplx_vertices()
        return list(known), vertices[:, list(known.values())].astype(float), SPREAD_M
    raise BioposeError(
        f"a mesh of {vertices.shape[1]} vertices, of which no markers are known",
        mend="Give a table, marker → vertex, as `marker_vertices`: a .csv with the columns marker and vertex.",
    )


def _standing(names: list[str], positions: Float[np.ndarray, "frames markers 3"]) -> Float[np.ndarray, "3"] | None:
    """The way from the feet to the head, in the mean of all frames; None where one of them is not known."""
    table = load_virtual_markers()
    bones = [table.bone[table.names.index(name)] for name in names]
    high, low = ([k for k, bone in enumerate(bones) if bone in some] for some in (HIGH, LOW))
    if not high or not low:
        return None
    way = np.nanmean(positions[:, high].mean(1) - positions[:, low].mean(1), axis=0)
    return way / np.linalg.norm(way)


def _found_upright(
    mesh: MeshMotion, names: list[str], positions: Float[np.ndarray, "frames markers 3"]
) -> tuple[MeshMotion, Float[np.ndarray, "frames markers 3"]]:
    """Nothing says whose axes the file has: which way the person stands does."""
    way = _standing(names, positions)
    if way is None:
        raise BioposeError(
            "the file does not say which axis points up, and markers of head and feet are missing",
            mend="Give `up`, or `camera=camera`.",
        )
    axis = int(np.abs(way).argmax())
    letter = ("-" if way[axis] < 0 else "") + "xyz"[axis]
    if abs(way[axis]) < LEVEL:
        raise BioposeError(
            "the file does not say which axis points up, and the person stands along none",
            mend="Give `up=y`, `up=z` …, or `camera=camera` for bodies before a camera.",
        )
    if letter == "-y":
        note = "Y points down: taken as a camera's axes (x right, y down, z away), not as a world (`camera`)"
        return replace(mesh, frame="camera", notes=[*mesh.notes, note]), positions
    turn = np.array(UP_AXES[letter], dtype=float)
    note = f"the {letter.upper()} axis points up, as the person stands (`up`)"
    return replace(upright(mesh, letter), notes=[*mesh.notes, note]), positions @ turn.T


def _checked(mesh: MeshMotion, names: list[str], positions: Float[np.ndarray, "frames markers 3"]) -> MeshMotion:
    """Who is on their head throughout is in other axes than the source is known to have."""
    way = _standing(names, positions)
    if way is not None and way[1] < -LEVEL:
        raise BioposeError(
            "the person is upside down: the file's world has another vertical than such files have",
            mend="Give `up`, or `camera=camera` where Y points down as before a camera.",
        )
    if way is not None and abs(way[1]) < 0.3:
        note = "the person lies, or the file's vertical is another (`up`)"
        return replace(mesh, notes=[*mesh.notes, note])
    return mesh
