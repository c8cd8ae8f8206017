"""What the tests of inference look at, as what trainings learn from."""

from seen_bodies import camera, clip_of, seen, walking  # noqa: F401 (fixtures)
from small_motions import motions, skeleton  # noqa: F401 (fixtures)
