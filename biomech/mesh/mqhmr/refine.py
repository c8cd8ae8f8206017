"""The 2D-informed refinement: network frozen, each frame's query tokens move until the body lies on the picture.

"BioPose", arXiv 2501.07800: the tokens are optimised on the reprojection of confident 2D keypoints with a regulariser,
10 iterations; where more than half of the keypoints are missing, the network's own answer stays. Optimiser, norms and
weights are ours, chosen by the 3D error on clips whose truth is known. Besides the tokens the three numbers of the
camera move, since no pose mends a shift; β stays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn import functional

from biomech.camera import NEAREST_M
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.lifter import USUAL_STATURE_M
from biomech.mesh.mqhmr.bodies import KEYPOINTS, Bodies, BodyLayer
from biomech.mesh.mqhmr.camera import Crop, place
from biomech.mesh.mqhmr.network import MQHMR, BodyPrediction, Inputs
from biomech.mesh.mqhmr.predict import Frames, inputs_of_frames, rows_seen
from biomech.mesh.mqhmr.pyramid import DetectorOutput, Features
from biomech.mesh.posture import LIMIT_SD_RAD
from biomech.mesh.prior import PosePrior
from biomech.mesh.robust import geman_mcclure

ITERATIONS = 10
CONFIDENT = 0.3
LEAST_SHARE = 0.5  # of the keypoints, confident
USUAL_SD = 0.01  # of a keypoint that nobody has calibrated, in statures
MASK_SD = 0.02  # sides of the crop outside the mask
MARGIN = 20.0  # nats by which a refined pose may be rarer than the network's own
CHUNK = 32  # frames at a time


class Target2D(NamedTuple):
    """Where the picture shows each person."""

    xy: Float[Tensor, "batch keypoints 2"]  # of ``KEYPOINTS``, px of the picture
    confidence: Float[Tensor, "batch keypoints"]  # 0 … 1; 0 where there is none
    mask: Float[Tensor, "batch height width"] | None = None  # 0 … 1, of the person, over the crop


@dataclass(frozen=True)
class Refinement:
    """Rates and weights; the defaults were chosen on clips of known truth."""

    tokens_rate: float = 0.15  # of the learned tokens' root mean square
    camera_rate: float = 0.02
    widen: float = 2.0  # of the keypoints' calibrated deviations: the network's own answer lies further off
    mask: float = 5.0
    pose: float = 1.0  # of the squared change of the rotation matrices
    tokens: float = 0.0  # of the tokens' squared change, in mean squares of the learned ones


class RefinedFrames(NamedTuple):
    """What came of it; where a person could not be refined, the network's own answer."""

    answer: BodyPrediction
    refined: Bool[Tensor, " batch"]
    error_before: Float[Tensor, " batch"]  # mean distance of confident keypoints, sides of the crop; NaN without any
    error_after: Float[Tensor, " batch"]


def target_of(evidence: DetectorOutput) -> Target2D:
    """What the embedded detector says; of the pelvis, the neck and the crown it says nothing."""
    more = len(KEYPOINTS) - evidence.xy.shape[1]
    return Target2D(
        functional.pad(evidence.xy, (0, 0, 0, more)), functional.pad(evidence.confidence, (0, more)), evidence.mask
    )


def refine(
    network: MQHMR,
    inputs: Inputs,
    target: Target2D,
    iterations: int = ITERATIONS,
    *,
    refinement: Refinement = Refinement(),
    chunk: int = CHUNK,
) -> RefinedFrames:
    """The network's answer, and it again with the tokens moved.

    Args:
        network: left as it is; copies of its learned tokens are moved, and its camera numbers.
        inputs: a batch of people of any size, taken ``chunk`` at a time.
        target: where the pictures show them, in the order of the inputs.
        iterations: 0 for the network's own answer.
        refinement: rates and weights.
        chunk: people at a time; nobody's answer depends on it.

    Returns:
        Moved where enough keypoints are seen, the body then lies better on them and the pose is not much rarer; else,
        and β always, as the network said.
    """
    parts = []
    for first in range(0, len(inputs.crop.size_px), chunk):
        rows = slice(first, first + chunk)
        parts.append(_refine_chunk(network, _part(inputs, rows), _part(target, rows), iterations, refinement))
    answers, *others = zip(*parts, strict=True)
    rotations, *rest = zip(*answers, strict=True)
    return RefinedFrames(
        BodyPrediction(torch.cat(rotations, 1), *(torch.cat(part) for part in rest)),
        *(torch.cat(part) for part in others),
    )


def refined(
    network: MQHMR,
    keypoints: Keypoints,
    iterations: int = ITERATIONS,
    *,
    refinement: Refinement = Refinement(),
    chunk: int = CHUNK,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Frames, Bool[np.ndarray, " frames"]]:
    """``refine`` on a clip, frame by frame: the bodies, and which of them were refined.

    Args:
        network: with the evidence front.
        keypoints: BlazePose's, with heat maps, 3D and focal length.
        iterations: 0 for the network's own answer.
        refinement: rates and weights.
        chunk: frames at a time.
        progress: called with the frames done and expected.

    Returns:
        All frames of the clip (NaN where nobody was found; camera axes, m), and a flag for each.

    Raises:
        BioposeError: as ``predict.rows_seen``.
    """
    seen, frames = rows_seen(keypoints), Frames.unseen(len(keypoints.xy), network)
    flags = np.zeros(len(keypoints.xy), bool)
    for first in range(0, len(seen), chunk):
        rows = seen[first : first + chunk]
        inputs = inputs_of_frames(keypoints, rows)
        assert inputs.evidence is not None
        found = refine(network, inputs, target_of(inputs.evidence), iterations, refinement=refinement, chunk=chunk)
        with torch.no_grad():
            frames.put(rows, found.answer, network.pose(found.answer))
        flags[rows] = found.refined.cpu().numpy()
        if progress:
            progress(min(first + chunk, len(seen)), len(seen))
    return frames, flags


def _refine_chunk(
    network: MQHMR, inputs: Inputs, target: Target2D, iterations: int, refinement: Refinement
) -> RefinedFrames:
    with torch.no_grad():
        features = network.features(inputs)
        first = network.decode(features, inputs.crop)
    objective = _Objective(network, features, inputs.crop, first, target, refinement)
    found = objective.minimised(iterations)
    with torch.no_grad():
        (before, error_before), (after, error_after) = (objective.picture(network.pose(a)) for a in (first, found))
        kept = objective.seen & (after < before) & ~_less_plausible(network.body, first, found)
        answer = BodyPrediction(
            torch.where(kept[:, None, None, None], found.rotations, first.rotations),
            first.betas,
            torch.where(kept[:, None], found.camera, first.camera),
            torch.where(kept[:, None], found.root_position_m, first.root_position_m),
        )
    return RefinedFrames(answer, kept, error_before, torch.where(kept, error_after, error_before))


class _Objective:
    """What is minimised: a sum over the people of a chunk, each of whom moves alone.

    Distances in the picture count in the calibrated standard deviations of the keypoints.
    """

    def __init__(
        self, network: MQHMR, features: Features, crop: Crop, first: BodyPrediction, target: Target2D, how: Refinement
    ):
        self.network, self.features, self.crop, self.first, self.how = network, features, crop, first, how
        body = network.body
        known = target.xy.isfinite().all(-1) & (target.confidence >= CONFIDENT)
        counted = [KEYPOINTS.index(name) for name in POINT_NAMES if name in body.keypoint_names]
        self.seen = known[:, counted].float().mean(1) >= LEAST_SHARE
        self.confidence = torch.where(known, target.confidence, 0.0)[:, body.keypoint_rows]
        self.places = crop.into(torch.where(known[..., None], target.xy, 0.0))[:, body.keypoint_rows]
        away = first.root_position_m.norm(dim=1).clamp_min(NEAREST_M)
        self.view = crop.weak() if network.config.projection == "weak" else crop
        side_m = crop.size_px * away / self.view.focal_px  # of the crop, where the person is
        self.sd = how.widen * _picture_sd(body).to(away) * (USUAL_STATURE_M / side_m)[:, None]
        self.outside = None if target.mask is None else _outside(target.mask)

    def minimised(self, iterations: int) -> BodyPrediction:
        """Adam, its rate falling to nothing, from the learned tokens."""
        queries, camera = self.network.decoder.queries.detach(), self.first.camera
        tokens = queries.new_zeros(len(camera), *queries.shape).requires_grad_()
        move = torch.zeros_like(camera).requires_grad_()
        size = float(queries.square().mean().sqrt())
        groups = [
            {"params": [tokens], "lr": self.how.tokens_rate * size},
            {"params": [move], "lr": self.how.camera_rate},
        ]
        optimiser = torch.optim.Adam(groups, betas=(0.9, 0.95))
        falling = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / max(iterations, 1))
        with torch.enable_grad():
            for _ in range(iterations):
                cost = self._cost(self._answer(queries + tokens, camera + move), tokens)
                tokens.grad, move.grad = torch.autograd.grad(cost, [tokens, move])
                optimiser.step()
                falling.step()
        with torch.no_grad():
            return self._answer(queries + tokens, camera + move)

    def picture(self, bodies: Bodies) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
        """Robust sum over the keypoints, and their mean distance (sides of the crop; NaN without any)."""
        away = self.crop.into(self.network.project(bodies.keypoints, self.crop)) - self.places
        squared = away.square().sum(-1)
        cost = (self.confidence * geman_mcclure(squared / self.sd.square())).sum(-1)
        return cost, (self.confidence * squared.detach().sqrt()).sum(-1) / self.confidence.sum(-1)

    def _answer(self, queries: Float[Tensor, "batch tokens width"], camera: Float[Tensor, "batch 3"]) -> BodyPrediction:
        found = self.network.decode(self.features, self.crop, queries)
        _, position = place(camera, found.rotations[-1, :, 0], self.view)
        return found._replace(camera=camera, root_position_m=position)

    def _cost(self, answer: BodyPrediction, tokens: Float[Tensor, "batch tokens width"]) -> Float[Tensor, ""]:
        body, how = self.network.body, self.how
        bodies = self.network.pose(answer)
        cost, _ = self.picture(bodies)
        turned = (answer.rotations[-1] - self.first.rotations[-1])[:, body.turning].square().sum((1, 2, 3))
        learned = self.network.decoder.queries.detach().square().mean()
        cost = cost + how.pose * turned + how.tokens * tokens.square().mean((1, 2)) / learned
        if self.outside is not None:
            places = self.crop.into(self.network.project(bodies.surface, self.crop))
            outside = functional.grid_sample(
                self.outside[:, None], 2 * places[:, :, None], padding_mode="border", align_corners=False
            )
            cost = cost + how.mask * geman_mcclure((outside / MASK_SD).square()).mean((1, 2, 3))
        return cost.sum()


def _picture_sd(body: BodyLayer) -> Float[Tensor, " keypoints"]:
    """Of the body's keypoints as the detector sees them, in statures; 2D knows nothing of those it has not."""
    calibrated: dict[str, float] = {}
    if body.name == "anny":
        table = Correspondence.load(body.bone_names)
        calibrated = dict(zip(table.points.names, table.picture_sd.tolist(), strict=True))
    return torch.tensor([calibrated.get(name, USUAL_SD) for name in body.keypoint_names])


def _outside(mask: Float[Tensor, "batch height width"]) -> Float[Tensor, "batch height width"]:
    """Distance of each cell from the mask, in its sides; 0 everywhere where there is none."""
    inside = (mask.cpu().numpy() > 0.5).astype(np.uint8)
    away = [cv2.distanceTransform(1 - m, cv2.DIST_L2, 5) if m.any() else np.zeros(m.shape, np.float32) for m in inside]
    return torch.from_numpy(np.stack(away) / inside.shape[-1]).to(mask)


def _less_plausible(body: BodyLayer, first: BodyPrediction, found: BodyPrediction) -> Bool[Tensor, " batch"]:
    """Whether a pose is rarer than the network's own by more than ``MARGIN``: density of poses and joints' ranges.

    Both are known for the embedded body only.
    """
    if body.name != "anny":
        return torch.zeros(len(first.betas), dtype=torch.bool, device=first.betas.device)
    before, after = (rarity(body, answer.rotations[-1]) for answer in (first, found))
    return (after > before + MARGIN).to(first.betas.device)


def rarity(body: BodyLayer, rotations: Float[Tensor, "batch bones 3 3"]) -> Float[Tensor, " batch"]:
    """How rare a pose of the embedded body is, nats: the pose prior's, and the joints' excess over their ranges.

    Args:
        body: Anny's layer.
        rotations: of all its bones, each to its parent; how the root stands does not count.

    Returns:
        About 0 for the commonest poses; on the CPU, without gradients.
    """
    prior = PosePrior.load()
    bones = [body.bone_names.index(name) for name in prior.bone_names]
    local = rotations[:, bones].detach().cpu().double().numpy()
    vectors = torch.from_numpy(Rotation.from_matrix(local.reshape(-1, 3, 3)).as_rotvec()).float()
    vectors = vectors.view(len(local), len(bones), 3)
    return prior.energy(vectors) + prior.limits(vectors) / (2 * LIMIT_SD_RAD**2)


def _part(batch, rows: slice):
    """Some people of nested named tuples."""
    if batch is None or isinstance(batch, Tensor):
        return None if batch is None else batch[rows]
    return type(batch)(*(_part(value, rows) for value in batch))
