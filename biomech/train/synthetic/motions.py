"""What the people of the synthetic set do: motions drawn by code, recordings, and poses of any kind."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.body.anny import AnnyBody
from biomech.body.driven import driven, with_soft_forearms
from biomech.body.linkage import coordinates_of
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.labels.library.generated import generate
from biomech.labels.library.skeleton import names as coordinate_names
from biomech.labels.library.store import MotionLibrary
from biomech.labels.shards import Split
from biomech.mesh.features import SIZE, pose_of_features
from biomech.mesh.habit import Habit

KINDS = {
    **{"standing": 0.10, "walk": 0.22, "run": 0.05, "stairs_up": 0.03, "stairs_down": 0.03, "squat": 0.12},
    **{"lunge": 0.05, "sit_to_stand": 0.12, "jump": 0.05, "reach": 0.05, "random": 0.18},
}
WHOLE_S = 6.0  # of a motion, of which a clip shows a part
RECORDED, POSED = "recorded", "random"
RECORDED_SHARE = 0.4  # where there is a library
FILMED_SOURCES = ("opencap",)  # recordings of the people whose films accuracy is reported on: nothing learns from them


class Motions:
    """Clips of people in motion, the world's floor at Y = 0, as their film shows them.

    Args:
        frames, rate_hz: of a clip.
        library: of `biopose label --library`, whose recordings of whole bodies take part.
        split: of the recordings' subjects.
        posed: poses of any kind take part too.

    Raises:
        BioposeError: no recording of the library is long enough.
    """

    def __init__(
        self,
        frames: int,
        rate_hz: float,
        library: Path | None = None,
        *,
        split: Split = "train",
        posed: bool = True,
    ):
        self.frames, self.rate_hz = frames, rate_hz
        self.library = MotionLibrary.load(library) if library else None
        self.recordings = [
            motion
            for motion in (self.library.select(split=split, whole_body=True) if self.library else [])
            if motion.source != "generated"
            and not motion.source.startswith(FILMED_SOURCES)
            and motion.seconds >= frames / rate_hz
        ]
        if library and not self.recordings:
            raise BioposeError(f"no recording of {frames / rate_hz:.1f} s to learn from", where=str(library))
        self.kinds = {kind: share for kind, share in KINDS.items() if posed or kind != POSED}
        self.habit = Habit.load()
        self.body = AnnyBody.load([0])

    def draw(self, shape: Float[np.ndarray, " shape"], rng: np.random.Generator, kind: str | None = None) -> BodyMotion:
        """A clip of one of ``KINDS`` (or ``RECORDED``), drawn by its share unless it is named.

        Args:
            shape: of the person.
            rng: of the kind and the motion.
            kind: ``RECORDED`` only where there is a library.

        Returns:
            m, Y up, over the origin in the mean; without quality.
        """
        if kind is None and self.recordings and rng.random() < RECORDED_SHARE:
            kind = RECORDED
        shares = np.array(list(self.kinds.values()))
        kind = kind or str(rng.choice(list(self.kinds), p=shares / shares.sum()))
        made = {POSED: self._random, RECORDED: self._recorded}.get(kind)
        motion = made(shape, rng) if made else self._generated(kind, shape, rng)
        root = motion.root_position_m.copy()
        root[:, [0, 2]] -= root[:, [0, 2]].mean(0)
        return with_soft_forearms(replace(motion, root_position_m=root, quality=None))

    def _generated(self, kind: str, shape: Float[np.ndarray, " shape"], rng: np.random.Generator) -> BodyMotion:
        whole = generate(kind, max(WHOLE_S, self.frames / self.rate_hz + 0.5), self.rate_hz, rng)
        first = rng.integers(len(whole.time_s) - self.frames + 1)
        part = slice(first, first + self.frames)
        return driven(self.body, shape, whole.names, whole.values[part], np.arange(self.frames) / self.rate_hz)

    def _recorded(self, shape: Float[np.ndarray, " shape"], rng: np.random.Generator) -> BodyMotion:
        """A part of a recording, on another body."""
        names, time_s = list(coordinate_names()), np.arange(self.frames) / self.rate_hz
        return driven(self.body, shape, names, self.recording(rng), time_s)

    def recording(self, rng: np.random.Generator) -> Float[np.ndarray, "frames coordinates"]:
        """A part of a recording, all coordinates."""
        assert self.library is not None
        return next(self.library.windows(self.frames / self.rate_hz, self.rate_hz, rng, self.recordings))[0]

    def _random(self, shape: Float[np.ndarray, " shape"], rng: np.random.Generator) -> BodyMotion:
        """From one random pose to another; some lie or lean."""
        ends = np.stack([self.pose(rng), self.pose(rng)])
        if rng.random() < 0.2:
            ends[:, :2] = rng.uniform(-1, 1, 2)
        share = np.linspace(0, rng.uniform(0.0, 0.6), self.frames)[:, None]
        pose = pose_of_features((1 - share) * ends[:1] + share * ends[1:])
        values = coordinates_of(pose)
        names = list(values)
        columns = np.stack([values[name] for name in names], 1)
        return driven(self.body, shape, names, columns, np.arange(self.frames) / self.rate_hz)

    def pose(self, rng: np.random.Generator) -> Float[np.ndarray, " features"]:
        """A draw from the habit's components, rare ones as often as common ones, spread wider, within the ranges."""
        component = rng.integers(len(self.habit.means))
        noise = rng.normal(0, rng.uniform(0.7, 1.6), SIZE)
        drawn = self.habit.means[component] + np.linalg.solve(self.habit.whiteners[component].T, noise)
        return drawn.clip(self.habit.lower, self.habit.upper)
