"""Points in space of what several cameras see of them, and cameras that are turned until the points agree.

All in the first camera's axes, m, and of rectified pictures: x/z and y/z.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.calibration.cameras import Calibration
from biomech.keypoints.keypoints import Keypoints

ROUNDS = 6  # of weights and of points
ERROR = 0.012  # of a keypoint, as a share of the person's size: what is much farther off loses its say
LEAST_CONFIDENCE = 0.3
USUAL_EXTENT = 0.3  # root mean square distance of a standing person's points from their mean, statures
USUAL_M = 1.7
NEAREST_M = 0.1
MOST_FRAMES = 150  # by which cameras are turned

Rays = Float[np.ndarray, "cameras frames points 2"]
Weights = Float[np.ndarray, "cameras frames points"]


@dataclass(frozen=True)
class Triangulated:
    """Points that at least two cameras see."""

    points: Float[np.ndarray, "frames points 3"]  # NaN elsewhere
    off: Weights  # of each keypoint from its point, shares of the person's size; NaN where it is not seen
    off_px: Weights
    size_m: float  # of the person, about a stature

    @property
    def typical(self) -> float:
        """Median over all, as a share of the person's size; NaN where nothing is seen twice."""
        return float(np.median(self.off[np.isfinite(self.off)])) if np.isfinite(self.off).any() else float("nan")

    @property
    def worst(self) -> float:
        """The same of the camera that fits least."""
        medians = [np.median(off[np.isfinite(off)]) if np.isfinite(off).any() else np.inf for off in self.off]
        return float(max(medians))

    def typical_px(self, camera: int) -> float:
        """Median of a camera's."""
        off = self.off_px[camera]
        return float(np.median(off[np.isfinite(off)])) if np.isfinite(off).any() else float("nan")


def sampled(films: list[Keypoints], most: int) -> list[Keypoints]:
    """The films at no more than so many of their moments, evenly spaced."""
    every = -(-len(films[0].time_s) // most)
    if every <= 1:
        return films
    return [
        replace(
            film,
            xy=film.xy[::every],
            confidence=film.confidence[::every],
            time_s=film.time_s[::every],
            world_m=None if film.world_m is None else film.world_m[::every],
            mask_bits=None,
            mask_from_image=None,
            heat_maps=None,
            frames_looked_at=None,
        )
        for film in films
    ]


def rays_of(films: list[Keypoints]) -> tuple[Rays, Weights]:
    """Rectified keypoints as x/z and y/z, and their weights; finite.

    Args:
        films: a camera's each, of the same frames and points.

    Returns:
        Rays, and confidences, 0 for what is not to be believed.
    """
    rays, weights = [], []
    for film in films:
        assert film.focal_px is not None
        known = np.isfinite(film.xy).all(-1) & (film.confidence >= LEAST_CONFIDENCE)
        rays.append(np.where(known[..., None], film.xy - (np.array(film.size_px) - 1) / 2, 0.0) / film.focal_px)
        weights.append(np.where(known, film.confidence, 0.0))
    return np.stack(rays), np.stack(weights)


def triangulate(films: list[Keypoints], calibration: Calibration) -> Triangulated:
    """Points weighted by confidence; with three cameras and more, one that is far off is not believed.

    Args:
        films: rectified, a camera's each, of the same frames and points.
        calibration: of these cameras, in their order.

    Returns:
        Points, and how far off the keypoints are.
    """
    rays, weights = rays_of(films)
    turns, shifts = _places(calibration)
    points, off = _points(rays, weights, turns, shifts)
    depth = np.einsum("cj,fpj->cfp", turns[:, 2], points) + shifts[:, 2, None, None]
    focal = np.array([film.focal_px for film in films])
    size_m = _size(points)
    # A person behind a camera is a calibration that does not fit.
    off_m = np.where(depth > NEAREST_M, off * depth, np.inf)
    return Triangulated(points, off_m / size_m, off * focal[:, None, None], size_m)


def _places(calibration: Calibration) -> tuple[Float[np.ndarray, "cameras 3 3"], Float[np.ndarray, "cameras 3"]]:
    count = range(len(calibration.cameras))
    return np.stack([calibration.turn(k) for k in count]), np.stack([calibration.shift_m(k) for k in count])


def _points(
    rays: Rays, weights: Weights, turns: np.ndarray, shifts: np.ndarray
) -> tuple[Float[np.ndarray, "frames points 3"], Weights]:
    """Points, and how far each camera's ray is from them in its picture (x/z)."""
    rows = np.zeros((*rays.shape, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = 1
    rows[..., 2] = -rays
    right = rays * shifts[:, None, None, 2:] - shifts[:, None, None, :2]
    rows = np.einsum("cfprk,ckj->cfprj", rows, turns)
    twice = (weights > 0).sum(0) >= 2
    square = weights * 1.0
    for _ in range(ROUNDS):
        normal = np.einsum("cfp,cfpri,cfprj->fpij", square, rows, rows) + 1e-12 * np.eye(3)
        gradient = np.einsum("cfp,cfpri,cfpr->fpi", square, rows, right)
        points = np.linalg.solve(normal, gradient[..., None])[..., 0]
        seen = np.einsum("cij,fpj->cfpi", turns, points) + shifts[:, None, None]
        depth = np.maximum(np.abs(seen[..., 2]), NEAREST_M)
        off = np.linalg.norm(seen[..., :2] / np.where(seen[..., 2:] < 0, -1, 1) / depth[..., None] - rays, axis=-1)
        scale = ERROR * _size(np.where(twice[..., None], points, np.nan))
        robust = 1 / (1 + np.square(off * depth / scale) / 16) ** 2 if len(rays) > 2 else 1.0
        square = weights * robust / np.square(depth)
    points = np.where(twice[..., None], points, np.nan)
    return points, np.where(twice & (weights > 0), off, np.nan)


def _size(points: Float[np.ndarray, "frames points 3"]) -> float:
    """About a stature, of points of which some are NaN."""
    known = np.isfinite(points).all(-1)
    count = np.maximum(known.sum(1), 1)[:, None]
    at = np.where(known[..., None], points, 0.0)
    away = np.where(known[..., None], points - (at.sum(1) / count)[:, None], 0.0)
    extent = np.sqrt(np.square(away).sum((1, 2)) / count[:, 0])
    whole = known.sum(1) > known.shape[1] / 2
    return max(float(np.median(extent[whole])) / USUAL_EXTENT, 0.05) if whole.any() else USUAL_M


def settled(
    films: list[Keypoints],
    calibration: Calibration,
    *,
    turn_sd: float,
    shift_sd_m: float = 0.0,
    rounds: int = 15,
    effective: float = 100.0,
    first_stays: bool = False,
) -> Calibration:
    """The cameras turned (and moved) so that what they see agrees: bundle adjustment, points eliminated.

    Args:
        films: rectified, a camera's each, of the same frames and points.
        calibration: of these cameras, in their order.
        turn_sd: of each camera's turn from where it was, rad.
        shift_sd_m: of its place; 0: it stays.
        rounds: of Gauss–Newton.
        first_stays: the first camera does not move.
        effective: as how many independent points all frames together count: a keypoint's error lasts.

    Returns:
        Cameras of the same world; the first camera may be turned in it, too.
    """
    rays, weights = rays_of(sampled(films, MOST_FRAMES))
    count, free = len(films), 6 if shift_sd_m else 3
    prior = np.tile([1 / turn_sd**2] * 3 + [1 / max(shift_sd_m, 1e-9) ** 2] * (free - 3), count)
    if first_stays:
        prior[:free] *= 1e9
    moved = np.zeros((count, free))
    cameras = list(calibration.cameras)
    share = effective / max(float((weights > 0).all(0).sum()), 1.0)
    for _ in range(rounds):
        now = replace(calibration, cameras=cameras)
        turns = np.stack([camera.rotation for camera in cameras])
        shifts = np.stack([camera.shift_m for camera in cameras])
        points, _off = _points(rays, weights, turns, shifts)
        size_m = _size(points)
        known = np.isfinite(points).all(-1)
        at = np.where(known[..., None], points, 0.0)
        seen = np.einsum("cij,fpj->cfpi", turns, at) + shifts[:, None, None]
        depth = np.maximum(seen[..., 2], NEAREST_M)
        project = np.zeros((*depth.shape, 2, 3))
        project[..., 0, 0] = project[..., 1, 1] = 1
        project[..., 2] = -seen[..., :2] / depth[..., None]
        # In standard deviations: metres at the point's distance over what keypoints are off.
        scale = ERROR * size_m
        residual = (seen[..., :2] / depth[..., None] - rays) * depth[..., None] / scale
        project = project / scale
        squared = np.square(residual).sum(-1)
        weight = np.where(known, weights * share / (1 + squared / 16) ** 2, 0.0)
        step = _step(project, residual, weight, seen, turns, prior, moved, free)
        moved = moved + step
        cameras = [_moved(camera, one) for camera, one in zip(cameras, step, strict=True)]
        if np.abs(step).max() < 1e-5:
            break
    return replace(now, cameras=cameras)


def _step(project, residual, weight, seen, turns, prior, moved, free) -> Float[np.ndarray, "cameras free"]:
    """Of all cameras, the points eliminated (Schur)."""
    count = len(turns)
    cross = np.zeros((*seen.shape, 3))  # of a small turn δ of the camera: seen + δ × seen
    x, y, z = np.moveaxis(seen, -1, 0)
    cross[..., 0, 1], cross[..., 0, 2] = z, -y
    cross[..., 1, 0], cross[..., 1, 2] = -z, x
    cross[..., 2, 0], cross[..., 2, 1] = y, -x
    by_camera = project @ cross
    if free == 6:
        by_camera = np.concatenate([by_camera, project], -1)
    by_point = np.einsum("cfpri,cij->cfprj", project, turns)
    normal_pp = np.einsum("cfp,cfpri,cfprj->fpij", weight, by_point, by_point) + 1e-9 * np.eye(3)
    gradient_p = np.einsum("cfp,cfpri,cfpr->fpi", weight, by_point, residual)
    normal_cp = np.einsum("cfp,cfpri,cfprj->cfpij", weight, by_camera, by_point)
    inverse = np.linalg.inv(normal_pp)
    corner = np.einsum("cfpia,fpab,dfpjb->cidj", normal_cp, inverse, normal_cp)
    normal = -corner.reshape(count * free, count * free)
    own = np.einsum("cfp,cfpri,cfprj->cij", weight, by_camera, by_camera)
    right = np.einsum("cfp,cfpri,cfpr->ci", weight, by_camera, residual)
    right = right - np.einsum("cfpia,fpab,fpb->ci", normal_cp, inverse, gradient_p)
    for k in range(count):
        block = slice(k * free, (k + 1) * free)
        normal[block, block] += own[k]
    normal[np.diag_indices(count * free)] += prior
    return -np.linalg.solve(normal, right.ravel() + prior * moved.ravel()).reshape(count, free).clip(-0.3, 0.3)


def _moved(camera, step):
    turn = Rotation.from_rotvec(step[:3]).as_matrix()
    shift = turn @ camera.shift_m + (step[3:] if len(step) > 3 else 0.0)
    return replace(camera, rotation=turn @ camera.rotation, shift_m=shift)
