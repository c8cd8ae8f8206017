"""The skeleton in motion as .bvh: cm, degrees, Y up; all rotations are 0 where every body's axes are the ground's.

That is how a Rajagopal skeleton stands: upright, looking along +X, arms down. A joint turns by Z, X, Y in this order.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.exports.posed import PosedBodies
from biomech.exports.take import Take
from biomech.files import on_one_line, whole_file

CM = 100.0
GLIDES_M = 1e-5  # a joint's way in its parent that is one
ORDER: Literal["ZXY"] = "ZXY"
TURNS = "Zrotation Xrotation Yrotation"
MOVES = "Xposition Yposition Zposition"


def write_bvh(take: Take, path: Path) -> list[str]:
    """Write the joints' tree, each joint at its centre under the name of the body that it moves.

    A joint that glides while it turns (a knee) has its own way besides. Programs differ in whether a position stands
    in the offset's place or is added to it; so it is written for a joint with offset 0, below one that bears the offset
    and turns nothing (``tibia_r_glide``): both readings are the same then.

    Args:
        take: to be written; at an even rate, and a frame without a pose holds the one before.
        path: the .bvh, written whole or not at all.

    Returns:
        What the user should know.

    Raises:
        BioposeError: the frames are not evenly apart.
    """
    posed, beat = take.posed, take.beat
    moved, turned = posed.in_parent(posed.joint_centres)
    lines: list[str] = ["HIERARCHY"]
    columns: list[np.ndarray] = []
    roots = [body for body, parent in enumerate(posed.parents) if parent < 0]
    for root in roots:
        _joint(posed, root, moved, turned, lines, columns, 0)
    table = np.concatenate(columns, axis=1)[beat.held]
    lines += ["MOTION", f"Frames: {beat.frames}", f"Frame Time: {1 / beat.rate_hz:.8f}"]
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(lines) + "\n")
        np.savetxt(file, table, fmt="%.6f")
    several = [f"the .bvh has {len(roots)} roots, which some programs do not read"] if len(roots) > 1 else []
    return [*beat.notes(".bvh"), *several]


def _joint(
    posed: PosedBodies,
    body: int,
    moved: Float[np.ndarray, "frames bodies 3"],
    turned: Float[np.ndarray, "frames bodies 3 3"],
    lines: list[str],
    columns: list[np.ndarray],
    depth: int,
) -> None:
    """A joint and all below it: lines of the hierarchy, and columns of the motion in their order."""
    name, way = on_one_line(posed.names[body]).replace(" ", "_"), moved[:, body] * CM
    angles = Rotation.from_matrix(turned[:, body]).as_euler(ORDER, degrees=True)
    # A turn by more than 180° goes on, for programs that interpolate the three numbers.
    angles = np.rad2deg(np.unwrap(np.deg2rad(angles), axis=0))
    root, closing = depth == 0, depth
    glides = not root and np.ptp(moved[:, body], axis=0).max() > GLIDES_M
    if glides:
        middle = np.median(way, axis=0)
        _open(lines, "JOINT", f"{name}_glide", middle, TURNS, depth)
        columns.append(np.zeros((len(way), 3)))
        depth += 1
        way = way - middle
    if root or glides:
        _open(lines, "ROOT" if root else "JOINT", name, np.zeros(3), f"{MOVES} {TURNS}", depth)
        columns.append(way)
    else:
        _open(lines, "JOINT", name, way[0], TURNS, depth)
    columns.append(angles)
    children = posed.children(body)
    for child in children:
        _joint(posed, child, moved, turned, lines, columns, depth + 1)
    if not children:
        _open(lines, "End Site", "", (posed.tips[body] - posed.centres[body]) * CM, "", depth + 1)
        lines.append("  " * (depth + 1) + "}")
    lines += ["  " * level + "}" for level in range(depth, closing - 1, -1)]


def _open(lines: list[str], kind: str, name: str, offset: np.ndarray, channels: str, depth: int) -> None:
    indent, inner = "  " * depth, "  " * (depth + 1)
    lines += [f"{indent}{kind} {name}".rstrip(), f"{indent}{{"]
    lines.append(f"{inner}OFFSET {offset[0]:.6f} {offset[1]:.6f} {offset[2]:.6f}")
    if channels:
        lines.append(f"{inner}CHANNELS {len(channels.split())} {channels}")
