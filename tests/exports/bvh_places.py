"""Where the joints of a .bvh are, read by nothing of the package: the format's own words and matrices."""

import re
from pathlib import Path

import numpy as np


def _turn(axis: str, degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle), np.sin(angle)
    return np.array(
        {
            "X": [[1, 0, 0], [0, c, -s], [0, s, c]],
            "Y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            "Z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        }[axis]
    )


def joint_places(path: Path, *, positions_add: bool) -> tuple[dict[str, np.ndarray], float]:
    """Places by joint, (frames, 3), in the file's unit; and the time of a frame.

    Args:
        path: of the .bvh.
        positions_add: whether a position is added to the joint's offset or stands in its place: programs differ.
    """
    hierarchy, motion = path.read_text().split("MOTION")
    joints: list[tuple[str, int, list[float], list[str]]] = []
    stack: list[int] = []
    in_end = False
    for line in hierarchy.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] in ("ROOT", "JOINT"):
            joints.append((words[1], stack[-1] if stack else -1, [], []))
            pending = len(joints) - 1
        elif words[:2] == ["End", "Site"]:
            in_end, pending = True, -2
        elif words[0] == "{":
            stack.append(pending)
        elif words[0] == "}":
            in_end = in_end and stack[-1] != -2
            stack.pop()
        elif words[0] == "OFFSET" and not in_end:
            joints[stack[-1]][2].extend(map(float, words[1:]))
        elif words[0] == "CHANNELS":
            joints[stack[-1]][3].extend(words[2:])
            assert len(words) - 2 == int(words[1])
    assert not stack
    found = re.match(r"\s*Frames: (\d+)\s*Frame Time: (\S+)\s*", motion)
    assert found
    table = np.array([line.split() for line in motion[found.end() :].splitlines()], float)
    assert table.shape == (int(found[1]), sum(len(one[3]) for one in joints))
    places: dict[str, list[np.ndarray]] = {name: [] for name, *_ in joints}
    for row in table:
        values = iter(row)
        placed: list[tuple[np.ndarray, np.ndarray]] = []
        for name, parent, offset, channels in joints:
            moved, turned, own = np.array(offset), np.eye(3), {}
            for channel in channels:
                value = next(values)
                if channel.endswith("rotation"):
                    turned = turned @ _turn(channel[0], value)
                else:
                    own[channel[0]] = value
            if own:
                way = np.array([own[axis] for axis in "XYZ"])
                moved = moved + way if positions_add else way
            at, turn = placed[parent] if parent >= 0 else (np.zeros(3), np.eye(3))
            placed.append((at + turn @ moved, turn @ turned))
            places[name].append(placed[-1][0])
    return {name: np.array(rows) for name, rows in places.items()}, float(found[2])
