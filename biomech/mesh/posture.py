"""The pose prior and the joint limits as residuals for Gauss–Newton."""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.mesh.chain import Chain, inverse_right_jacobian
from biomech.mesh.prior import PosePrior

LIMIT_SD_RAD = 0.05
TOES, TOES_SD_RAD = ("LeftToeBase", "RightToeBase"), 0.25  # CMU's feet have no toes


class Posture:
    """How unlikely a pose is: in every frame the mixture's likeliest component, the limits, and toes near rest."""

    def __init__(self, prior: PosePrior, chain: Chain):
        self.chain = chain
        names = [*prior.bone_names, *TOES]
        self.bones = np.array([chain.bone_names.index(name) for name in names])
        turning = [int(np.flatnonzero(chain.turning == bone)[0]) for bone in self.bones]
        self.columns = 3 + (3 * np.array(turning)[:, None] + np.arange(3)).reshape(-1)
        self.size = 3 * len(prior.bone_names)
        self.means = prior.means.double().numpy()
        self.whiteners = prior.whiteners.double().numpy()  # rows: rotation vector, columns: whitened
        sign = np.linalg.slogdet(self.whiteners).logabsdet + prior.log_weights.double().numpy()
        self.rarity = sign.max() - sign  # of each component's centre, nats
        self.lower, self.upper = prior.lower.double().numpy().ravel(), prior.upper.double().numpy().ravel()

    def cost(self, rotations: Float[np.ndarray, "frames bones 3 3"]) -> float:
        """Half the sum of squares, and the rarity of the components."""
        vectors = self._vectors(rotations)
        component, residual = self._residual(vectors)
        return 0.5 * float(np.square(residual).sum()) + float(self.rarity[component].sum())

    def rows(
        self, rotations: Float[np.ndarray, "frames bones 3 3"]
    ) -> tuple[Float[np.ndarray, "frames rows"], Float[np.ndarray, "frames rows unknowns"]]:
        """Residuals and their derivatives by the fit's unknowns."""
        vectors = self._vectors(rotations)
        component, residual = self._residual(vectors)
        frames, size, total = len(vectors), self.size, 3 * len(self.bones)
        by_vector = np.zeros((frames, residual.shape[1], total))
        by_vector[:, :size, :size] = np.swapaxes(self.whiteners[component], 1, 2)
        body = vectors[:, :size]
        outside = ((body < self.lower) | (body > self.upper)) / LIMIT_SD_RAD
        diagonal = np.arange(size)
        by_vector[:, size + diagonal, diagonal] = outside
        toes = np.arange(total - size)
        by_vector[:, 2 * size + toes, size + toes] = 1 / TOES_SD_RAD
        inverse = inverse_right_jacobian(vectors.reshape(frames, -1, 3))
        jacobian = np.zeros((*residual.shape, self.chain.size))
        for axis in range(3):  # sums of whole planes: thousands of 3 × 3 products would take ten times as long
            chained = sum(by_vector[..., k::3] * inverse[:, None, :, k, axis] for k in range(3))
            jacobian[..., self.columns[axis::3]] = chained
        return residual, jacobian

    def _vectors(self, rotations: np.ndarray) -> Float[np.ndarray, "frames vector"]:
        local = rotations[:, self.bones].reshape(-1, 3, 3)
        return Rotation.from_matrix(local).as_rotvec().reshape(len(rotations), -1)

    def _residual(self, vectors: np.ndarray) -> tuple[np.ndarray, Float[np.ndarray, "frames rows"]]:
        body, toes = vectors[:, : self.size], vectors[:, self.size :]
        whitened = np.stack([(body - m) @ w for m, w in zip(self.means, self.whiteners, strict=True)], 1)
        component = (np.square(whitened).sum(-1) / 2 + self.rarity).argmin(1)
        outside = np.clip(body - self.upper, 0, None) - np.clip(self.lower - body, 0, None)
        chosen = whitened[np.arange(len(body)), component]
        return component, np.concatenate([chosen, outside / LIMIT_SD_RAD, toes / TOES_SD_RAD], 1)
