"""Reads .bvh motion files."""

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.errors import BioposeError


@dataclass(frozen=True)
class Bvh:
    """A tree of joints and its motion, in the file's own axes and units."""

    names: list[str]
    parents: list[int]
    offsets: Float[np.ndarray, "joints 3"]  # from the parent, in the zero pose
    rotations: Float[np.ndarray, "frames joints 3 3"]  # relative to the parent; identities are the zero pose
    root_position: Float[np.ndarray, "frames 3"]
    rate_hz: float


def parse_bvh(text: str, where: str) -> Bvh:
    """Read the text of a .bvh file.

    Raises:
        BioposeError: the text is not a whole .bvh file.
    """
    try:
        hierarchy, motion = text.split("MOTION", 1)
        names, parents, offsets, channels = _hierarchy(hierarchy)
        header = re.match(r"\s*Frames:\s*(\d+)\s*Frame Time:\s*(\S+)", motion)
        if header is None:
            raise ValueError("no frame count")
        frames = int(header[1])
        values = np.array(motion[header.end() :].split(), float).reshape(frames, -1)
        if values.shape[1] != sum(len(c) for c in channels):
            raise ValueError(f"{values.shape[1]} numbers in a row for {sum(len(c) for c in channels)} channels")
    except ValueError as error:
        raise BioposeError(f"not a .bvh file ({error})", where=where) from error

    rotations = np.empty((frames, len(names), 3, 3))
    position = np.tile(offsets[0], (frames, 1))
    column = 0
    for joint, of_joint in enumerate(channels):
        angles, order = [], ""
        for channel in of_joint:
            if channel.endswith("rotation"):
                angles.append(values[:, column])
                order += channel[0]
            elif joint == 0:
                position[:, "XYZ".index(channel[0])] = values[:, column]
            column += 1
        rotations[:, joint] = Rotation.from_euler(order, np.stack(angles, 1), degrees=True).as_matrix()
    return Bvh(names, parents, offsets, rotations, position, 1 / float(header[2]))


def _hierarchy(text: str) -> tuple[list[str], list[int], np.ndarray, list[list[str]]]:
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[list[str]] = []
    open_joints: list[int] = []  # −1 for an end site, whose offset is not a joint's
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] in ("ROOT", "JOINT"):
            parents.append(open_joints[-1] if open_joints else -1)
            open_joints.append(len(names))
            names.append(words[1])
        elif words[0] == "End":
            open_joints.append(-1)
        elif words[0] == "OFFSET" and open_joints[-1] >= 0:
            offsets.append([float(w) for w in words[1:4]])
        elif words[0] == "CHANNELS":
            channels.append(words[2:])
        elif words[0] == "}":
            open_joints.pop()
    if not names or len(offsets) != len(names) or len(channels) != len(names):
        raise ValueError("the hierarchy is not whole")
    return names, parents, np.array(offsets), channels
