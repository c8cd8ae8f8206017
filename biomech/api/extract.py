"""BodyMotion → Markers."""

from pathlib import Path

from biomech.body.motion import BodyMotion
from biomech.files import path_of
from biomech.markers.markers import Markers


def extract(motion: BodyMotion | Path | str, *, fill: bool = False) -> Markers:
    """Read the 142 virtual markers off a moving body.

    Args:
        motion: or the path of its file (.npz).
        fill: keep the frames in which nothing of the person is to be seen; they are NaN otherwise.

    Returns:
        Positions (m; Y up), (frames, 142, 3); its notes say how many frames show nothing.

    Raises:
        BioposeError: the file is none, or the motion is of another body than this version's.

    Example:
        >>> import biomech
        >>> markers = biomech.extract("walk_motion.npz")
        >>> len(markers.names)
        142
    """
    from biomech.markers.virtual import extract_seen

    return extract_seen(
        motion if isinstance(motion, BodyMotion) else BodyMotion.load(path_of(motion, "a body motion")), fill=fill
    )
