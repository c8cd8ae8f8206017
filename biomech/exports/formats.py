"""Which formats a take can go to, and what is left of writing them; without loading what writes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from biomech.errors import BioposeError

# By name: what follows the recording's name in the file's, and the writer.
FORMATS = {
    "c3d": (".c3d", "c3d.write_c3d"),
    "json": ("_viewer.json", "visualizer.write_visualizer"),
    "glb": ("_skeleton.glb", "glb.write_skeleton_glb"),
    "bvh": (".bvh", "bvh.write_bvh"),
    "npz": ("_smpl.npz", "smpl.write_amass"),
    "csv": ("_angles.csv", "tidy.write_tidy"),
}
NOT_OF_ALL = ("c3d", "bvh", "npz")  # which want even frames, or a skeleton like Rajagopal's


@dataclass(frozen=True)
class Exported:
    """The files that were written, by format, and what the user should know of them."""

    files: dict[str, Path]
    notes: list[str] = field(default_factory=list)


def check_formats(formats: Sequence[str]) -> list[str]:
    """The formats, each once, in the order of ``FORMATS``.

    Raises:
        BioposeError: one is not known, or none is given.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        what = f"there is no format '{unknown[0]}'" if unknown else "no format is given"
        raise BioposeError(what, mend=f"Give some of {', '.join(FORMATS)}.")
    return [name for name in FORMATS if name in formats]
