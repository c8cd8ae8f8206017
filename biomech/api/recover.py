"""Keypoints → BodyMotion."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from biomech.body.motion import BodyMotion
from biomech.files import path_of
from biomech.keypoints.keypoints import Keypoints
from biomech.names import DEFAULT_RECOVERER


def recover(
    keypoints: Keypoints | Path | str,
    *,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
    neutral: tuple[float, float] | Keypoints | Path | str | None = None,
    recoverer: str = DEFAULT_RECOVERER,
    refine: bool = True,
    mqhmr_weights: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BodyMotion:
    """Fit a moving body, in metres, to one person's keypoints.

    Args:
        keypoints: or the path of such a file (.npz). OpenPose's and mmpose's become Keypoints by
            ``biomech.keypoints.readers.read_keypoints``, which is told their film.
        height_m, mass_kg: of the person; without the height, sizes and distances are those of an average adult.
        sex: female or male, where known: their proportions differ.
        neutral: from when to when (s) the person stands upright and straight, or the keypoints of another film in
            which the same person does nothing else: settles the lengths of the legs.
        recoverer: ``fit`` (the body to the points) or ``mqhmr`` (a network's answer, through time).
        refine: move MQ-HMR's answer onto the picture.
        mqhmr_weights: in place of the package's.
        progress: called with the rounds done and expected.

    Returns:
        The body's bones, (frames, bones, 3, 3) relative to their parents, its root (m; Y up, floor at 0), one shape,
        and the quality of every frame, 0 (not seen) to 1.

    Raises:
        BioposeError: no focal length, no frame with the person, too few known points, an impossible height, mass or
            sex, nobody in the neutral stretch, or MQ-HMR lacks its weights or maps.

    Example:
        >>> import biomech
        >>> motion = biomech.recover("walk_keypoints.npz", height_m=1.70)
        >>> motion.rotations.shape[2:]
        (3, 3)
    """
    from biomech.keypoints.readers import read_keypoints
    from biomech.mesh.recoverers import recover_with, standing_shape

    if not isinstance(keypoints, Keypoints):
        keypoints = read_keypoints(path_of(keypoints, "keypoints"))
    shape, stretch, stands = None, None, list[str]()
    if isinstance(neutral, tuple):
        stretch = neutral
    elif neutral is not None:
        standing = (
            neutral
            if isinstance(neutral, Keypoints)
            else read_keypoints(path_of(neutral, "keypoints, or two times in s"))
        )
        shape, stands = standing_shape(standing, height_m=height_m, mass_kg=mass_kg, sex=sex)
    motion = recover_with(
        recoverer,
        keypoints,
        height_m=height_m,
        mass_kg=mass_kg,
        sex=sex,
        refine=refine,
        mqhmr_weights=None if mqhmr_weights is None else Path(mqhmr_weights),
        neutral_s=stretch,
        shape=shape,
        progress=progress,
    )
    return replace(motion, notes=[*motion.notes, *stands])
