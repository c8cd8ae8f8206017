"""Bodies before a camera, as a detector sees them."""

from seen_bodies import camera, clip_of, seen, walking  # noqa: F401 (fixtures)
