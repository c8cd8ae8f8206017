"""Windows to learn from out of the motion library: recorded and generated coordinates, worn by random people.

`biopose label --library` has the motions as coordinates of our skeleton; markers that are rigid with a person's bones
follow from them exactly.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from biomech.labels.library.store import LibraryMotion, MotionLibrary, at_times
from biomech.labels.shards import Split, Window
from biomech.skeleton.skeleton import Skeleton
from biomech.train.neurik.people import ScaledBodies

# Recordings of the people on whose films accuracy is reported; and ours of the same laboratory.
REPORTED = ("opencap",)
USUAL_HZ = 60.0
EVERYBODY = 7919  # a prime: neighbouring windows are of people far apart in the list


@dataclass(frozen=True)
class LibrarySource:
    """A library and who wears its motions: gives windows as ``Shards`` does."""

    library: MotionLibrary
    skeleton: Skeleton  # with the 142 markers
    people: ScaledBodies

    @property
    def folder(self) -> Path:
        """Of the library."""
        return self.library.folder

    def windows(
        self, length: int, *, split: Split | None = None, rate_hz: float | None = None, step: int = 1
    ) -> "LibraryWindows":
        """All stretches of ``length`` frames of the good motions of a split, ``step`` frames apart.

        Args:
            length: frames of a window.
            split: only these subjects; None for all.
            rate_hz: of the windows; ``USUAL_HZ`` where not given.
            step: frames at that rate from one window's beginning to the next.

        Returns:
            Made when asked for; none where no motion is long enough.
        """
        return LibraryWindows(self, length, rate_hz or USUAL_HZ, split, step)


class LibraryWindows:
    """Windows by number; which person has one is always the same."""

    def __init__(self, source: LibrarySource, length: int, rate_hz: float, split: Split | None, step: int) -> None:
        self.source, self.length, self.rate_hz, self.step = source, length, rate_hz, step
        seconds = (length - 1) / rate_hz
        self.motions = [
            motion
            for motion in source.library.select(split=split)
            if motion.seconds >= seconds and not motion.source.startswith(REPORTED)
        ]
        self.first = np.concatenate([[0], np.cumsum([self._starts(motion) for motion in self.motions])]).astype(int)

    def _starts(self, motion: LibraryMotion) -> int:
        spare = motion.seconds - (self.length - 1) / self.rate_hz
        return int(spare * self.rate_hz / self.step) + 1

    def __len__(self) -> int:
        return int(self.first[-1])

    @torch.no_grad()
    def batch(self, indices: list[int]) -> Window:
        """Some of them."""
        source, people = self.source, self.source.people
        values, masks = [], []
        for index in indices:
            number = int(np.searchsorted(self.first, index, side="right")) - 1
            kinematics, known = source.library.read(self.motions[number].name)
            start = kinematics.time_s[0] + (index - self.first[number]) * self.step / self.rate_hz
            values.append(at_times(kinematics, start + np.arange(self.length) / self.rate_hz))
            masks.append(np.broadcast_to(known, values[-1].shape))
        coordinates = torch.from_numpy(np.stack(values)).float()
        worn = torch.tensor([index * EVERYBODY % len(people.scales) for index in indices])
        scales, offsets = people.scales[worn], people.offsets[worn]
        sizes, places = (part[:, None].expand(-1, self.length, -1, -1) for part in (scales, offsets))
        pose = source.skeleton(coordinates, sizes, places)
        made = (pose.markers, coordinates, pose.joints, torch.from_numpy(np.stack(masks)), scales, offsets)
        return Window(*(part.numpy() for part in made))
