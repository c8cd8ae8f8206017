"""A small trial of known motion, in a module that worker processes can import, and what goes wrong with trials."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biomech.body.gait import walk
from biomech.errors import BioposeError
from biomech.labels.sources import BodyTrial, Trial
from biomech.markers.virtual import extract, load_virtual_markers, marker_body, neutral_static

FRAMES = 30


@dataclass(frozen=True)
class WalkingTrial(Trial):
    """One second of walking, each number in another direction, all on one body; ``member`` may be a mishap."""

    def load(self) -> BodyTrial:
        if self.member == "bad":
            raise BioposeError("the recording is bad", where="here")
        if self.member.startswith("full"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.member == "crash":
            os.abort()
        body = marker_body()
        shape = body.default_shape()
        motion = walk(body, shape, seconds=FRAMES / 30, rate_hz=30, heading_rad=0.3 * self.body)
        trusted = np.ones(FRAMES, bool)
        trusted[:2] = False
        return BodyTrial(
            markers=extract(body, motion),
            static=neutral_static(body, shape.numpy()),
            height_m=1.7,
            mass_kg=70.0,
            trusted=trusted,
            shape={"height": 0.5},
            weights=load_virtual_markers().weights_by_name(),
        )


def walking(count: int) -> list[Trial]:
    """Trials of three subjects, the third of which is held out."""
    subjects = ("cmu_01", "cmu_02", "cmu_09")
    return [WalkingTrial(f"walk_{i:02d}", subjects[i % 3], "cmu", Path(__file__), body=i) for i in range(count)]


def mishap(kind: str) -> Trial:
    """A trial that fails."""
    return WalkingTrial(f"x_{kind}", "cmu_03", "cmu", Path(__file__), kind)


if __name__ == "__main__":
    import sys

    from walking import walking  # type: ignore[no-redef]  # workers know this module, and no script

    from biomech.labels.campaign import LabelOptions, run_campaign
    from biomech.workers import stop_on_signals

    with stop_on_signals(lambda text: None) as stop:
        report = run_campaign(walking(int(sys.argv[2])), Path(sys.argv[1]), LabelOptions(workers=1), stop=stop)
    sys.exit(130 if report.stopped else 0)
