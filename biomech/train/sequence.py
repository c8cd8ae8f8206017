"""Trains the sequence network: ``python -m biomech.train.sequence CLIPS --out FOLDER``, hours of a core.

On rendered clips of the real detector (`biopose train clips --clip-frames 20`), on motions that bear its errors
(``real_errors``), and a little on motions before simulated detectors (``sequence_data``). A stop loses what came after
the last report; ``--resume`` goes on from there, with the clips that are there by then.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from biomech.files import sha256, whole_file
from biomech.mesh.features import NAMES
from biomech.mesh.sequence import RATE_HZ, SequenceNet
from biomech.train.lifter import surprise
from biomech.train.loop import Lesson, Schedule
from biomech.train.loop import train as trained
from biomech.train.real_errors import RealErrors, with_real_errors
from biomech.train.sequence_data import (
    POSED_SHARE,
    RECORDED_SHARE,
    ClipBatch,
    Moving,
    drawn,
    filmed,
    in_mirror,
    rendered,
    seen_clips,
    without_3d,
)
from biomech.train.synthetic.clips import clip_paths

WEIGHTS, RECIPE, MOTIONS_FILE = "sequence.safetensors", "sequence.json", "motions.npz"
MOTIONS, WINDOW = 4000, 45  # motions drawn; frames of a simulated detector's clip
SCHEDULE = Schedule(hours=1.5, warm_steps=300, decay=0.02)
# Of each kind in a batch; motions before the simulated detector count for less.
RENDERED, WITH_ERRORS, SIMULATED, SIMULATED_SHARE = 16, 24, 6, 0.5
# Shares of the clips whose 3D is hidden, rendered and with errors laid on; noise of every number the network sees.
WITHOUT_3D, LAID_WITHOUT_3D, NOISE = 0.35, 0.25, 0.01
MOST_SEEN = 20.0  # beyond it (sizes of the person in the picture, m) a clip shows somebody in the lens


class Lessons(NamedTuple):
    """What batches are drawn from."""

    moving: Moving
    seen: ClipBatch
    errors: RealErrors

    def batch(self, rng: np.random.Generator) -> list[ClipBatch]:
        """Rendered clips, motions with the real detector's errors, motions before a simulated one; each either way."""
        rows = torch.from_numpy(rng.choice(len(self.seen.columns), RENDERED))
        real = without_3d(ClipBatch(*(part[rows] for part in self.seen)), WITHOUT_3D, rng)
        laid = with_real_errors(self.moving, rng.choice(len(self.moving.points), WITH_ERRORS), self.errors, rng)
        made_up = filmed(self.moving, rng.choice(len(self.moving.points), SIMULATED), WINDOW, RATE_HZ, rng)
        real, laid, made_up = (
            _plain(in_mirror(one) if rng.random() < 0.5 else one)
            for one in (real, without_3d(laid, LAID_WITHOUT_3D, rng), made_up)
        )
        noise = NOISE * torch.from_numpy(rng.standard_normal(real.columns.shape)).float() * (real.columns != 0)
        return [ClipBatch(real.columns + noise, real.features, real.points), laid, made_up]


def loss_of(network: nn.Module, batch: ClipBatch) -> Tensor:
    """Of features and points.

    Args:
        network: in either mode.
        batch: what it sees, and the truth.

    Returns:
        The mean surprises of both added up; one number, with gradients.
    """
    values, spread, points, points_spread = network(batch.columns)
    return surprise(values, spread, batch.features) + surprise(points, points_spread, batch.points)


def train(
    clips: Path,
    out: Path,
    library: Path | None = None,
    *,
    start: Path | None = None,
    motions: int = MOTIONS,
    schedule: Schedule = SCHEDULE,
    resume: bool = False,
) -> dict[str, float]:
    """Write the weights and the recipe beside them.

    Args:
        clips: folder of rendered clips of one length; those of its held-out people give the figures.
        out: folder of weights, recipe, curves, checkpoint, and the motions that were drawn.
        library: of motions, whose recordings take part; without one motions are drawn by code alone.
        start: weights to go on from.
        motions: how many to draw.
        schedule: how long, how fast.
        resume: go on from the folder's checkpoint, if there is one.

    Returns:
        Mean errors on held-out clips: ``knee_deg``, of all features (``features_deg``), ``surprise``.

    Raises:
        BioposeError: there are no clips of either kind, or ``out`` holds a training already.
    """
    found, held = (seen_clips(clip_paths(clips, split)) for split in ("train", "held_out"))
    out.mkdir(parents=True, exist_ok=True)
    moving = _motions(out / MOTIONS_FILE, motions, schedule.seed, library)
    lessons, judged = Lessons(moving, rendered(found), RealErrors.of(found)), rendered(held)
    torch.manual_seed(schedule.seed)
    network = SequenceNet()
    if start:
        network.load_state_dict(load_file(start))
    else:
        values = torch.from_numpy(moving.features.reshape(-1, moving.features.shape[-1])).float()
        network.mean.copy_(values.mean(0))
        network.scale.copy_(values.std(0).clamp(min=0.03))

    def batches(step: int) -> Iterator[list[ClipBatch]]:
        while True:
            yield lessons.batch(np.random.default_rng([schedule.seed, step]))
            step += 1

    def losses(model: nn.Module, batch: list[ClipBatch], step: int) -> dict[str, Tensor]:
        real, laid, made_up = (loss_of(model, one) for one in batch)
        return {"rendered": real, "laid": laid, "loss": real + laid + SIMULATED_SHARE * made_up}

    recipe = {
        "command": f"python -m biomech.train.sequence CLIPS --out FOLDER{' --library LIBRARY' * bool(library)}",
        **({"start": sha256(start)[:16]} if start else {}),
        "motions": motions,
        "recorded_and_posed": [RECORDED_SHARE, POSED_SHARE] if library else [0, 0],
        "frames_of_a_clip": lessons.seen.columns.shape[1],
        **asdict(schedule),
    }
    clips_of = {"rendered_clips": len(found), "held_out_clips": len(held)}  # there may be more when it goes on
    lesson = Lesson(batches, losses, lambda: figures_of(network, judged))
    figures = trained(network, lesson, out, schedule, recipe, resume=resume, say=print) or {}
    with whole_file(out / WEIGHTS) as path:
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    with whole_file(out / RECIPE) as path:
        path.write_text(json.dumps({**recipe, **clips_of, "held_out": figures}, indent=1) + "\n")
    return figures


@torch.no_grad()
def figures_of(network: SequenceNet, batch: ClipBatch) -> dict[str, float]:
    """Mean errors of clips of one length.

    Args:
        network: in evaluation mode.
        batch: what it sees, and the truth.

    Returns:
        ``knee_deg``; ``features_deg`` of all features, as if each were an angle; ``surprise`` of the batch.
    """
    error = (network(batch.columns)[0] - batch.features).abs()
    knees = [column for column, name in enumerate(NAMES) if name.startswith("knee")]
    degrees = [float(torch.rad2deg(part.mean())) for part in (error[..., knees], error)]
    return {"knee_deg": degrees[0], "features_deg": degrees[1], "surprise": float(loss_of(network, batch))}


def _motions(kept: Path, count: int, seed: int, library: Path | None) -> Moving:
    """Drawn once, and read when a training goes on."""
    if kept.exists():
        with np.load(kept) as arrays:
            return Moving(**arrays)
    moving = drawn(count, np.random.default_rng(seed), library)
    with whole_file(kept) as path, open(path, "wb") as file:
        np.savez(file, **{name: value.astype(np.float32) for name, value in vars(moving).items()})
    return moving


def _plain(batch: ClipBatch) -> ClipBatch:
    """Without the clips that cannot be: one of them would leave nothing of the network."""
    kept = (batch.columns.abs() < MOST_SEEN).all(-1).all(-1)
    return ClipBatch(*(part[kept] for part in batch))


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("clips", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--hours", type=float, default=SCHEDULE.hours)
    parser.add_argument("--motions", type=int, default=MOTIONS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true")
    said = parser.parse_args()
    length = Schedule(**{**asdict(SCHEDULE), "hours": said.hours, "seed": said.seed})
    train(
        said.clips,
        said.out,
        said.library,
        start=said.start,
        motions=said.motions,
        schedule=length,
        resume=said.resume,
    )
