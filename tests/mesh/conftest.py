"""Bodies before a camera, as a detector sees them."""

from seen_bodies import camera, clip_of, seen, walking  # noqa: F401 (fixtures)
from several_cameras import round_walker, walker, walker_seen  # noqa: F401 (fixtures)
