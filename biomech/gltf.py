"""glTF 2.0, binary (.glb): the file as it grows, and an animation of its nodes.

Khronos, "glTF 2.0 Specification", sections 3.6 (buffers) and 3.11 (animations).
"""

import json
import struct
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

# Of the format: kinds of numbers, and what a part of the buffer is for.
BYTE, INT, FLOAT = 5121, 5125, 5126
VERTICES, TRIANGLES = 34962, 34963
MAGIC, VERSION, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 2, 0x4E4F534A, 0x004E4942


class GltfFile:
    """The binary part of a .glb, as it grows."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.views: list[dict[str, int]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, values: np.ndarray, number: int, kind: str, target: int | None = None, bounds: bool = False) -> int:
        """Append an array.

        Args:
            values: of the type that ``number`` names.
            number: BYTE, INT or FLOAT.
            kind: SCALAR, VEC3, VEC4 or MAT4: what a row is.
            target: VERTICES or TRIANGLES, where it is a mesh's.
            bounds: say the least and the most of each column, as times and places need.

        Returns:
            Its accessor.
        """
        data = np.ascontiguousarray(values).tobytes()
        view = {"buffer": 0, "byteOffset": len(self.content), "byteLength": len(data)}
        self.views.append(view if target is None else {**view, "target": target})
        accessor = {"bufferView": len(self.views) - 1, "componentType": number, "count": len(values), "type": kind}
        if bounds:
            rows = values.reshape(len(values), -1)
            accessor |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        self.accessors.append(accessor)
        self.content += data + bytes(-len(data) % 4)
        return len(self.accessors) - 1

    def written(self, document: dict[str, Any]) -> bytes:
        """The whole file."""
        parts = {"bufferViews": self.views, "accessors": self.accessors, "buffers": [{"byteLength": len(self.content)}]}
        text = json.dumps({**document, **parts}).encode()
        text += b" " * (-len(text) % 4)
        length = 12 + 8 + len(text) + 8 + len(self.content)
        return b"".join(
            [
                struct.pack("<III", MAGIC, VERSION, length),
                struct.pack("<II", len(text), JSON_CHUNK),
                text,
                struct.pack("<II", len(self.content), BINARY_CHUNK),
                bytes(self.content),
            ]
        )


class GltfAnimation:
    """Turns and ways of nodes at common times, which begin at 0."""

    def __init__(self, file: GltfFile, time_s: Float[np.ndarray, " frames"]) -> None:
        self.file = file
        self.times = file.add((time_s - time_s[0]).astype(np.float32), FLOAT, "SCALAR", bounds=True)
        self.samplers: list[dict[str, int]] = []
        self.channels: list[dict[str, Any]] = []

    def move(self, node: int, positions_m: Float[np.ndarray, "frames 3"]) -> None:
        """Where a node is, in its parent.

        Args:
            node: its number.
            positions_m: of every frame.
        """
        self._add(node, "translation", positions_m, "VEC3")

    def turn(self, node: int, rotations: Float[np.ndarray, "frames 3 3"]) -> None:
        """How a node is turned, in its parent.

        Args:
            node: its number.
            rotations: of every frame.
        """
        turns = Rotation.from_matrix(rotations).as_quat()
        # One turn is two quaternions; between frames a viewer goes straight from one to the next.
        turned_over = np.cumprod(np.append(1, np.where((turns[1:] * turns[:-1]).sum(1) < 0, -1, 1)))
        self._add(node, "rotation", turns * turned_over[:, None], "VEC4")

    def document(self, name: str = "motion") -> dict[str, Any]:
        """What the file says of it."""
        return {"name": name, "samplers": self.samplers, "channels": self.channels}

    def _add(self, node: int, path: str, values: np.ndarray, kind: str) -> None:
        self.samplers.append({"input": self.times, "output": self.file.add(values.astype(np.float32), FLOAT, kind)})
        self.channels.append({"sampler": len(self.samplers) - 1, "target": {"node": node, "path": path}})
