"""Our full-body skeleton, and the figures that it is built of."""

from pathlib import Path

DEFAULT_PATH = Path(__file__).with_name("biopose_full_body.osim")
