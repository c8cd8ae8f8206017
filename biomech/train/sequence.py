"""Trains the sequence network: ``python -m biomech.train.sequence CLIPS --out FOLDER``, hours of a core.

On rendered clips of the real detector (`biopose train clips --clip-frames 20`), on motions that bear its errors
(``real_errors``), and a little on motions before simulated detectors (``sequence_data``). A stop loses what came after
the last report; ``--resume`` goes on from there, with the clips that are there by then.
"""

import argparse
import json
import math
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from biomech.errors import BioposeError, plainly
from biomech.files import check_file, sha256, whole_file
from biomech.mesh.features import NAMES
from biomech.mesh.sequence import RATE_HZ, SequenceNet
from biomech.pipeline.claim import claimed
from biomech.pipeline.flags import in_flags
from biomech.train.history import with_parts
from biomech.train.lifter import surprise
from biomech.train.loop import Lesson, Schedule, check_folder
from biomech.train.loop import train as trained
from biomech.train.real_errors import RealErrors, with_real_errors
from biomech.train.sequence_data import (
    POSED_SHARE,
    RECORDED_SHARE,
    ClipBatch,
    Moving,
    SeenClip,
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
        BioposeError: there are no clips of either kind, or not of one length; ``start`` is no such network; ``out``
            holds a training already or motions of another one, cannot be written to, or is trained in by another run.
    """
    check_folder(out, resume)
    torch.manual_seed(schedule.seed)
    network = SequenceNet()
    if start:
        _begin_with(network, start)
    found, held = (_of_one_length(clip_paths(clips, split)) for split in ("train", "held_out"))
    with claimed(out):
        return _train(network, found, held, out, library, start, motions, schedule, resume)


def _train(
    network: SequenceNet,
    found: list[SeenClip],
    held: list[SeenClip],
    out: Path,
    library: Path | None,
    start: Path | None,
    motions: int,
    schedule: Schedule,
    resume: bool,
) -> dict[str, float]:
    moving = _motions(out / MOTIONS_FILE, motions, schedule.seed, library)
    length = len(found[0].xy)
    if length > moving.points.shape[1]:
        raise BioposeError(
            f"clips of {length} frames are longer than the motions, which have {moving.points.shape[1]}",
            mend="Make shorter ones with `biopose train clips --clip-frames`.",
        )
    lessons, judged = Lessons(moving, rendered(found), RealErrors.of(found)), rendered(held)
    if start is None:
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
    about = {"data": [f"{len(found)} clips", f"{len(held)} held out"]}
    figures = trained(network, lesson, out, schedule, recipe, resume=resume, about=about, say=print) or {}
    with whole_file(out / WEIGHTS) as path:
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    with whole_file(out / RECIPE) as path:
        path.write_text(json.dumps({**recipe, **clips_of, **with_parts(out, {}), "held_out": figures}, indent=1) + "\n")
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


def _of_one_length(paths: Sequence[Path]) -> list[SeenClip]:
    """Clips that make batches together."""
    found = seen_clips(paths)
    frames = [len(one.xy) for one in found]
    for path, count in zip(paths, frames, strict=True):
        if count != frames[0]:
            raise BioposeError(
                f"a clip of {count} frames, and {paths[0].name} has {frames[0]}: batches need clips of one length",
                where=str(path),
                mend="Give each length a folder of its own.",
            )
    return found


def _begin_with(network: SequenceNet, start: Path) -> None:
    check_file(start)
    try:
        network.load_state_dict(load_file(start))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise BioposeError(
            f"not the weights of a sequence network ({plainly(error)})",
            where=str(start),
            mend=f"Give the {WEIGHTS} of an earlier training with `start`, or leave it away.",
        ) from error


def _motions(kept: Path, count: int, seed: int, library: Path | None) -> Moving:
    """Drawn once, and read when a training goes on."""
    drawn_by = np.array([seed, library is not None])
    if kept.exists():
        try:
            with np.load(kept, allow_pickle=False) as arrays:
                moving = Moving(**{field.name: arrays[field.name] for field in fields(Moving)})
                same = "drawn_by" not in arrays or np.array_equal(arrays["drawn_by"], drawn_by)  # older ones do not say
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise BioposeError(
                f"not the motions of a training ({plainly(error)})",
                where=str(kept),
                mend="Remove the file, and they are drawn anew.",
            ) from error
        if not same or len(moving.points) != count:
            raise BioposeError(
                "motions of another training: another number, another seed, or with and without a library",
                where=str(kept),
                mend="Name another `out`; or, to begin anew there, remove the file.",
            )
        return moving
    moving = drawn(count, np.random.default_rng(seed), library)
    with whole_file(kept) as path, open(path, "wb") as file:
        columns = {name: value.astype(np.float32) for name, value in vars(moving).items()}
        np.savez(file, **columns, drawn_by=drawn_by)
    return moving


def _plain(batch: ClipBatch) -> ClipBatch:
    """Without the clips that cannot be: one of them would leave nothing of the network."""
    kept = (batch.columns.abs() < MOST_SEEN).all(-1).all(-1)
    return ClipBatch(*(part[kept] for part in batch))


def main(arguments: Sequence[str] | None = None) -> None:
    """What ``python -m biomech.train.sequence`` does; ends with 2 where the user can mend what is wrong."""
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
    said = parser.parse_args(arguments)
    if not (math.isfinite(said.hours) and said.hours >= 0 and said.motions > 0 and said.seed >= 0):
        parser.error("--hours and --seed are 0 or more, --motions 1 or more")
    length = Schedule(**{**asdict(SCHEDULE), "hours": said.hours, "seed": said.seed})
    try:
        train(
            said.clips,
            said.out,
            said.library,
            start=said.start,
            motions=said.motions,
            schedule=length,
            resume=said.resume,
        )
    except BioposeError as error:
        print(f"Error: {in_flags(error.text())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"Stopped; what the last report told is kept in {said.out}: --resume goes on", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
