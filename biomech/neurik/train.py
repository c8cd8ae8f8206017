"""Training: `biopose train neurik`. A run may be cut off at any moment and goes on where it was.

One process per GPU through torch's own launcher (`torchrun --nproc-per-node 4 -m biomech.cli.main train neurik …`):
gradients are averaged by DistributedDataParallel, process 0 writes the files.
"""

import csv
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.neurik.data import Batch, Batches
from biomech.neurik.losses import LossWeights, known_pose, losses, turned
from biomech.neurik.network import Answer, NeurIK, Sizes
from biomech.skeleton.skeleton import Skeleton

CHECKPOINT, LOG, PLOT = "checkpoint.pt", "loss.csv", "loss.png"
WEIGHTS, RECIPE = "neurik.safetensors", "neurik.json"
WARM_STEPS = 100
LOWEST_RATE = 0.01  # of the learning rate, at the end
LARGEST_GRADIENT = 1.0
FIGURES = ("mae_deg", "causal_mae_deg", "scale_mae", "marker_mm")


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; written beside its weights."""

    steps: int | None = None  # where not given, ``hours`` say when to end
    hours: float | None = 1.0
    seed: int = 0
    clips: int = 32  # of a batch, on each device
    rate: float = 1.5e-3
    decay: float = 0.01
    causal_share: float = 0.3  # of the batches
    average: float = 0.999  # of the weights, from one step to the next
    report_every: int = 250  # steps
    sizes: Sizes = field(default_factory=Sizes)
    weights: LossWeights = field(default_factory=LossWeights)


class Average:
    """Exponential moving average of a network's weights; young ones are averaged over less."""

    def __init__(self, network: nn.Module, decay: float):
        self.decay = decay
        self.values = {name: value.detach().clone() for name, value in network.named_parameters()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in network.named_parameters():
            self.values[name].lerp_(value, 1 - decay)


def train(
    skeleton: Skeleton,
    batches: Batches,
    held_out: Sequence[Batch],
    folder: Path,
    recipe: Recipe,
    *,
    device: str = "cpu",
    resume: bool = False,
    about: dict[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> NeurIK:
    """Train a network; its averaged weights and the recipe end in ``folder``.

    Args:
        batches: to learn from; of another seed in every process.
        held_out: batches of other subjects, for the curve.
        resume: go on from the folder's checkpoint, if there is one.
        about: what else to write beside the weights: data, command.
        progress: called with done and expected, in steps or seconds.
        say: called with a line at each report.

    Raises:
        BioposeError: the folder holds a training already, or the checkpoint is of another recipe.
    """
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    place = torch.device(device, int(os.environ.get("LOCAL_RANK", 0))) if device == "cuda" else torch.device(device)
    checkpoint = Path(folder) / CHECKPOINT
    if checkpoint.exists() and not resume:
        raise BioposeError("holds a training already", where=str(folder), mend="Add --resume, or name another folder.")
    torch.manual_seed(recipe.seed)
    network = NeurIK(skeleton, recipe.sizes).to(place)
    average = Average(network, recipe.average)
    optimiser = torch.optim.AdamW(network.parameters(), recipe.rate, betas=(0.9, 0.98), weight_decay=recipe.decay)
    step, spent = 0, 0.0
    if checkpoint.exists():
        step, spent = _restore(checkpoint, recipe, network, average, optimiser, place)
    model: nn.Module = network
    if world > 1:
        torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")
        model = nn.parallel.DistributedDataParallel(network)
    log = _Log(Path(folder), step) if rank == 0 else None
    started = time.monotonic() - spent
    for batch in batches.ahead(step):
        spent = time.monotonic() - started
        done = _done(recipe, step, spent)
        if world > 1:  # all processes end together
            shared = torch.tensor(done, device=place)
            torch.distributed.broadcast(shared, 0)
            done = float(shared)
        if done >= 1:
            break
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # what dropout draws is a matter of the step alone, too
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * _schedule(done, step)
        parts = _step(model, network, batch.to(place), optimiser, recipe, step)
        average.update(network, step)
        step += 1
        if progress is not None:
            progress(*((step, recipe.steps) if recipe.steps else (int(spent), int(3600 * (recipe.hours or 0)))))
        if log is not None:
            log.add(parts)
            if step % recipe.report_every == 0:
                figures = _with(average, network, lambda: measure(network, held_out))
                log.report(step, spent, figures, say)
                _save(checkpoint, recipe, network, average, optimiser, step, time.monotonic() - started)
    if log is not None:
        figures = _with(average, network, lambda: measure(network, held_out))
        log.report(step, spent, figures, say)
        _save(checkpoint, recipe, network, average, optimiser, step, spent)
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.copy_(average.values[name])
    if log is not None:
        write(network, Path(folder), {**(about or {}), "recipe": asdict(recipe), "steps": step, "held_out": figures})
    if world > 1:
        torch.distributed.destroy_process_group()
    return network.eval()


def write(network: NeurIK, folder: Path, about: dict[str, Any]) -> None:
    """Weights and the recipe beside them."""
    with whole_file(folder / WEIGHTS) as temporary:
        save_file({name: value.detach().cpu().contiguous() for name, value in network.named_parameters()}, temporary)
    about = {"sizes": network.sizes._asdict(), "model": network.skeleton.name, **about}
    with whole_file(folder / RECIPE) as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n")


@torch.no_grad()
def measure(network: NeurIK, batches: Sequence[Batch]) -> dict[str, float]:
    """Errors over batches: angles of all rotational coordinates (deg), scale factors, markers of the model (mm)."""
    network.eval()
    sums = dict.fromkeys(FIGURES, 0.0)
    device = next(network.parameters()).device
    rotational = torch.as_tensor(network.anatomy.rotational, device=device)
    for batch in (b.to(device) for b in batches):
        count = batch.mask[..., rotational].sum().clamp_min(1)

        def angle_error(answer: Answer, batch: Batch = batch, count: Tensor = count) -> float:
            error = turned(answer.coordinates - batch.coordinates).abs()[..., rotational]
            return math.degrees(float((error * batch.mask[..., rotational]).sum() / count))

        answer = network(batch.markers, batch.confidence)
        sums["mae_deg"] += angle_error(answer)
        sums["causal_mae_deg"] += angle_error(network(batch.markers, batch.confidence, causal=True))
        sums["scale_mae"] += float((answer.scales[:, :, 1:] - batch.scales[:, None, 1:]).abs().mean())
        known = known_pose(answer.coordinates, batch.coordinates, batch.mask, rotational)
        wanted = network.skeleton(known, batch.scales[:, None].expand_as(answer.scales)).markers
        sums["marker_mm"] += 1000 * float((network.pose(answer).markers - wanted).norm(dim=-1).mean())
    network.train()
    return {name: round(value / max(len(batches), 1), 4) for name, value in sums.items()}


def _step(
    model: nn.Module,
    network: NeurIK,
    batch: Batch,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    step: int,
) -> dict[str, float]:
    """One step of the optimiser; bfloat16 in the learned layers on a GPU."""
    causal = torch.rand((), generator=torch.Generator().manual_seed(step)).item() < recipe.causal_share
    with torch.autocast(batch.markers.device.type, torch.bfloat16, enabled=batch.markers.is_cuda):
        answer = model(batch.markers, batch.confidence, causal=causal)
    answer = Answer(*(part.float() for part in answer))
    parts = losses(network, answer, batch.coordinates, batch.scales, batch.mask, recipe.weights)
    optimiser.zero_grad(set_to_none=True)
    parts["loss"].backward()
    nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT, error_if_nonfinite=True)
    optimiser.step()
    return {name: float(part.detach()) for name, part in parts.items()}


def _done(recipe: Recipe, step: int, spent_s: float) -> float:
    if recipe.steps is not None:
        return step / recipe.steps
    return spent_s / (3600 * recipe.hours) if recipe.hours else 1.0


def _schedule(done: float, step: int) -> float:
    """A short warm-up, then half a cosine."""
    falling = LOWEST_RATE + (1 - LOWEST_RATE) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
    return falling * min(1.0, (step + 1) / WARM_STEPS)


def _with(average: Average, network: NeurIK, work: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Do something with the averaged weights in the network's place."""
    own = {name: value.detach().clone() for name, value in network.named_parameters()}
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.copy_(average.values[name])
        try:
            return work()
        finally:
            for name, value in network.named_parameters():
                value.copy_(own[name])


def _save(
    path: Path,
    recipe: Recipe,
    network: NeurIK,
    average: Average,
    optimiser: torch.optim.Optimizer,
    step: int,
    spent_s: float,
) -> None:
    state = {
        "recipe": json.dumps(asdict(recipe)),
        "weights": dict(network.named_parameters()),
        "average": average.values,
        "optimiser": optimiser.state_dict(),
        "step": step,
        "spent_s": spent_s,
    }
    with whole_file(path) as temporary:
        torch.save(state, temporary)


def _restore(
    path: Path,
    recipe: Recipe,
    network: NeurIK,
    average: Average,
    optimiser: torch.optim.Optimizer,
    device: torch.device,
) -> tuple[int, float]:
    """Steps done and seconds spent; how long to train may differ from the checkpoint's recipe."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        said = json.loads(state["recipe"])
    except Exception as error:  # whatever a broken file makes of torch's reader
        raise BioposeError(f"cannot be read ({error})", where=str(path)) from error
    ours = json.loads(json.dumps(asdict(recipe)))
    if changed := sorted(k for k in ours if said.get(k) != ours[k] and k not in ("steps", "hours", "report_every")):
        raise BioposeError(
            f"the training there has another {', '.join(changed)}", where=str(path), mend="Name another folder."
        )
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.copy_(state["weights"][name])
    average.values = state["average"]
    optimiser.load_state_dict(state["optimiser"])
    return state["step"], state["spent_s"]


class _Log:
    """loss.csv, and the curves of it as a picture."""

    def __init__(self, folder: Path, step: int) -> None:
        self.folder, self.parts = folder, []  # type: ignore[var-annotated]
        folder.mkdir(parents=True, exist_ok=True)
        self.rows: list[dict[str, float]] = []
        if step and (folder / LOG).exists():
            with open(folder / LOG, newline="", encoding="utf-8") as file:
                rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
            self.rows = [row for row in rows if row["step"] <= step]

    def add(self, parts: dict[str, float]) -> None:
        self.parts.append(parts)

    def report(self, step: int, spent_s: float, figures: dict[str, float], say: Callable[[str], None] | None) -> None:
        """A row of means since the last report, with what was measured on held-out subjects."""
        if not self.parts:
            return
        means = {k: sum(p[k] for p in self.parts) / len(self.parts) for k in self.parts[0]}
        self.parts = []
        self.rows.append({"step": step, "seconds": round(spent_s, 1), **means, **figures})
        with whole_file(self.folder / LOG) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.rows[-1]))
            writer.writeheader()
            writer.writerows(self.rows)
        self.draw()
        if say is not None:
            say(
                f"step {step}, {spent_s / 60:.1f} min: loss {means['loss']:.4f}; held out {figures['mae_deg']:.2f}° "
                f"(causal {figures['causal_mae_deg']:.2f}°), scales {figures['scale_mae']:.4f}, "
                f"markers {figures['marker_mm']:.1f} mm"
            )

    def draw(self) -> None:
        """The loss of training and the error on held-out subjects, over steps."""
        from matplotlib.figure import Figure  # pyvista brings it; slow to import

        figure = Figure(figsize=(8, 4), layout="constrained")
        left, right = figure.subplots(1, 2)
        steps = [row["step"] for row in self.rows]
        for name in ("loss", "joints", "markers", "scales", "angles"):
            left.plot(steps, [row[name] for row in self.rows], label=name)
        for name, label in (("mae_deg", "whole window"), ("causal_mae_deg", "up to the frame")):
            right.plot(steps, [row[name] for row in self.rows], label=label)
        left.set(xlabel="step", ylabel="training loss", yscale="log")
        right.set(xlabel="step", ylabel="held out: mean angle error (°)", yscale="log")
        left.legend()
        right.legend()
        with whole_file(self.folder / PLOT) as temporary:
            figure.savefig(temporary)
