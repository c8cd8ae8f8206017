"""Sizes, marker places and poses of one person, from frames of markers: one least-squares problem.

The unknowns are the coordinates of every frame and what all frames share: logarithms of the scale factors, the
person's log stature, and a shift of every marker in its body. At given coordinates a marker's place is linear in
factors and shifts, since rotations know nothing of sizes; so their Jacobian costs one pose per factor. Each step is a
damped Gauss-Newton step from which the frames' coordinates are eliminated (Schur complement): its cost grows with the
number of frames only linearly.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from biomech.inverse_kinematics.normal_equations import MarkerEquations
from biomech.scaling.segments import STATURE_SD, FactorPrior, Factors
from biomech.skeleton.skeleton import Skeleton, Trace

ROBUST = 3.0  # Huber: beyond so many standard deviations a marker's error counts linearly
BOUND_SD = np.deg2rad(1.0)  # rad (m for slides) beyond a clamped coordinate's range
_STEPS, _GAIN = 60, 1e-4


@dataclass(frozen=True)
class Observations:
    """What the poses must meet."""

    targets: Float[Tensor, "markers 3 frames"]
    weights: Float[Tensor, "markers frames"]  # inverse variances (1/m²), 0 where a marker is missing
    pull: Float[Tensor, "coordinates frames"]  # of the free coordinates to their defaults: inverse variances
    share: Float[Tensor, " frames"]  # how much a frame counts beside the priors


@dataclass(frozen=True)
class Shape:
    """What all frames share."""

    log_factors: Float[Tensor, " factors"]
    log_stature: Float[Tensor, ""]
    offsets: Float[Tensor, "markers 3"]  # in the bodies, after scaling (m)

    def moved(self, step: Float[Tensor, " shared"]) -> "Shape":
        """After a step of all shared unknowns."""
        count = len(self.log_factors)
        offsets = self.offsets + step[count + 1 :].view(-1, 3)
        return Shape(self.log_factors + step[:count], self.log_stature + step[count], offsets)


@dataclass(frozen=True)
class ShapePrior:
    """What is known of the shape before the markers."""

    factors: FactorPrior
    stature: Float[np.ndarray, " factors+1"] | None  # the model's, as a row on (factors, 1)
    offset_sd: Float[np.ndarray, " markers"]  # m


@dataclass(frozen=True)
class FittedShape:
    """An answer, with its cost and each marker's distance."""

    coordinates: Float[Tensor, "coordinates frames"]
    shape: Shape
    cost: Float[Tensor, " frames"]
    distances: Float[Tensor, "markers frames"]  # m


class ShapeFit:
    """The problem for one skeleton, which carries exactly the tracked markers."""

    def __init__(self, skeleton: Skeleton, factors: Factors, prior: ShapePrior, observations: Observations) -> None:
        self.skeleton, self.factors, self.seen = skeleton, factors, observations
        self.prior = prior
        self._equations = MarkerEquations(skeleton)
        self.unknowns = torch.as_tensor(self._equations.unknowns)
        clamped = torch.as_tensor(skeleton.clamped)[self.unknowns, None]
        low, high = torch.as_tensor(skeleton.ranges)[self.unknowns].T[..., None]
        self._low = torch.where(clamped, low, -torch.inf)
        self._high = torch.where(clamped, high, torch.inf)
        self._defaults = torch.as_tensor(skeleton.defaults)[self.unknowns, None]
        self._pull = observations.pull[self.unknowns]
        self._behind = self._markers_behind()
        self._prior_rows, self._prior_shift = self._linear_prior()

    def of_size(self, size: float, generic_m: float) -> Shape:
        """The generic model, whose stature is ``generic_m``, made larger or smaller as a whole.

        Args:
            size: factor of all bodies along all axes.
            generic_m: sole to vertex.

        Returns:
            The shape, markers at their scaled generic places.
        """
        log_size = torch.full((self.factors.count,), np.log(size), dtype=torch.float64)
        stature = torch.tensor(np.log(size * generic_m), dtype=torch.float64)
        return Shape(log_size, stature, log_size.new_zeros(len(self.skeleton.marker_names), 3))

    def solve(
        self,
        coordinates: Float[Tensor, "coordinates frames"],
        shape: Shape,
        progress: Callable[[int, int], None] | None = None,
        *,
        damping: float = 1e-3,
    ) -> FittedShape:
        """Improve poses and shape until a step gains next to nothing; the start must be in the right valley.

        Large ``damping`` begins with short steps: slower, and not led into valleys where a torso is turned about.

        Args:
            coordinates: where to start, all coordinates, rad and m.
            shape: where to start.
            progress: called with steps done and steps at most.
            damping: at first; it adapts from step to step.

        Returns:
            The best answer found: coordinates (rad, m), shape, and each marker's distance (m).
        """
        best = self._evaluate(coordinates, shape)
        total = self._total(best)
        for done in range(_STEPS):
            if progress:
                progress(done, _STEPS)
            system = self._linearise(best)
            for _ in range(8):
                moves, shared = system.step(damping)
                moved = best.coordinates.clone()
                moved[self.unknowns] += moves
                trial = self._evaluate(moved, best.shape.moved(shared))
                trial_total = self._total(trial)
                if trial_total < total:
                    break
                damping *= 8
            else:
                return best
            gain = (total - trial_total) / total
            best, total, damping = trial, trial_total, max(damping / 4, 1e-9)
            if gain < _GAIN:
                break
        if progress:
            progress(_STEPS, _STEPS)
        return best

    def spreads(self, fit: FittedShape) -> tuple[Float[Tensor, " factors"], Float[Tensor, " factors"]]:
        """Standard deviations of the factors' logarithms, before and after the markers were seen."""
        rows, _ = self._shared_residuals(fit.shape)
        count = self.factors.count

        def sd(information: Tensor) -> Tensor:
            return torch.linalg.inv(information).diagonal()[:count].sqrt()

        return sd(rows.T @ rows), sd(self._linearise(fit).reduced())

    def stature_m(self, shape: Shape) -> float | None:
        """Of the model with this shape."""
        if self.prior.stature is None:
            return None
        row = torch.as_tensor(self.prior.stature)
        return float(row[:-1] @ shape.log_factors.exp() + row[-1])

    def _scales(self, factors: Float[Tensor, "*batch factors"]) -> Float[Tensor, "*batch bodies 3"]:
        return self.factors.spread(self.skeleton.body_names, factors)

    def _evaluate(self, coordinates: Float[Tensor, "coordinates frames"], shape: Shape) -> FittedShape:
        scales = self._scales(shape.log_factors.exp())[..., None]
        markers = self.skeleton.trace(coordinates, scales, shape.offsets[..., None]).markers
        distances = (markers - torch.nan_to_num(self.seen.targets)).norm(dim=1)
        deviation = distances * self.seen.weights.sqrt()
        huber = torch.where(deviation < ROBUST, deviation**2, 2 * ROBUST * deviation - ROBUST**2)
        q = coordinates[self.unknowns]
        beyond = (self._low - q).clamp(min=0) + (q - self._high).clamp(min=0)
        own = (self._pull * (q - self._defaults) ** 2).sum(0) + (beyond / BOUND_SD).square().sum(0)
        return FittedShape(coordinates, shape, huber.sum(0) + own, distances)

    def _total(self, fit: FittedShape) -> float:
        _, values = self._shared_residuals(fit.shape)
        return float(fit.cost @ self.seen.share + values.square().sum())

    def _linear_prior(self) -> tuple[Tensor, Tensor]:
        """The factors', stature's and shifts' normal priors as ``rows @ shared - shift``."""
        p, count = self.prior.factors, self.factors.count
        sd = np.repeat(self.prior.offset_sd, 3)
        rows = np.zeros((count + 1 + len(sd), count + 1 + len(sd)))
        rows[:count, :count] = p.whitener
        rows[:count, count] = -p.whitener @ p.slope
        rows[count, count] = 1 / p.log_stature[1]
        rows[count + 1 :, count + 1 :] = np.diag(1 / sd)
        shift = np.zeros(len(rows))
        shift[:count] = p.whitener @ (p.shift - p.slope * p.log_generic)
        shift[count] = p.log_stature[0] / p.log_stature[1]
        return torch.as_tensor(rows), torch.as_tensor(shift)

    def _shared_residuals(self, shape: Shape) -> tuple[Tensor, Tensor]:
        """Jacobian and values of everything that concerns the shared unknowns alone."""
        shared = torch.cat([shape.log_factors, shape.log_stature[None], shape.offsets.flatten()])
        rows, values = self._prior_rows, self._prior_rows @ shared - self._prior_shift
        if self.prior.stature is not None:
            row = torch.as_tensor(self.prior.stature)
            parts = row[:-1] * shape.log_factors.exp()
            height = parts.sum() + row[-1]
            own = torch.zeros_like(rows[:1])
            own[0, : len(parts)], own[0, len(parts)] = parts / height, -1
            rows = torch.cat([rows, own / STATURE_SD])
            values = torch.cat([values, (height.log() - shape.log_stature)[None] / STATURE_SD])
        return rows, values

    def _linearise(self, fit: FittedShape) -> "ShapeNormalEquations":
        shape, seen = fit.shape, self.seen
        factors = shape.log_factors.exp()
        frames, count = fit.coordinates.shape[1], len(factors)
        trace = self.skeleton.trace(fit.coordinates, self._scales(factors)[..., None], shape.offsets[..., None])
        turn = trace.rotations[self.skeleton.marker_body]  # (markers, 3, 3, frames)

        basis = torch.cat([torch.eye(count), torch.zeros(1, count)]).to(factors)
        scales = self._scales(basis).movedim(0, -1).repeat_interleave(frames, -1)
        sized = self.skeleton.trace(fit.coordinates.repeat(1, count + 1), scales).markers.unflatten(-1, (-1, frames))
        by_factor = (sized[:, :, :-1] - sized[:, :, -1:]) * factors[:, None]  # (markers, 3, factors, frames)

        residual = torch.where(seen.weights[:, None] > 0, trace.markers - seen.targets, 0.0)
        deviation = fit.distances * seen.weights.sqrt()
        root = (seen.weights * (ROBUST / deviation.clamp(min=1e-12)).clamp(max=1)).sqrt()[:, None]
        markers = len(residual)
        by_pose = self._by_pose(trace, shape)
        j_pose = (by_pose * root[:, :, None]).permute(3, 0, 1, 2).flatten(1, 2)  # (frames, 3 markers, unknowns)
        j_shared = residual.new_zeros(frames, markers, 3, count + 1 + 3 * markers)
        j_shared[..., :count] = (by_factor * root[:, :, None]).permute(3, 0, 1, 2)
        every = torch.arange(markers)
        by_shift = (turn * root[:, :, None]).permute(0, 3, 1, 2)
        for axis in range(3):
            j_shared[:, every, :, count + 1 + 3 * every + axis] = by_shift[..., axis]
        j_shared = j_shared.flatten(1, 2)
        r = (residual * root).permute(2, 0, 1).flatten(1)

        q = fit.coordinates[self.unknowns]
        below, above = (self._low - q).clamp(min=0), (q - self._high).clamp(min=0)
        own = self._pull + ((below + above) > 0) / BOUND_SD**2
        own_gradient = self._pull * (q - self._defaults) + (above - below) / BOUND_SD**2
        rows, values = self._shared_residuals(shape)
        share = seen.share[:, None, None]
        weighted = (j_shared * share).flatten(0, 1).T
        return ShapeNormalEquations(
            pose=(j_pose.mT @ j_pose + torch.diag_embed(own.T)) * share,
            cross=j_pose.mT @ j_shared * share,
            shared=weighted @ j_shared.flatten(0, 1) + rows.T @ rows,
            pose_gradient=((j_pose * r[..., None]).sum(1) + own_gradient.T) * share[..., 0],
            shared_gradient=weighted @ r.flatten() + rows.T @ values,
        )

    def _markers_behind(self) -> list[Int[Tensor, " moved"]]:
        """The markers that each twist moves."""
        skeleton, parent = self.skeleton, self.skeleton.parent.tolist()
        above = [{0}]  # of each body, itself and those on the way from the ground
        for body in range(1, len(skeleton.body_names)):
            above.append({body} | above[parent[body - 1]])
        bodies = skeleton.marker_body.tolist()
        return [
            torch.tensor([m for m, body in enumerate(bodies) if joint + 1 in above[body]], dtype=torch.int64)
            for joint in self._equations.twist_joint.tolist()
        ]

    def _by_pose(self, trace: Trace, shape: Shape) -> Float[Tensor, "markers 3 unknowns frames"]:
        """How the markers move with the coordinates."""
        equations = self._equations
        equations.scales = self._scales(shape.log_factors.exp())[..., None]
        centre = trace.positions[1]
        twists = equations.twists(trace, centre)
        arm = trace.markers - centre
        moved = arm.new_zeros(len(arm), 3, len(self.unknowns), arm.shape[-1])
        for twist, unknown in enumerate(equations.twist_unknown.tolist()):
            which = self._behind[twist]
            omega, velocity = twists[twist, :3], twists[twist, 3:]
            turned = torch.linalg.cross(omega.expand(len(which), 3, -1), arm[which], dim=1)
            moved[which, :, unknown] += turned + velocity
        return moved


@dataclass(frozen=True)
class ShapeNormalEquations:
    """Those of one Gauss-Newton step."""

    pose: Float[Tensor, "frames unknowns unknowns"]
    cross: Float[Tensor, "frames unknowns shared"]
    shared: Float[Tensor, "shared shared"]
    pose_gradient: Float[Tensor, "frames unknowns"]
    shared_gradient: Float[Tensor, " shared"]

    def step(self, damping: float) -> tuple[Float[Tensor, "unknowns frames"], Float[Tensor, " shared"]]:
        """Moves of the coordinates and of the shared unknowns."""
        solved = self._eliminated(damping, torch.cat([self.cross, self.pose_gradient[..., None]], dim=-1))
        cross, own = solved[..., :-1], solved[..., -1]
        shared = self.shared + damping * torch.diag(self.shared.diagonal()) - self._through(cross)
        gradient = self.shared_gradient - torch.einsum("fuk,fu->k", cross, self.pose_gradient)
        change = -torch.linalg.solve(shared, gradient)
        return (-own - cross @ change).T, change

    def reduced(self) -> Float[Tensor, "shared shared"]:
        """What is known of the shared unknowns when the poses are free: the inverse of their covariance."""
        return self.shared - self._through(self._eliminated(0.0, self.cross))

    def _eliminated(self, damping: float, right: Float[Tensor, "frames unknowns n"]) -> Tensor:
        diagonal = self.pose.diagonal(dim1=1, dim2=2)
        pose = self.pose + torch.diag_embed(damping * diagonal)
        return torch.cholesky_solve(right, torch.linalg.cholesky(pose))

    def _through(self, cross: Float[Tensor, "frames unknowns shared"]) -> Float[Tensor, "shared shared"]:
        return self.cross.flatten(0, 1).T @ cross.flatten(0, 1)
