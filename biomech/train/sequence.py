"""Trains the sequence network: ``python -m biomech.train.sequence CLIPS --library LIBRARY``, two hours of one core.

First on moving people before simulated detectors (``sequence_data``); then on rendered clips of the real detector
(`biopose train clips --clip-frames 20`), on motions that bear its errors (``real_errors``), and a little on the first.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from biomech.errors import BioposeError
from biomech.files import sha256, whole_file
from biomech.mesh.sequence import FILE, RATE_HZ, SequenceNet
from biomech.train.lifter import surprise
from biomech.train.real_errors import RealErrors, with_real_errors
from biomech.train.sequence_data import (
    MOTION_S,
    POSED_SHARE,
    RECORDED_SHARE,
    ClipBatch,
    drawn,
    filmed,
    in_mirror,
    rendered,
    seen_clips,
    without_3d,
)
from biomech.train.synthetic.clips import clip_paths

MOTIONS, WINDOW = 4000, 45  # motions drawn; frames of a simulated detector's clip
STEPS, BATCH, RATE = 3000, 24, 2e-3
# Then, of each kind in a batch; motions before the simulated detector count for less.
LAST_STEPS, LAST_RATE, RENDERED, WITH_ERRORS, SIMULATED, SIMULATED_SHARE = 12000, 1e-3, 16, 24, 6, 0.5
# Shares of the clips whose 3D is hidden, rendered and with errors laid on; noise of every number the network sees.
WITHOUT_3D, LAID_WITHOUT_3D, NOISE = 0.35, 0.25, 0.01
MOST_LOST = 20  # batches


def loss_of(network: SequenceNet, batch: ClipBatch) -> Tensor:
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
    clips: Path, library: Path | None = None, out: Path = FILE, *, start: Path | None = None, seed: int = 0
) -> dict:
    """Write the weights and the recipe beside them; returns the recipe.

    Args:
        clips: folder of rendered clips of one length.
        library: of motions, whose recordings take part; without one motions are drawn by code alone.
        out: the weights' file.
        start: weights to go on from with the rendered clips.
        seed: of all that is drawn.

    Returns:
        The recipe: command, data, steps, seed, the mean loss of late.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    found = seen_clips(clip_paths(clips, "train"))
    moving, seen, errors = drawn(MOTIONS, rng, library), rendered(found), RealErrors.of(found)
    network = SequenceNet()
    if start:
        network.load_state_dict(load_file(start))
    else:
        values = torch.from_numpy(moving.features.reshape(-1, moving.features.shape[-1])).float()
        network.mean.copy_(values.mean(0))
        network.scale.copy_(values.std(0).clamp(min=0.03))

    def simulated(count: int) -> ClipBatch:
        return _either_way(filmed(moving, rng.choice(len(moving.points), count), WINDOW, RATE_HZ, rng), rng)

    def of_clips(count: int) -> ClipBatch:
        rows = torch.from_numpy(rng.choice(len(seen.columns), count))
        batch = ClipBatch(seen.columns[rows], seen.features[rows], seen.points[rows])
        batch = _either_way(without_3d(batch, WITHOUT_3D, rng), rng)
        noise = NOISE * torch.randn_like(batch.columns) * (batch.columns != 0)
        return ClipBatch(batch.columns + noise, batch.features, batch.points)

    def with_errors(count: int) -> ClipBatch:
        batch = with_real_errors(moving, rng.choice(len(moving.points), count), errors, rng)
        return _either_way(without_3d(batch, LAID_WITHOUT_3D, rng), rng)

    def of_all() -> Tensor:
        batches = of_clips(RENDERED), with_errors(WITH_ERRORS), simulated(SIMULATED)
        real, laid, made_up = (loss_of(network, batch) for batch in batches)
        return real + laid + SIMULATED_SHARE * made_up

    if not start:
        _descend(network, STEPS, RATE, lambda: loss_of(network, simulated(BATCH)))
    last = _descend(network, LAST_STEPS, LAST_RATE, of_all)
    recipe = {
        "command": f"python -m biomech.train.sequence CLIPS{' --library LIBRARY' * bool(library)}",
        **({"start": sha256(start)[:16]} if start else {}),
        "data": {
            "motions": MOTIONS,
            "recorded_and_posed": [RECORDED_SHARE, POSED_SHARE] if library else [0, 0],
            "seconds_of_each": MOTION_S,
            "rendered_clips": len(seen.columns),
            "frames_of_a_clip": seen.columns.shape[1],
        },
        "steps": [0 if start else STEPS, LAST_STEPS],
        "seed": seed,
        "last_loss": round(last, 3),
    }
    with whole_file(out) as path:
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    with whole_file(out.with_suffix(".json")) as path:
        path.write_text(json.dumps(recipe, indent=1) + "\n")
    return recipe


def _either_way(batch: ClipBatch, rng: np.random.Generator) -> ClipBatch:
    return in_mirror(batch) if rng.random() < 0.5 else batch


def _descend(network: SequenceNet, steps: int, rate: float, loss_now) -> float:
    """AdamW over one cycle; the mean loss of late."""
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    late, lost = float("nan"), 0
    for _ in range(steps):
        loss = loss_now()
        optimiser.zero_grad()
        loss.backward()
        # A batch that shows what cannot be (a person in the lens) would leave nothing of the network.
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)):
            optimiser.step()
            late = float(loss.detach()) if late != late else 0.98 * late + 0.02 * float(loss.detach())
        else:
            lost += 1
            if lost > MOST_LOST:
                raise BioposeError(f"{lost} batches without a finite gradient", mend="Look at the clips.")
        schedule.step()
    network.eval()
    return late


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("clips", type=Path)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--start", type=Path)
    said = parser.parse_args()
    print(json.dumps(train(said.clips, said.library, said.out, start=said.start), indent=1))
