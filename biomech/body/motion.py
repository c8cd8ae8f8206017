"""The noun ``BodyMotion``: a parametric body moving in a metric, Y-up world, and the camera that saw it."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.files import whole_file


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
            BioposeError: the file is not a body motion.
        """
        try:
            with np.load(path, allow_pickle=False) as data:
                camera = None
                if "camera_focal_px" in data:
                    center, size = data["camera_center_px"], data["camera_size_px"]
                    camera = Camera(
                        focal_px=float(data["camera_focal_px"]),
                        center_px=(float(center[0]), float(center[1])),
                        size_px=(int(size[0]), int(size[1])),
                        rotation_camera_from_world=data["camera_rotation_camera_from_world"],
                        position_in_camera_m=data["camera_position_in_camera_m"],
                    )
                return cls(
                    body=str(data["body"]),
                    bone_names=[str(n) for n in data["bone_names"]],
                    rotations=data["rotations"],
                    root_position_m=data["trans"],
                    shape=data["betas"],
                    shape_names=[str(n) for n in data["shape_names"]],
                    time_s=data["time_s"],
                    camera=camera,
                    quality=data["quality"] if "quality" in data else None,
                    notes=[str(n) for n in data["notes"]],
                )
        except (OSError, ValueError, KeyError) as error:
            raise BioposeError(
                f"not a body motion ({error})", where=str(path), mend="Make one with `biopose recover`."
            ) from error
