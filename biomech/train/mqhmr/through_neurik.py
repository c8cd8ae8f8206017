"""MQ-HMR trained through NeurIK: how far markers and joint angles are off reaches the first network's decoder.

The two networks of the paper learn one after the other, MQ-HMR from bodies, NeurIK from markers ("BioPose", arXiv
2501.07800, names it as an open question what both at once would bring). Here the body's 142 markers, carried by its
bones as inference has them, go upright into a NeurIK whose weights stay as they are; the errors of its coordinates and
of the markers themselves are added to MQ-HMR's own loss. With both weights 0 the same steps are the sequential
training that they are compared with.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.utils.data import Dataset

from biomech.angles import wrapped
from biomech.body.anny import AnnyBody
from biomech.body.linkage import coordinates_of, pose_of_bones
from biomech.errors import BioposeError
from biomech.markers.virtual import load_virtual_markers
from biomech.mesh.ground import against_gravity, world_from_camera
from biomech.mesh.mqhmr.bodies import BodyLayer
from biomech.mesh.mqhmr.network import MQHMR, Inputs
from biomech.neurik.network import RATE_HZ, NeurIK
from biomech.neurik.predict import RECOVERED_CONFIDENCE
from biomech.train.mqhmr.losses import MeshLossWeights, Truth, completed, losses
from biomech.train.mqhmr.train import joined
from biomech.train.synthetic.clips import Clips, Excerpt
from biomech.train.synthetic.make import RATE_HZ as CLIP_RATE_HZ

BETWEEN = round(RATE_HZ / CLIP_RATE_HZ)  # of NeurIK's frames, from one of a clip to the next
# The 18 rotations that OpenCap Monocular is judged by.
EIGHTEEN = ("pelvis_", "hip_", "knee_angle_", "ankle_angle_", "subtalar_angle_", "lumbar_")


@dataclass(frozen=True)
class JointWeights:
    """What is added to MQ-HMR's own loss; both 0: MQ-HMR alone."""

    markers: float = 2.0  # of their mean distance about their middle, m; NeurIK's own weight of markers
    angles: float = 0.06  # of the coordinates' mean absolute error, degrees; the same


class Upright(NamedTuple):
    """What NeurIK's answer is held against, clip by clip."""

    world_from_camera: Float[Tensor, "clips 3 3"]
    coordinates: Float[Tensor, "clips frames coordinates"]  # rad; of NeurIK's names
    known: Bool[Tensor, "clips frames coordinates"]


JointItem = tuple[Inputs, Truth, Upright]


class JointClips(Dataset):
    """Whole clips with the coordinates that their bodies have.

    Args:
        clips: whole clips of the Anny body, all of as many frames.
        neurik: whose coordinates are wanted; a clip has to fit into its window.
    """

    def __init__(self, clips: Clips, neurik: NeurIK):
        self.clips, self.body = clips, AnnyBody.load([0])
        self.names, self.longest = neurik.anatomy.coordinate_names, (neurik.sizes.window - 1) // BETWEEN + 1
        self._frames: int | None = None
        self._kept: dict[tuple[int, bool], Upright] = {}  # small, and slow to work out

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> JointItem:
        """One clip; as ``Clips`` has it, perhaps in a mirror.

        Raises:
            BioposeError: the file is not a clip, is longer than NeurIK's window, or not of as many frames as others.
        """
        drawn = self.clips.drawn(index)
        frames = len(drawn.rows)
        self._frames = self._frames or frames
        if frames > self.longest or frames != self._frames:
            raise BioposeError(
                f"a clip of {frames} frames, and NeurIK's window holds {self.longest} of them"
                if frames > self.longest
                else f"a clip of {frames} frames, and others have {self._frames}: a batch needs clips of one length",
                where=str(self.clips.paths[index % len(self)]),
                mend="Make others with `biopose train clips --clip-frames`, each length in a folder of its own.",
            )
        inputs, truth = self.clips.seen(drawn)
        key = index % len(self), drawn.mirrored
        if key not in self._kept:
            self._kept[key] = self._upright(drawn, truth)
        return inputs, truth, self._kept[key]

    def _upright(self, drawn: Excerpt, truth: Truth) -> Upright:
        up = drawn.clip.up.astype(float) * (-1.0 if drawn.mirrored else 1.0, 1.0, 1.0)
        rotations, betas = truth.rotations.double().numpy(), truth.betas[0].double().numpy()
        found = coordinates_of(against_gravity(pose_of_bones(self.body, betas, rotations), up))
        values = np.stack([found.get(name, np.full(len(rotations), np.nan)) for name in self.names], 1)
        coordinates = torch.from_numpy(values).float()[None]
        turn = torch.from_numpy(world_from_camera(up)).float()[None]
        return Upright(turn, coordinates.nan_to_num(), coordinates.isfinite())


def together(items: list[JointItem]) -> JointItem:
    """Clips one after the other; all of as many frames."""
    inputs, truth = joined([item[:2] for item in items])
    upright = Upright(*(torch.cat(parts) for parts in zip(*(item[2] for item in items), strict=True)))
    return inputs, truth, upright


class Carried(nn.Module):
    """The 142 virtual markers of many bodies of the Anny layer: as ``markers.virtual.carried``, with gradients to θ, β.

    Args:
        body: the network's.
    """

    vertices: Tensor
    shares: Tensor
    bones: Tensor

    def __init__(self, body: BodyLayer):
        super().__init__()
        self.body = body
        table = load_virtual_markers()
        rows = np.searchsorted(np.unique(table.vertices), table.vertices)
        self.register_buffer("vertices", torch.from_numpy(rows), persistent=False)
        self.register_buffer("shares", torch.from_numpy(table.shares).float(), persistent=False)
        bones = torch.tensor([body.bone_names.index(name) for name in table.bone])
        self.register_buffer("bones", bones, persistent=False)

    def forward(
        self,
        betas: Float[Tensor, "batch shape"],
        rotations: Float[Tensor, "batch bones 3 3"],
        root_position_m: Float[Tensor, "batch 3"],
    ) -> Float[Tensor, "batch markers 3"]:
        """Where the markers are.

        Args:
            betas, rotations, root_position_m: as the layer takes them.

        Returns:
            m, in the axes of the root's rotation and position.
        """
        rest, joints = self.body.at_rest(betas)
        posed = self.body.turned(joints, rotations, root_position_m)
        places = (rest[:, self.vertices] * self.shares[..., None]).sum(2)
        arms = (places - joints[:, self.bones])[..., None]
        return posed.joints[:, self.bones] + (posed.rotations[:, self.bones] @ arms)[..., 0]


def solved(
    neurik: NeurIK, markers: Float[Tensor, "people markers 3"], upright: Upright
) -> Float[Tensor, "clips frames coordinates"]:
    """NeurIK's coordinates of markers before a camera, at the clips' frames, with gradients.

    Args:
        neurik: sees ``BETWEEN`` frames for each of a clip, on the straight way between them, as inference does.
        markers: m, camera axes; clip after clip.
        upright: of the same clips.

    Returns:
        rad and m, in the world of ``upright``.
    """
    clips, frames = upright.coordinates.shape[:2]
    placed = markers.unflatten(0, (clips, frames)) @ upright.world_from_camera.mT[:, None]
    steps = torch.arange((frames - 1) * BETWEEN + 1, device=markers.device)
    before = (steps // BETWEEN).clamp(max=max(frames - 2, 0))
    share = (steps - before * BETWEEN).to(markers)[:, None, None] / BETWEEN
    dense = placed[:, before] * (1 - share) + placed[:, (before + 1).clamp(max=frames - 1)] * share
    sure = dense.new_full(dense.shape[:3], RECOVERED_CONFIDENCE)
    return neurik(dense, sure).coordinates[:, ::BETWEEN]


def joint_losses(
    network: MQHMR,
    neurik: NeurIK,
    carried: Carried,
    own: MeshLossWeights,
    weights: JointWeights,
    model: nn.Module,
    batch: JointItem,
    step: int,
) -> dict[str, Tensor]:
    """MQ-HMR's own losses, ``markers`` (m) and ``angles`` (degrees), and ``loss`` of all.

    Args:
        network: of the evidence front, on the Anny body.
        neurik: its weights get no gradients.
        carried: of the network's body.
        own: weights of MQ-HMR's own losses.
        weights: of the two others; where both are 0, they are left out.
        model: called as the network.
        batch: by ``together``.
        step: not looked at.

    Returns:
        By name, unweighted but for ``loss``.
    """
    inputs, truth, upright = batch
    answer = model(inputs)
    parts = losses(network, answer, inputs.crop, completed(network, truth, inputs.crop), own)
    if not (weights.markers or weights.angles):
        return parts
    markers = carried(answer.betas, answer.rotations[-1], answer.root_position_m)
    with torch.no_grad():
        true = carried(truth.betas, truth.rotations, truth.root_position_m)
    parts["markers"] = _apart(markers, true).mean()
    off = _degrees(solved(neurik, markers, upright), upright)
    known = (upright.known & _rotational(neurik, off)).to(off)
    parts["angles"] = (off * known).sum() / known.sum().clamp_min(1)
    parts["loss"] = parts["loss"] + weights.markers * parts["markers"] + weights.angles * parts["angles"]
    return parts


@torch.no_grad()
def joint_figures(network: MQHMR | None, neurik: NeurIK, carried: Carried, held_out: JointClips) -> dict[str, float]:
    """Held-out means: markers, and angles as NeurIK has them from the network's body.

    Args:
        network: in evaluation mode; None for the true body: what NeurIK errs by with true markers.
        neurik: turns markers into coordinates.
        carried: of the body.
        held_out: clips.

    Returns:
        ``marker_mm`` about their middle, ``mae_deg`` over all rotational coordinates that are known, ``mae18_deg`` over
        the 18 that OpenCap Monocular is judged by.
    """
    away, errors, counted = [], [], []
    for index in range(len(held_out)):
        inputs, truth, upright = together([held_out[index]])
        true = found = carried(truth.betas, truth.rotations, truth.root_position_m)
        if network is not None:
            answer = network(inputs)
            found = carried(answer.betas, answer.rotations[-1], answer.root_position_m)
        away.append(_apart(found, true))
        off = _degrees(solved(neurik, found, upright), upright)
        errors.append(off.flatten(0, 1))
        counted.append((upright.known & _rotational(neurik, off)).flatten(0, 1))
    error, known = torch.cat(errors), torch.cat(counted)
    some = torch.tensor([name.startswith(EIGHTEEN) for name in neurik.anatomy.coordinate_names])
    return {
        "marker_mm": round(1000 * float(torch.cat(away).mean()), 2),
        "mae_deg": round(float(error[known].mean()), 3),
        "mae18_deg": round(float(error[known & some].mean()), 3),
    }


def _apart(
    found: Float[Tensor, "people markers 3"], true: Float[Tensor, "people markers 3"]
) -> Float[Tensor, "people"]:
    """Mean distance about the middle of the markers, m."""
    off = (found - found.mean(1, keepdim=True)) - (true - true.mean(1, keepdim=True))
    return off.square().sum(-1).add(1e-8).sqrt().mean(1)


def _degrees(found: Float[Tensor, "clips frames coordinates"], upright: Upright) -> Float[Tensor, "clips frames _"]:
    """Absolute errors of angles, the shorter way round."""
    return wrapped(found - upright.coordinates).abs().rad2deg()


def _rotational(neurik: NeurIK, like: Tensor) -> Bool[Tensor, " coordinates"]:
    return torch.as_tensor(neurik.anatomy.rotational, device=like.device)
