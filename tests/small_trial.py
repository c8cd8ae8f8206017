"""The trial that the classical tools are tested on."""

from pathlib import Path
from typing import NamedTuple

import pytest
from small_skeleton import build, motion, pose

from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc


class Trial(NamedTuple):
    model: Path
    trc: Path
    markers: Markers
    truth: Kinematics


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    model = build(tmp_path / "small.osim")
    truth = motion()
    markers = pose(model, truth)
    write_trc(markers, tmp_path / "small.trc")
    return Trial(model, tmp_path / "small.trc", markers, truth)
