"""The noun ``BodyMotion``: a parametric body moving in a metric, Y-up world, and the camera that saw it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.arrays import Field, are_rotations, check_arrays, check_names, check_times, read_arrays
from biomech.camera import Camera, check_focal
from biomech.errors import BioposeError
from biomech.files import whole_file

NOUN, MEND = "a body motion", "Make one with `biopose recover`."
FURTHEST_M = 1000.0  # of a body from the world's origin, and of that from the camera
LARGEST_SHAPE = 100.0  # of a shape parameter; bodies that know bounds are narrower
LARGEST_PX = 100_000.0
FIELDS = {
    "body": Field("text"),
    "bone_names": Field("text", ("bones",)),
    "rotations": Field("number", ("frames", "bones", 3, 3), -1.01, 1.01),
    "trans": Field("number", ("frames", 3), -FURTHEST_M, FURTHEST_M),
    "betas": Field("number", ("shape",), -LARGEST_SHAPE, LARGEST_SHAPE),
    "shape_names": Field("text", ("shape",)),
    "time_s": Field("number", ("frames",)),
    "notes": Field("text", ("notes",)),
    "quality": Field("number", ("frames",), -1e-6, 1 + 1e-6, optional=True),
    "coordinate_names": Field("text", ("coordinates",), optional=True),
    "coordinate_sd": Field("number", ("frames", "coordinates"), 0.0, FURTHEST_M, optional=True),
    "doubts": Field("text", ("frames",), optional=True),
    "left_open": Field("text", ("open",), optional=True),
    "cameras": Field("number", (), 1, 1000, optional=True),
    "turns_of_the_camera": Field("number", ("frames", 3, 3), -1.01, 1.01, optional=True),
    "camera_focal_px": Field("number", optional=True),
    "camera_center_px": Field("number", (2,), -LARGEST_PX, LARGEST_PX, optional=True),
    "camera_size_px": Field("number", (2,), 1, LARGEST_PX, optional=True),
    "camera_rotation_camera_from_world": Field("number", (3, 3), -1.01, 1.01, optional=True),
    "camera_position_in_camera_m": Field("number", (3,), -FURTHEST_M, FURTHEST_M, optional=True),
}
CAMERA = [name for name in FIELDS if name.startswith("camera_")]


@dataclass
class BodyMotion:
    """World axes: X where the person faces on average, Y up, Z to their right; floor at Y = 0.

    ``rotations[f, b]`` turns bone b relative to its parent; all rest frames are parallel to the body's axes
    (X forward, Y up, Z right), so identities are the body's rest pose; the root's is its world orientation.
    """

    body: str  # "anny", "smpl", …
    bone_names: list[str]
    rotations: Float[np.ndarray, "frames bones 3 3"]
    root_position_m: Float[np.ndarray, "frames 3"]  # of the root joint
    shape: Float[np.ndarray, "shape"]  # one per subject
    shape_names: list[str]
    time_s: Float[np.ndarray, "frames"]
    camera: Camera | None = None
    # 0 = not to be trusted (person absent or mostly hidden), 1 = well seen. Flagged frames are interpolated.
    quality: Float[np.ndarray, "frames"] | None = None
    notes: list[str] = field(default_factory=list)
    # What the recovery leaves open, in coordinates of our skeleton (rad, m): standard deviations of its own residuals.
    coordinate_names: list[str] = field(default_factory=list)
    coordinate_sd: Float[np.ndarray, "frames coordinates"] | None = None
    # Of a camera that turned: its axes in each frame from those of ``camera``.
    camera_turns: Float[np.ndarray, "frames 3 3"] | None = None
    cameras: int = 1  # that saw it; ``camera`` is the first
    # Why a frame is not to be trusted whatever its quality, separated by "; "; empty: nothing was looked for.
    doubts: Sequence[str] = ()
    # Coordinates of our skeleton that are not to be trusted in any frame, though the body shows them.
    left_open: Sequence[str] = ()

    def save(self, path: Path) -> None:
        """Write an .npz, whole or not at all."""
        arrays = {
            "body": np.array(self.body),
            "bone_names": np.array(self.bone_names),
            "rotations": self.rotations,
            "trans": self.root_position_m,
            "betas": self.shape,
            "shape_names": np.array(self.shape_names),
            "time_s": self.time_s,
            "notes": np.array(self.notes, dtype=str),
        }
        if self.quality is not None:
            arrays["quality"] = self.quality
        if self.coordinate_sd is not None:
            arrays |= {"coordinate_names": np.array(self.coordinate_names), "coordinate_sd": self.coordinate_sd}
        if self.camera_turns is not None:
            arrays["turns_of_the_camera"] = self.camera_turns
        if any(self.doubts):
            arrays["doubts"] = np.array(self.doubts, dtype=str)
        if self.left_open:
            arrays["left_open"] = np.array(self.left_open, dtype=str)
        if self.cameras > 1:
            arrays["cameras"] = np.array(self.cameras)
        if self.camera is not None:
            arrays |= {
                "camera_focal_px": np.array(self.camera.focal_px),
                "camera_center_px": np.array(self.camera.center_px),
                "camera_size_px": np.array(self.camera.size_px),
                "camera_rotation_camera_from_world": self.camera.rotation_camera_from_world,
                "camera_position_in_camera_m": self.camera.position_in_camera_m,
            }
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> "BodyMotion":
        """Read what ``save`` wrote.

        Raises:
            BioposeError: the file is not a body motion, or what ``check`` refuses.
        """
        held = read_arrays(path, FIELDS, noun=NOUN, mend=MEND)
        camera = None
        if "camera_focal_px" in held:
            if absent := [name for name in CAMERA if name not in held]:
                raise BioposeError(f"not {NOUN} (it has no {absent[0]})", where=str(path), mend=MEND)
            center, size = held["camera_center_px"], held["camera_size_px"]
            camera = Camera(
                focal_px=float(held["camera_focal_px"]),
                center_px=(float(center[0]), float(center[1])),
                size_px=(int(size[0]), int(size[1])),
                rotation_camera_from_world=held["camera_rotation_camera_from_world"],
                position_in_camera_m=held["camera_position_in_camera_m"],
            )
        motion = cls(
            body=str(held["body"]),
            bone_names=[str(n) for n in held["bone_names"]],
            rotations=held["rotations"],
            root_position_m=held["trans"],
            shape=held["betas"],
            shape_names=[str(n) for n in held["shape_names"]],
            time_s=held["time_s"],
            camera=camera,
            quality=held.get("quality"),
            notes=[str(n) for n in held["notes"]],
            coordinate_names=[str(n) for n in held.get("coordinate_names", [])],
            coordinate_sd=held.get("coordinate_sd"),
            camera_turns=held.get("turns_of_the_camera"),
            cameras=int(held.get("cameras", 1)),
            doubts=[str(why) for why in held.get("doubts", [])],
            left_open=[str(name) for name in held.get("left_open", [])],
        )
        motion.check(str(path))
        return motion

    def turns_at(self, time_s: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times 3 3"] | None:
        """``camera_turns`` of the frames nearest to these times (s); None for a camera that stands."""
        if self.camera_turns is None:
            return None
        return self.camera_turns[np.abs(np.asarray(time_s)[:, None] - self.time_s).argmin(1)]

    def check(self, where: str | None = None) -> None:
        """That this can be a body moving in a room: as ``load`` does, and the stages that take one.

        Raises:
            BioposeError: a shape, a time, a rotation, a place or the camera cannot be.
        """
        arrays = {
            "rotations": self.rotations,
            "trans": self.root_position_m,
            "betas": self.shape,
            "time_s": self.time_s,
        }
        arrays |= {"bone_names": np.array(self.bone_names), "shape_names": np.array(self.shape_names)}
        if self.coordinate_sd is not None:
            arrays |= {"coordinate_names": np.array(self.coordinate_names), "coordinate_sd": self.coordinate_sd}
        optional = {"quality": self.quality, "turns_of_the_camera": self.camera_turns}
        check_arrays(arrays | optional, FIELDS, where=where, noun=NOUN, mend=MEND)
        check_names(self.bone_names, where=where, noun=NOUN, mend=MEND)
        check_times(self.time_s, where=where, noun=NOUN, mend=MEND)
        turns = self.rotations if self.camera is None else self.camera.rotation_camera_from_world
        film = turns if self.camera_turns is None else self.camera_turns
        if not (are_rotations(self.rotations) and are_rotations(turns) and are_rotations(film)):
            raise BioposeError(f"not {NOUN} (rotations that do not only turn)", where=where, mend=MEND)
        if self.camera is not None:
            check_focal(self.camera.focal_px, self.camera.size_px, where)
