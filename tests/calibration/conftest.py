"""A walking person before several cameras."""

from seen_bodies import walking  # noqa: F401 (fixtures)
from several_cameras import round_walker, walker, walker_seen  # noqa: F401 (fixtures)
