"""The film that another program's keypoints are of."""

from pathlib import Path

from biomech.errors import BioposeError
from biomech.video import HIGHEST_HZ, LOWEST_HZ, Video


def film_of(path: Path, video: Path | None, size_px: tuple[int, int] | None, rate_hz: float | None) -> Video:
    """What is known of the film of other programs' keypoints.

    Args:
        path: of the keypoints.
        video: the film.
        size_px, rate_hz: what is said of it.

    Returns:
        Its size, rate and lens.

    Raises:
        BioposeError: too little is said, or what cannot be.
    """
    if rate_hz is not None and not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:
        raise BioposeError(f"a rate of {rate_hz:g} pictures a second cannot be", mend="Give `rate_hz=30`.")
    if video is None and (size_px is None or rate_hz is None):
        raise BioposeError(
            "these keypoints do not say how large and fast their film was",
            where=str(path),
            mend="Give `video=FILM`, or `size_px=1280x720` and `rate_hz=30`.",
        )
    if video is not None and size_px is not None:
        raise BioposeError("`video` says how large it is", mend="Leave `size_px` away.")
    if video is not None:
        film = Video.open(video)
        film.rate_hz = rate_hz or film.rate_hz
        return film
    assert size_px is not None and rate_hz is not None
    return Video(path, size_px, rate_hz, 1)


def told_of_film(film: Video, frames: int) -> list[str]:
    """A note where keypoints go on after their film ends: it may be another one.

    Args:
        film: of ``film_of``.
        frames: of the keypoints.

    Returns:
        A sentence, or none.
    """
    if not 0 < film.said_frames < frames - 1:
        return []
    return [f"the keypoints have {frames} frames and {film.path.name} {film.said_frames}: it may be another film"]
