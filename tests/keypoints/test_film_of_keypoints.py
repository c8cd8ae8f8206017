"""What is told of the film that another program's keypoints are of."""

from pathlib import Path

import pytest

from biomech.keypoints.film import told_of_film
from biomech.video import Video


@pytest.mark.parametrize(("said", "frames", "told"), [(3, 20, True), (20, 20, False), (20, 21, False), (0, 20, False)])
def test_keypoints_that_outlast_their_film(said: int, frames: int, told: bool) -> None:
    film = Video(Path("a/walk.mp4"), (640, 360), 30.0, 1, said_frames=said)
    notes = told_of_film(film, frames)
    assert bool(notes) == told
    assert not told or notes == ["the keypoints have 20 frames and walk.mp4 3: it may be another film"]
