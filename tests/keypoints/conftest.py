"""The network and the clips that the detector's tests share."""

from pathlib import Path

import pytest

from biomech import assets
from biomech.errors import BioposeError


@pytest.fixture(scope="session")
def task() -> Path:
    """The pinned network; tests that need it are skipped where it cannot be fetched."""
    try:
        return assets.locate("blazepose_heavy")
    except BioposeError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def beam(biopose_data: Path) -> Path:
    return biopose_data / "video" / "pose2sim_demo" / "videos" / "cam01.mp4"


@pytest.fixture(scope="session")
def two_people(biopose_data: Path) -> Path:
    return biopose_data / "video" / "sports2d_demo" / "demo.mp4"
