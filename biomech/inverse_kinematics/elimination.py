"""Solving for a Newton step: along the skeleton's tree where it can be, with matrices where not.

The Hessian of ``normal_equations`` has the form ``H_ij = s_i · A_j s_j`` for i before j, with a 6×6 matrix A_j of what
is behind j. Eliminating the last coordinate k of a branch changes it to ``s_i · (A_j − U Uᵀ/d) s_j`` with
``U = A_k s_k`` and ``d = s_k · U``: the same form. So the equations are solved from the tips of the limbs to the ground
and back in a number of operations that grows with the number of coordinates, as Featherstone's articulated bodies do
for forward dynamics (Rigid Body Dynamics Algorithms, 2008, chapter 7), and every branch at the same depth at once.
This needs each coordinate at one joint only. Where one moves several, and for few frames, the Hessian is made and
factorised.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from biomech.inverse_kinematics.normal_equations import Derivatives, MarkerEquations
from biomech.skeleton.products import FEW


@dataclass(frozen=True)
class EliminationLevel:
    """The twists that have equally many before them, and where those before them stand in the level above."""

    twists: Int[Tensor, " n"]
    unknowns: Int[Tensor, " n"]
    upper: Int[Tensor, " n"]


class Elimination:
    """Steps of one skeleton's equations."""

    def __init__(self, equations: MarkerEquations) -> None:
        self.equations = equations
        before = equations.before.cpu() > 0
        depth = before.sum(0) - 1
        self.levels: list[EliminationLevel] = []
        for d in range(int(depth.max()) + 1):
            twists = (depth == d).nonzero()[:, 0]
            upper = twists.new_zeros(len(twists))
            if d:
                above = self.levels[-1].twists.cpu()
                upper = before[above][:, twists].int().argmax(0)
            device = equations.twist_unknown.device
            twists = twists.to(device)
            self.levels.append(EliminationLevel(twists, equations.twist_unknown[twists], upper.to(device)))

    def step(
        self,
        at: Derivatives,
        damping: Float[Tensor, " frames"],
        held: Bool[Tensor, "unknowns frames"] | None,
        prescribed: Float[Tensor, "unknowns frames"],
    ) -> tuple[Float[Tensor, "unknowns frames"], Bool[Tensor, " frames"]]:
        """The damped step (zero where not sound), and where the Hessian of what moves is positive definite.

        Args:
            at: objective, gradient and Hessian there.
            damping: part of the Hessian's diagonal that is added to it.
            held: unknowns that do as ``prescribed``; None: none.
            prescribed: their steps; what stands at the others does not count.

        Returns:
            The step (rad, m) of every unknown, and of each frame whether it is sound.
        """
        along = self.equations.one_twist_each and len(damping) > FEW
        solve = self._along_tree if along else self._with_matrices
        step, sound = solve(at, damping, held, prescribed)
        sound &= torch.isfinite(step).all(0)
        return torch.where(sound, step, 0.0), sound

    def _along_tree(
        self,
        at: Derivatives,
        damping: Float[Tensor, " frames"],
        held: Bool[Tensor, "unknowns frames"] | None,
        prescribed: Float[Tensor, "unknowns frames"],
    ) -> tuple[Float[Tensor, "unknowns frames"], Bool[Tensor, " frames"]]:
        frames = damping.shape[0]
        sound = torch.ones_like(damping, dtype=torch.bool)
        passes = []
        loss = force = at.twist.new_zeros(0)
        for depth in range(len(self.levels) - 1, -1, -1):
            level = self.levels[depth]
            n = len(level.twists)
            s, u = (at.twist.index_select(0, level.twists), at.column.index_select(0, level.twists))
            own = (s * u).sum(1)
            pivot_extra = torch.addcmul(
                at.diagonal[level.unknowns] if len(at.diagonal) > 1 else at.diagonal, own.abs(), damping
            )
            right = -at.gradient.index_select(0, level.unknowns)
            if depth == len(self.levels) - 1:
                loss, force = s.new_zeros(n, 6, 6, frames), s.new_zeros(n, 6, frames)
            else:
                lower = self.levels[depth + 1]
                if len(lower.twists) != n or not torch.equal(lower.upper, torch.arange(n)):
                    loss = s.new_zeros(n, 6, 6, frames).index_add_(0, lower.upper, loss)
                    force = s.new_zeros(n, 6, frames).index_add_(0, lower.upper, force)
                for k in range(6):
                    u = torch.addcmul(u, loss[:, k], s[:, None, k], value=-1)
                right = right - (s * force).sum(1)
            pivot = (s * u).sum(1) + pivot_extra
            inverse = 1 / pivot
            moved = right * inverse
            positive = pivot > 0
            if held is not None:
                fixed = held[level.unknowns]
                inverse = torch.where(fixed, 0.0, inverse)
                moved = torch.where(fixed, prescribed[level.unknowns], moved)
                positive = positive | fixed
            sound &= positive.all(0)
            scaled = u * inverse[:, None]
            passes.append((level, s, scaled, moved))
            if depth:
                loss.addcmul_(u[:, :, None], scaled[:, None])
                force.addcmul_(u, moved[:, None])
        step = torch.empty_like(at.gradient)
        carried = None
        for level, s, scaled, moved in reversed(passes):
            if carried is None:
                carried = torch.zeros_like(s)
            else:
                carried = carried.index_select(0, level.upper)
                moved = moved - (scaled * carried).sum(1)
            step[level.unknowns] = moved
            carried = torch.addcmul(carried, s, moved[:, None])
        return step, sound

    def _with_matrices(
        self,
        at: Derivatives,
        damping: Float[Tensor, " frames"],
        held: Bool[Tensor, "unknowns frames"] | None,
        prescribed: Float[Tensor, "unknowns frames"],
    ) -> tuple[Float[Tensor, "unknowns frames"], Bool[Tensor, " frames"]]:
        hessian = self.equations.hessian(at)
        right = -at.gradient.T
        diagonal = hessian.diagonal(dim1=1, dim2=2)
        diagonal.add_(damping[:, None] * (diagonal - at.diagonal.T).abs())
        if held is not None:
            fixed = held.T.expand(right.shape)
            right = torch.where(fixed, prescribed.T, right - (hessian @ prescribed.T[..., None])[..., 0])
            free = (~fixed).to(hessian)
            hessian = hessian * free[:, :, None] * free[:, None] + torch.diag_embed(1 - free)
        factor, failed = torch.linalg.cholesky_ex(hessian)
        step = torch.cholesky_solve(right[..., None], factor)[..., 0].T
        return step, failed == 0
