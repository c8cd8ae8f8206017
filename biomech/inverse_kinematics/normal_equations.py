"""Marker least squares on a skeleton, reduced to what a Newton step needs: objective, gradient and Hessian.

The objective of a frame is ``Σ_m w_m |p_m(q) − t_m|²`` over markers p and targets t. Markers fixed in one body enter
it only through a few sums over that body, so nothing here grows with the number of markers once these are made:

    W = Σ w,  P = Σ w p,  T = Σ w t,  Q = Σ w p tᵀ

A coordinate moves every point behind its joint by ``ω × p + v`` (its twist: ω the slope times the axis, v = c × ω for
a rotation through c). With the sums taken over all bodies behind coordinate j, and i before j on the way from the
ground or i = j,

    gradient  g_j  = ω_j · Σ w p × (p − t) + v_j · (P − T)
    Hessian   H_ij = ω_i · ((tr Q − Q) ω_j + T × v_j) + v_i · (ω_j × P + W v_j)

is the exact second derivative of half the objective: the second derivative of p along i and then j is
``ω_i × (ω_j × p + v_j)``. With p in place of t it is Gauss–Newton's, which is never negative. Coordinates of different
branches do not meet. What is left out is the curvature of the functions along the axes and, where one coordinate moves
several axes of a joint, the order of those among themselves; the gradient is exact, so both cost steps only.

Frames come last in every tensor, as in ``Skeleton.trace``.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from biomech.skeleton.products import apply, compose, cross_
from biomech.skeleton.skeleton import Skeleton, Trace

# Keeps the answer unique where markers say nothing: a pull to the defaults, as a part of the markers' whole weight
# (m²/rad²). One radian off costs as much as 1 µm on every marker.
UNIQUENESS = 1e-12


@dataclass(frozen=True)
class MarkerSums:
    """Sums over each body's markers for some frames; one frame stands for all where weights do not change.

    Targets and positions are counted from ``centre``, the middle of the targets, so that digits are not lost far from
    the origin.
    """

    mass: Float[Tensor, "bodies #frames"]
    first: Float[Tensor, "bodies 3 #frames"]  # Σ w p, in the body
    second: Float[Tensor, "bodies 3 3 #frames"]  # Σ w p pᵀ, in the body
    target: Float[Tensor, "bodies 3 frames"]  # Σ w t
    product: Float[Tensor, "bodies 3 3 frames"]  # Σ w p tᵀ, p in the body
    target_behind: Float[Tensor, "twists 3 frames"]  # the same of all bodies behind
    mass_behind: Float[Tensor, "twists 1 #frames"]
    constant: Float[Tensor, " frames"]  # Σ w (|t|² + |p|²)
    centre: Float[Tensor, "3 frames"]

    def take(self, frames: Int[Tensor, " taken"]) -> "MarkerSums":
        """Some of the frames."""

        def of(values: Tensor) -> Tensor:
            return values if values.shape[-1] == 1 else values.index_select(-1, frames)

        return MarkerSums(*(of(values) for values in vars(self).values()))


@dataclass(frozen=True)
class Pull:
    """``Σ_k weight_k (q_k − target_k)²`` on the unknowns: coordinate tasks, and what makes the answer unique."""

    weight: Float[Tensor, "unknowns #frames"]
    target: Float[Tensor, "unknowns #frames"]

    def take(self, frames: Int[Tensor, " taken"]) -> "Pull":
        """Some of the frames."""
        return Pull(*(v if v.shape[-1] == 1 else v[..., frames] for v in (self.weight, self.target)))


@dataclass(frozen=True)
class Derivatives:
    """Of half the objective, at one pose of each frame. ``angular`` and ``linear`` are the Hessian's columns."""

    objective: Float[Tensor, " frames"]
    gradient: Float[Tensor, "unknowns frames"]
    twist: Float[Tensor, "twists 6 frames"]  # ω, v
    column: Float[Tensor, "twists 6 frames"]
    diagonal: Float[Tensor, "#unknowns #frames"]  # of the pull


class MarkerEquations:
    """The least-squares problem of one skeleton and a set of its markers.

    Attributes:
        unknowns: the coordinates that are solved for, by index: free, and moving some marker.
        before: (twists, twists), 1 where the first is the second or comes before it on the way from the ground.
    """

    def __init__(self, skeleton: Skeleton, scales: Float[Tensor, "bodies 3"] | None = None) -> None:
        """``skeleton`` carries exactly the tracked markers (``Skeleton.carrying``); all factors 1 by default."""
        self.skeleton = skeleton
        self.bare = Skeleton(replace(skeleton.description, markers=())).to(skeleton.axes)
        like = skeleton.axes
        self.scales = None if scales is None else scales.to(like)[..., None]
        location = skeleton.marker_locations.sum(-1)
        if scales is not None:
            location = (skeleton.marker_locations * scales.to(like)[skeleton.marker_body][:, None]).sum(-1)
        homogeneous = torch.cat([torch.ones_like(location[:, :1]), location], dim=1)
        self._of_body = torch.nn.functional.one_hot(skeleton.marker_body, len(skeleton.body_names)).to(like)
        self._location = homogeneous

        self._defaults = torch.as_tensor(skeleton.defaults).to(like)[:, None]
        self._find_twists()
        self._unknown_index = torch.from_numpy(self.unknowns).to(like.device)

    def _find_twists(self) -> None:
        """Which coordinate moves which joint along which axes; what a coupler drives counts for its drivers."""
        skeleton = self.skeleton
        motions, couplers = skeleton.motions, skeleton.couplers
        rows = {int(output): row for row, output in enumerate(skeleton.active)}
        free = set(skeleton.free.tolist())
        drives: dict[int, list[int]] = {}
        for entry, output in enumerate(couplers.entry_output.tolist()):
            if int(couplers.entry_input[entry]) in free:
                drives.setdefault(output, []).append(entry)
        # Slides first: a joint's rotations do not turn its slides.
        entries = [
            (output // 6, (output + 3) % 6, int(couplers.entry_input[link]), motion, link, rows[output])
            for motion, (output, through) in enumerate(
                zip(motions.entry_output.tolist(), motions.entry_input.tolist(), strict=True)
            )
            for link in drives.get(through, [])
        ]
        entries.sort()
        pairs = list(dict.fromkeys((joint, unknown) for joint, _, unknown, *_ in entries))
        self.unknowns = np.array(sorted({unknown for _, unknown in pairs}), dtype=np.int64)
        place = {unknown: k for k, unknown in enumerate(self.unknowns.tolist())}
        number = {pair: k for k, pair in enumerate(pairs)}

        def index(values: list[int]) -> Int[Tensor, " n"]:
            return torch.tensor(values, dtype=torch.int64, device=skeleton.axes.device)

        self.twist_joint = index([joint for joint, _ in pairs])
        self.twist_unknown = index([place[unknown] for _, unknown in pairs])
        slides = [e for e in entries if e[1] < 3]
        turns = [e for e in entries if e[1] >= 3]
        slide_place = {int(row): k for k, row in enumerate(skeleton.slide_row)}
        self._turn = [
            index(list(v)) for v in zip(*((e[3], e[4], e[5], number[e[0], e[2]]) for e in turns), strict=True)
        ]
        self._slide = [
            index(list(v)) for v in zip(*((e[3], e[4], e[5], number[e[0], e[2]]) for e in slides), strict=True)
        ] or [index([])] * 4
        self._slide_size = index([slide_place[6 * e[0] + e[1] + 3] for e in slides])

        glide_of = {int(row): k for k, row in enumerate(skeleton.gliding)}
        self._glide_entry = index([k for k, e in enumerate(turns) if e[5] in glide_of])
        self._glide = index([glide_of[e[5]] for e in turns if e[5] in glide_of])

        parent = skeleton.parent.tolist()
        behind = np.zeros((len(pairs), len(skeleton.body_names)))
        for body in range(1, len(skeleton.body_names)):
            above = body
            while above:
                behind[[k for k, (joint, _) in enumerate(pairs) if joint == above - 1], body] = 1
                above = parent[above - 1]
        self._behind = torch.as_tensor(behind).to(skeleton.axes)  # (twists, bodies)
        joint_of = self.twist_joint.cpu().numpy()
        before = (behind[:, joint_of + 1] > 0) & (np.arange(len(pairs))[:, None] <= np.arange(len(pairs)))
        self.before = torch.as_tensor(before).to(skeleton.axes)  # upper triangle
        self.one_twist_each = len(pairs) == len(self.unknowns)
        self._fold = torch.nn.functional.one_hot(self.twist_unknown, len(self.unknowns)).to(skeleton.axes)

    def sums(self, targets: Float[Tensor, "markers 3 frames"], weights: Float[Tensor, "markers #frames"]) -> MarkerSums:
        """Sums over the bodies.

        Args:
            targets: m; one that is NaN has no weight.
            weights: of the squared distances; one frame stands for all.

        Returns:
            The sums that stand for the markers in everything that follows.
        """
        seen = torch.isfinite(targets).all(1)
        if not seen.all():
            weights = weights * seen
        targets = torch.nan_to_num(targets)
        total = weights.sum(0).clamp(min=torch.finfo(weights.dtype).tiny)
        centre = (weights[:, None] * targets).sum(0) / total
        targets = targets - centre
        weighted = weights[:, None] * targets
        homogeneous = (self._of_body[:, :, None] * self._location[:, None]).permute(1, 2, 0)  # (bodies, 4, markers)
        bodies, frames = len(homogeneous), targets.shape[-1]
        with_target = (homogeneous.reshape(4 * bodies, -1) @ weighted.flatten(1)).view(bodies, 4, 3, frames)
        squares = homogeneous[:, :, None] * homogeneous[:, None]  # (bodies, 4, 4, markers)
        moments = (squares.reshape(16 * bodies, -1) @ weights).view(bodies, 4, 4, -1)
        location = self._location[:, 1:]
        constant = (weighted * targets).sum((0, 1)) + (weights * location.square().sum(1)[:, None]).sum(0)
        return MarkerSums(
            mass=moments[:, 0, 0],
            first=moments[:, 0, 1:].contiguous(),
            second=moments[:, 1:, 1:].contiguous(),
            target=with_target[:, 0].contiguous(),
            product=with_target[:, 1:].contiguous(),
            target_behind=self._over(with_target[:, 0]),
            mass_behind=self._over(moments[:, 0, :1]),
            constant=constant.expand(frames).contiguous(),
            centre=centre,
        )

    def complete(self, unknowns: Float[Tensor, "unknowns frames"]) -> Float[Tensor, "coordinates frames"]:
        """All coordinates, not yet the coupled ones; those that are not solved for at their defaults."""
        return self._defaults.repeat(1, unknowns.shape[-1]).index_copy_(0, self._unknown_index, unknowns)

    def twists(self, trace: Trace, centre: Float[Tensor, "3 #frames"]) -> Float[Tensor, "twists 6 frames"]:
        """How each coordinate moves what is behind its joint: ω and, of the point at ``centre``, v.

        Args:
            trace: of the pose, of ``bare`` with ``scales``.
            centre: the middle of the targets (``MarkerSums.centre``), m.

        Returns:
            ω (rad) and v (m) by unit of the coordinate, in the ground; a row for each pair of joint and unknown.
        """
        skeleton = self.bare
        axes = skeleton.axes_in_ground(trace)
        couplings, pieces = trace.pieces
        slopes = skeleton.motions.slopes(trace.coordinates, pieces)
        links = skeleton.couplers.slopes(trace.coordinates, couplings)
        twists = axes.new_zeros(len(self.twist_joint), 6, axes.shape[-1])
        omega, velocity = twists[:, :3], twists[:, 3:]
        motion, link, row, number = self._turn
        moved = slopes.index_select(0, motion) * links.index_select(0, link)
        omega.index_add_(0, number, moved[:, None] * axes.index_select(0, row))
        cross_(velocity, trace.joints.index_select(0, self.twist_joint) - centre, omega)
        if len(self._glide_entry):
            glides = skeleton.glides_in_ground(trace, self.scales)[self._glide]
            motion, link, number = (index[self._glide_entry] for index in (motion, link, number))
            velocity.index_add_(0, number, (slopes[motion] * links[link])[:, None] * glides)
        motion, link, row, number = self._slide
        size = skeleton.slide_sizes(self.scales).index_select(0, self._slide_size)
        moved = slopes.index_select(0, motion) * links.index_select(0, link) * size
        velocity.index_add_(0, number, moved[:, None] * axes.index_select(0, row))
        return twists

    def derivatives(
        self, unknowns: Float[Tensor, "unknowns frames"], sums: MarkerSums, pull: Pull, exact: Bool[Tensor, " frames"]
    ) -> Derivatives:
        """Objective, gradient and Hessian; Gauss–Newton's where not ``exact``.

        Args:
            unknowns: rad and m.
            sums: of the targets, the same frames.
            pull: of coordinates to values, the same frames.
            exact: frames that get the second derivative itself.

        Returns:
            The objective, and the derivatives of half of it by rad and m; the Hessian by its columns.
        """
        trace = self.bare.trace(self.complete(unknowns), self.scales)
        x, rotation = trace.positions - sums.centre, trace.rotations
        turned = apply(rotation, sums.first)
        first = torch.addcmul(turned, sums.mass[:, None], x)
        product = torch.addcmul(compose(rotation, sums.product), x[:, :, None], sums.target[:, None])
        trace_q = product[:, 0, 0] + product[:, 1, 1] + product[:, 2, 2]
        off = unknowns - pull.target
        objective = sums.constant + ((x * (first + turned)).sum(1) - 2 * trace_q).sum(0) + (pull.weight * off**2).sum(0)

        twist = self.twists(trace, sums.centre)
        omega, velocity = twist[:, :3], twist[:, 3:]
        behind = self._over(torch.cat([first, product.flatten(1, 2)], dim=1))
        first, product = behind[:, :3], behind[:, 3:].unflatten(1, (3, 3))
        target, mass = sums.target_behind, sums.mass_behind
        moment = torch.stack([product[:, j, i] - product[:, i, j] for i, j in ((1, 2), (2, 0), (0, 1))], dim=1)
        on_twists = (omega * moment).sum(1) + (velocity * (first - target)).sum(1)
        gradient = pull.weight * off
        gradient = gradient.index_add(0, self.twist_unknown, on_twists)

        if not exact.all():
            outer = x[:, :, None] * turned[:, None]
            square = compose(compose(rotation, sums.second), rotation.transpose(1, 2))
            square = square + outer + outer.transpose(1, 2) + sums.mass[:, None, None] * x[:, :, None] * x[:, None]
            product = torch.where(exact, product, self._over(square.flatten(1, 2)).unflatten(1, (3, 3)))
            target = torch.where(exact, target, first)
        column = torch.empty_like(twist)
        cross_(column[:, :3], target, velocity)
        column[:, :3] += (product[:, 0, 0] + product[:, 1, 1] + product[:, 2, 2])[:, None] * omega
        column[:, :3] -= apply(product, omega)
        cross_(column[:, 3:], omega, first)
        column[:, 3:] += mass * velocity
        return Derivatives(objective, gradient, twist, column, pull.weight)

    def hessian(self, at: Derivatives) -> Float[Tensor, "frames unknowns unknowns"]:
        """The second derivatives as matrices."""
        upper = at.twist.permute(2, 0, 1).contiguous() @ at.column.permute(2, 1, 0).contiguous()
        upper *= self.before
        whole = upper + upper.mT
        whole.diagonal(dim1=1, dim2=2).mul_(0.5)
        whole = self._fold.T @ whole @ self._fold
        whole.diagonal(dim1=1, dim2=2).add_(at.diagonal.T)
        return whole

    def _over(self, values: Float[Tensor, "bodies rows #frames"]) -> Float[Tensor, "twists rows #frames"]:
        """Sums over the bodies behind each twist."""
        return (self._behind @ values.flatten(1)).view(-1, *values.shape[1:])
