"""Starts for the solver that know nothing of other frames: each limb's nearest pose out of a table.

A skeleton falls apart into limbs: chains of bodies from one branching to the next, the first from the ground. For each
limb the table holds many poses relative to the body that it hangs on, spread evenly over the ranges of its
coordinates. How far a pose puts a limb's markers from their targets is linear in a few sums over the markers
(``normal_equations``), so all poses are compared for all frames by one product of matrices, and no limb waits for
another to be right. A body that shows enough markers is taken to stand where these alone put it (Horn 1987, by
singular values), so that errors do not add up along the tree.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from biomech.inverse_kinematics.normal_equations import MarkerEquations, MarkerSums
from biomech.skeleton.products import apply, compose
from biomech.skeleton.skeleton import Trace

POSES = 512
WIDEST, WIDEST_ON_GROUND = 2.2, np.pi  # rad from the default: three angles that all turn by π or so are others' equal
FAR_FROM_DEFAULT = 3e-3  # m²/rad²; prefers the nearer of poses that are equal to within the table's coarseness
OTHER_LIMBS = 0.05  # weight of the bodies beyond the first limb, in their default pose, for where that one stands
FLAT = 0.02  # second singular value to the first, below which a body's markers lie on a line


@dataclass(frozen=True)
class Limb:
    """A chain of bodies and its poses. ``features`` go with the marker sums of ``bodies``; the distal body is last."""

    bodies: Int[Tensor, " n"]
    weight: Float[Tensor, " n"]
    parent: int
    distal: int
    unknowns: Int[Tensor, " moved"]
    values: Float[Tensor, "moved poses"]
    features: Float[Tensor, "poses terms"]
    means: Float[Tensor, "poses 3 moments"] | None  # of limbs whose slides take them anywhere
    penalty: Float[Tensor, " poses"]
    distal_rotation: Float[Tensor, "3 3 poses"]
    distal_position: Float[Tensor, "3 poses"]


class PoseTable:
    """Poses of every limb of one skeleton."""

    def __init__(self, equations: MarkerEquations) -> None:
        self.equations = equations
        skeleton, like = equations.bare, equations.bare.axes
        self._defaults = torch.as_tensor(skeleton.defaults[equations.unknowns]).to(like)[:, None]
        poses = self._spread()
        trace = skeleton.trace(equations.complete(poses), equations.scales)
        parent = [-1, *skeleton.parent.tolist()]
        children = np.bincount(parent[1:], minlength=len(parent))
        limb_of = [-1]
        chains: list[list[int]] = []
        for body in range(1, len(parent)):
            if parent[body] and children[parent[body]] == 1:
                limb_of.append(limb_of[parent[body]])
                chains[limb_of[body]].append(body)
            else:
                limb_of.append(len(chains))
                chains.append([body])
        joint_limb = np.array(limb_of[1:])[equations.twist_joint.cpu().numpy()]
        unknown_of_twist = equations.twist_unknown.cpu().numpy()
        claimed: set[int] = set()
        self._limbs = []
        for number, chain in enumerate(chains):
            moved = sorted(set(unknown_of_twist[joint_limb == number].tolist()) - claimed)
            claimed |= set(moved)
            self._limbs.append(self._limb(chain, parent[chain[0]], moved, poses, trace.rotations, trace.positions))
        self._slides = self._slide_directions(trace)

    def _spread(self) -> Float[Tensor, "unknowns poses"]:
        """Angles over their ranges, the default pose first; slides stay at their defaults."""
        skeleton, unknowns = self.equations.skeleton, self.equations.unknowns
        on_ground = self.equations.twist_unknown[(self.equations.bare.parent == 0)[self.equations.twist_joint]]
        widest = np.full(len(unknowns), WIDEST)
        widest[on_ground.cpu().numpy()] = WIDEST_ON_GROUND
        low, high = skeleton.ranges[unknowns].T
        default = skeleton.defaults[unknowns]
        low, high = np.maximum(low, default - widest), np.minimum(high, default + widest)
        stays = ~skeleton.rotational[unknowns] | ~(high > low)
        even = torch.quasirandom.SobolEngine(max(len(unknowns), 1), scramble=True, seed=0).draw(POSES).T.numpy()
        values = np.where(stays[:, None], self._defaults.cpu().numpy(), low[:, None] + even * (high - low)[:, None])
        values[:, 0] = self._defaults[:, 0].cpu()
        return torch.as_tensor(values).to(self._defaults)

    def _limb(
        self,
        chain: list[int],
        parent: int,
        moved: list[int],
        poses: Float[Tensor, "unknowns poses"],
        rotations: Float[Tensor, "bodies 3 3 poses"],
        positions: Float[Tensor, "bodies 3 poses"],
    ) -> Limb:
        skeleton = self.equations.bare
        back = rotations[parent].transpose(0, 1)[None]
        rotation = compose(back, rotations[chain])
        position = apply(back, positions[chain] - positions[parent])
        bodies, weight = list(chain), [1.0] * len(chain)
        distal = (rotation[-1:], position[-1:])
        if not parent:
            beyond = [body for body in range(1, len(skeleton.body_names)) if body not in chain]
            inverse = rotations[chain[-1:], ..., :1].transpose(1, 2)
            turned = compose(inverse, rotations[beyond][..., :1])
            offset = apply(inverse, positions[beyond][..., :1] - positions[chain[-1:]][..., :1])
            rotation = torch.cat([rotation, compose(distal[0], turned)])
            position = torch.cat([position, distal[1] + apply(distal[0], offset)])
            bodies, weight = bodies + beyond, weight + [OTHER_LIMBS] * len(beyond)
        # Σ w |R p + x − t|² but for what does not depend on the pose: W |x|² + 2 x·R P − 2 x·T − 2 tr(R Q)
        features = torch.cat(
            [
                position.square().sum(1, keepdim=True),
                2 * apply(rotation.transpose(1, 2), position),
                -2 * position,
                -2 * rotation.transpose(1, 2).flatten(1, 2),
            ],
            dim=1,
        )
        off = poses[moved] - self._defaults[moved]
        return Limb(
            torch.tensor(bodies),
            position.new_tensor(weight),
            parent,
            chain[-1],
            torch.tensor(moved, dtype=torch.int64),
            poses[moved],
            features.flatten(0, 1).T.contiguous(),
            torch.cat([position[:, :, None], rotation], dim=2).permute(3, 1, 0, 2).flatten(2) if not parent else None,
            FAR_FROM_DEFAULT * off.square().sum(0),
            distal[0][0],
            distal[1][0],
        )

    def _slide_directions(self, trace: Trace) -> tuple[Int[Tensor, " slides"], Float[Tensor, "slides 3"]]:
        """The unknowns that only shift what hangs on the ground, and the shifts that each metre along x, y, z takes."""
        equations = self.equations
        twists = equations.twists(trace, trace.positions.new_zeros(3, 1))[..., 0]
        on_ground = (equations.bare.parent == 0)[equations.twist_joint]
        slides = (on_ground & (twists[:, :3].abs().amax(1) == 0)).nonzero()[:, 0]
        return equations.twist_unknown[slides], torch.linalg.pinv(twists[slides, 3:].T)

    def choose(self, sums: MarkerSums) -> Float[Tensor, "unknowns frames"]:
        """The nearest pose of every limb to the targets of every frame, one limb after another."""
        frames = sums.centre.shape[-1]
        found = self._defaults.repeat(1, frames)
        own_rotation, own_position, clear = _alone(sums)
        place = {0: (torch.eye(3).to(found)[..., None].expand(3, 3, frames), -sums.centre)}
        for limb in self._limbs:
            rotation, position = place[limb.parent]
            mass = (limb.weight[:, None] * sums.mass[limb.bodies]).expand(-1, frames)
            first = (limb.weight[:, None, None] * sums.first[limb.bodies]).expand(-1, -1, frames)
            target = limb.weight[:, None, None] * sums.target[limb.bodies] - mass[:, None] * position
            product = limb.weight[:, None, None, None] * sums.product[limb.bodies] - first[:, :, None] * position
            target = apply(rotation.transpose(0, 1)[None], target)
            product = compose(product, rotation[None])
            terms = torch.cat([mass[:, None], first, target, product.flatten(1, 2)], dim=1)
            total = mass.sum(0)
            cost = limb.features @ terms.flatten(0, 1) + limb.penalty[:, None] * total
            shift = None
            if limb.means is not None:
                moments = torch.cat([mass[:, None], first], dim=1).flatten(0, 1)
                safe = total.clamp(min=torch.finfo(total.dtype).tiny)
                shift = (target.sum(0) - limb.means @ moments) / safe  # (poses, 3, frames)
                cost = cost - total * shift.square().sum(1)
            best = cost.argmin(0)
            found[limb.unknowns] = limb.values[:, best]
            turned, moved = limb.distal_rotation[..., best], limb.distal_position[..., best]
            if shift is not None:
                by = shift.gather(0, best.expand(1, 3, -1))[0]
                slides, directions = self._slides
                found[slides] += directions @ by
                moved = moved + by
            turned = compose(rotation[None], turned[None])[0]
            moved = position + apply(rotation[None], moved[None])[0]
            body = limb.distal
            place[body] = (
                torch.where(clear[body], own_rotation[body], turned),
                torch.where(clear[body], own_position[body], moved),
            )
        return found


def _alone(sums: MarkerSums) -> tuple[Float[Tensor, "bodies 3 3 frames"], Float[Tensor, "bodies 3 frames"], Tensor]:
    """Where each body's own markers put it (from ``sums.centre``), and whether they tell."""
    frames = sums.centre.shape[-1]
    mass = sums.mass.clamp(min=torch.finfo(sums.mass.dtype).tiny)[:, None]
    middle, goal = sums.first / mass, sums.target / mass
    spread = sums.product - sums.first[:, :, None] * goal[:, None]  # Σ w (p − p̄) tᵀ
    u, s, vt = torch.linalg.svd(spread.movedim(-1, 1))
    sign = torch.ones_like(s)
    sign[..., 2] = torch.linalg.det(u @ vt).sign()
    rotation = ((vt.mT * sign[..., None, :]) @ u.mT).movedim(1, -1)
    position = goal - apply(rotation, middle.expand(-1, -1, frames))
    return rotation, position, (sums.mass > 0) & (s[..., 1] > FLAT * s[..., 0])
