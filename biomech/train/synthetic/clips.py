"""Clips of bodies whose truth is known, and what the detector said of them: one compressed .npz for each.

Whoever renders and detects writes ``Clip``s into a folder as ``train_….npz`` and ``held_out_….npz``; the training reads
them back in any number and order, so that the set can grow while it is used.
"""

import functools
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from biomech.errors import BioposeError, plainly
from biomech.files import whole_file
from biomech.keypoints.heat_maps import STEPS
from biomech.mesh.lifter import lifted_m
from biomech.mesh.mqhmr.bodies import KEYPOINTS
from biomech.mesh.mqhmr.camera import Crop
from biomech.mesh.mqhmr.mirror import mirrored_crop, mirrored_evidence
from biomech.mesh.mqhmr.network import Inputs
from biomech.mesh.mqhmr.pyramid import HEAT_MAPS, DetectorOutput
from biomech.train.mqhmr.losses import Truth
from biomech.train.mqhmr.mirror import mirrored_truth

SPLITS = ("train", "held_out")  # held_out: other people and motions by the same code
MAPS = ("heat", "mask")  # most of a clip's bytes


@dataclass
class Clip:
    """Frames of one person; px of the picture that the detector saw, m, camera axes (x right, y down, z away)."""

    # What the detector said.
    heat: UInt8[np.ndarray, "frames 39 64 64"]  # 255 × the sigmoid of the network's maps
    mask: UInt8[np.ndarray, "frames 64 64"]  # 255 × the share of the person in each cell
    xy: Float[np.ndarray, "frames 33 2"]
    confidence: Float[np.ndarray, "frames 33"]
    world_m: Float[np.ndarray, "frames 33 3"]  # in axes of the picture, not of the turned crop
    # The region that it looked at, and the camera.
    center_px: Float[np.ndarray, "frames 2"]
    size_px: Float[np.ndarray, " frames"]
    angle_rad: Float[np.ndarray, " frames"]
    focal_px: float
    principal_px: Float[np.ndarray, "2"]
    # The truth.
    body: str  # "anny", "smpl"
    rotations: Float[np.ndarray, "frames bones 3 3"]  # of each bone to its parent; the root's: camera from rest
    betas: Float[np.ndarray, " shape"]
    root_position_m: Float[np.ndarray, "frames 3"]  # of the root's joint
    up: Float[np.ndarray, "3"]
    floor_m: float  # up · p of the floor's points p

    @functools.cached_property
    def lifted_m(self) -> Float[np.ndarray, "frames 33 3"]:
        """The detector's 3D as the lifter corrects it."""
        return lifted_m(self.xy, self.confidence, self.world_m, self.focal_px, self.principal_px)

    def without_maps(self) -> "Clip":
        """The same with empty heat maps and mask; what was worked out of the rest stays."""
        frames = len(self.xy)
        return self._with(np.zeros((frames, HEAT_MAPS, 0, 0), np.uint8), np.zeros((frames, 0, 0), np.uint8))

    def with_maps(self, path: Path) -> "Clip":
        """The same with the heat maps and the mask of its file.

        Args:
            path: of the .npz.

        Raises:
            BioposeError: the file is no clip any more.
        """
        return self._with(*_read(path, MAPS).values())

    def _with(self, heat: np.ndarray, mask: np.ndarray) -> "Clip":
        clip = replace(self, heat=heat, mask=mask)
        if "lifted_m" in self.__dict__:
            clip.__dict__["lifted_m"] = self.lifted_m
        return clip

    def save(self, path: Path) -> None:
        """Write an .npz, whole or not at all."""
        columns = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        narrow = {name: c.astype(np.float32) if c.dtype.kind == "f" else c for name, c in columns.items()}
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **narrow)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path, maps: bool = True, body: str | None = None) -> "Clip":
        """Read what ``save`` wrote.

        Args:
            path: of the .npz.
            maps: or else leave heat maps and mask empty, which take most of the time.
            body: whose clip it has to be; None for any.

        Returns:
            In single precision.

        Raises:
            BioposeError: the file is not a clip, or of another body.
        """
        columns: dict[str, Any] = _read(path, [field.name for field in fields(cls) if maps or field.name not in MAPS])
        if not maps:
            frames = len(columns["xy"])
            columns |= {
                "heat": np.zeros((frames, HEAT_MAPS, 0, 0), np.uint8),
                "mask": np.zeros((frames, 0, 0), np.uint8),
            }
        plain = {name: float(columns[name]) for name in ("focal_px", "floor_m")} | {"body": str(columns["body"])}
        if body not in (None, plain["body"]):
            raise BioposeError(f"the clip is of the body {plain['body']!r}, not {body!r}", where=str(path))
        return cls(**{**columns, **plain})


def _read(path: Path, names: Iterable[str]) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BioposeError(f"not a clip of rendered bodies ({plainly(error)})", where=str(path)) from error


def clip_paths(folder: Path, split: str) -> list[Path]:
    """The files of a split, in order.

    Args:
        folder: of `biopose train clips`.
        split: ``train`` or ``held_out``.

    Returns:
        At least one.

    Raises:
        BioposeError: there are none.
    """
    paths = sorted(Path(folder).glob(f"{split}_*.npz"))
    if not paths:
        raise BioposeError(f"there are no clips {split}_*.npz", where=str(folder))
    return paths


class Excerpt(NamedTuple):
    """An item of ``Clips`` before it is made."""

    clip: Clip
    rows: Int[np.ndarray, " rows"]
    mirrored: bool


class Clips(Dataset):
    """Clips of a folder for training: each item some frames of one, as a batch.

    Args:
        split: how the files' names start, ``train`` or ``held_out``.
        body: whose clips they have to be.
        frames: of an item, drawn at random; None for all of them.
        bone_names: of the body; where given, every other item is seen in a mirror.
        maps: or else without the heat maps and the mask, which alone are not kept in memory once read.

    Raises:
        BioposeError: there are none.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        body: str,
        frames: int | None = None,
        seed: int = 0,
        bone_names: list[str] | None = None,
        maps: bool = True,
    ):
        self.paths = clip_paths(folder, split)
        self.body, self.frames, self.seed, self.bone_names, self.maps = body, frames, seed, bone_names, maps
        self._kept: dict[int, Clip] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Inputs, Truth]:
        """Some frames; from ``len`` on other ones of the same clips.

        Raises:
            BioposeError: a file is not a clip, or of another body.
        """
        return self.seen(self.drawn(index))

    def drawn(self, index: int) -> Excerpt:
        """What an item shows, a function of seed and index.

        Args:
            index: of the item, as ``__getitem__`` takes it.

        Raises:
            BioposeError: as ``__getitem__``.
        """
        clip = self._clip(index % len(self))
        rows, rng = np.arange(len(clip.xy)), np.random.default_rng((self.seed, index))
        if self.frames is not None:
            rows = rng.choice(rows, self.frames, replace=len(rows) < self.frames)
        return Excerpt(clip, rows, self.bone_names is not None and rng.random() < 0.5)

    def seen(self, drawn: Excerpt) -> tuple[Inputs, Truth]:
        """An item as the network has it.

        Args:
            drawn: by ``drawn``.
        """
        inputs, truth = inputs_of(drawn.clip, drawn.rows), truth_of(drawn.clip, drawn.rows)
        if drawn.mirrored:
            assert inputs.evidence is not None and self.bone_names is not None
            truth = mirrored_truth(truth, inputs.crop, self.body, self.bone_names)
            inputs = Inputs(mirrored_crop(inputs.crop), evidence=mirrored_evidence(inputs.evidence, inputs.crop))
        return inputs, truth

    def _clip(self, number: int) -> Clip:
        """From the file at first; later only its maps, since reading the rest takes half as long as learning."""
        if number not in self._kept:
            clip = Clip.load(self.paths[number], self.maps, self.body)
            clip.lifted_m  # noqa: B018 (worked out once, kept with the clip)
            self._kept[number] = clip.without_maps() if self.maps else clip
            return clip
        kept = self._kept[number]
        return kept.with_maps(self.paths[number]) if self.maps else kept


def inputs_of(clip: Clip, rows: Int[np.ndarray, " rows"]) -> Inputs:
    """What the network sees of a clip's frames.

    Args:
        clip: without maps the evidence has empty ones.
        rows: numbers of frames; the batch is in their order.

    Returns:
        Crop (px, rad) and the detector's evidence, maps from 0 to 1, 3D (m) as the lifter corrects it.
    """
    count = len(rows)
    crop = Crop(
        _tensor(clip.center_px[rows]),
        _tensor(clip.size_px[rows]),
        _tensor(clip.angle_rad[rows]),
        torch.full((count,), clip.focal_px),
        _tensor(clip.principal_px).repeat(count, 1),
    )
    evidence = DetectorOutput(
        _tensor(clip.heat[rows]) / STEPS,
        _tensor(clip.mask[rows]) / STEPS,
        _tensor(clip.xy[rows]),
        _tensor(clip.confidence[rows]),
        _tensor(clip.lifted_m[rows]),
    )
    return Inputs(crop, evidence=evidence)


def truth_of(clip: Clip, rows: Int[np.ndarray, " rows"]) -> Truth:
    """The truth of a clip's frames; its keypoints follow from θ and β (``losses.completed``).

    Args:
        clip: its maps do not matter.
        rows: numbers of frames; the batch is in their order.

    Returns:
        θ, β and place (m, camera axes); keypoints NaN, confidence 0.
    """
    count, unknown = len(rows), torch.full((len(rows), len(KEYPOINTS), 3), torch.nan)
    return Truth(
        _tensor(clip.rotations[rows]),
        _tensor(clip.betas).repeat(count, 1),
        _tensor(clip.root_position_m[rows]),
        unknown[..., :2],
        torch.zeros(count, len(KEYPOINTS)),
        unknown,
        torch.zeros(count, len(KEYPOINTS)),
    )


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
