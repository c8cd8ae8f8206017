"""Pictures of drawn people as files: JPEGs that any viewer shows, and one .npz beside each folder of them.

Whoever draws writes shards ``train_….npz`` and ``held_out_….npz`` with a folder of the same name; the .npz comes last,
so that a folder without one is a shard that was stopped. Each JPEG is a part of a picture, as large as crops need;
its camera is that of the part, so that all pixels are the JPEG's own.
"""

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from biomech.errors import BioposeError, plainly
from biomech.files import whole_file
from biomech.keypoints.detector import Region
from biomech.mesh.mqhmr.bodies import KEYPOINTS
from biomech.train.mqhmr.datasets import PersonInPicture
from biomech.train.synthetic.clips import SPLITS

OPTIONAL = "picture_px"


@dataclass
class PictureLabels:
    """The truth of a shard's pictures, row by row; px of the JPEG, m, camera axes (x right, y down, z away)."""

    center_px: Float[np.ndarray, "people 2"]  # of the upright square around the person
    size_px: Float[np.ndarray, " people"]
    focal_px: Float[np.ndarray, " people"]
    principal_px: Float[np.ndarray, "people 2"]  # as a rule not the JPEG's middle
    keypoints_px: Float[np.ndarray, "people keypoints 2"]  # of ``KEYPOINTS``, seen or hidden, in the JPEG or beyond
    keypoints_m: Float[np.ndarray, "people keypoints 3"]
    body: str  # "anny"
    rotations: Float[np.ndarray, "people bones 3 3"]  # of each bone to its parent; the root's: camera from rest
    betas: Float[np.ndarray, "people shape"]
    root_position_m: Float[np.ndarray, "people 3"]  # of the root's joint
    picture_px: Int[np.ndarray, "people 2"] | None = None  # width and height of the JPEG; older drawings do not say

    def save(self, path: Path) -> None:
        """Write an .npz, whole or not at all."""
        columns = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        if self.picture_px is None:
            del columns["picture_px"]
        narrow = {name: c.astype(np.float32) if c.dtype.kind == "f" else c for name, c in columns.items()}
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **narrow)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> "PictureLabels":
        """Read what ``save`` wrote.

        Args:
            path: of the .npz.

        Returns:
            In single precision.

        Raises:
            BioposeError: the file holds no such labels, or columns of different lengths.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                found = {
                    field.name: file[field.name]
                    for field in fields(cls)
                    if field.name in file or field.name != OPTIONAL
                }
            rows = len(found["size_px"])
            sizes = {
                "center_px": (2,),
                OPTIONAL: (2,),
                "size_px": (),
                "focal_px": (),
                "principal_px": (2,),
                "root_position_m": (3,),
            }
            sizes |= {"keypoints_px": (len(KEYPOINTS), 2), "keypoints_m": (len(KEYPOINTS), 3)}
            for name, values in found.items():
                if name == "body":
                    continue
                if (
                    len(values) != rows
                    or not np.isfinite(values).all()
                    or values.shape[1:] != sizes.get(name, values.shape[1:])
                ):
                    raise ValueError(name)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as error:
            raise BioposeError(
                f"not the labels of drawn pictures ({plainly(error)})",
                where=str(path),
                mend="Give a folder of `biopose train pictures`; those of `biopose train clips` hold no pictures.",
            ) from error
        return cls(**{**found, "body": str(found["body"])})


def read_drawn(folder: Path, *, split: str = SPLITS[0]) -> list[PersonInPicture]:
    """People of the shards of a folder.

    Args:
        folder: of `biopose train pictures`.
        split: one of ``SPLITS``.

    Returns:
        Shard after shard: θ, β and place (m), keypoints in space (m) and in the picture (px), all known.

    Raises:
        BioposeError: there are no shards of the split, or one is damaged.
    """
    paths = sorted(Path(folder).glob(f"{split}_*.npz"))
    if not paths:
        command = "`biopose train pictures`" if split == SPLITS[0] else "`biopose train pictures --held-out`"
        raise BioposeError(
            f"there are no drawn pictures {split}_*.npz",
            where=str(folder),
            mend=f"Draw them with {command}.",
        )
    people = []
    for path in paths:
        labels = PictureLabels.load(path)
        for row in range(len(labels.size_px)):
            picture = picture_path(path, row)
            if not picture.is_file():
                raise BioposeError(
                    "a picture is missing",
                    where=str(picture),
                    mend=f"Remove {path.name}, and the drawing goes on there.",
                )
            x, y = (float(value) for value in labels.center_px[row])
            person = PersonInPicture(picture, Region((x, y), float(labels.size_px[row]), 0.0))
            if labels.picture_px is not None:
                person.size_px = (int(labels.picture_px[row, 0]), int(labels.picture_px[row, 1]))
            person.focal_px = float(labels.focal_px[row])
            person.principal_px = (float(labels.principal_px[row, 0]), float(labels.principal_px[row, 1]))
            person.keypoints_px, person.keypoints_m = labels.keypoints_px[row], labels.keypoints_m[row]
            person.confidence_2d, person.confidence_3d = np.ones((2, len(KEYPOINTS)))
            person.body, person.rotations, person.betas = labels.body, labels.rotations[row], labels.betas[row]
            person.root_position_m = labels.root_position_m[row]
            people.append(person)
    return people


def picture_path(labels: Path, row: int) -> Path:
    """Where a picture of a shard is.

    Args:
        labels: of the shard, the .npz.
        row: of the labels.

    Returns:
        The JPEG.
    """
    return labels.with_suffix("") / f"{row:03d}.jpg"
