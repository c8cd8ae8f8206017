"""MQ-HMR on a clip's keypoints: what the network says of each frame by itself."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from biomech.errors import BioposeError
from biomech.keypoints.heat_maps import STEPS
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.lifter import lifted_m
from biomech.mesh.mqhmr.bodies import Bodies
from biomech.mesh.mqhmr.camera import Crop
from biomech.mesh.mqhmr.mirror import mirrored_crop, mirrored_evidence, mirrored_rotations
from biomech.mesh.mqhmr.network import MQHMR, BodyPrediction, Inputs
from biomech.mesh.mqhmr.pyramid import DetectorOutput


@dataclass
class Frames:
    """A body in each frame by itself; camera axes (x right, y down, z away), m. Frames not ``seen`` are NaN."""

    rotations: Float[np.ndarray, "frames bones 3 3"]  # of each bone to its parent; the root's: camera from rest
    betas: Float[np.ndarray, "frames shape"]
    root_position_m: Float[np.ndarray, "frames 3"]  # of the root's joint
    keypoints_m: Float[np.ndarray, "frames keypoints 3"]  # of the body's ``keypoint_names``
    seen: Bool[np.ndarray, " frames"]

    @classmethod
    def unseen(cls, count: int, network: MQHMR) -> "Frames":
        """Of a clip that nobody has looked at yet; ``put`` fills it.

        Args:
            count: frames of the clip.
            network: whose body it will be.

        Returns:
            NaN in every frame, none seen.
        """
        body = network.body
        bones, shape, points = len(body.parents), len(body.shape_names), len(body.keypoint_names)
        rotations, betas, root, keypoints = (
            np.full((count, *size), np.nan) for size in ((bones, 3, 3), (shape,), (3,), (points, 3))
        )
        return cls(rotations, betas, root, keypoints, np.zeros(count, bool))

    def put(self, rows: Int[np.ndarray, " rows"], answer: BodyPrediction, bodies: Bodies) -> None:
        """What the network said of some frames.

        Args:
            rows: frames of the clip, one for each of the answer.
            answer: of which the last layer is kept.
            bodies: ``MQHMR.pose`` of the answer.
        """
        said = answer.rotations[-1], answer.betas, answer.root_position_m, bodies.keypoints
        for field, values in zip(fields(self), said, strict=False):
            getattr(self, field.name)[rows] = values.detach().cpu().double().numpy()
        self.seen[rows] = True


def rows_seen(keypoints: Keypoints) -> Int[np.ndarray, " rows"]:
    """Frames in which there is something for the network to look at.

    Raises:
        BioposeError: the maps behind the keypoints were not kept, or the focal length is not known.
    """
    if keypoints.heat_maps is None or keypoints.world_m is None:
        raise BioposeError(
            "the keypoints lack what MQ-HMR looks at: the maps behind them",
            mend="Make them with `keep_heat_maps` of `biopose detect`, or give `recover=fit`.",
        )
    if keypoints.focal_px is None:
        raise BioposeError("the keypoints lack a focal length", mend="Give `focal_px` or `fov_deg`.")
    known = np.isfinite(keypoints.xy).all((1, 2)) & np.isfinite(keypoints.world_m).all((1, 2))
    return np.flatnonzero(known & keypoints.found & keypoints.heat_maps.seen)


def inputs_of_frames(keypoints: Keypoints, rows: Int[np.ndarray, " rows"]) -> Inputs:
    """What the network sees of some of the frames of ``rows_seen``.

    Args:
        keypoints: with heat maps, 3D and focal length, as ``rows_seen`` asks for.
        rows: frames of the clip.

    Returns:
        Crops and evidence, a person for each row, on the CPU.
    """
    heat_maps, focal_px, world_m = keypoints.heat_maps, keypoints.focal_px, keypoints.world_m
    assert heat_maps is not None and focal_px is not None and world_m is not None
    count, (width, height) = len(rows), keypoints.size_px
    xy, confidence, center = keypoints.xy[rows], keypoints.confidence[rows], np.array([width - 1, height - 1]) / 2
    crop = Crop(
        _tensor(heat_maps.center_px[rows]),
        _tensor(heat_maps.size_px[rows]),
        _tensor(heat_maps.angle_rad[rows]),
        torch.full((count,), focal_px),
        _tensor(center).repeat(count, 1),
    )
    evidence = DetectorOutput(
        _tensor(heat_maps.heat(rows)) / STEPS,
        _tensor(heat_maps.mask(rows)) / STEPS,
        _tensor(xy),
        _tensor(confidence),
        _tensor(lifted_m(xy, confidence, world_m[rows], focal_px, center)),
    )
    return Inputs(crop, evidence=evidence)


@torch.no_grad()
def look_at(
    network: MQHMR,
    keypoints: Keypoints,
    *,
    batch: int = 32,
    mirror: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Frames:
    """The body in every frame in which the person was found.

    Args:
        network: with the evidence front.
        keypoints: BlazePose's, with heat maps, 3D and focal length.
        batch: frames at a time.
        mirror: average with what the network says of the mirrored evidence; takes twice as long.
        progress: called with the frames done and expected.

    Returns:
        All frames of the clip; NaN where nobody was found. Camera axes, m.

    Raises:
        BioposeError: as ``rows_seen``; or the network looks at pictures.
    """
    if network.config.front != "evidence":
        raise BioposeError("this MQ-HMR looks at pictures, not at keypoints", mend="Train one with `size=compact`.")
    seen, frames = rows_seen(keypoints), Frames.unseen(len(keypoints.xy), network)
    for first in range(0, len(seen), batch):
        rows = seen[first : first + batch]
        inputs = inputs_of_frames(keypoints, rows)
        answer = network(inputs)
        if mirror:
            answer = _average(answer, _of_mirror_image(network, inputs))
        frames.put(rows, answer, network.pose(answer))
        if progress:
            progress(min(first + batch, len(seen)), len(seen))
    return frames


def _of_mirror_image(network: MQHMR, inputs: Inputs) -> BodyPrediction:
    """What the network says of the mirrored evidence, turned back."""
    assert inputs.evidence is not None
    crop, body = inputs.crop, network.body
    found = network(Inputs(mirrored_crop(crop), evidence=mirrored_evidence(inputs.evidence, crop)))
    back = torch.tensor([-1.0, 1.0, 1.0])
    return found._replace(
        rotations=mirrored_rotations(found.rotations, body.name, body.bone_names),
        camera=found.camera * back.roll(1),
        root_position_m=found.root_position_m * back,
    )


def _average(one: BodyPrediction, other: BodyPrediction) -> BodyPrediction:
    """Half way; of two rotations the one nearest to both (Moakher, "Means and averaging in the group of rotations",
    2002)."""
    u, _, v = torch.linalg.svd(one.rotations + other.rotations)
    handed = torch.ones_like(u[..., 0])
    handed[..., 2] = torch.linalg.det(u @ v)
    return BodyPrediction(
        (u * handed[..., None, :]) @ v,
        (one.betas + other.betas) / 2,
        (one.camera + other.camera) / 2,
        (one.root_position_m + other.root_position_m) / 2,
    )


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
