"""The picture of the virtual markers."""

import numpy as np
import pytest

from biomech.report.marker_picture import BONY_RGB, SIZE_PX, SOFT_RGB, marker_picture


@pytest.mark.parametrize("view", ["front", "back"])
def test_the_picture_shows_dots_of_both_kinds_on_both_sides_of_a_body(view: str) -> None:
    picture = marker_picture(view)
    assert picture.shape == (SIZE_PX[1], SIZE_PX[0], 3)
    body = (picture[900] < 240).any(1)
    assert 0.1 < body.mean() < 0.6, "no body in the middle"
    for colour in (BONY_RGB, SOFT_RGB):
        rows, columns = np.nonzero((picture == colour).all(2))
        # a dot has about 150 pixels, some of them mixed with the skin at the edge; the key is in the top 100 rows
        dots = columns[rows > 100]
        assert len(dots) > 20 * 100
        # symmetric markers: as many dots left as right of the middle
        assert (dots < SIZE_PX[0] / 2).mean() == pytest.approx(0.5, abs=0.05)
