"""Errors of points and of coordinates, as the field counts them."""

import numpy as np
from jaxtyping import Float


def align(
    source: Float[np.ndarray, "*frames points 3"], target: Float[np.ndarray, "*frames points 3"], scale: bool = True
) -> Float[np.ndarray, "*frames points 3"]:
    """Source turned, moved and (by choice) scaled onto the target frame by frame, least squares (Umeyama 1991).

    Args:
        source: what is moved; any unit.
        target: where to, in the same unit; no NaN in either.
        scale: also let the size change (a similarity); without it the alignment is rigid.

    Returns:
        The source in the target's place, in the target's unit. Never mirrored.
    """
    a = source - source.mean(-2, keepdims=True)
    b = target - target.mean(-2, keepdims=True)
    u, s, vt = np.linalg.svd(np.swapaxes(a, -1, -2) @ b)
    sign = np.ones_like(s)
    sign[..., 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[..., None, :]) @ vt
    factor = (s * sign).sum(-1) / np.square(a).sum((-1, -2)) if scale else np.ones(s.shape[:-1])
    return np.asarray(factor[..., None, None] * a @ rotation + target.mean(-2, keepdims=True))


def pa_mpjpe_mm(source: Float[np.ndarray, "*frames points 3"], target: Float[np.ndarray, "*frames points 3"]) -> float:
    """Mean distance after a similarity alignment of every frame, mm.

    Args:
        source: points to be judged (m).
        target: the true ones (m); no NaN in either.

    Returns:
        One mean over points and frames (mm).
    """
    return float(np.linalg.norm(align(source, target) - target, axis=-1).mean() * 1000)


def mpjpe_mm(
    source: Float[np.ndarray, "*frames points 3"], target: Float[np.ndarray, "*frames points 3"], root: list[int]
) -> float:
    """Mean distance after moving the mean of the root points onto each other, mm; axes must already agree.

    Args:
        source: points to be judged (m).
        target: the true ones (m); no NaN in either.
        root: indices of the points whose mean is laid on the target's, as a rule both hips.

    Returns:
        One mean over points and frames (mm), the root points among them.
    """
    a = source - source[..., root, :].mean(-2, keepdims=True)
    b = target - target[..., root, :].mean(-2, keepdims=True)
    return float(np.linalg.norm(a - b, axis=-1).mean() * 1000)


def bend_deg(
    above: Float[np.ndarray, "frames 3"], joint: Float[np.ndarray, "frames 3"], below: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, "frames"]:
    """Angle by which a limb is bent at a joint, degrees; 0 when straight.

    Args:
        above: the next joint towards the trunk; any unit, any axes, for all three the same.
        joint: where the limb bends.
        below: the next joint away from the trunk.

    Returns:
        0 to 180, without a sign; NaN where two of the points coincide.
    """
    u, v = above - joint, below - joint
    cosine = (u * v).sum(-1) / (np.linalg.norm(u, axis=-1) * np.linalg.norm(v, axis=-1))
    return np.asarray(180 - np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def range_of_motion(values: Float[np.ndarray, "frames"]) -> float:
    """Largest less smallest value."""
    return float(np.ptp(values))


def correlation(a: Float[np.ndarray, "frames"], b: Float[np.ndarray, "frames"]) -> float:
    """Pearson's r; NaN when one of the two does not move.

    Args:
        a: one curve; in which unit does not matter.
        b: the other, at the same times; no NaN in either.

    Returns:
        −1 to 1.
    """
    if np.ptp(a) < 1e-9 or np.ptp(b) < 1e-9:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
