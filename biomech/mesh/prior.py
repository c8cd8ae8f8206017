"""How people hold themselves: a density of poses learned from CMU's motions, and the ranges of their joints.

A mixture of Gaussians with full covariance over the rotation vectors of 20 bones (the trunk's, neck, head, and each
side's hip, knee, ankle, collar, shoulder, elbow, wrist), relative to the body's rest pose. ``train.pose_prior`` makes
the weights; ``pose_prior.json`` says from what, and how good they are.

Near-hinges, in the rest frames (X forward, Y up, Z right; a rotation vector's component in radians):

- knee (``RightLeg``, ``LeftLeg``): flexion is −Z on both sides. The rest pose is bent by about 8°, so a straight knee
  is z ≈ +0.14 and z = −1.43 is 90° of flexion.
- elbow: flexion is along (−0.05, 0.66, 0.75) for ``RightForeArm`` and (0.05, −0.66, 0.75) for ``LeftForeArm``. The rest
  pose is bent by 41°, so a straight elbow is −0.72 along it. The forearm also takes half of the hand's turn (pronation)
  about its own direction.
- ankle (``RightFoot``, ``LeftFoot``): dorsiflexion is +Z. Hip (``RightUpLeg``): flexion is +Z.
"""

from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import safe_open
from torch import Tensor

FILE = Path(__file__).with_name("pose_prior.safetensors")

BONES = [
    *("LowerBack", "Spine", "Spine1", "Neck", "Neck1", "Head"),
    *("RightUpLeg", "RightLeg", "RightFoot", "RightShoulder", "RightArm", "RightForeArm", "RightHand"),
    *("LeftUpLeg", "LeftLeg", "LeftFoot", "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand"),
]


class PosePrior:
    """Negative log density and soft joint limits of poses, differentiable."""

    bone_names = BONES

    def __init__(self, tensors: dict[str, Tensor]):
        self.log_weights = tensors["log_weights"]
        self.means = tensors["means"]  # components, bones × 3
        self.whiteners = tensors["whiteners"]  # components, bones × 3, bones × 3
        self.lower, self.upper = tensors["lower_rad"], tensors["upper_rad"]  # bones, 3
        size = self.means.shape[1]
        # The density's constant is left out, so that energies of poses near a component's mean are about 0.
        self._offsets = self.log_weights + torch.linalg.slogdet(self.whiteners).logabsdet
        self._offsets = self._offsets - self._offsets.max()
        self.log_scale = float((self.log_weights + torch.linalg.slogdet(self.whiteners).logabsdet).max())
        self.log_scale -= size / 2 * float(torch.log(torch.tensor(2 * torch.pi)))

    @classmethod
    def load(cls) -> "PosePrior":
        """The weights in the package."""
        with safe_open(FILE, framework="pt") as file:
            return cls({name: file.get_tensor(name) for name in file.keys()})

    def energy(self, vectors: Float[Tensor, "frames bones 3"]) -> Float[Tensor, " frames"]:
        """Negative log density of each pose plus ``log_scale``, a constant: least, about 0, for the commonest poses.

        Args:
            vectors: rotation vectors, rad, of ``bone_names`` in this order, relative to the rest pose.
        """
        away = vectors.flatten(1)[:, None] - self.means
        whitened = torch.einsum("fkd,kde->fke", away, self.whiteners)
        return -torch.logsumexp(self._offsets - whitened.square().sum(-1) / 2, 1)

    def limits(self, vectors: Float[Tensor, "frames bones 3"]) -> Float[Tensor, " frames"]:
        """How far each pose is outside the ranges of its joints: sum of squares, rad²; 0 inside."""
        outside = torch.relu(self.lower - vectors) + torch.relu(vectors - self.upper)
        return outside.square().sum((1, 2))
