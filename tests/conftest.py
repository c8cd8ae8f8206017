"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def biopose_data() -> Path:
    """Folder of the real videos, mocap and models; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("BIOPOSE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}; set BIOPOSE_DATA")
    return folder
