"""People in pictures, whatever data set they come from: one noun for the readers, and batches of it for the network.

Readers: ``coco`` (COCO, MPII, H36M: annotated points), ``smpl_labels`` (3DPW, BEDLAM, BML-MoVi and the .npz files of
SPIN, CLIFF and HMR2.0: SMPL's θ and β), ``drawn`` (pictures of our own: Anny's). What a set does not say is NaN, and a
keypoint's confidence is then 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.utils.data import Dataset

from biomech.errors import BioposeError
from biomech.keypoints.detector import Region
from biomech.mesh.mqhmr.bodies import KEYPOINTS, BodyLayer
from biomech.mesh.mqhmr.camera import Crop
from biomech.mesh.mqhmr.encoder import CROP_HEIGHT, CROP_WIDTH
from biomech.mesh.mqhmr.mirror import mirrored_crop
from biomech.mesh.mqhmr.network import Inputs
from biomech.train.mqhmr.losses import Truth
from biomech.train.mqhmr.mirror import mirrored_truth

BODY_JOINTS = 22  # of SMPL, SMPL-H and SMPL-X alike, the root first
MARGIN = 1.2  # of the crop around a box
FOCAL_SIDES = 1.0  # of a picture whose camera is not known: its diagonal, as CLIFF has it


def unknown(*shape: int) -> Float[np.ndarray, "*shape"]:
    """An array of NaN."""
    return np.full(shape, np.nan)


@dataclass
class PersonInPicture:
    """One person in one picture; px of the upright picture; camera axes x right, y down, z away, m."""

    picture: Path
    region: Region  # square around the person
    focal_px: float | None = None  # None: not known
    principal_px: tuple[float, float] | None = None  # None: the picture's middle
    size_px: tuple[int, int] | None = None  # width and height of the file's picture; None: any
    keypoints_px: Float[np.ndarray, "keypoints 2"] = field(default_factory=lambda: unknown(len(KEYPOINTS), 2))
    confidence_2d: Float[np.ndarray, " keypoints"] = field(default_factory=lambda: np.zeros(len(KEYPOINTS)))
    keypoints_m: Float[np.ndarray, "keypoints 3"] = field(default_factory=lambda: unknown(len(KEYPOINTS), 3))
    confidence_3d: Float[np.ndarray, " keypoints"] = field(default_factory=lambda: np.zeros(len(KEYPOINTS)))
    body: str = ""  # whose θ and β these are: "smpl", "smplh", "smplx", "anny"
    gender: str = "neutral"  # whose model's β
    rotations: Float[np.ndarray, "joints 3 3"] = field(default_factory=lambda: unknown(BODY_JOINTS, 3, 3))
    betas: Float[np.ndarray, " betas"] = field(default_factory=lambda: unknown(10))
    # The model's origin: the root's joint is at rotation_camera_from_world · J₀(β) + translation_m.
    rotation_camera_from_world: Float[np.ndarray, "3 3"] = field(default_factory=lambda: np.eye(3))
    translation_m: Float[np.ndarray, "3"] = field(default_factory=lambda: unknown(3))
    root_position_m: Float[np.ndarray, "3"] = field(default_factory=lambda: unknown(3))  # Anny's: of the root's joint


def region_of_box(x: float, y: float, width: float, height: float) -> Region:
    """The square around a box whose 4 : 3 part holds it, with a margin.

    Args:
        x, y: of the upper left corner, px.
        width, height: px.

    Returns:
        Upright; its side is ``MARGIN`` times the least that would do.
    """
    return Region((x + width / 2, y + height / 2), MARGIN * max(height, width * CROP_HEIGHT / CROP_WIDTH, 1.0), 0.0)


def region_of_points(points_px: Float[np.ndarray, "points 2"]) -> Region:
    """The square around points, those that are NaN left out.

    Raises:
        ValueError: there are none.
    """
    known = points_px[np.isfinite(points_px).all(1)]
    if not len(known):
        raise ValueError("no points to put a crop around")
    low, high = known.min(0), known.max(0)
    return region_of_box(*low, *(high - low))


def named_points(
    names: Sequence[str], points: Float[np.ndarray, "points size"], confidence: Float[np.ndarray, " points"]
) -> tuple[Float[np.ndarray, "keypoints size"], Float[np.ndarray, " keypoints"]]:
    """Points of a set in the order of ``KEYPOINTS``; names that are not among them are left aside.

    Args:
        names: of the points, in the set's order.
        points: px or m.
        confidence: a point at 0 or below counts as not known, and so does one that is NaN.

    Returns:
        Points in their own unit and confidences; NaN and 0 for what the set does not say.
    """
    found, sure = unknown(len(KEYPOINTS), points.shape[1]), np.zeros(len(KEYPOINTS))
    for name, point, certain in zip(names, points, confidence, strict=True):
        if name in KEYPOINTS and certain > 0 and np.isfinite(point).all():
            found[KEYPOINTS.index(name)], sure[KEYPOINTS.index(name)] = point, certain
    return found, sure


def rotations_of(vectors: Float[np.ndarray, " numbers"]) -> Float[np.ndarray, "joints 3 3"]:
    """θ as rotation vectors, one after the other, to the matrices of the body's joints."""
    return Rotation.from_rotvec(np.reshape(vectors, (-1, 3))[:BODY_JOINTS]).as_matrix()


@dataclass(frozen=True)
class Jitter:
    """How crops are varied; the labels are of the camera and stay as they are."""

    shift: float = 0.05  # of the side, standard deviations from here on
    size: float = 0.15  # of its logarithm
    angle_rad: float = 0.15
    light: float = 0.2  # of each colour's factor
    mirrored: float = 0.5  # share that is seen in a mirror


class Pictures(Dataset):
    """Crops with their truth, for a body: what ``torch.utils.data.DataLoader`` takes with ``collate``.

    Args:
        body: whose θ and β the truth is to be; another body's parameters count as not known, its keypoints as known.
        jitter: variation of the crops; None for measuring.
    """

    def __init__(self, people: Sequence[PersonInPicture], body: BodyLayer, jitter: Jitter | None = None, seed: int = 0):
        self.people, self.body, self.jitter, self.seed = people, body, jitter, seed
        self.root = body.joints[0].double().numpy()
        self.by_shape = body.joint_components[:, 0].double().numpy()

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: int) -> tuple[Inputs, Truth]:
        """One person, without a batch's dimension; from ``len`` on the same people again, varied differently.

        Raises:
            BioposeError: the picture cannot be read, or θ and β are not the body's.
        """
        person = self.people[index % len(self)]
        picture = cv2.imread(str(person.picture), cv2.IMREAD_COLOR)
        if picture is None:
            raise BioposeError("not a picture that can be read", where=str(person.picture))
        height, width = picture.shape[:2]
        if person.size_px not in (None, (width, height)):
            raise BioposeError(
                f"{width} × {height} px; its labels are of a picture of {' × '.join(map(str, person.size_px or ()))}",
                where=str(person.picture),
                mend="Put the picture back that the labels were made with; a drawn one is drawn again once its shard's "
                ".npz is removed.",
            )
        region, light, mirrored = person.region, np.ones(3), False
        if self.jitter is not None:
            rng = np.random.default_rng((self.seed, index))
            region, light = _varied(region, self.jitter, rng)
            mirrored = bool(rng.random() < self.jitter.mirrored)
        middle = ((width - 1) / 2, (height - 1) / 2)
        crop = Crop(
            *(
                torch.as_tensor(value, dtype=torch.float32)
                for value in (
                    region.center_px,
                    region.size_px,
                    region.angle_rad,
                    person.focal_px or FOCAL_SIDES * float(np.hypot(height, width)),
                    person.principal_px or middle,
                )
            )
        )
        pixels = torch.from_numpy(cropped(picture, region)[..., ::-1] * light / 255).float().clamp(0, 1).movedim(-1, 0)
        truth = self._truth(person)
        if mirrored:
            one, all_of_it = Crop(*(part[None] for part in crop)), Truth(*(part[None] for part in truth))
            truth = Truth(*(p[0] for p in mirrored_truth(all_of_it, one, self.body.name, self.body.bone_names)))
            crop, pixels = Crop(*(part[0] for part in mirrored_crop(one))), pixels.flip(-1)
        return Inputs(crop, pixels), truth

    def _truth(self, person: PersonInPicture) -> Truth:
        bones, shape = len(self.body.parents), len(self.body.shape_names)
        rotations, betas, root = unknown(bones, 3, 3), unknown(shape), unknown(3)
        if person.body == self.body.name == "anny":
            rotations, betas, root = person.rotations, person.betas, person.root_position_m
            if rotations.shape != (bones, 3, 3) or betas.shape != (shape,):
                raise BioposeError("θ and β are of another body than Anny", where=str(person.picture))
        elif person.body.startswith("smpl") and self.body.name.startswith(
            "smpl"
        ):  # θ of the body's joints is common to the family
            rotations = np.tile(np.eye(3), (bones, 1, 1))
            rotations[: len(person.rotations)] = person.rotations
            if (person.body, person.gender) == (self.body.name, "neutral"):
                betas = person.betas[:shape]
                rest = self.root + betas @ self.by_shape
                root = person.rotation_camera_from_world @ rest + person.translation_m
        parts = (rotations, betas, root, person.keypoints_px, person.confidence_2d)
        return Truth(
            *(torch.as_tensor(part, dtype=torch.float32) for part in (*parts, person.keypoints_m, person.confidence_3d))
        )


def cropped(picture: UInt8[np.ndarray, "height width 3"], region: Region) -> UInt8[np.ndarray, "256 192 3"]:
    """The middle three quarters of the turned square, as the encoder takes them.

    Args:
        picture: upright; its colours keep their order.
        region: may reach beyond the picture: black there.

    Returns:
        The person's long axis down the 256 rows.
    """
    matrix = region.matrix(CROP_HEIGHT)
    matrix[0, 2] -= (CROP_HEIGHT - CROP_WIDTH) / 2
    # From centres at half cells to cv2's, at whole ones.
    matrix[:, 2] += matrix[:, :2].sum(1) / 2 - 0.5
    return cv2.warpAffine(picture, matrix, (CROP_WIDTH, CROP_HEIGHT))


def collate(batch: Sequence[tuple[Inputs, Truth]]) -> tuple[Inputs, Truth]:
    """One batch of what ``Pictures`` gives."""
    crops = Crop(*(torch.stack(parts) for parts in zip(*(inputs.crop for inputs, _ in batch), strict=True)))
    pictures: list[Tensor] = [inputs.picture for inputs, _ in batch if inputs.picture is not None]
    truth = Truth(*(torch.stack(parts) for parts in zip(*(truth for _, truth in batch), strict=True)))
    return Inputs(crops, torch.stack(pictures)), truth


def _varied(region: Region, jitter: Jitter, rng: np.random.Generator) -> tuple[Region, Float[np.ndarray, "3"]]:
    shift = rng.normal(0, jitter.shift * region.size_px, 2)
    center = (region.center_px[0] + float(shift[0]), region.center_px[1] + float(shift[1]))
    size = region.size_px * float(np.exp(np.clip(rng.normal(0, jitter.size), -2 * jitter.size, 2 * jitter.size)))
    angle = region.angle_rad + float(rng.normal(0, jitter.angle_rad))
    return Region(center, size, angle), np.exp(rng.normal(0, jitter.light, 3))
