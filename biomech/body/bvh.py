"""Reads .bvh motion files."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.errors import BioposeError

CHANNELS = {f"{axis}{kind}" for axis in "XYZ" for kind in ("rotation", "position")}
MOST_JOINTS = 1000
SHORTEST_S, LONGEST_S = 1e-4, 10.0  # of a frame
LARGEST = 1e6  # of an angle in degrees, of a place in any unit


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

    Args:
        text: of the whole file.
        where: the file, for the message.

    Returns:
        The motion in the file's own axes and units; frames a second from its frame time.

    Raises:
        BioposeError: the text is not a whole .bvh file.
    """

    def refuse(why: str) -> BioposeError:
        return BioposeError(f"not a .bvh file ({why})", where=where)

    hierarchy, found, motion = text.partition("MOTION")
    if not found:
        raise refuse("there is no line MOTION")
    names, parents, offsets, channels = _hierarchy(hierarchy, refuse)
    header = re.match(r"\s*Frames:\s*(\d{1,9})\s*Frame Time:\s*(\S+)", motion)
    if header is None:
        raise refuse("no count of frames and time of one after MOTION")
    frames, width = int(header[1]), sum(len(c) for c in channels)
    step = floats([header[2]], refuse)[0]
    if not SHORTEST_S <= step <= LONGEST_S:
        raise refuse(f"a frame of {step:g} s")
    words = motion[header.end() :].split()
    if not frames or len(words) != frames * width:
        raise refuse(f"{len(words)} numbers, where {frames} frames of {width} channels need {frames * width}")
    values = floats(words, refuse).reshape(frames, width)

    rotations = np.empty((frames, len(names), 3, 3))
    position = np.tile(offsets[0], (frames, 1))
    column = 0
    for joint, of_joint in enumerate(channels):
        angles: list[np.ndarray] = []
        order = ""
        for channel in of_joint:
            if channel.endswith("rotation"):
                angles.append(values[:, column])
                order += channel[0]
            elif joint == 0:
                position[:, "XYZ".index(channel[0])] = values[:, column]
            column += 1
        turned = Rotation.from_euler(order, np.stack(angles, 1), degrees=True).as_matrix() if order else np.eye(3)
        rotations[:, joint] = turned
    return Bvh(names, parents, offsets, rotations, position, 1 / step)


def floats(words: list[str], refuse: Callable[[str], BioposeError]) -> Float[np.ndarray, " words"]:
    """Words as numbers that can be ones of a body.

    Args:
        words: of a file.
        refuse: makes the error from the reason.

    Returns:
        The numbers, none of them larger than 10⁶.

    Raises:
        BioposeError: what ``refuse`` makes of why.
    """
    try:
        values = np.array(words, dtype=float) if words else np.zeros(0)
    except ValueError:
        bad = next(word for word in words if not _is_number(word))
        raise refuse(f"'{bad[:20].encode('ascii', 'replace').decode()}' where a number should be") from None
    if not (np.abs(values) <= LARGEST).all():
        raise refuse("a number that cannot be one of a body")
    return values


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _hierarchy(
    text: str, refuse: Callable[[str], BioposeError]
) -> tuple[list[str], list[int], np.ndarray, list[list[str]]]:
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
            names.append(words[1] if len(words) > 1 else "")
        elif words[0] == "End":
            open_joints.append(-1)
        elif words[0] == "OFFSET" and open_joints and open_joints[-1] >= 0:
            offsets.append(floats(words[1:4], refuse).tolist())
        elif words[0] == "CHANNELS":
            channels.append(words[2:])
        elif words[0] == "}" and open_joints:
            open_joints.pop()
    whole = names and len(offsets) == len(channels) == len(names) and all(len(offset) == 3 for offset in offsets)
    if not whole or parents.count(-1) != 1 or len(set(names)) < len(names) or len(names) > MOST_JOINTS:
        raise refuse("the hierarchy is not whole")
    for of_joint in channels:
        turns = [channel for channel in of_joint if channel.endswith("rotation")]
        if set(of_joint) - CHANNELS or len(set(of_joint)) < len(of_joint) or len(turns) > 3:
            raise refuse(f"channels {' '.join(of_joint)[:60]}")
    return names, parents, np.array(offsets), channels
