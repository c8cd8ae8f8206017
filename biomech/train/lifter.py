"""Trains the lifter on rendered clips: ``python -m biomech.train.lifter CLIPS``."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor

from biomech.body.anny import AnnyBody
from biomech.comparison.metrics import pa_mpjpe_mm
from biomech.files import whole_file
from biomech.keypoints.blazepose import LIMB_JOINTS, POINT_NAMES
from biomech.mesh.correspondence import FILE as TABLE
from biomech.mesh.lifter import FILE, POINTS, Lifter, features, in_mirror, mirrored
from biomech.train.correspondence import Seen, body_points, read_clips

SEED, EPOCHS, BATCH, RATE, DROPOUT, DECAY = 0, 20, 512, 2e-3, 0.1, 0.05
ROLL_RAD, NOISE_SAID, NOISE_SEEN = 0.2, 0.01, 0.03
LIMBS = [POINT_NAMES.index(name) for name in LIMB_JOINTS]

Columns = Float[Tensor, "frames features"]
Points = Float[Tensor, "frames points 3"]


def examples(frames: Seen, body: AnnyBody) -> tuple[Columns, Points]:
    """Features and true body points (about their mean, ray axes, statures) of every frame.

    Args:
        frames: what was detected, and the truth.
        body: that the frames are of.

    Returns:
        Features as ``mesh.lifter.features`` makes them, and points; float32.
    """
    truth = body_points(frames, body, json.loads(TABLE.read_text())["points"])
    columns, turn = features(frames.xy, frames.confidence, frames.world_m, frames.focal_px, frames.center_px)
    truth = (truth @ turn) / frames.stature_m[:, None, None]
    truth = truth - truth.mean(1, keepdims=True)
    return torch.from_numpy(columns).float(), torch.from_numpy(truth).float()


def varied(columns: Columns, truth: Points, generator: torch.Generator) -> tuple[Columns, Points]:
    """The same frames with the camera rolled a little (the detector turns its crop along), and with noise.

    Args:
        columns, truth: as ``examples`` gives them; not changed.
        generator: draws the roll of each frame and the noise.

    Returns:
        The same two anew; the truth is rolled along and bears no noise.
    """
    angle = ROLL_RAD * torch.randn(len(columns), generator=generator)
    cos, sin = angle.cos(), angle.sin()
    turn = torch.eye(3).repeat(len(columns), 1, 1)
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1] = cos, -sin, sin, cos
    said = columns[:, : POINTS * 3].view(-1, POINTS, 3) @ turn.mT
    seen = columns[:, POINTS * 3 : POINTS * 5].view(-1, POINTS, 2) @ turn[:, :2, :2].mT
    said = said + NOISE_SAID * torch.randn(said.shape, generator=generator)
    seen = seen + NOISE_SEEN * torch.randn(seen.shape, generator=generator)
    return torch.cat([said.flatten(1), seen.flatten(1), columns[:, POINTS * 5 :]], 1), truth @ turn.mT


def surprise(values: Tensor, spread: Tensor, truth: Tensor) -> Float[Tensor, ""]:
    """Negative log likelihood under Laplace's distribution, whose tails are the detector's.

    Args:
        values, truth: of one shape and unit.
        spread: of each number, above 0; the mean absolute error that is expected.

    Returns:
        Mean over all numbers, in nats but for the constant log 2.
    """
    return ((values - truth).abs() / spread + spread.log()).mean()


def train(columns: Columns, truth: Points, epochs: int = EPOCHS, seed: int = SEED) -> Lifter:
    """AdamW, one cycle; every frame and its mirror image.

    Args:
        columns, truth: as ``examples`` gives them; half of ``BATCH`` frames at least. Mirror images are added here.
        epochs: passes over all frames.
        seed: of weights, order and variation.

    Returns:
        Ready to be asked: in evaluation mode.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    columns, truth = (
        torch.cat(pair) for pair in zip((columns, truth), (mirrored(columns), in_mirror(truth)), strict=True)
    )
    lifter = Lifter(dropout=DROPOUT)
    optimiser = torch.optim.AdamW(lifter.parameters(), RATE, weight_decay=DECAY)
    steps = epochs * (len(columns) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.15)
    for _ in range(epochs):
        order = torch.randperm(len(columns), generator=generator)
        for batch in order[: len(order) // BATCH * BATCH].view(-1, BATCH):
            seen, wanted = varied(columns[batch], truth[batch], generator)
            points, spread = lifter(seen)
            loss = surprise(points, spread, wanted)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return lifter.eval()


def figures(lifter: Lifter, columns: Columns, truth: Points) -> dict[str, float]:
    """PA-MPJPE of the 12 limb joints on people of 1.7 m: of the detector's own landmarks, and lifted.

    Args:
        lifter: in evaluation mode.
        columns, truth: as ``examples`` gives them.

    Returns:
        Both errors in mm; also the mean ``surprise``, and the share of numbers whose error is below their spread.
    """
    with torch.no_grad():
        points, spread = lifter(columns)

    def error(guess: Tensor) -> float:
        return round(pa_mpjpe_mm(_limbs(guess), _limbs(truth)), 1)

    return {
        "detector_pa_mpjpe_mm": error(columns[:, : POINTS * 3].view(-1, POINTS, 3)),
        "lifted_pa_mpjpe_mm": error(points),
        "surprise": round(float(surprise(points, spread, truth)), 3),
        "within_one_spread": round(float(((points - truth).abs() < spread).float().mean()), 3),
    }


def _limbs(points: Tensor) -> Float[np.ndarray, "frames 12 3"]:
    return points[:, LIMBS].double().numpy() * 1.7


def main(folder: str) -> None:
    """Train on the clips of the training subjects, measure on those held out, write weights and recipe."""
    body = AnnyBody.load([0])
    columns, truth = examples(read_clips(Path(folder), "train", body), body)
    lifter = train(columns, truth)
    held_out = examples(read_clips(Path(folder), "held_out", body), body)
    recipe = {
        "command": "python -m biomech.train.lifter CLIPS",
        "data": "rendered clips (biopose train clips), CMU subjects 1-14 but 09 and 13, squats, sit-to-stand, gait,"
        " random poses; BlazePose heavy",
        "frames": len(columns),
        "seed": SEED,
        "epochs": EPOCHS,
        "held_out": {"data": "CMU subjects 09 and 13", "frames": len(held_out[0]), **figures(lifter, *held_out)},
        "train": figures(lifter, columns, truth),
    }
    with whole_file(FILE) as temporary:
        save_file({name: tensor.half().contiguous() for name, tensor in lifter.state_dict().items()}, temporary)
    with whole_file(FILE.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(recipe, indent=1) + "\n")
    print(json.dumps(recipe, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
