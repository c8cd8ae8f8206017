"""Small motions of the model."""

from small_motions import motions, skeleton  # noqa: F401 (fixtures)
