"""Fixtures that every room's tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest


@pytest.fixture(scope="session")
def biopose_data() -> Path:
    """Folder of the real videos, mocap and models; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("BIOPOSE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}; set BIOPOSE_DATA")
    return folder


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """For tests that make what cannot be, where a run of tests holds annotations to their shapes (``shapes.py``)."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)
